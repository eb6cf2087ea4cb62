# Does `covey serve` answer requests as an engineer expects, and refuse what it must?
load helper
setup_file() {
    use_home
    covey-cc "$BATS_TEST_DIRNAME/request.c" -o "$BATS_FILE_TMPDIR/request.wasm"
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR/request.wasm" .
}
teardown() { [ ! -e pid ] || kill -9 "$(cat pid)" 2>/dev/null || true; }

# service LINE...: a service file with four tasks of one module
service() {
    printf '%s\n' "service: demo" "$@" "tasks:" "  - {task: echo, module: request.wasm, args: [echo], next: [fail]}" \
        "  - {task: fail, module: request.wasm, args: [fail]}" "  - {task: slow, module: request.wasm, args: [slow]}" \
        "  - {task: trap, module: request.wasm, args: [trap]}" >service.yaml
}

# ask TASK [CURL-ARGUMENT...]: $status is the HTTP status, $output the body
ask() {
    local task=$1
    shift
    status=$(curl -s -m 30 -o body -w '%{http_code}' "$@" "$url/tasks/$task") || return
    output=$(cat body)
}

@test "a request runs in a SEE: the body is its input, the answer its output; the second one finds it warm" {
    service
    serve
    curl -s -m 30 -D head1 --data-binary @"$BATS_FILE_TMPDIR/request.wasm" -o out1 "$url/tasks/echo?session=s"
    cmp out1 "$BATS_FILE_TMPDIR/request.wasm"
    grep -i '^covey-start: cold' head1
    curl -s -m 30 -D head2 --data-binary hello "$url/tasks/echo?session=s" | grep -qx hello
    grep -i '^covey-start: warm' head2
}

@test "errors have a status, and a body that says what, where and what to do" {
    service 'limits: {body: 1KiB, deadline: 1s}'
    serve
    ask fail --data x
    assert_equal "$status" 500
    assert_equal "$(json .error.what)" "task 'fail' ended with exit code 3: it went wrong"
    ask trap --data x
    assert_equal "$status" 500
    assert_in "unreachable" "$(json .error.what)"
    ask slow --data x
    assert_equal "$status" 504
    assert_equal "$(json .error.where)" "limits: deadline"
    ask nothing --data x
    assert_equal "$status" 404
    ask echo
    assert_equal "$status" 405
    ask echo -X POST
    assert_equal "$status" 411
    ask echo --data "$(seq 1000)"
    assert_equal "$status" 413
    ask echo -H 'Transfer-Encoding: chunked' --data "$(seq 1000)"
    assert_equal "$status" 413
    ask 'echo?session=' --data x
    assert_equal "$status" 400
    ask 'echo' --data x -H "X-Long: $(printf '%040000d' 0)"
    assert_equal "$status" 431
    ask 'echo?session=a&order=7' --data fine
    assert_equal "$status $output" "200 fine"
}

@test "who asks too often is told so, and others are not" {
    service 'limits: {session-rate: 3}'
    serve
    local codes=
    for _ in 1 2 3 4 5; do ask 'echo?session=busy' --data x; codes+="$status "; done
    assert_in "200 200 200 429" "$codes"
    ask 'echo?session=calm' --data x
    assert_equal "$status" 200
}

@test "more requests than may run and wait are answered 503 with Retry-After" {
    service 'limits: {running: 1, waiting: 1}'
    serve
    ask echo --data x
    for i in 1 2 3 4; do curl -s -m 30 -D "head$i" -o /dev/null --data x "$url/tasks/slow" & done
    sleep 1
    assert_equal "$(grep -l '503' head? | wc -l)" 2
    grep -qi '^retry-after: ' "$(grep -l '503' head? | head -1)"
    kill -9 "$(cat pid)"
    wait
}

