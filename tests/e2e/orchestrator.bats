# Does `covey pto run` have tasks ready before they are asked for, and does nothing go wrong when it dies, stops or lies?
load helper
setup_file() {
    use_home
    covey-cc "$BATS_TEST_DIRNAME/request.c" -o "$BATS_FILE_TMPDIR/request.wasm"
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR/request.wasm" .
    mkdir -p store
    for t in a b c; do head -c 5000 /dev/zero >"store/$t"; done
    printf '%s\n' "service: demo" "store: {path: store, delay: 100ms}" "warm: {zygotes: 1}" "staged: {tasks: 1}" "history: {path: h.db}" "tasks:" \
        "  - {task: a, module: request.wasm, args: [echo], data: [a], next: [b]}" \
        "  - {task: b, module: request.wasm, args: [echo], data: [b], next: [c]}" \
        "  - {task: c, module: request.wasm, args: [echo], data: [c], next: [a]}" >service.yaml
}
teardown() {
    [ ! -e pto.pid ] || kill -9 "$(cat pto.pid)" 2>/dev/null || true
    [ ! -e pid ] || kill -9 "$(cat pid)" 2>/dev/null || true
}

serve() {
    rm -f serve.out
    covey serve service.yaml --listen 127.0.0.1:0 --stream s.sock >serve.out 2>&1 &
    echo $! >pid
    until url=$(grep -o 'http://[^ ]*' serve.out 2>/dev/null); do
        kill -0 "$(cat pid)"
        sleep 0.05
    done
}
pto() {
    covey pto run service.yaml --stream s.sock --state "$PWD/pto" "$@" >pto.out 2>&1 &
    echo $! >pto.pid
    until grep -q connected pto.out; do
        kill -0 "$(cat pto.pid)" || { cat pto.out; return 1; }
        sleep 0.05
    done
}

# ask TASK: $start is how it was found
ask() { start=$(curl -s -m 30 -D - -o body --data "hello $1" "$url/tasks/$1?session=s" | sed -n 's/^Covey-Start: \([a-z]*\).*/\1/ip'); grep -qx "hello $1" body; }
# staged TASK: waits until it is ready
staged() {
    for _ in $(seq 100); do
        curl -s "$url" | jq -e --arg t "$1" '.tasks[] | select(.task == $t) | .warm' >/dev/null && return
        sleep 0.05
    done
    return 1
}

@test "lookahead has the next task ready, and the request finds it staged; each step is in the audit log" {
    serve
    pto --mode lookahead
    ask a
    assert_equal "$start" cold
    for t in b c a; do
        staged $t
        ask $t
        assert_equal "$start" staged
    done
    kill -TERM "$(cat pto.pid)"
    wait "$(cat pto.pid)"
    run_covey 0 audit verify "$PWD/pto/audit.log" --key "$(covey_key)"
    [ "$(grep -c '"event":"prefetch"' pto/audit.log)" -ge 3 ]
    [ "$(grep -c '"event":"claim"' pto/audit.log)" -ge 3 ]
}
covey_key() { head -1 pto/audit.log | jq -r .key; }

@test "it learns from a log first, attributes too; a column that is not there is named" {
    printf '%s\n' "case,activity,timestamp,Colour" "1,a,2024-01-01 10:00:00,red" "1,b,2024-01-01 10:00:02,blue" "1,other,2024-01-01 10:00:03," >log.csv
    run_covey 2 pto run service.yaml --stream s.sock --state "$PWD/pto" --learn log.csv --attribute Size
    assert_equal "$stderr" "covey: log.csv:1: no column Size"
    serve
    pto --no-history --learn log.csv --attribute Colour
    assert_in "learned from 2 of 2 events of the log" "$(cat pto.out)"
    [ "$(grep -c "made no sense" pto.out)" = 0 ]
}

@test "learned finds out by itself what follows, and learns from the history when it starts anew" {
    sed -i 's/, next: .*}/}/' service.yaml
    serve
    for _ in 1 2 3 4; do for t in a b c; do ask $t; sleep 0.3; done; done
    kill -INT "$(cat pid)"
    wait "$(cat pid)" || true
    serve
    pto --mode learned
    assert_in "learned from 12 requests of the history" "$(cat pto.out)"
    local found=
    for _ in 1 2 3; do for t in a b c; do ask $t; found+="$start "; sleep 0.3; done; done
    assert_in staged "$found" # of nine; without it there would be none
}

@test "an orchestrator that dies, or stops, makes requests slower and nothing else" {
    serve
    pto --mode lookahead
    ask a
    staged b
    kill -STOP "$(cat pto.pid)"
    for _ in 1 2 3; do for t in b c a; do ask $t; done; done
    kill -9 "$(cat pto.pid)"
    for t in b c a; do ask $t; done
    rm pto.pid
    pto --mode lookahead
    ask a
    staged b
    ask b
    assert_equal "$(curl -s "$url" | jq .statistics.failed)" 0
}

