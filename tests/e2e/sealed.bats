# Does `covey run` over a sealed dataset give the results of a run in the open, sealed to whom the policy names, and to nobody else?
load helper
setup_file() {
    use_home
    module lines
    module sketch
    module merge
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR"/*.wasm .
    seq 1 20000 | awk '{ print $1 % 97 "," $1 }' >in.txt
}

# policy LINES...: this user's images, to this user
policy() {
    printf '%s\n' "policy: test" "signers: [$(covey key show)]" "recipients: [$(covey key show --sealing)]" "evidence: [node-key]" "$@" >policy.yaml
}

seal() { run_covey 0 seal in.txt -o in.sealed --policy policy.yaml --target 4KiB "$@"; }

# task LINES...: over in.sealed
task() { printf '%s\n' "task: sealed" "input: in.sealed" "output: out.sealed" "$@" >task.yaml; }

@test "what goes through sealed comes out the same" {
    policy "level: process"
    seal
    task "module: lines.wasm" "combine: concat"
    run_covey 0 run task.yaml
    assert_in "-> out.sealed, sealed to 1 recipient; open with covey unseal" "$stderr"
    run_covey 0 unseal out.sealed -o out.txt
    cmp in.txt out.txt
    run_covey 0 run task.yaml --json
    assert_equal "$(json .sealed_to)" 1
}

@test "a module combines sealed results in a tree, as it does in the open" {
    policy "level: process"
    sed -i '1i a,b' in.txt
    run_covey 0 seal in.txt -o in.sealed --policy policy.yaml --by csv --target 512
    task "module: sketch.wasm" "args: [a]" "combine: {module: merge.wasm}"
    run_covey 0 run task.yaml --json
    json '.micro_jobs > 256' >/dev/null # more than one level
    run_covey 0 unseal out.sealed -o out.txt
    sed -e 's/^input:.*/input: {path: in.txt, split: {by: csv, target: 512}}/' -e 's/^output:.*/output: open.txt/' task.yaml >open.yaml
    run_covey 0 run open.yaml
    cmp open.txt out.txt
}

@test "neither the manager's journal nor the result file holds the data in the open" {
    policy "level: process"
    echo "a pattern that nobody else writes" >>in.txt
    seal
    task "module: lines.wasm" "combine: concat"
    run_covey 0 run task.yaml
    run grep -rl "a pattern that nobody else writes" out.sealed in.sealed "$HOME"
    assert_equal "$status" 1
}

@test "an image that the policy does not name gets no key" {
    printf '%s\n' "policy: test" "images: [sha256:$(printf '%064d' 0)]" "recipients: [$(covey key show --sealing)]" "evidence: [node-key]" \
        "level: process" >policy.yaml
    seal
    task "module: lines.wasm" "combine: concat"
    run_covey 3 run task.yaml
    assert_in "evidence is refused" "$stderr"
    [ ! -e out.sealed ]
}

@test "a level below the policy's gets no key" {
    policy "level: process"
    seal
    task "module: lines.wasm" "combine: concat" "security: {level: shared}"
    run_covey 3 run task.yaml
    assert_in "level: shared is lower than is asked for" "$stderr"
}

@test "shared is enough where the policy says so" {
    policy "level: shared"
    seal
    task "module: lines.wasm" "combine: concat" "security: {level: shared}"
    run_covey 0 run task.yaml
    run_covey 0 unseal out.sealed -o out.txt
    cmp in.txt out.txt
}

@test "a dataset that somebody else sealed needs that owner's broker" {
    policy "level: process"
    seal
    task "module: lines.wasm" "combine: concat"
    covey image build lines.wasm -o lines.see
    sed -i 's/^module: .*/image: lines.see/' task.yaml
    XDG_CONFIG_HOME=$PWD/stranger covey key trust "$(covey key show)"
    XDG_CONFIG_HOME=$PWD/stranger run_covey 3 run task.yaml
    assert_in "was sealed by $(covey key show)" "$stderr"
    [ ! -e out.sealed ]
}

@test "what cannot work is said before anything runs" {
    policy "level: process"
    seal
    task "module: lines.wasm" "combine: sum"
    run_covey 2 run task.yaml
    assert_in "combine with concat or a module, which runs in a SEE" "$stderr"
    task "module: lines.wasm" "combine: concat"
    run_covey 2 run task.yaml --output -
    assert_in "they need a file; give --output FILE" "$stderr"
}

