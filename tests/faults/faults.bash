# What the fault tests share: tools, a task, its undisturbed output.
load ../e2e/helper

fault_tools() {
    ninja -C "$COVEY_BUILD" --quiet covey "$@" >&2
    PATH=$COVEY_BUILD/tests/faults:$PATH
    export PATH COVEY_PROGRAM=$COVEY_BUILD/covey COVEY_SEE_DIR=$COVEY_BUILD/src/see
    covey-cc -Wall -Wextra "$BATS_TEST_DIRNAME/survivor.c" -o "$BATS_FILE_TMPDIR/survivor.wasm"
    covey image build "$BATS_FILE_TMPDIR/survivor.wasm" -o "$BATS_FILE_TMPDIR/survivor.see" >&2
}

# survivor_task LEVEL COMBINE RECORDS: over in.txt, one line a record
survivor_task() {
    printf '%s\n' "task: survivor" "image: $BATS_FILE_TMPDIR/survivor.see" "input: {path: in.txt, split: {by: lines, records: $3}}" \
        "combine: $2" "security: {level: $1, memory: 4MiB}" "attempts: 8" "output: out.txt" >task.yaml
}

# The rows of the one journal there is: how many, and of how many different micro-jobs.
journal_rows() { sqlite3 "$(echo "$XDG_STATE_HOME"/covey/tasks/*/journal.db)" 'SELECT count(*), count(DISTINCT key) FROM ended'; }