@test "a head or a body that does not come is answered 408, and others are served meanwhile" {
    service 'limits: {patience: 300ms}'
    serve
    port=${url#*127.0.0.1:} port=${port%%/*}
    exec 8<>"/dev/tcp/127.0.0.1/$port" 9<>"/dev/tcp/127.0.0.1/$port"
    printf 'POST /v1/services/demo/tasks/echo HTTP/1.1\r\nHost: x\r\nContent-Le' >&8
    printf 'POST /v1/services/demo/tasks/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc' >&9
    ask echo --data fine
    assert_equal "$status $output" "200 fine"
    assert_in "HTTP/1.1 408" "$(timeout 5 cat <&8)"
    assert_in '"where":"limits: patience"' "$(timeout 5 cat <&9)"
}

@test "an answer that nobody takes is given up, and a client that takes it slowly gets all of it" {
    service 'limits: {patience: 3s}' 'security: {output: 48MiB}'
    echo '  - {task: much, module: request.wasm, args: [much]}' >>service.yaml
    serve
    port=${url#*127.0.0.1:} port=${port%%/*}
    exec 9<>"/dev/tcp/127.0.0.1/$port"
    printf 'POST /v1/services/demo/tasks/much HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n' >&9
    for _ in $(seq 200); do # nobody reads it, and it is more than the system holds for a connection
        [ "$(ss -Htn state established "sport = :$port" | wc -l)" -gt 0 ] || break
        sleep 0.1
    done
    assert_equal "$(ss -Htn state established "sport = :$port" | wc -l)" 0
    taken=$(timeout 20 cat <&9 | wc -c)
    [[ $taken -gt 100 && $taken -lt 40000000 ]]
    curl -s -m 60 --data '' "$url/tasks/much" | for _ in $(seq 20); do dd bs=2M count=1 iflag=fullblock status=none; sleep 0.2; done >slowly
    assert_equal "$(wc -c <slowly)" 40000000
}

@test "more connections than there are descriptors: when they are given up, others are served again" {
    service 'limits: {patience: 500ms}'
    serve
    port=${url#*127.0.0.1:} port=${port%%/*}
    ask echo --data fine
    prlimit --pid "$(cat pid)" --nofile=150:150
    for _ in $(seq 200); do exec {fd}<>"/dev/tcp/127.0.0.1/$port"; done
    assert_in "HTTP/1.1 408" "$(timeout 10 cat <&"$fd")" # the last one: it waited until others had gone
    ask echo --data fine
    assert_equal "$status $output" "200 fine"
}

@test "one client holds no more connections than it may, and is served again when it has closed one" {
    service 'limits: {connections: 4, patience: 20s}'
    serve
    port=${url#*127.0.0.1:} port=${port%%/*}
    for _ in $(seq 4); do exec {fd}<>"/dev/tcp/127.0.0.1/$port"; done
    for _ in $(seq 100); do ask echo --data fine; [ "$status" = 503 ] && break; sleep 0.05; done
    assert_in "too many connections" "$output"
    exec {fd}>&-
    for _ in $(seq 100); do ask echo --data fine; [ "$status" = 200 ] && break; sleep 0.05; done
    assert_equal "$status $output" "200 fine"
}

@test "what runs at its deadline is ended: its zygote serves the next request" {
    service 'limits: {deadline: 700ms}' 'security: {lifetime: 60s}'
    serve -j 1
    for i in 1 2 3; do curl -s -m 30 -w '%{http_code}\n' -o /dev/null --data 50000 "$url/tasks/slow" >"code$i" & done # 50 s each
    for i in 1 2 3; do for _ in $(seq 200); do [ -s "code$i" ] && break; sleep 0.05; done; done
    assert_equal "$(cat code1 code2 code3 | sort -u)" 504
    for _ in $(seq 40); do ask slow --data 1; [ "$status" = 200 ] && break; done # its zygote is started anew
    assert_equal "$status $output" "200 done"
}

@test "Ctrl-C finishes what runs, answers it, and ends with 0; nothing is left behind" {
    service
    serve
    ask echo --data x
    curl -s -m 30 -w '%{http_code}' --data 700 -o answer "$url/tasks/slow" >code &
    curl=$!
    sleep 0.3
    kill -INT "$(cat pid)"
    wait $curl
    assert_equal "$(cat code) $(cat answer)" "200 done"
    local code=0
    wait "$(cat pid)" || code=$?
    rm pid
    assert_equal "$code" 0
    ! pgrep -f "warden --config $HOME" || return 1
}

@test "an address where somebody listens is exit code 4, and who ended leaves it free at once" {
    service
    serve
    local address=${url#http://}
    address=${address%%/*}
    run_covey 4 serve service.yaml --listen "$address"
    assert_equal "$stderr" "covey: $address: somebody listens there already; name another port"
    ask echo --data x
    assert_equal "$status $output" "200 x"
    kill -INT "$(cat pid)"
    wait "$(cat pid)" || true
    serve --listen "$address"
    ask echo --data y
    assert_equal "$status $output" "200 y"
}

@test "another address than loopback needs a token or client certificates, and a token is needed with each request" {
    service
    run_covey 3 serve service.yaml --listen 0.0.0.0:0
    assert_in "0.0.0.0:0: others can reach this address; name a token file" "$stderr"
    echo short >token
    chmod 600 token
    run_covey 2 serve service.yaml --listen 0.0.0.0:0 --token-file token
    assert_in "token: a token is one line of 16 to 512 printable characters" "$stderr"
    echo 0123456789abcdef0123 >token
    chmod 644 token
    run_covey 3 serve service.yaml --token-file token
    assert_in "token: others can read the token" "$stderr"
    chmod 600 token
    serve --token-file token
    ask echo --data x
    assert_equal "$status" 401
    ask echo --data x -H "Authorization: Bearer 0123456789abcdef0124"
    assert_equal "$status" 401
    ask echo --data x -H "Authorization: Bearer $(cat token)"
    assert_equal "$status" 200
    assert_equal "$(curl -s -o /dev/null -w '%{http_code}' "${url%/v1*}/healthz")" 200
}

@test "with client certificates, only those that the operator signed are let in" {
    for who in operator stranger; do
        openssl req -x509 -newkey ed25519 -nodes -keyout "$who.key" -out "$who.pem" -subj "/CN=$who" -days 2 2>/dev/null
        openssl req -newkey ed25519 -nodes -keyout "client-$who.key" -out c.csr -subj "/CN=client" 2>/dev/null
        openssl x509 -req -in c.csr -CA "$who.pem" -CAkey "$who.key" -CAcreateserial -out "client-$who.pem" -days 2 2>/dev/null
    done
    openssl req -x509 -newkey ed25519 -nodes -keyout server.key -out server.pem -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -days 2 2>/dev/null
    service
    chmod 644 server.key
    run_covey 3 serve service.yaml --tls-cert server.pem --tls-key server.key
    assert_equal "$stderr" "covey: server.key: others can read the key (mode 644); run: chmod 600 server.key"
    chmod 600 server.key
    serve --tls-cert server.pem --tls-key server.key --client-ca operator.pem
    ask echo --data x --cacert server.pem --cert client-operator.pem --key client-operator.key
    assert_equal "$status $output" "200 x"
    ask echo --data x --cacert server.pem --cert client-stranger.pem --key client-stranger.key || status=000
    [[ $status == 403 || $status == 000 ]]
    ask echo --data x --cacert server.pem || status=000
    [[ $status == 403 || $status == 000 ]]
}

@test "TLS before 1.2 is not spoken" {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.pem -subj /CN=localhost -days 2 2>/dev/null
    service
    serve --tls-cert server.pem --tls-key server.key
    port=${url#*127.0.0.1:} port=${port%%/*}
    for version in 1 1_1 1_2 1_3; do # at the client's lowest level of security, so that it is not the client who refuses
        timeout 10 openssl s_client -connect "127.0.0.1:$port" "-tls$version" -cipher 'DEFAULT@SECLEVEL=0' </dev/null >"s$version" 2>&1 || true
    done
    for version in 1 1_1; do assert_in "no peer certificate available" "$(cat "s$version")"; done
    for version in 1_2 1_3; do assert_in "Server certificate" "$(cat "s$version")"; done
}

@test "every request is in the history, which keeps the newest" {
    service 'history: {path: h.db, rows: 3}'
    serve
    for i in 1 2 3 4; do ask "echo?session=s$i&shop=7" --data "$i"; done
    ask fail --data x
    kill -INT "$(cat pid)"
    wait "$(cat pid)" || true
    assert_equal "$(sqlite3 h.db 'SELECT session, attributes, status, start, bytes_in FROM request ORDER BY id LIMIT 2')" $'s3|shop=7|200|1|1\ns4|shop=7|200|1|1'
    assert_equal "$(sqlite3 h.db 'SELECT status FROM request ORDER BY id DESC LIMIT 1')" 500
}

@test "a mistake in the service file is named with its line, and a file that is not there with its task" {
    service 'limits: {bdy: 1KiB}'
    run_covey 2 serve service.yaml
    assert_equal "$stderr" "covey: service.yaml:2: unknown key 'bdy'; did you mean 'body'?"
    service 'store: {path: store}'
    echo '  - {task: more, module: request.wasm, data: [missing.bin]}' >>service.yaml
    run_covey 2 serve service.yaml
    assert_in "service.yaml:8: " "$stderr"
    assert_in "store/missing.bin: " "$stderr"
}

@test "data that is not staged comes in the input: the module answers with it, cold and warm" {
    cat >words.c <<'END'
#include "covey_service.h"
int main(void)
{
    JobText body = service_body(), first = service_data(0, "words/one"), second = service_data(1, "words/two");
    printf("%.*s %.*s %.*s", (int)body.size, body.text, (int)first.size, first.text, (int)second.size, second.text);
    return 0;
}
END
    covey-cc words.c -o words.wasm
    mkdir store
    printf first >store/one
    printf second >store/two
    printf '%s\n' "service: demo" "store: {path: store, delay: 10ms}" "tasks:" "  - {task: words, module: words.wasm, data: [one, two], fallback: input}" >service.yaml
    serve
    for _ in 1 2 3; do
        ask words --data body
        assert_equal "$status $output" "200 body first second"
    done
    ask words --data ''
    assert_equal "$status $output" "200  first second"
}
