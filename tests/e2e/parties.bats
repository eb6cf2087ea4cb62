# Data owner, code author and operator: does the example of sealed data work, what is refused, and who has the plaintext in memory?
load helper

setup_file() {
    use_home
    cd "$BATS_FILE_TMPDIR" || return
    module lines
    for who in owner author operator; do as "$who" covey key new >/dev/null; done
    as author covey image build lines.wasm -o lines.see
    as operator covey key trust "$(as author covey key show)"
    cc -O2 -Wall -Werror "$COVEY_SOURCE/tests/e2e/memory-search.c" -o memory-search
    yes "$PLAIN" | head -n 400000 >plain.txt # so much that a run meets the search more than once
}
setup() { cd "$BATS_FILE_TMPDIR" || return; }
teardown() { stop_broker; }

PLAIN='plaintext that is known to the test'

# as WHO COMMAND...: with that person's keys, trust and state
as() {
    local who=$BATS_FILE_TMPDIR/$1
    shift
    XDG_CONFIG_HOME=$who/config XDG_STATE_HOME=$who/state "$@"
}
start_broker() {
    XDG_CONFIG_HOME=$PWD/owner/config XDG_STATE_HOME=$PWD/owner/state covey keybroker --listen "unix:$BATS_FILE_TMPDIR/kb.sock" 3>&- 2>>broker.log &
    broker=$!
    for _ in $(seq 100); do [ -S kb.sock ] || sleep 0.05; done
}
stop_broker() {
    [ -n "${broker:-}" ] || return 0
    kill "$broker" 2>/dev/null || true
    wait "$broker" || true
    broker=
}
# sealed NAME LINES...: the owner seals plain.txt as NAME.sealed with these lines of policy; the operator has NAME.yaml.
sealed() {
    local name=$1
    shift
    printf '%s\n' "policy: $name" "evidence: [node-key]" "nodes: [$(as operator covey key show --node)]" "recipients: [$(as author covey key show --sealing)]" "$@" >policy.yaml
    as owner covey seal plain.txt -o "$name.sealed" --policy policy.yaml --target 64KiB >/dev/null
    printf '%s\n' "task: $name" "image: lines.see" "input: $name.sealed" "combine: concat" "output: $name.result" >"$name.yaml"
}
signer() { echo "signers: [$(as author covey key show)]"; }
operate() {
    local code=$1 name=$2
    shift 2
    as operator run_covey "$code" run "$name.yaml" --quiet --keybroker "unix:$BATS_FILE_TMPDIR/kb.sock" "$@"
}
# refused NAME CODE MESSAGE: exactly that, and no result
refused() {
    operate "$2" "$1"
    assert_equal "$stderr" "covey: $3"
    [ ! -e "$1.result" ]
}
# How often the owner's log says that keys of segments were released.
released() { as owner covey audit show owner/state/covey/keybroker/audit.log --event key-release | grep -c '"what": "segments"' || true; }

@test "the example: three parties, three processes, the right sums" {
    [ -e "$COVEY_SOURCE/data/birdstrikes.csv" ] || skip "data/birdstrikes.csv is missing; make deps fetches it"
    run timeout 120 "$COVEY_SOURCE/examples/sealed/run" "$COVEY_BUILD/covey" "$BATS_TEST_TMPDIR/three"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    assert_in "right: 37 species, 36302865 dollars in all" "$output"
    assert_in "repair-cost.sealed: is sealed for others; none of your sealing keys (covey key show) is among its recipients" "$output"
    assert_in "audit.log: whole, closed" "$output"
    run grep -rl -a "Canada goose" "$BATS_TEST_TMPDIR/three/operator"
    assert_equal "$output" ""
}

@test "an image that the policy does not name gets no key" {
    start_broker
    sealed wrong-image "images: [sha256:$(printf '%064d' 1)]"
    local measured
    measured=$(covey image inspect lines.see | awk '$1 == "measurement" { print $2 }')
    refused wrong-image 3 "the evidence is refused: image: sha256:$measured: neither its measurement nor its signer is accepted"
    assert_equal "$(released)" 0
    assert_in '"accepted": false, "claims": 9, "failed": [{"claim": "image"' "$(as owner covey audit show owner/state/covey/keybroker/audit.log --event appraisal)"
}

@test "an expired policy releases nothing, and data is not sealed under one" {
    start_broker
    sealed expired "$(signer)" "expires: $(date -u -d '+2 seconds' +%FT%TZ)"
    sleep 2.1
    refused expired 3 "the policy of the dataset has expired: seal it again"
    sed -i 's/^expires:.*/expires: 2020-01-01T00:00:00Z/' policy.yaml
    as owner run_covey 2 seal plain.txt -o x.sealed --policy policy.yaml
    assert_equal "$stderr" "covey: policy.yaml: 'expires' has passed already; nobody could open the data"
}

@test "a node that the policy does not name gets no key" {
    start_broker
    sealed nodes "$(signer)"
    sed -i "s|^nodes:.*|nodes: [$(as author covey key show)]|" policy.yaml
    as owner covey seal plain.txt -o nodes.sealed --policy policy.yaml >/dev/null
    operate 3 nodes
    assert_in "the evidence is refused: node" "$stderr"
}

