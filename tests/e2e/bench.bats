# Does `covey bench` measure, and say what it measured?
load helper

setup_file() {
    use_home
    export COVEY_BENCH=$COVEY_SOURCE/bench/run
}

@test "one figure as a line of JSON: its value, its peers, its targets" {
    run_covey 0 bench see-process --json
    json '.name == "see-process" and .unit == "us" and .value > 0 and .low <= .value and .value <= .high' >/dev/null
    json '.peer | contains("fork")' >/dev/null
    json '.ratio > 0 and ([.rows[] | select(.target)] | length >= 2)' >/dev/null
    json '.met == ([.rows[] | select(.met == false)] | length == 0)' >/dev/null
}

@test "a figure that nobody knows is a usage error" {
    run_covey 2 bench see-proces --json
    assert_equal "$output" ""
    assert_in "no figure is called see-proces" "$stderr"
}

@test "help names every figure" {
    run_covey 0 bench --help
    for figure in see-process see-shared run-process run-shared manager-memory compute run-sealed seal key-release appraise predict replay; do assert_in "$figure" "$output"; done
}
