# What the tests of hostile modules and images share: tools, and a task whose every segment names an attack.
# shellcheck disable=SC2154 # bats sets status, output and stderr
load ../e2e/helper

# The tools and native images of this folder, built where they are missing.
hostile_tools() {
    ninja -C "$COVEY_BUILD" --quiet covey tests/faults/assassin "${@/#/tests/hostile/}" >&2
    PATH=$COVEY_BUILD/tests/hostile:$COVEY_BUILD/tests/faults:$PATH
    export PATH COVEY_PROGRAM=$COVEY_BUILD/covey COVEY_SEE_DIR=$COVEY_BUILD/src/see
}

# attack_task LEVEL MODULE-OR-IMAGE-LINE: a task over attacks.txt, one attack a micro-job, each tried once.
attack_task() {
    cat >task.yaml <<END
task: attacks
$2
input: {path: attacks.txt, split: {by: lines, records: 1}}
security: {level: $1, lifetime: 1s, memory: 16MiB, output: 1MiB}
attempts: 1
output: out.txt
END
}

# read_expected: "attack  outcome words..." from standard input, comments aside, into attacks.txt and expected.txt.
read_expected() {
    sed -e '/^ *#/d' -e '/^ *$/d' | tee table.txt | awk '{ print $1 }' >attacks.txt
    awk '{ n = NR - 1; kind = $2; $1 = $2 = ""; sub(/^ +/, ""); printf "%d\t%s\t%s\n", n, kind, $0 }' table.txt >expected.txt
}

# check_outcomes: every micro-job ended as expected, and no process outlived the task. Names the attacks that did not.
check_outcomes() {
    run --separate-stderr timeout 100 assassin - 0 outcomes task.yaml
    [ "$status" -eq 0 ] || { echo "outcomes ended with $status: $stderr"; return 1; }
    sed '/^task/d' <<<"$output" >actual.txt
    cmp -s expected.txt actual.txt && return
    awk -F '\t' 'FILENAME == "attacks.txt" { name[FNR - 1] = $0 }
                 FILENAME == "expected.txt" { wanted[$1] = $2 ": " $3; count = FNR }
                 FILENAME == "actual.txt" { got[$1] = $2 ": " $3 }
                 END { for (i = 0; i < count; i++) if (got[i] != wanted[i]) printf "%s: %s; expected %s\n", name[i], got[i], wanted[i] }' \
        attacks.txt expected.txt actual.txt | head -n 20
    tail -n 1 <<<"$output"
    return 1
}
