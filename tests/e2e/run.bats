# Does `covey run` turn a task file into one right output, and say the truth about it?
load helper
setup_file() {
    use_home
    module repair-cost
    module picky
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR"/*.wasm .
}

# sales TASK-LINES...: a task over 5,000 lines "key,number"
task() {
    {
        echo "task: sums"
        echo "module: picky.wasm"
        echo "input: {path: in.txt, split: {by: lines, records: 100}}"
        echo "output: out.txt"
        printf '%s\n' "$@"
    } >task.yaml
    seq 1 5000 >in.txt
}

@test "a csv file and a C function give the same sums as awk, at both levels" {
    awk 'BEGIN { srand(7); print "place,kind,amount"; for (i = 0; i < 20000; i++) printf "\"town, %d\",x,%d\n", int(rand() * 50), int(rand() * 1000) }' >in.csv
    awk -F, 'NR > 1 { s[$1 "," $2] += $4 } END { for (k in s) print k "," s[k] }' in.csv | LC_ALL=C sort >expected.csv
    for level in shared process; do
        printf '%s\n' "task: towns" "module: repair-cost.wasm" "args: [place, amount]" "input: {path: in.csv, split: {by: csv, target: 4KiB}}" \
            "combine: sum-by-key" "security: {level: $level}" "output: out.csv" >task.yaml
        run_covey 0 run task.yaml
        LC_ALL=C sort out.csv | cmp - expected.csv
        assert_in "level $level" "$stderr"
        rm out.csv
    done
}

@test "the JSON object has every promised field, and they agree" {
    task
    run_covey 0 run task.yaml --json
    json '[.task, .micro_jobs, .succeeded, .failed, .retried, .resumed, .sees_started, .level, .output] | map(type) | join(" ")' |
        grep -qx "string number number number number number number string string"
    assert_equal "$(json .task)" sums
    assert_equal "$(json .micro_jobs)" 50
    assert_equal "$(json .succeeded)" 50
    assert_equal "$(json .failed)" 0
    assert_equal "$(json .level)" process
    assert_equal "$(json .exit_code)" 0
    json '.sees_started >= 50 and .wall_seconds > 0 and (.measurement | length) == 64 and .error == null' >/dev/null
    assert_equal "$(realpath "$(json .output)")" "$(realpath out.txt)"
}

@test "concat keeps the order of the input" {
    task
    run_covey 0 run task.yaml
    cmp in.txt out.txt
}

@test "--output goes elsewhere, and - is standard output" {
    task
    run_covey 0 run task.yaml --output other.txt --quiet
    cmp in.txt other.txt
    [ ! -e out.txt ]
    [ -z "$stderr" ]
    covey run task.yaml --output - 2>/dev/null | cmp in.txt -
}

@test "--json and an output on standard output do not mix" {
    task
    run_covey 2 run task.yaml --output - --json
    assert_in "add --output FILE" "$stderr"
}

@test "a failing micro-job: exit code 1, the reason and the log line, the others' results beside, the old output untouched" {
    task "args: ['777']"
    echo old >out.txt
    run_covey 1 run task.yaml
    assert_in "micro-job 7 failed after 1 attempt: exit code 3: I do not like 777" "$stderr"
    assert_in "1 of 50 micro-jobs failed for good" "$stderr"
    assert_in "out.txt.partial" "$stderr"
    assert_equal "$(cat out.txt)" old
    cmp out.txt.partial <(sed 701,800d in.txt)
}

@test "JSON names the failures" {
    task "args: ['777']"
    run_covey 1 run task.yaml --json
    assert_equal "$(json .failed)" 1
    assert_equal "$(json .succeeded)" 49
    assert_equal "$(json '.failures[0].micro_job')" 7
    assert_equal "$(json '.failures[0].reason')" "exit code 3"
    assert_in "I do not like 777" "$(json '.failures[0].log')"
    assert_in out.txt.partial "$(json .partial_output)"
    assert_equal "$(json .exit_code)" 1
}

@test "a log cannot control the terminal" {
    task "args: ['777']"
    sed -i $'777s/$/ \\x1b[31mred\\x07/' in.txt
    sed -i "s/'777'/\"777 \\\\e[31mred\\\\a\"/" task.yaml
    run_covey 1 run task.yaml
    assert_in "I do not like 777 ?[31mred?" "$stderr"
    assert_not_in $'\x1b' "$stderr"
}

@test "more than ten failures are counted, not listed" {
    task "args: ['0']"
    run_covey 1 run task.yaml
    assert_in "... and 40 more" "$stderr"
}

