# Signed resources from an orchestrator's hand to a service's requests: hits, refusals, and requests that are only slower.
load helper
setup_file() {
    use_home
    covey-cc "$BATS_TEST_DIRNAME/weigh.c" -o "$BATS_FILE_TMPDIR/weigh.wasm"
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR/weigh.wasm" .
    export XDG_CONFIG_HOME=$PWD/config XDG_STATE_HOME=$PWD/state
    mkdir -p store
    mkdir -p -m 700 config config/covey
    head -c 300000 /dev/zero | tr '\0' '\3' >store/model.bin
    printf '%s\n' 'service: demo' 'store: {path: store}' 'tasks:' \
        '  - {task: weigh, module: weigh.wasm, args: [weigh/model.bin, say], data: [model.bin]}' \
        '  - {task: other, module: weigh.wasm, args: [weigh/model.bin, say]}' >service.yaml
}
teardown() { [ ! -e pid ] || kill -9 "$(cat pid)" 2>/dev/null || true; }

serve() {
    covey serve service.yaml --listen 127.0.0.1:0 --stage stage.sock "$@" >serve.out 2>&1 &
    echo $! >pid
    for _ in $(seq 400); do
        url=$(grep -o 'http://[^ ]*' serve.out) && return
        kill -0 "$(cat pid)" || { cat serve.out; return 1; }
        sleep 0.05
    done
    return 1
}
trust_orchestrator() { (umask 077 && covey pto key >>config/covey/orchestrators); }
stage_of_task() { covey pto stage service.yaml "$@" --stage stage.sock; }
ask() { curl -s -m 30 -D head --data-binary @store/model.bin "$url/tasks/$1"; }
logged() { grep -c "\"event\":\"$1\".*\"outcome\":\"$2\"" state/covey/stage/audit.log; }

@test "a task whose image and data are staged is answered by them, once; then the slow way, with the same result" {
    trust_orchestrator
    serve
    run stage_of_task weigh
    assert_equal "$status" 0
    assert_in "weigh/model.bin" "$output"
    [ "$(logged prefetch staged)" -eq 2 ]
    assert_equal "$(ask weigh)" "$(printf 'claim 3\n300000 bytes, sum 900000')"
    grep -qi '^covey-start: staged' head
    assert_equal "$(ask weigh)" "$(printf 'claim -2\n300000 bytes, sum 900000')"
    grep -qi '^covey-start: warm' head
    [ "$(logged claim claimed)" -eq 2 ]
    [ "$(logged claim-refusal claimed-before)" -eq 1 ]
}

@test "a warm zygote is attested before a request has it; one whose evidence is refused is not used, and the request is answered" {
    trust_orchestrator
    serve
    stage_of_task weigh >/dev/null
    [ "$(grep -c '"event":"appraisal".*"verdict":"accepted"' state/covey/stage/audit.log)" -eq 1 ]
    assert_equal "$(ask weigh)" "$(printf 'claim 3\n300000 bytes, sum 900000')"
    grep -qi '^covey-start: staged' head
    covey key revoke "$(covey key show --node)"
    run stage_of_task other # at the next start of one: it has no data, so the image is all there is
    assert_in "evicted-unattested" "$output"
    [ "$(grep -c '"event":"appraisal".*"verdict":"refused".*is revoked' state/covey/stage/audit.log)" -eq 1 ]
    [ "$(logged eviction evicted-unattested)" -eq 1 ]
    assert_in "300000 bytes, sum 900000" "$(ask other)"
    grep -qi '^covey-start: cold' head
}

@test "a list that cannot be read vouches for nobody: nothing is staged until it can be read again" {
    trust_orchestrator
    serve
    stage_of_task weigh >/dev/null
    echo 'no key' >>config/covey/orchestrators
    for _ in $(seq 100); do [ "$(logged eviction evicted-revoked)" -eq 2 ] && break; sleep 0.1; done
    [ "$(logged eviction evicted-revoked)" -eq 2 ]
    grep -q '"event":"policy".*cannot be read' state/covey/stage/audit.log
    run stage_of_task weigh
    [ "$status" -ne 0 ]
    assert_in "300000 bytes, sum 900000" "$(ask weigh)"
    sed -i '$d' config/covey/orchestrators
    for _ in $(seq 100); do grep -q '"event":"policy".*can be read again' state/covey/stage/audit.log && break; sleep 0.1; done
    stage_of_task weigh >/dev/null
}

