# Nodes that have the data already, whose disk is full, whose clock is wrong, whom nobody trusts: what travels, who gets work, and what is said of it.
load cluster

setup_file() {
    cluster_setup 3
    servers 1
    node_start n1
    node_start n2
}
teardown_file() { cluster_teardown; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() {
    [ -z "${run_pid:-}" ] || kill -KILL "$run_pid" 2>/dev/null || true
    end KILL n3
}

# over_file NAME TARGET: a task over in.txt, whose segments are of that size
over_file() {
    printf '%s\n' "task: $1" "image: $CLUSTER_DIR/slow.see" "input: {path: in.txt, split: {by: lines, target: $2}}" "combine: concat" \
        "output: out.txt" >task.yaml
}
run_file() {
    run --separate-stderr on m timeout 60 covey run task.yaml --bus "$CLUSTER_BUS" --json "$@"
    echo "$stderr" >run.err
    [ "$status" -eq 0 ] || { echo "exit code $status"; echo "$stderr"; tail -n 3 "$CLUSTER_DIR"/*.log; return 1; }
    cmp in.txt out.txt
}

@test "a node with the data at hand is sent none of them, by path and by content; others get segments as objects" {
    seq 1 400000 >in.txt
    mkdir hand
    cp in.txt hand/copy.txt
    over_file all-travels 256KiB
    run_file
    [ "$(json .bytes_sent)" -gt "$(stat -c %s in.txt)" ]

    node_start n3 --data "$PWD/hand"
    within 20 grep -q "data at hand: 1 files" "$CLUSTER_DIR/n3.log"
    over_file by-path 256KiB
    echo "placement: {exclude: [n1, n2]}" >>task.yaml
    run_file
    [ "$(find "$CLUSTER_DIR/n3/cache" -type f -size +0 | wc -l)" -eq 1 ] # the image, and no segment

    sed "s|path: in.txt|content: 'sha256:$(sha256sum in.txt | cut -d' ' -f1)'|; s|by-path|by-content|" task.yaml >content.yaml
    mv content.yaml task.yaml
    mv in.txt elsewhere.txt
    run --separate-stderr on m timeout 60 covey run task.yaml --bus "$CLUSTER_BUS" --json
    [ "$status" -eq 2 ] || { echo "$status $stderr"; return 1; }
    assert_in "named by content" "$stderr"
    mkdir library
    mv elsewhere.txt library/in.txt
    cp library/in.txt in.txt
    run_file --data library
    [ "$(json .bytes_sent)" -lt 100000 ]
}

@test "explain says what was weighed for a micro-job" {
    seq 1 2000 >in.txt
    over_file explained 1KiB
    run_file --explain 1
    assert_in "micro-job 1, copy 1, " "$stderr"
    assert_in "candidates, best first" "$stderr"
    [[ $stderr =~ n[12]\ +score\ [0-9.e-]+:\ queue\ .*,\ transfer\ .*,\ start\ .*,\ run\ .*,\ price ]]
}

@test "a node whose disk is full gives segments back, and the others run them" {
    seq 1 400000 >in.txt
    # a cache of 2 MiB on a file system of its own, in a mount namespace of its own: the image fits, the segments do not
    background n3 n3 unshare --mount sh -c "mkdir -p $CLUSTER_DIR/n3/small && mount -t tmpfs -o size=1200k none $CLUSTER_DIR/n3/small &&
        exec covey node --bus $CLUSTER_BUS --name n3 --cores 1 --cache $CLUSTER_DIR/n3/small"
    within 20 grep -q " joined " "$CLUSTER_DIR/n3.log"
    over_file disk-full 200KiB
    run_file
    json '.failed == 0' >/dev/null
}

@test "a node whose clock is two hours ahead is not believed, and one that is half a minute ahead works" {
    seq 1 2000 >in.txt
    : >"$CLUSTER_DIR/n3.log"
    local fake=(LD_PRELOAD="$(echo /usr/lib/*/faketime/libfaketime.so.1)" FAKETIME_DONT_FAKE_MONOTONIC=1)
    background n3 n3 env "${fake[@]}" FAKETIME=+2h covey node --bus "$CLUSTER_BUS" --name n3 --cores 1
    within 20 grep -q " joined " "$CLUSTER_DIR/n3.log"
    over_file clock-ahead 1KiB
    run_file --explain 0
    assert_in "node n3 is not given anything: its evidence is refused: fresh: made in the future: set that node's clock" "$stderr"
    [ "$(json .nodes_refused)" = 1 ]
    end TERM n3

    background n3 n3 env "${fake[@]}" FAKETIME=+30s covey node --bus "$CLUSTER_BUS" --name n3 --cores 1
    over_file clock-nearly-right 1KiB
    echo "placement: {exclude: [n1, n2]}" >>task.yaml
    run_file
    [ "$(json .nodes_refused)" = 0 ]
}

@test "examples/cluster brings up three servers and four nodes, and is right before and after one of each is killed" {
    [ -e "$COVEY_SOURCE/data/birdstrikes.csv" ] || skip "data/birdstrikes.csv is missing; make deps fetches it"
    run --separate-stderr timeout 120 "$COVEY_SOURCE/examples/cluster/run" "$COVEY_BUILD/covey" "$BATS_TEST_TMPDIR/fleet"
    [ "$status" -eq 0 ] || { echo "$output"; echo "$stderr"; return 1; }
    [ "$(grep -c '^right: 37 species' <<<"$output")" -eq 2 ]
    assert_in "75 extra copies" "$stderr"
    assert_in "covey node: left" "$output"
}

@test "with TLS: who has the CA joins and works, who has not is refused" {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=hub -addext "subjectAltName=IP:10.77.0.2" \
        -keyout key.pem -out cert.pem 2>/dev/null
    covey bus config --store "$PWD/store" --listen 10.77.0.2:4222 --tls-cert "$PWD/cert.pem" --tls-key "$PWD/key.pem" \
        --manager "$(cat "$CLUSTER_DIR/m/key")" --node "n3=$(cat "$CLUSTER_DIR/n3/key")" >nats.conf
    background s2 s2 nats-server -c "$PWD/nats.conf"
    within 20 grep -q "Server is ready" "$CLUSTER_DIR/s2.log"
    run on n3 timeout 30 covey node --bus tls://10.77.0.2 --name n3
    [ "$status" -eq 3 ]
    assert_in "no TLS that both sides accept" "$output"
    run on n3 timeout 30 covey node --bus nats://10.77.0.2 --name n3
    [ "$status" -ne 0 ]

    : >"$CLUSTER_DIR/n3.log"
    background n3 n3 covey node --bus tls://10.77.0.2 --tls-ca cert.pem --name n3
    within 20 grep -q " joined " "$CLUSTER_DIR/n3.log"
    seq 1 2000 >in.txt
    over_file encrypted 1KiB
    CLUSTER_BUS=tls://10.77.0.2 run_file --tls-ca cert.pem
    end TERM n3
    end KILL s2
}

@test "sealed data: keys come over the bus from the owner's broker, to nodes that its policy names, and nobody else can read the result" {
    seq 1 3000 >in.txt
    on s3 covey key show >"$CLUSTER_DIR/s3/key" # the owner's machine
    on s3 covey key trust "$(cat "$CLUSTER_DIR/m/key")" >/dev/null
    printf '%s\n' "policy: lines" "signers: [$(cat "$CLUSTER_DIR/m/key")]" "evidence: [node-key]" \
        "nodes: [$(cat "$CLUSTER_DIR/n1/key"), $(cat "$CLUSTER_DIR/n2/key")]" "recipients: [$(on s3 covey key show --sealing)]" >policy.yaml
    on s3 covey seal in.txt -o in.sealed --policy policy.yaml --by lines --target 1KiB
    local args=(--manager "$(cat "$CLUSTER_DIR/m/key")" --broker "$(cat "$CLUSTER_DIR/s3/key")") n
    for n in $CLUSTER_NODES; do args+=(--node "$n=$(cat "$CLUSTER_DIR/$n/key")"); done
    covey bus config --store "$CLUSTER_DIR/s1/store" --listen 10.77.0.1:4222 "${args[@]}" >"$CLUSTER_DIR/s1/nats.conf"
    kill -HUP "$(pid_of s1)" # reads its file again
    within 20 grep -q "Reloaded" "$CLUSTER_DIR/s1.log"
    background s3 broker covey keybroker --bus "$CLUSTER_BUS"
    within 20 grep -q "listening" "$CLUSTER_DIR/broker.log"
    on m covey key trust "$(cat "$CLUSTER_DIR/s3/key")" >/dev/null
    printf '%s\n' "task: sealed" "image: $CLUSTER_DIR/slow.see" "input: in.sealed" "combine: concat" "output: out.sealed" >task.yaml
    run --separate-stderr on m timeout 60 covey run task.yaml --bus "$CLUSTER_BUS" --keybroker nats --json
    [ "$status" -eq 0 ] || { echo "$stderr"; cat "$CLUSTER_DIR"/*.log; return 1; }
    run on m covey unseal out.sealed -o -
    [ "$status" -eq 3 ]
    on s3 covey unseal out.sealed -o out.txt
    cmp in.txt out.txt
    end TERM broker
}

@test "a node that nobody trusts is given nothing, and is named with what to do" {
    on n3 covey key show --node >/dev/null
    on m covey key revoke "$(cat "$CLUSTER_DIR/n3/key")" >/dev/null
    node_start n3
    seq 1 6000 >in.txt
    over_file not-trusted 1KiB
    echo "args: ['1']" >>task.yaml # a millisecond a line: still going on when n3 is heard of
    run_file
    [ "$(json .nodes_refused)" = 1 ]
    assert_in "node n3 is not given anything: its evidence is refused" "$stderr"
    # Who was believed stands in the log of the machine that decided, and whose image ran in that of the machine it ran on.
    on m covey audit show --event appraisal --task not-trusted --json >verdicts
    [ "$(jq -r 'select(.detail.accepted) | .detail.node' verdicts | sort | tr '\n' ' ')" = "n1 n2 " ]
    assert_in "is revoked" "$(jq -r 'select(.detail.accepted | not) | select(.detail.node == "n3") | .detail.reason' verdicts)"
    on m covey audit verify
    [ "$(on n1 covey audit show --event image-trust --json | jq -r 'select(.detail.trusted) | .detail.measurement' | tail -1)" = \
        "$(covey image inspect "$CLUSTER_DIR/slow.see" --json | jq -r .measurement)" ]
    on n1 covey audit verify
}