@test "one that lies or talks nonsense is cut off, and requests are answered" {
    serve
    python3 - <<'END'
import socket, struct
def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("s.sock")
    return s
for packet in (b"x", b"\0" * 900, struct.pack("<IIIQ", 4, 1, 99, 0), struct.pack("<II", 1, 1)):
    s = connect()
    s.send(packet)
    while s.recv(2000): pass          # cut off
liar = connect()
for i in range(3000):                 # wants everything, all the time, and never listens
    try: liar.send(struct.pack("<IIIQ", 4 + i % 2, 1, i % 3, 1 << 60))
    except OSError: break
END
    for t in a b c a b c; do ask $t; done
    assert_equal "$(curl -s "$url" | jq .statistics.failed)" 0
}

@test "the orchestrator has given up its rights" {
    serve
    pto --mode off
    assert_equal "$(sed -n 's/^NoNewPrivs:\t//p' "/proc/$(cat pto.pid)/status")" 1
    assert_equal "$(sed -n 's/^Seccomp:\t//p' "/proc/$(cat pto.pid)/status")" 2
    [ "$(id -u)" -eq 0 ] || skip "only root can become another user"
    kill -9 "$(cat pto.pid)"
    kill -INT "$(cat pid)"
    wait "$(cat pid)" || true
    covey serve service.yaml --listen 127.0.0.1:0 --stream s.sock --pto-user nobody >serve.out 2>&1 &
    echo $! >pid
    until url=$(grep -o 'http://[^ ]*' serve.out 2>/dev/null); do sleep 0.05; done
    chmod 755 "$PWD" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR/.." "$PWD/.." 2>/dev/null || true
    rm -rf pto pto.out
    pto --mode lookahead --user nobody --no-history
    assert_equal "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$(cat pto.pid)/status")" "$(id -u nobody)"
    assert_equal "$(sed -n 's/^CapEff:\t0*\(.*\)/\1/p' "/proc/$(cat pto.pid)/status")" ""
}

@test "oracle, and only it, needs a future; a mode that is none is named" {
    run_covey 2 pto run service.yaml --stream s.sock --mode oracle
    assert_in "needs a recording of what will come" "$stderr"
    run_covey 2 pto run service.yaml --stream s.sock --mode clairvoyant
    assert_in "clairvoyant: no mode" "$stderr"
}

@test "with equal bytes lookahead and learned stage no more than histogram did; a rate that is none is named" {
    serve
    { echo "case,activity,timestamp"; for i in $(seq 40); do for t in a b c; do echo "k$((i % 3)),$t,2026-01-01T00:$(printf '%02d:%02d' $((i / 2)) $((i % 2 * 30 + $(printf '%d' "'$t") % 7 * 4)))Z"; done; done; } >log.csv
    run_covey 0 replay service.yaml --url "${url%/v1*}" --stream s.sock --log log.csv --from 60 -n 12 --speedup 40 --equal-bytes --json
    assert_equal "$(json '[.modes[].failed] | add')" 0
    assert_equal "$(json '[.modes[] | .staged.rate_max > 0] | map(tostring) | join(" ")')" "false false true true false"
    assert_equal "$(json '([.modes[2, 3].staged.bytes] | max) <= .modes[1].staged.bytes')" true
    run_covey 2 replay service.yaml --url "${url%/v1*}" --stream s.sock --log log.csv --mode learned --equal-bytes
    assert_in "equal bytes are those of histogram: mode all is needed" "$stderr"
    run_covey 2 replay service.yaml --url http://127.0.0.1:99999 --stream s.sock --log log.csv
    assert_in "an address and a port are needed, in numbers" "$stderr"
    run_covey 2 pto run service.yaml --stream s.sock --stage-rate 0
    assert_in "0: no size above 0 and at most 1TiB, such as 512KiB" "$stderr"
}

@test "a replay reports every mode, and the oracle waits least; the history can be exported and replayed" {
    serve
    { echo "case,activity,timestamp"; for i in $(seq 40); do for t in a b c; do echo "k$((i % 3)),$t,2026-01-01T00:$(printf '%02d:%02d' $((i / 2)) $((i % 2 * 30 + $(printf '%d' "'$t") % 7 * 4)))Z"; done; done; } >log.csv
    run_covey 0 replay service.yaml --url "${url%/v1*}" --stream s.sock --log log.csv --from 60 -n 24 --speedup 40 --json
    assert_equal "$(json '[.modes[].mode] | join(" ")')" "off histogram lookahead learned oracle"
    assert_equal "$(json '[.modes[].requests] | unique | join(" ")')" 24
    assert_equal "$(json '[.modes[].failed] | add')" 0
    assert_equal "$(json .store_delay_is_simulated)" true
    json '(.modes[0].waited_seconds > .modes[4].waited_seconds) and (.modes[0].staged.tasks == 0) and (.modes[4].staged.tasks > 0)' >/dev/null
    kill -INT "$(cat pid)"
    wait "$(cat pid)" || true
    run_covey 0 pto export h.db
    assert_equal "$(wc -l <<<"$output")" 121
}
