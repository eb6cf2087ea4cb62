# What the cluster tests share: machines, each a network namespace of its own with an address on one bridge, and what runs on them.
#
#   load cluster
#   setup_file() { cluster_setup 5; }           five nodes n1..n5, a machine m for who runs tasks, servers s1..s3
#   teardown_file() { cluster_teardown; }       also after a failure; removes the namespaces that this file made, and no others
#
# Namespaces are called covey-PID-NAME; addresses are inside them alone: 10.77.0.1-3 the servers, .9 the machine m, .11 and up the nodes.
load ../e2e/helper

cluster_needs() {
    [ "$(id -u)" -eq 0 ] && command -v ip >/dev/null && command -v nats-server >/dev/null && return 0
    [ -z "${CI:-}" ] || { echo "these tests need root, ip (iproute2) and nats-server" >&2; return 1; }
    skip "needs root, ip (iproute2) and nats-server"
}

# --- machines ---

net() { echo "covey-$CLUSTER-$1"; }

# machine NAME LAST-BYTE-OF-ITS-ADDRESS
machine() {
    ip netns add "$(net "$1")"
    net "$1" >>"$CLUSTER_DIR/namespaces"
    ip -n "$(net hub)" link add "v-$1" type veth peer name eth0 netns "$(net "$1")"
    ip -n "$(net hub)" link set "v-$1" master br0 up
    ip -n "$(net "$1")" link set lo up
    ip -n "$(net "$1")" link set eth0 up
    ip -n "$(net "$1")" addr add "10.77.0.$2/24" dev eth0
    mkdir -p "$CLUSTER_DIR/$1"
}

# on MACHINE COMMAND...: with that machine's keys, cache and state, and its network alone.
on() {
    local name=$1
    shift
    ${CLUSTER_EXEC:-} env XDG_CONFIG_HOME="$CLUSTER_DIR/$name/config" XDG_STATE_HOME="$CLUSTER_DIR/$name/state" XDG_CACHE_HOME="$CLUSTER_DIR/$name/cache" \
        ip netns exec "$(net "$name")" "$@"
}

# background MACHINE NAME COMMAND...: its process id is then in $CLUSTER_DIR/NAME.pid, what it says in NAME.log.
background() {
    local machine=$1 name=$2
    shift 2
    CLUSTER_EXEC="exec" on "$machine" setsid "$@" >>"$CLUSTER_DIR/$name.log" 2>&1 3>&- 9>&- </dev/null & # exec: the process that $! names
    echo $! >"$CLUSTER_DIR/$name.pid"
}
pid_of() { cat "$CLUSTER_DIR/$1.pid"; }
# end SIGNAL NAME: and waits until it has gone.
end() {
    [ -e "$CLUSTER_DIR/$2.pid" ] || return 0
    if [ "$1" = KILL ]; then kill -KILL -- "-$(pid_of "$2")"; else kill "-$1" "$(pid_of "$2")"; fi
    wait "$(pid_of "$2")" 2>/dev/null || true
    within 40 gone "$(pid_of "$2")" || return 1
    rm -f "$CLUSTER_DIR/$2.pid"
}
gone() { ! kill -0 "$1" 2>/dev/null; }

# within SECONDS COMMAND...: until it succeeds.
within() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$until" ] || { echo "not within time: $*"; return 1; }
        sleep 0.05
    done
}

# --- what runs ---

# servers N: a NATS server, or a cluster of three.
server_config() {
    local i=$1 count=$2 args=() n
    for n in $CLUSTER_NODES; do args+=(--node "$n=$(cat "$CLUSTER_DIR/$n/key")"); done
    if [ "$count" -gt 1 ]; then
        args+=(--name "s$i" --cluster covey --cluster-listen "10.77.0.$i:6222")
        for n in $(seq "$count"); do args+=(--route "nats://10.77.0.$n:6222"); done
    fi
    covey bus config --store "$CLUSTER_DIR/s$i/store" --listen "10.77.0.$i:4222" --manager "$(cat "$CLUSTER_DIR/m/key")" "${args[@]}" \
        >"$CLUSTER_DIR/s$i/nats.conf"
}
server_start() {
    background "s$1" "s$1" nats-server -c "$CLUSTER_DIR/s$1/nats.conf"
    within 20 grep -q "Server is ready" "$CLUSTER_DIR/s$1.log"
}
server_restart() {
    end "$2" "s$1"
    : >"$CLUSTER_DIR/s$1.log"
    server_start "$1"
}
servers() {
    local i
    CLUSTER_BUS=
    for i in $(seq "$1"); do
        server_config "$i" "$1"
        CLUSTER_BUS+=${CLUSTER_BUS:+,}nats://10.77.0.$i
    done
    for i in $(seq "$1"); do server_start "$i"; done
    export CLUSTER_BUS
}

# node_start NAME OPTION...: one core each.
node_start() {
    local name=$1
    shift
    : >"$CLUSTER_DIR/$name.log"
    background "$name" "$name" covey node --bus "$CLUSTER_BUS" --name "$name" --cores 1 "$@"
    within 40 grep -q " joined " "$CLUSTER_DIR/$name.log" || { cat "$CLUSTER_DIR/$name.log" "$CLUSTER_DIR/s1.log"; on "$name" ping -c1 10.77.0.1; return 1; }
}

# --- the whole ---

