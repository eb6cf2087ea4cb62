# Five nodes on machines of their own (network namespaces) and a real nats-server: whatever becomes of nodes, links, clocks, disks and the server, is
# the output what it would be undisturbed, and does the summary say what happened?
#
# COVEY_CLUSTER_LINES=N makes tasks longer than the default of 2000 lines.
load cluster

setup_file() {
    cluster_setup 5
    servers 1
    for n in $CLUSTER_NODES; do node_start "$n" --price 0.5; done
}
teardown_file() { cluster_teardown; }
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    last_line=${COVEY_CLUSTER_LINES:-2000}
}
# What a test stopped or ended is there again for the next one.
teardown() { cluster_mend --price 0.5; }

# begin OPTION...: a task that all five work for.
begin() {
    task "cluster-$BATS_TEST_NUMBER"
    begin_run "$@"
    feed 1 100
    says "on 5 nodes"
}
# finish: the other half, and the end.
finish() {
    feed 101 "$last_line"
    feed_ends
    run_ends
}

# Of each lost node the manager wrote down how long it had been silent when its micro-jobs were given to others: by its own clock, so that how soon
# this test reads it does not matter.
lost_within_their_lease() {
    grep -o 'silent for its lease: [0-9.]* s of [0-9.]* s' run.err |
        awk '{lost++; if ($5 + 0 >= $8 + 0) {print "too late: " $0; late = 1}} END {exit late || !lost}'
}

@test "a task runs across all of them, and its output is that of one machine" {
    begin
    finish
    assert_summary '.nodes == 5 and .nodes_lost == 0 and .nodes_lying == 0 and .nodes_refused == 0 and .cost > 0'
    run --separate-stderr on m timeout 60 covey run task.yaml --output one.txt --quiet <in.txt
    [ "$status" -eq 0 ]
    cmp one.txt out.txt
}

@test "nodes killed with -9: their micro-jobs go to the others" {
    begin --lease 2s
    pause n1 # so that what they are given now stays with them
    pause n2
    feed 101 600
    end KILL n1
    end KILL n2
    says "node n[12] is lost (silent for its lease"
    says "node n[12] is lost (silent for its lease"
    lost_within_their_lease
    feed 601 "$last_line"
    feed_ends
    run_ends
    assert_summary '.nodes_lost == 2 and .replaced > 0'
}

@test "a node that is paused is lost, and a member again when it goes on; what it says late counts for nothing" {
    begin --lease 2s
    pause n3
    feed 101 600
    says "node n3 is lost (silent for its lease"
    resume n3
    says "on 5 nodes"
    feed 601 "$last_line"
    feed_ends
    run_ends
    assert_summary '.nodes_lost >= 1 and .replaced > 0 and .nodes > 5'
}

@test "a node that is cut off is lost, and is a member again when its link is back" {
    begin --lease 2s
    cut_link n4
    feed 101 600
    says "node n4 is lost (silent for its lease"
    heal_link n4
    says "on 5 nodes"
    feed 601 "$last_line"
    feed_ends
    run_ends
    assert_summary '.nodes_lost >= 1 and .replaced > 0 and .nodes > 5'
}

@test "a node on a thin link costs time and nothing else" {
    on n5 tc qdisc add dev eth0 root tbf rate 400kbit burst 16kb latency 100ms
    begin
    finish
    assert_summary '.failed == 0 and .nodes_lost == 0'
}

@test "a node at the far end of a slow link, a fifth of a second away, works and is not lost" {
    end TERM n5
    background n5 relay relay 127.0.0.1 4222 10.77.0.1 4222 --delay 100 --rate 1000000
    CLUSTER_BUS=nats://127.0.0.1 node_start n5 --price 0.5
    begin
    finish
    assert_summary '.failed == 0 and .nodes == 5 and .nodes_lost == 0'
    end TERM n5
    end KILL relay
}

@test "the server killed and started again: the task waits for it and goes on" {
    begin
    end KILL s1
    feed 101 600
    server_start 1
    feed 601 "$last_line"
    feed_ends
    run_ends
    assert_summary '.failed == 0'
}

@test "SIGTERM is a notice: the node is drained, goes by itself, and is not lost" {
    begin
    kill -TERM "$(pid_of n2)"
    says "node n2 is about to go"
    feed 101 600
    within 40 gone "$(pid_of n2)"
    grep -q " left$" "$CLUSTER_DIR/n2.log"
    feed 601 "$last_line"
    feed_ends
    run_ends
    assert_summary '.nodes_drained == 1 and .nodes_lost == 0'
}

@test "a notice file is a notice as well" {
    end TERM n1
    node_start n1 --price 0.5 --spot --notice-file "$BATS_TEST_TMPDIR/notice"
    begin
    touch notice
    says "node n1 is about to go"
    within 40 gone "$(pid_of n1)"
    finish
    assert_summary '.nodes_drained == 1 and .nodes_lost == 0'
}