@test "what is counted stays counted: no second run, also with a broker that was killed in between" {
    start_broker
    sealed once "$(signer)" "runs: 1"
    operate 0 once
    kill -9 "$broker"
    wait "$broker" || true
    start_broker
    sed -i 's/^task: once/task: once-more/; s/once.result/more.result/' once.yaml
    operate 3 once
    assert_equal "$stderr" "covey: the policy allows 1 runs, and all are used"
    [ ! -e more.result ]
}

@test "a changed byte of a segment fails that micro-job alone, a shorter file is refused" {
    start_broker
    sealed tampered "$(signer)"
    printf X | dd of=tampered.sealed bs=1 seek=200000 conv=notrunc status=none
    operate 1 tampered
    assert_in "sealed data or its key is damaged, or not for this micro-job" "$stderr"
    [ ! -e tampered.result ]
    sealed shorter "$(signer)"
    truncate -s -5 shorter.sealed
    refused shorter 3 "shorter.sealed: does not end like a sealed dataset: it is cut short, or something was added; get it again"
}

@test "data of one owner gets no key from another owner's broker" {
    start_broker
    sealed foreign "$(signer)"
    as author covey seal plain.txt -o foreign.sealed --policy policy.yaml >/dev/null
    local before
    before=$(released)
    operate 3 foreign
    assert_in "sealed by $(as author covey key show), who is not this key broker's owner" "$stderr"
    assert_equal "$(released)" "$before"
    [ ! -e foreign.result ]
}

@test "only a recipient opens the result, and it is the data" {
    start_broker
    sealed result "$(signer)"
    operate 0 result
    as author covey key trust "$(as owner covey key show)"
    as operator covey key trust "$(as owner covey key show)"
    as author run_covey 0 unseal result.result -o opened.txt
    cmp plain.txt opened.txt
    as operator run_covey 3 unseal result.result
    assert_equal "$stderr" "covey: result.result: is sealed for others; none of your sealing keys (covey key show) is among its recipients"
}

@test "the plaintext of sealed data is in no memory of manager, agent, warden or broker; that of open data is" {
    [ "$(id -u)" -eq 0 ] || skip "only root reads the memory of processes that are not dumpable"
    start_broker
    sealed memory "$(signer)"
    for _ in {1..20}; do # the warden is gone before the run's last search: until one has met it
        as operator timeout 120 ./memory-search "$PLAIN" "$broker" -- covey run memory.yaml --quiet --keybroker "unix:$PWD/kb.sock" >>sealed.txt
        ! grep -q '^warden searched [1-9]' sealed.txt || break
    done
    sed 's/^input:.*/input: plain.txt/; s/memory/open/' memory.yaml >open.yaml
    as operator timeout 120 ./memory-search "$PLAIN" "$broker" -- covey run open.yaml --quiet >open.txt
    cat sealed.txt open.txt
    for who in run warden broker; do grep -q "^$who searched [1-9]" sealed.txt; done
    assert_equal "$(awk '{ found += $NF } END { print found }' sealed.txt)" 0
    awk '$1 == "run" { found += $NF } END { exit found == 0 }' open.txt
    # The search can see into the other two as well: each has the text of its own command line.
    as operator timeout 120 ./memory-search keybroker "$broker" -- covey run open.yaml --quiet >control.txt
    awk '$1 == "broker" { found += $NF } END { exit found == 0 }' control.txt
}

@test "a private task of the operator is charged by the owner's broker, and only the recipient reads the answer" {
    start_broker
    { echo id,v; seq 500 | awk '{ print $1 % 40 "," $1 % 10 }'; } >people.csv
    printf '%s\n' "policy: people" "evidence: [node-key]" "nodes: [$(as operator covey key show --node)]" "recipients: [$(as author covey key show --sealing)]" \
        "$(signer)" "budget: {epsilon: 100, person: id}" >policy.yaml
    as owner covey seal people.csv -o people.sealed --policy policy.yaml --group-by id --segments 6 >/dev/null
    printf '%s\n' "task: people" "input: people.sealed" "output: people.result" "privacy: {aggregate: count, epsilon: 60}" >people.yaml
    as operator covey key trust "$(as owner covey key show)"
    as operator run_covey 0 run people.yaml --dry-run
    assert_in "only the key broker knows" "$output"
    operate 0 people
    as operator run_covey 3 unseal people.result
    as author covey key trust "$(as owner covey key show)"
    as author run_covey 0 unseal people.result -o -
    json '.numbers[0].value >= 39 and .numbers[0].value <= 41' >/dev/null
    operate 3 people # a new task, for as much again
    assert_in "of the dataset's privacy budget epsilon 40 is left" "$stderr"
    as owner run_covey 4 budget show
    assert_in "works with the ledger" "$stderr"
    stop_broker
    as owner run_covey 0 budget show
    assert_in "spent   epsilon 60" "$output"
}