# cluster_setup NODES: machines and keys; servers and nodes are started by the tests.
cluster_setup() {
    cluster_needs || return 1
    local i
    use_home
    ninja -C "$COVEY_BUILD" --quiet tests/cluster/relay >&2 # this kernel may be without tc netem
    PATH=$COVEY_BUILD/tests/cluster:$PATH
    export PATH
    export CLUSTER=$$ CLUSTER_DIR=$BATS_FILE_TMPDIR/cluster CLUSTER_NODES=
    mkdir -p "$CLUSTER_DIR"
    : >"$CLUSTER_DIR/namespaces"
    ip netns add "$(net hub)"
    net hub >>"$CLUSTER_DIR/namespaces"
    ip -n "$(net hub)" link add br0 type bridge
    ip -n "$(net hub)" link set br0 up
    for i in 1 2 3; do machine "s$i" "$i"; done
    machine m 9
    on m covey key show >"$CLUSTER_DIR/m/key"
    for i in $(seq "$1"); do
        machine "n$i" "$((10 + i))"
        CLUSTER_NODES+=" n$i"
        on "n$i" covey key show --node >"$CLUSTER_DIR/n$i/key"
        on "n$i" covey key trust "$(cat "$CLUSTER_DIR/m/key")" --comment manager >/dev/null
        on m covey key trust "$(cat "$CLUSTER_DIR/n$i/key")" --comment "n$i" >/dev/null
    done
    covey-cc "$COVEY_SOURCE/tests/e2e/slow.c" -o "$BATS_FILE_TMPDIR/slow.wasm"
    on m covey image build "$BATS_FILE_TMPDIR/slow.wasm" -o "$CLUSTER_DIR/slow.see" >&2
}

cluster_teardown() {
    local file name
    [ -n "${CLUSTER_DIR:-}" ] || return 0
    for file in "$CLUSTER_DIR"/*.pid; do
        [ -e "$file" ] || continue
        kill -CONT "$(cat "$file")" 2>/dev/null || true
        kill -KILL -- "-$(cat "$file")" "$(cat "$file")" 2>/dev/null || true
    done
    while read -r name; do
        ip netns pids "$name" 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
        ip netns del "$name" 2>/dev/null || true
    done <"$CLUSTER_DIR/namespaces"
}

# --- a task, and what happens to it ---
#
# Its input comes through a pipe that stays open until the test has seen what it waits for, so that no test depends on how fast anything is.

# task NAME [RECORDS-EACH [ROUNDS-A-LINE [MORE-LINES...]]]
task() {
    local more
    printf '%s\n' "task: $1" "image: $CLUSTER_DIR/slow.see" "args: ['${3:-0}']" "input: {path: '-', split: {by: lines, records: ${2:-4}}}" \
        "combine: concat" "output: out.txt" >task.yaml
    for more in "${@:4}"; do echo "$more" >>task.yaml; done
}
begin_run() {
    : >run.out
    : >run.err
    : >in.txt
    mkfifo pipe
    CLUSTER_EXEC="exec" on m timeout 120 covey run task.yaml --bus "$CLUSTER_BUS" --json "$@" <pipe >run.out 2>run.err 3>&- 9>&- &
    run_pid=$!
    exec 9>pipe
}
# feed FROM TO: lines, to the task and to what it should give.
feed() {
    seq "$1" "$2" | tee -a in.txt >&9
    mark=$(($(wc -l <run.err) + 1))
}
feed_ends() { exec 9>&-; }
# says TEXT: waits until the run has said so, after the last feed or what it said last.
has_said() { said=$(tail -n "+$mark" run.err | grep -n -m 1 -e "$1"); }
says() {
    within 60 has_said "$1" || { cat run.err; tail -n 3 "$CLUSTER_DIR"/*.log; return 1; }
    mark=$((mark + ${said%%:*}))
}
# says_done N: so many micro-jobs, in a line of progress.
has_done() { [ "$(grep -o -E '^[^:]*: [0-9]+' run.err | tail -n 1 | grep -o -E '[0-9]+$')" -ge "$1" ]; }
says_done() { within 60 has_done "$1" || { cat run.err; return 1; }; }
# run_ends: well, and with the output that it would have undisturbed.
run_ends() {
    local status=0
    wait "$run_pid" || status=$?
    output=$(cat run.out)
    [ "$status" -eq 0 ] || { echo "exit code $status"; cat run.out run.err; tail -n 3 "$CLUSTER_DIR"/*.log; return 1; }
    cmp in.txt out.txt || return 1
}
# assert_summary CONDITION: of jq.
assert_summary() { [ "$(json "$1")" = true ] || { echo "not so: $1"; echo "$output"; cat run.err; return 1; }; }

# The node with its warden and SEEs, as when a whole machine stops.
pause() { kill -STOP -- "-$(pid_of "$1")"; }
resume() { kill -CONT -- "-$(pid_of "$1")"; }
cut_link() { ip -n "$(net hub)" link set "v-$1" down; }
heal_link() { ip -n "$(net hub)" link set "v-$1" up; }

# cluster_mend OPTION...: every link up and fast, every node there, no task.
cluster_mend() {
    local n
    [ -z "${run_pid:-}" ] || kill -KILL "$run_pid" 2>/dev/null || true
    for n in $CLUSTER_NODES; do
        heal_link "$n"
        on "$n" tc qdisc del dev eth0 root 2>/dev/null || true
        if [ -e "$CLUSTER_DIR/$n.pid" ]; then
            resume "$n" 2>/dev/null || true
            gone "$(pid_of "$n")" || continue
        fi
        node_start "$n" "$@"
    done
}
