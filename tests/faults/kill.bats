# kill -9 of any process at any moment: is the output after --resume what it would have been, and is every micro-job counted once?
#
# COVEY_LONG=1 makes 200 rounds instead of 20. COVEY_SEED=N repeats a run of the tests.
load faults

setup_file() {
    use_home
    fault_tools tests/faults/assassin
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
}

# run_killed SEED: runs or resumes the task, killing one of its processes. 97 (it hangs) and 98 (a process outlives it) are failures.
run_killed() {
    local status=0
    assassin "$1" "$within_ms" covey run task.yaml --resume --quiet >>log 2>&1 || status=$?
    echo "round $round, seed $1: exit code $status" >>log
    [ "$status" -ne 97 ] && [ "$status" -ne 98 ]
    if [ -e out.txt ]; then cmp out.txt expected.txt; fi
}

one_round() {
    rm -rf out.txt out.txt.partial state log
    : >log
    run_killed "$seed" && run_killed "$((seed + 1000000))" || return 1
    assassin - 0 covey run task.yaml --resume --quiet >>log 2>&1 || return 1
    cmp out.txt expected.txt || return 1
    [ "$(journal_rows)" = "$rows" ] || { echo "the journal has $(journal_rows) rows, not $rows"; return 1; }
    [ "$(find . -maxdepth 1 -type f | sort | xargs)" = "./expected.txt ./in.txt ./log ./out.txt ./task.yaml" ] || { ls -la; return 1; }
}

# rounds LEVEL COMBINE ROWS: a third of the rounds
rounds() {
    seq 1 24000 >in.txt
    survivor_task "$1" "$2" 60
    local started=${EPOCHREALTIME/./}
    covey run task.yaml --quiet
    within_ms=$(((${EPOCHREALTIME/./} - started) / 1000 + 1))
    mv out.txt expected.txt
    [ "$(wc -l <expected.txt)" -eq 400 ]
    rows=$(journal_rows)
    [ "$rows" = "$3|$3" ] || { echo "undisturbed, the journal has $rows rows"; return 1; }

    local first=${COVEY_SEED:-$RANDOM} count=7
    [ -z "${COVEY_LONG:-}" ] || count=67
    echo "# $1, $2: $count rounds of two kills within $within_ms ms, COVEY_SEED=$first" >&3
    for ((round = 0; round < count; round++)); do
        seed=$((first + round))
        one_round || { echo "round $round failed; repeat with COVEY_SEED=$seed"; cat log; return 1; }
    done
}

@test "at process" { rounds process concat 400; }
@test "at shared" { rounds shared concat 400; }
@test "with a combiner of one's own, in a tree" { rounds process "{image: $BATS_FILE_TMPDIR/survivor.see}" "$((400 + 3))"; }

@test "when the warden is killed, its SEEs die with it and the task goes on with a new one" {
    seq 1 100 >in.txt
    cat >spin.c <<'END'
int main(void) { for (;;) continue; }
END
    covey-cc spin.c -o spin.wasm
    printf '%s\n' "task: spin" "module: spin.wasm" "input: {path: in.txt, split: {by: lines, records: 1}}" "security: {memory: 4MiB}" "output: out.txt" >task.yaml
    covey run task.yaml --quiet 2>/dev/null 3>&- &
    local manager=$! warden='' sees=()
    for _ in $(seq 200); do
        warden=$(pgrep -P "$manager" -f 'covey warden' || true)
        mapfile -t sees < <([ -z "$warden" ] || pgrep -P "$warden" | xargs -r -n 1 pgrep -P)
        [ "${#sees[@]}" -eq 0 ] || break
        sleep 0.05
    done
    [ "${#sees[@]}" -gt 0 ]
    kill -9 "$warden"
    for _ in $(seq 100); do
        kill -0 "${sees[@]}" 2>/dev/null || break
        sleep 0.02
    done
    for see in "${sees[@]}"; do
        [ ! -e "/proc/$see" ] || { echo "SEE $see outlives its warden"; return 1; }
    done
    local next=''
    for _ in $(seq 200); do
        next=$(pgrep -P "$manager" -f 'covey warden' || true)
        [ -z "$next" ] || break
        sleep 0.05
    done
    kill -9 "$manager"
    wait "$manager" || true
    [ -n "$next" ] && [ "$next" != "$warden" ]
}
