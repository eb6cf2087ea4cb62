# Services over sealed data: is a request answered by a file that its recipients open, by a SEE that was attested, with a key only when asked for?
load helper
setup_file() {
    use_home
    module lines
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR"/lines.wasm .
    export XDG_CONFIG_HOME=$PWD/config XDG_STATE_HOME=$PWD/state
    mkdir -p store
    mkdir -p -m 700 config config/covey
    seq 1 3000 >in.txt
    printf '%s\n' "policy: test" "signers: [$(covey key show)]" "recipients: [$(covey key show --sealing)]" "evidence: [node-key]" \
        "level: process" >policy.yaml
    covey seal in.txt -o store/visits.sealed --policy policy.yaml --target 1MiB >/dev/null
    printf '%s\n' 'service: demo' 'store: {path: store}' 'tasks:' '  - {task: first, module: lines.wasm, next: [visits]}' \
        '  - {task: visits, module: lines.wasm, data: [visits.sealed]}' >service.yaml
}
teardown() { for p in pid pto broker; do [ ! -e $p ] || kill -9 "$(cat $p)" 2>/dev/null || true; done; }

ask() { curl -s -m 30 -D head -o answer --data '' "$url/tasks/$1"; }
granted() { grep -c '"event":"key-release".*"what":"session"' state/covey/keybroker/audit.log || true; }
opens_to_the_data() {
    run_covey 0 unseal answer -o out.txt
    cmp in.txt out.txt
    rm out.txt
}

@test "a request over sealed data is answered by a sealed result that its recipient opens; nothing in the open lies anywhere" {
    serve
    ask visits
    grep -qi '^covey-start: cold' head
    opens_to_the_data
    ask visits
    grep -qi '^covey-start: warm' head
    opens_to_the_data
    [ "$(granted)" -eq 1 ] # one session; each request had its segment's key wrapped
    [ "$(grep -c '"what":"segments"' state/covey/keybroker/audit.log)" -eq 2 ]
    [ -z "$(ls state/covey/serve)" ]
    run grep -rl "$(seq -s '
' 1200 1210)" answer state
    assert_equal "$status" 1
}

@test "what an orchestrator predicts is started and attested, and has no key before the request; with a stage, of a warm zygote" {
    (umask 077 && covey pto key >>config/covey/orchestrators)
    serve --stream stream.sock --stage stage.sock
    covey pto run service.yaml --stream stream.sock --stage stage.sock --mode lookahead >pto.out 2>&1 &
    echo $! >pto
    for _ in $(seq 100); do grep -q connected pto.out && break; sleep 0.1; done
    curl -s -m 30 --data x "$url/tasks/first" >/dev/null
    for _ in $(seq 200); do curl -s "${url%/services/*}/services/demo" | grep -q '"task":"visits","warm":true' && break; sleep 0.05; done
    [ "$(granted)" -eq 0 ] # ready, and no key has left the broker
    grep -q '"event":"appraisal".*"verdict":"accepted"' state/covey/stage/audit.log
    [ "$(grep -c '"event":"claim".*"outcome":"claimed".*"name":"visits"' state/covey/stage/audit.log)" -eq 1 ]
    ask visits
    grep -qi '^covey-start: staged' head
    opens_to_the_data
    [ "$(granted)" -eq 1 ]
}

@test "an image that the policy does not name gets no key, and the request is told why" {
    sed -i "s/^signers:.*/images: [sha256:$(printf '0%.0s' $(seq 64))]/" policy.yaml
    covey seal in.txt -o store/visits.sealed --policy policy.yaml --target 1MiB >/dev/null
    serve
    ask visits
    grep -q '^HTTP/1.1 503' head
    assert_in "image" "$(cat answer)"
    [ "$(granted)" -eq 0 ]
}

@test "a key broker that was named releases the keys" {
    covey key trust "$(covey key show --node)"
    covey keybroker --listen unix:"$PWD/broker.sock" >broker.out 2>&1 &
    echo $! >broker
    for _ in $(seq 100); do [ -S broker.sock ] && break; sleep 0.1; done
    serve --keybroker unix:"$PWD/broker.sock"
    ask visits
    opens_to_the_data
    kill -9 "$(cat broker)"
    ask first
    grep -q '^HTTP/1.1 200' head # the others need it not
}

@test "what sealed data do not go with is said, with the line" {
    covey seal in.txt -o store/visits.sealed --policy policy.yaml --target 4KiB >/dev/null
    run covey serve service.yaml --listen 127.0.0.1:0
    assert_equal "$status" 2
    assert_in "service.yaml:5: task 'visits': store/visits.sealed has more than one segment" "$output"
    covey seal in.txt -o store/visits.sealed --policy policy.yaml --target 1MiB >/dev/null
    serve
    curl -s -m 30 --data 'a body' -D head -o answer "$url/tasks/visits"
    grep -q '^HTTP/1.1 400' head
    assert_in "reads its sealed data and nothing else" "$(cat answer)"
}
