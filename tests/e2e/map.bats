# Is `covey map` a filter like any other?
load helper
setup_file() {
    use_home
    module lines
    module picky
    covey image build "$BATS_FILE_TMPDIR/lines.wasm" -o "$BATS_FILE_TMPDIR/lines.see" >/dev/null
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR"/*.wasm "$BATS_FILE_TMPDIR"/*.see .
}

@test "a hundred thousand lines come out as they went in" {
    local plain through
    plain=$(seq 100000 | sha256sum)
    through=$(seq 100000 | covey map --image lines.see --split lines --combine concat | sha256sum)
    assert_equal "$through" "$plain"
}

@test "the same at level shared, in small segments, with many SEEs" {
    local plain through
    plain=$(seq 100000 | sha256sum)
    through=$(seq 100000 | covey map --image lines.see --target 1KiB --level shared -j 4 | sha256sum)
    assert_equal "$through" "$plain"
    through=$(seq 100000 | covey map --image lines.see --target 16KiB -j 3 | sha256sum)
    assert_equal "$through" "$plain"
}

@test "a module instead of an image" {
    assert_equal "$(seq 1000 | covey map --module lines.wasm | sha256sum)" "$(seq 1000 | sha256sum)"
}

@test "combiners: sum, top, fixed-size records" {
    assert_equal "$(seq 1000 | covey map --image lines.see --target 1 --combine max 2>&1)" 1000
    assert_equal "$(seq 1000 | covey map --image lines.see --target 1 --combine sum --level shared 2>&1)" 500500
    assert_equal "$(seq 1000 | covey map --image lines.see --combine top:2 2>&1)" $'1000\n999'
    assert_equal "$(seq 1000 1999 | covey map --image lines.see --split fixed:5 --target 100 | sha256sum)" "$(seq 1000 1999 | sha256sum)"
}

@test "arguments after two dashes reach the micro-job" {
    run --separate-stderr bash -c 'seq 10 | covey map --module picky.wasm -- 7'
    [ "$status" -eq 1 ]
    assert_in "I do not like 7" "$stderr"
}

@test "silent when all is well, and nothing in, nothing out" {
    run --separate-stderr bash -c 'seq 10 | covey map --image lines.see >/dev/null'
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    run --separate-stderr covey map --image lines.see </dev/null
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "--json goes to standard error" {
    run --separate-stderr bash -c 'seq 1000 | covey map --image lines.see --target 100 --json'
    [ "$status" -eq 0 ]
    assert_equal "${lines[0]}" 1
    jq -e '.succeeded == .micro_jobs and .output == "-"' <<<"$stderr"
}

@test "a reader that goes away ends it like any filter, and nothing stays behind" {
    run bash -c 'set -o pipefail; seq 1000000 | timeout 60 covey map --image lines.see --target 4KiB | head -1; echo "${PIPESTATUS[1]}"'
    assert_equal "${lines[0]}" 1
    assert_equal "${lines[-1]}" 141
}

@test "a full disk behind standard output ends it with exit code 4" {
    run --separate-stderr bash -c 'seq 100000 | covey map --image lines.see >/dev/full'
    [ "$status" -eq 4 ]
    assert_equal "$stderr" "covey: standard output: No space left on device"
}

@test "wrong values are refused with the key's name" {
    run_covey 2 map --image lines.see --split words </dev/null
    assert_in words "$stderr"
    run_covey 2 map --image lines.see --target lots </dev/null
    assert_in target "$stderr"
    run_covey 2 map --image lines.see --combine top </dev/null
    assert_in top "$stderr"
    run_covey 2 map --image lines.see -- $'\xff' </dev/null
    assert_in "not UTF-8" "$stderr"
}

@test "a file that is no image: exit code 2; a missing one too" {
    run_covey 2 map --image lines.wasm </dev/null
    assert_in lines.wasm "$stderr"
    run_covey 2 map --image nothing.see </dev/null
    assert_in nothing.see "$stderr"
}
