# Does every example give the right answer? Each has a `check` that computes it without Covey.
load helper

setup_file() {
    use_home
    # One test run at a time builds here: the modules lie beside the task files, as a user's would.
    flock "$COVEY_SOURCE/examples/Makefile" make --silent -C "$COVEY_SOURCE/examples" >&2
}
teardown() { rm -f "$COVEY_SOURCE"/examples/*/.test-*.yaml; }

# example NAME: the task file as it is, its output elsewhere.
example() {
    [ "$1" != birdstrikes ] && [ "$1" != distinct ] || [ -e "$COVEY_SOURCE/data/birdstrikes.csv" ] || skip "data/birdstrikes.csv is missing; make deps fetches it"
    for level in process shared; do
        sed "s|level: process|level: $level|; s|^task: |&$level-|" "$COVEY_SOURCE/examples/$1/task.yaml" >"$COVEY_SOURCE/examples/$1/.test-$level.yaml"
        run_covey 0 run "$COVEY_SOURCE/examples/$1/.test-$level.yaml" --output "$BATS_TEST_TMPDIR/result"
        "$COVEY_SOURCE/examples/$1/check" "$BATS_TEST_TMPDIR/result"
    done
}

@test "birdstrikes: repair cost by species is what awk says" { example birdstrikes; }
@test "word-count: the words of the licences are what tr, sort and uniq say" { example word-count; }
@test "fashion-mnist: the network says in SEEs what it says outside, and is right more often than 80 %" { example fashion-mnist; }
@test "pi: a hundred million points come near enough" { example pi; }
@test "distinct: a combiner of one's own, in a tree, merges to the sketch of the whole" { example distinct; }

@test "private: three answers are within their noise, and the fourth is refused" {
    [ -e "$COVEY_SOURCE/data/birdstrikes.csv" ] || skip "data/birdstrikes.csv is missing; make deps fetches it"
    run timeout 120 "$COVEY_SOURCE/examples/private/check" "$COVEY_BUILD/covey"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    assert_in "exit code 3" "$output"
}

@test "service: a ticket goes through three tasks over HTTP, and a real log is replayed in every mode" {
    log=${COVEY_DATA:-$COVEY_SOURCE/../shared/data}/eventlogs/helpdesk_4tu.csv
    [ -e "$log" ] || [ "${CI:-}" = true ] || skip "eventlogs/helpdesk_4tu.csv is not here (set COVEY_DATA)"
    run timeout 200 "$COVEY_SOURCE/examples/service/run" "$COVEY_BUILD/covey" 60 100000
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    assert_in "right: three steps, and 300 replayed requests" "$output"
}

@test "pi: every run throws the same points" {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$COVEY_SOURCE"/examples/pi/{task.yaml,pi.wasm} .
    run_covey 0 run task.yaml --output first
    run_covey 0 run task.yaml --output second -j 1
    cmp first second
}

@test "distinct: the combiner ran in SEEs of its own" {
    [ -e "$COVEY_SOURCE/data/birdstrikes.csv" ] || skip "data/birdstrikes.csv is missing; make deps fetches it"
    run_covey 0 run "$COVEY_SOURCE/examples/distinct/task.yaml" --output "$BATS_TEST_TMPDIR/result" --json
    json '.sees_started > .micro_jobs + 1' >/dev/null
}

@test "lines: a swarm as a filter is the plain pipe, at both levels" {
    cd "$BATS_TEST_TMPDIR" || return
    run_covey 0 image build "$COVEY_SOURCE/examples/lines/lines.wasm" -o lines.see
    for level in process shared; do
        seq 100000 | covey map --quiet --level $level --image lines.see --split lines --combine concat | sha256sum >swarm
        seq 100000 | sha256sum | diff swarm -
    done
}

@test "a task whose module was not built is refused with the file's name" {
    cd "$BATS_TEST_TMPDIR" || return
    sed 's|\.\./\.\./data/birdstrikes.csv|in.csv|' "$COVEY_SOURCE/examples/birdstrikes/task.yaml" >task.yaml
    echo a,b >in.csv
    run_covey 2 run task.yaml
    assert_in repair-cost.wasm "$stderr"
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "the demo says what it did" {
    [ -e "$COVEY_SOURCE/data/birdstrikes.csv" ] || skip "data/birdstrikes.csv is missing; make deps fetches it"
    run "$COVEY_SOURCE/examples/demo" "$COVEY_BUILD/covey"
    [ "$status" -eq 0 ]
    assert_in "Canada goose" "$output"
    assert_in "SEEs      19" "$output"
    assert_in "level     process" "$output"
    assert_in "right: 37 species" "$output"
}