@test "an interrupted run goes on where it stopped" {
    policy "level: process"
    seal
    task "module: lines.wasm" "combine: concat"
    covey run task.yaml --output first.sealed & # builds the image on the way
    sleep 0.3
    kill -9 $! || true
    wait || true
    run_covey 0 run task.yaml --resume
    run_covey 0 unseal out.sealed -o out.txt
    cmp in.txt out.txt
}

@test "a key broker that is not there, and one for data that is not sealed, are named" {
    policy "level: process"
    seal
    task "module: lines.wasm" "combine: concat"
    run_covey 2 run task.yaml --keybroker somewhere
    run timeout 60 covey run task.yaml --keybroker unix:nowhere.socket
    [ "$status" -ne 0 ]
    assert_in "nowhere.socket" "$output"
    sed -i 's/in.sealed/in.txt/' task.yaml
    run_covey 2 run task.yaml --keybroker unix:nowhere.socket
    assert_in "the input is not sealed; leave it out" "$stderr"
}

@test "while a key broker of the same user runs, a run says what to do, and does it" {
    policy "level: process"
    seal
    task "module: lines.wasm" "combine: concat"
    covey keybroker --listen unix:kb.sock 3>&- &
    local broker=$!
    for _ in $(seq 100); do [ -S kb.sock ] || sleep 0.05; done
    run_covey 4 run task.yaml
    assert_in "wait until it has ended, or start one covey keybroker --listen unix:PATH for all runs and give each --keybroker unix:PATH" "$stderr"
    covey key trust "$(covey key show --node)" # the run's own broker does that by itself
    kill "$broker"
    wait "$broker" || true
    covey keybroker --listen unix:kb.sock 3>&- &
    broker=$!
    for _ in $(seq 100); do [ -S kb.sock ] || sleep 0.05; done
    run_covey 0 run task.yaml --keybroker unix:kb.sock
    run_covey 0 unseal out.sealed -o out.txt
    cmp in.txt out.txt
    kill "$broker"
    wait "$broker" || true
}

# Three parties, three configurations: owner and operator share nothing but files and a socket.
as() {
    local who=$1
    shift
    XDG_CONFIG_HOME=$PWD/$who XDG_STATE_HOME=$PWD/$who/state "$@"
}

@test "the owner's key broker releases keys to the operator's node, and to no other" {
    printf '%s\n' "policy: test" "signers: [$(as author covey key show)]" "recipients: [$(as owner covey key show --sealing)]" \
        "nodes: [$(as operator covey key show --node)]" "evidence: [node-key]" "level: process" >policy.yaml
    as owner run_covey 0 seal in.txt -o in.sealed --policy policy.yaml --target 4KiB
    as author run_covey 0 image build lines.wasm -o lines.see
    as operator covey key trust "$(as author covey key show)"
    task "image: lines.see" "combine: concat"
    XDG_CONFIG_HOME=$PWD/owner XDG_STATE_HOME=$PWD/owner/state covey keybroker --listen unix:kb.sock 3>&- & # no function: $! is the broker itself
    local broker=$!
    for _ in $(seq 100); do [ -S kb.sock ] || sleep 0.05; done
    as operator run_covey 0 run task.yaml --keybroker unix:kb.sock
    as owner run_covey 0 unseal out.sealed -o out.txt
    cmp in.txt out.txt
    as operator run_covey 3 unseal out.sealed -o no.txt
    mv operator/covey/node operator-node # another node, which the policy does not name
    as operator run_covey 3 run task.yaml --keybroker unix:kb.sock --output again.sealed
    assert_in "evidence is refused" "$stderr"
    # a node that is revoked while the broker runs
    rm -r operator/covey/node
    cp -r operator-node operator/covey/node
    as operator run_covey 0 run task.yaml --keybroker unix:kb.sock --output once-more.sealed
    as owner covey key revoke "$(as operator covey key show --node)"
    as operator run_covey 3 run task.yaml --keybroker unix:kb.sock --output no.sealed
    assert_in "is revoked" "$stderr"
    kill "$broker"
    wait "$broker" || true
}