@test "a module of another task gets nothing of it, and its request is answered" {
    trust_orchestrator
    serve
    stage_of_task weigh >/dev/null
    assert_equal "$(ask other)" "$(printf 'claim -6\n300000 bytes, sum 900000')"
    grep -qi '^covey-start: cold' head
    [ "$(logged claim-refusal for-another-task)" -ge 1 ]
    assert_equal "$(ask weigh)" "$(printf 'claim 3\n300000 bytes, sum 900000')"
}

@test "an orchestrator that the node does not know, and one that was revoked, stage nothing; requests are answered" {
    serve
    run stage_of_task weigh
    assert_equal "$status" 3
    assert_in "untrusted-key" "$output"
    trust_orchestrator
    sleep 1.5
    stage_of_task weigh >/dev/null
    covey key revoke "$(covey pto key)"
    for _ in $(seq 100); do [ "$(logged eviction evicted-revoked)" -eq 2 ] && break; sleep 0.1; done
    [ "$(logged eviction evicted-revoked)" -eq 2 ]
    run stage_of_task weigh
    assert_equal "$status" 3
    assert_in "revoked-key" "$output"
    [ "$(logged prefetch-refusal revoked-key)" -eq 2 ]
    assert_equal "$(ask weigh)" "$(printf 'claim -1\n300000 bytes, sum 900000')"
    grep -qi '^covey-start: cold' head
}

@test "what expired is not claimed" {
    trust_orchestrator
    serve
    covey pto stage service.yaml weigh --stage stage.sock --keep 1s >/dev/null
    for _ in $(seq 100); do [ "$(logged eviction evicted-expired)" -eq 2 ] && break; sleep 0.1; done
    [ "$(logged eviction evicted-expired)" -eq 2 ]
    assert_in "300000 bytes, sum 900000" "$(ask weigh)"
}

@test "what an orchestrator predicts it signs and hands over; the request finds image and data" {
    printf '%s\n' 'service: demo' 'store: {path: store}' 'tasks:' '  - {task: first, module: weigh.wasm, next: [weigh]}' \
        '  - {task: weigh, module: weigh.wasm, args: [weigh/model.bin, say], data: [model.bin]}' >service.yaml
    trust_orchestrator
    serve --stream stream.sock
    covey pto run service.yaml --stream stream.sock --stage stage.sock --mode lookahead >pto.out 2>&1 &
    pto=$!
    for _ in $(seq 100); do grep -q connected pto.out && break; sleep 0.1; done
    ask first >/dev/null
    for _ in $(seq 200); do [ "$(logged prefetch staged)" -eq 2 ] && [ "$(logged claim claimed)" -eq 1 ] && break; sleep 0.1; done
    sleep 0.3
    assert_equal "$(ask weigh)" "$(printf 'claim 3\n300000 bytes, sum 900000')"
    grep -qi '^covey-start: staged' head
    [ "$(logged claim claimed)" -eq 2 ]
    kill -9 "$pto" # and nothing is slower than without it
    assert_equal "$(ask weigh)" "$(printf 'claim -2\n300000 bytes, sum 900000')"
    grep -q '"event":"prefetch".*"name":"weigh/model.bin"' state/covey/pto/audit.log
}

@test "the audit log of the stage is whole" {
    trust_orchestrator
    serve
    stage_of_task weigh >/dev/null
    ask weigh >/dev/null
    kill -INT "$(cat pid)"
    for _ in $(seq 100); do kill -0 "$(cat pid)" 2>/dev/null || break; sleep 0.1; done
    covey audit verify state/covey/stage/audit.log --key "$(head -1 state/covey/stage/audit.log | grep -o 'covey-ed25519:[^"]*')"
    covey audit show state/covey/stage/audit.log --event claim | grep -q claimed
}

@test "a service without a stage, and a stage that is not there, are said so" {
    run --separate-stderr stage_of_task weigh
    assert_equal "$status" 2
    assert_in "no stage listens there" "$stderr"
    run --separate-stderr covey pto stage service.yaml weigh
    assert_equal "$status" 2
    assert_in "--stage is missing" "$stderr"
}
