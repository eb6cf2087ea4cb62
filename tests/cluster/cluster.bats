# Five nodes on machines of their own (network namespaces) and a real nats-server: is the output what it would be undisturbed, and does the
# summary say what happened?
load cluster

setup_file() {
    cluster_setup 5
    servers 1
    for n in $CLUSTER_NODES; do node_start "$n"; done
}
teardown_file() { cluster_teardown; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }

# task LINES RECORDS-EACH MILLISECONDS-A-LINE
task() {
    seq "$1" >in.txt
    printf '%s\n' "task: cluster" "image: $CLUSTER_DIR/slow.see" "args: ['$3']" "input: {path: in.txt, split: {by: lines, records: $2}}" \
        "combine: concat" "output: out.txt" >task.yaml
}

@test "a task runs across all of them, and its output is that of one machine" {
    task 400 4 1
    run --separate-stderr on m timeout 60 covey run task.yaml --bus "$CLUSTER_BUS" --json
    [ "$status" -eq 0 ] || { echo "$output"; echo "$stderr"; cat "$CLUSTER_DIR"/n1.log; return 1; }
    cmp in.txt out.txt
    assert_equal "$(json '[.succeeded, .nodes, .nodes_lost, .nodes_lying] | @csv')" 100,5,0,0
}
