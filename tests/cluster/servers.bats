# A cluster of three servers of which one dies, and managers of which one dies: is the output what it would be undisturbed?
load cluster

setup_file() {
    cluster_setup 5
    servers 3
    for n in $CLUSTER_NODES; do node_start "$n"; done
}
teardown_file() { cluster_teardown; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() {
    for i in 1 2; do end KILL "manager$i"; done
    cluster_mend
}

@test "one of three servers is killed: with three replicas the task goes on" {
    task replicas
    begin_run --replicas 3
    feed 1 100
    says "on 5 nodes"
    end KILL s1
    feed 101 1000
    says_done 250
    server_start 1
    feed 1001 2000
    feed_ends
    run_ends
    assert_summary '.failed == 0'
}

# The results that the journal keeps: it is locked for others while its task runs, and this file grows.
kept() { [ "$(cat state/tasks/*/spool 2>/dev/null | wc -c)" -ge "$1" ]; }

@test "a manager is killed with -9: another goes on from its journal, nothing is lost and nothing counts twice" {
    mkdir tasks state
    seq 1 2400 >in.txt
    printf '%s\n' "task: handed-on" "image: $CLUSTER_DIR/slow.see" "args: ['5']" "input: {path: $PWD/in.txt, split: {by: lines, records: 4}}" \
        "combine: concat" "output: $PWD/out.txt" >new.yaml
    for i in 1 2; do
        : >"$CLUSTER_DIR/manager$i.log"
        background m "manager$i" covey manager --bus "$CLUSTER_BUS" --tasks "$PWD/tasks" --state "$PWD/state" --lease 1s
    done
    mv new.yaml tasks/new.yaml
    within 60 kept 300
    for n in $CLUSTER_NODES; do pause "$n"; done # what is not done now stays undone until another manager has it
    first=1
    grep -q "new: " "$CLUSTER_DIR/manager1.log" || first=2
    end KILL "manager$first"
    within 30 grep -q "new: " "$CLUSTER_DIR/manager$((3 - first)).log" || { tail -n 20 "$CLUSTER_DIR"/*.log; return 1; }
    for n in $CLUSTER_NODES; do resume "$n"; done
    within 60 test -e tasks/new.done -o -e tasks/new.failed
    cmp in.txt out.txt
    output=$(cat tasks/new.done)
    cp "$CLUSTER_DIR/manager$((3 - first)).log" run.err
    assert_summary '.succeeded == 600 and .failed == 0 and .resumed >= 10 and .resumed < 600'
}