@test "resuming a finished task runs it anew" {
    task
    run_covey 0 run task.yaml
    rm out.txt
    run_covey 0 run task.yaml --resume --json
    cmp in.txt out.txt
    assert_equal "$(json .resumed)" 0
}

@test "resuming a task that failed tries only what failed" {
    task "args: ['777']"
    run_covey 1 run task.yaml
    run_covey 1 run task.yaml --resume --json
    assert_equal "$(json .resumed)" 49
    assert_equal "$(json .failed)" 1
}

@test "resuming after the input changed is refused" {
    task "args: ['777']"
    run_covey 1 run task.yaml
    echo 5001 >>in.txt
    run_covey 2 run task.yaml --resume
    assert_in "changed" "$stderr"
}

@test "a task file that is missing, empty or wrong: exit code 2, file and line" {
    run_covey 2 run nothing.yaml
    assert_in "nothing.yaml" "$stderr"
    printf 'task: x\nmodul: picky.wasm\n' >task.yaml
    run_covey 2 run task.yaml
    assert_in "task.yaml:2: unknown key 'modul'; did you mean 'module'?" "$stderr"
    task "security: {level: proces}"
    run_covey 2 run task.yaml
    assert_in "task.yaml:5: " "$stderr"
}

@test "a missing input, module or output folder: exit code 2, and the name" {
    task
    rm in.txt
    run_covey 2 run task.yaml
    assert_in in.txt "$stderr"
    seq 10 >in.txt
    run_covey 2 run task.yaml --output nowhere/out.txt
    assert_in "nowhere/out.txt" "$stderr"
    rm picky.wasm
    run_covey 2 run task.yaml
    assert_in picky.wasm "$stderr"
}

@test "a level that this machine cannot give is refused, never lowered: exit code 3" {
    task "security: {level: microvm}"
    run_covey 3 run task.yaml
    assert_in microvm "$stderr"
    [ ! -e out.txt ]
}

@test "SEEs at the same time: many work, more than a node has are refused" {
    task
    run_covey 0 run task.yaml -j 20
    cmp in.txt out.txt
    run_covey 2 run task.yaml -j 1000
    assert_equal "$stderr" "covey: 1000 SEEs at the same time: a node has at most 256; ask for fewer"
}

@test "folders that cannot be made are named, with exit code 4" {
    task
    run --separate-stderr env XDG_STATE_HOME=/proc covey run task.yaml
    [ "$status" -eq 4 ]
    assert_in "/proc/covey/tasks/" "$stderr"
    run --separate-stderr env -u HOME -u XDG_CONFIG_HOME covey run task.yaml
    [ "$status" -eq 2 ]
    assert_in "set HOME or XDG_CONFIG_HOME" "$stderr"
}

@test "an empty input gives an empty output" {
    task
    : >in.txt
    run_covey 0 run task.yaml --json
    assert_equal "$(json .micro_jobs)" 0
    [ -e out.txt ]
    [ ! -s out.txt ]
}

@test "nothing is left beside the output" {
    task
    covey run task.yaml --quiet
    assert_equal "$(ls -A | sort | tr '\n' ' ')" "in.txt out.txt picky.wasm repair-cost.wasm task.yaml "
}

@test "a terminal gets a bar, anything else does not" {
    task
    run script -qec "covey run task.yaml" /dev/null
    assert_in $'\r' "$output"
    assert_in "micro-jobs" "$output"
    run_covey 0 run task.yaml
    assert_not_in $'\r' "$stderr"
}

@test "explain says which nodes there were for a micro-job, and the terms of their scores" {
    task "placement: {locality: 1, availability: 1, cost: 0}"
    run_covey 0 run task.yaml --explain 7
    assert_in "micro-job 7, copy 1, 0 bytes to move: 1 of 1 candidates, best first" "$stderr"
    line=$(grep '^\* local ' <<<"$stderr")
    # the score is the sum of its terms where the weights are 1
    awk -v line="$line" 'BEGIN { gsub(/[:,]/, "", line); n = split(line, w, " ")
        for (i = 1; i <= n; i++) if (w[i] ~ /^(score|queue|transfer|start|run)$/) v[w[i]] = w[i + 1]
        sum = v["queue"] + v["transfer"] + v["start"] + v["run"]
        if (!("score" in v) || sum - v["score"] > 0.001 * sum || v["score"] - sum > 0.001 * sum) { print line; exit 1 } }'
}
