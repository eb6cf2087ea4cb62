# Does Ctrl-C stop cleanly, and does the task go on where it stopped?
load helper
setup_file() {
    use_home
    module slow
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR/slow.wasm" .
    seq 1 400 >in.txt
    printf '%s\n' "task: slow" "module: slow.wasm" "args: ['20']" "input: {path: in.txt, split: {by: lines, records: 1}}" "output: out.txt" >task.yaml
}

# Starts the task in a process group of its own, as a shell with job control does, and waits until micro-jobs have run.
start() {
    covey image build slow.wasm -o slow.see >/dev/null # so that the signal meets the run, not the compiler
    # bash makes what it starts with & ignore SIGINT, and covey leaves an ignored signal ignored.
    setsid env --default-signal=INT covey run task.yaml "$@" >run.out 2>run.err &
    pid=$!
    sleep 1.5
    kill -0 "$pid"
}

assert_nothing_left() {
    for _ in $(seq 50); do
        pgrep -g "$pid" >/dev/null || return 0
        sleep 0.1
    done
    ps -ef
    return 1
}

@test "the first Ctrl-C stops with exit code 130 and says how to go on; --resume gives the whole output" {
    start
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$?
    assert_equal "$status" 130
    assert_in "interrupted after" "$(cat run.err)"
    assert_in "continue with: covey run task.yaml --resume" "$(cat run.err)"
    [ ! -e out.txt ]
    assert_nothing_left
    run_covey 0 run task.yaml --resume --json
    cmp in.txt out.txt
    json '.resumed > 0 and .resumed < 400 and .succeeded == 400' >/dev/null
}

@test "the second Ctrl-C ends at once" {
    start
    kill -INT "$pid"
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$?
    assert_equal "$status" 130
    assert_nothing_left
}

@test "SIGTERM stops as cleanly" {
    start
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    assert_equal "$status" 130
    run_covey 0 run task.yaml --resume
    cmp in.txt out.txt
}

@test "kill -9 leaves nothing running and the journal resumable" {
    start
    children=$(pgrep -P "$pid")
    kill -KILL "$pid"
    wait "$pid" || true
    [ ! -e out.txt ]
    for _ in $(seq 50); do
        alive=$(ps -o pid= -p "$children" || true)
        [ -n "$alive" ] || break
        sleep 0.1
    done
    [ -z "$alive" ]
    run_covey 0 run task.yaml --resume --json
    cmp in.txt out.txt
    assert_equal "$(json .succeeded)" 400
    assert_equal "$(ls -A | grep -c tmp || true)" 0
}

@test "two runs of one task at the same time: the second is told to wait" {
    start
    run --separate-stderr covey run task.yaml
    kill -INT "$pid"
    wait "$pid" || true
    [ "$status" -eq 4 ]
    [ -n "$stderr" ]
}
