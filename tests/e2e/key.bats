# Can keys be made, shown, protected, replaced, trusted and revoked from the command line, and does what they signed follow at once?
load helper
setup_file() {
    use_home
    cd "$BATS_FILE_TMPDIR" || return
    module lines
    unset XDG_CONFIG_HOME COVEY_PASSPHRASE_FILE
    XDG_CONFIG_HOME=$BATS_FILE_TMPDIR/author covey image build lines.wasm -o job.see
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
    unset COVEY_PASSPHRASE_FILE
}
as_author() { XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/author "$@"; }
take_author() { cp -r "$BATS_FILE_TMPDIR/author" author; }

@test "new keys are two lines, and are not made twice" {
    run_covey 0 key new
    local made=$output
    assert_equal "$(wc -l <<<"$made")" 2
    assert_equal "$made" "$(covey key show; covey key show --sealing)"
    assert_equal "$(stat -c %a config/covey config/covey/signing.key config/covey/sealing.key | tr '\n' ' ')" "700 600 600 "
    run_covey 3 key new
    assert_in "covey key rotate makes successors" "$stderr"
    assert_equal "$made" "$(covey key show; covey key show --sealing)"
    run_covey 0 key new --replace
    [ "$output" != "$made" ]
    assert_equal "$(echo config/covey/*.key.* | wc -w)" 2
}

@test "a machine has a key of its own, which its evidence names" {
    run_covey 0 key show --node
    [[ $output =~ ^covey-ed25519:.{43}$ ]]
    local node=$output
    [ "$node" != "$(covey key show)" ]
    covey attest >evidence 2>/dev/null
    assert_in "$(sed 's/.*://; s/$/=/' <<<"$node" | base64 -d | basenc --base16 -w0 | tr A-F a-f)" "$(tr -d '\n' <evidence)"
    run_covey 2 key show --node --sealing
    assert_equal "$stderr" "covey key show: give either --sealing or --node"
}

@test "a passphrase from a file: the secret is not in the key file, and nothing is signed without it" {
    echo "correct horse" >pass
    chmod 600 pass
    COVEY_PASSPHRASE_FILE=$PWD/pass run_covey 0 key new --passphrase
    assert_in covey-ed25519-argon2id: "$(cat config/covey/signing.key)"
    assert_equal "$output" "$(covey key show; covey key show --sealing)"
    COVEY_PASSPHRASE_FILE=$PWD/pass run_covey 0 image build "$BATS_FILE_TMPDIR/lines.wasm" -o job.see
    run_covey 0 image verify job.see
    run setsid -w covey image build "$BATS_FILE_TMPDIR/lines.wasm" -o other.see # no terminal
    [ "$status" -eq 3 ]
    assert_in "COVEY_PASSPHRASE_FILE" "$output"
    echo "incorrect horse" >pass
    COVEY_PASSPHRASE_FILE=$PWD/pass run_covey 3 image build "$BATS_FILE_TMPDIR/lines.wasm" -o other.see
    assert_in "signing.key: wrong passphrase" "$stderr"
    [ ! -e other.see ]
}

# on_terminal COMMAND LINE...: the command on a terminal of its own, where the lines are typed; $output is all that the terminal showed.
on_terminal() {
    local command=$1
    shift
    run timeout 60 script -qec "$command" /dev/null < <(for line; do sleep 1.5; printf '%b' "$line"; done; sleep 5)
}

@test "a passphrase at the terminal is asked for twice and never shown" {
    on_terminal 'covey key new --passphrase' 'nonsense\x15corrext\x7f\x7fct horse\n' 'correct horse\n'
    [ "$status" -eq 0 ]
    assert_in "New passphrase:" "$output"
    assert_in "covey-x25519:" "$output"
    assert_not_in horse "$output"
    echo "correct horse" >pass
    chmod 600 pass
    COVEY_PASSPHRASE_FILE=$PWD/pass run_covey 0 key rotate
    on_terminal 'covey key rotate' 'correct horse\n'
    [ "$status" -eq 0 ]
    assert_in "signing.key:" "$output"
}

@test "two passphrases that differ, and Ctrl-C, change nothing" {
    on_terminal 'covey key new --passphrase' 'one\n' 'two\n'
    [ "$status" -eq 2 ]
    assert_in "the two passphrases differ" "$output"
    on_terminal 'covey key new --passphrase' 'one\x03'
    [ "$status" -eq 130 ]
    [ ! -e config/covey/signing.key ]
}

@test "a trusted key's image runs, until the key is revoked" {
    take_author
    run_covey 3 image verify "$BATS_FILE_TMPDIR/job.see"
    run_covey 0 key trust "$(as_author covey key show)" --comment Ada
    run_covey 0 image verify "$BATS_FILE_TMPDIR/job.see"
    assert_equal "$(seq 3 | covey map --quiet --image "$BATS_FILE_TMPDIR/job.see" | wc -l)" 3
    run_covey 0 key revoke "$(as_author covey key show)" --comment "lost laptop"
    run_covey 3 image verify "$BATS_FILE_TMPDIR/job.see"
    assert_in "not trusted" "$stderr"
    run_covey 3 map --quiet --image "$BATS_FILE_TMPDIR/job.see" </dev/null
    run_covey 3 key trust "$(as_author covey key show)"
    assert_in "is revoked" "$stderr"
}

@test "a revocation that begins later does not count yet" {
    take_author
    run_covey 0 key trust "$(as_author covey key show)"
    run_covey 0 key revoke "$(as_author covey key show)" --since 9000-01-01T00:00:00Z
    run_covey 0 image verify "$BATS_FILE_TMPDIR/job.see"
    run_covey 0 key revoke "$(as_author covey key show)" --since 2020-01-01T00:00:00Z
    run_covey 3 image verify "$BATS_FILE_TMPDIR/job.see"
    run_covey 2 key revoke "$(as_author covey key show)" --since yesterday
    assert_in "yesterday: not a time; write it as 2027-01-01T00:00:00Z" "$stderr"
}

@test "a rotation is followed by who trusts the old key, and by nobody else" {
    take_author
    local statement
    covey key trust "$(as_author covey key show)"
    statement=$(as_author covey key rotate)
    as_author covey image build "$BATS_FILE_TMPDIR/lines.wasm" -o new.see
    run_covey 3 image verify new.see
    # shellcheck disable=SC2086 # three words
    run_covey 0 key trust $statement
    run_covey 0 image verify new.see
    run_covey 0 image verify "$BATS_FILE_TMPDIR/job.see"
    as_author run_covey 0 image verify "$BATS_FILE_TMPDIR/job.see" # one's own old key stays good
    XDG_CONFIG_HOME=$PWD/stranger run_covey 3 key trust "$statement"
    assert_in "is not trusted here, so neither is its successor" "$stderr"
    run_covey 3 key trust "${statement/%?????/AAAAA}"
    assert_in "not signed by the key" "$stderr"
}

@test "after a rotation old data and results are unsealed as before, and the key broker goes on, with the old log beside" {
    export XDG_STATE_HOME=$PWD/state
    local old
    old=$(covey key show)
    seq 2000 >in.txt
    cp "$BATS_FILE_TMPDIR/lines.wasm" .
    covey image build lines.wasm -o lines.see >/dev/null
    local measurement
    measurement=$(covey image inspect lines.see --json | jq -r .measurement) # whoever signs it
    sealed_run() { # NAME
        printf '%s\n' "policy: test" "images: [sha256:$measurement]" "recipients: [$(covey key show --sealing)]" "evidence: [node-key]" >policy.yaml
        run_covey 0 seal in.txt -o "$1.sealed" --policy policy.yaml
        printf '%s\n' "task: $1" "input: $1.sealed" "module: lines.wasm" "combine: concat" "output: $1.results" >task.yaml
        run_covey 0 run task.yaml
    }
    sealed_run before
    run_covey 0 key rotate
    for sealed in before.sealed before.results; do covey unseal "$sealed" | cmp - in.txt; done
    sealed_run after
    covey unseal after.results | cmp - in.txt
    run_covey 0 audit verify state/covey/keybroker/audit-????????????????.log --key "$old"
    # what was sealed before can still be run over, and its runs are counted on
    printf '%s\n' "task: again" "input: before.sealed" "module: lines.wasm" "combine: concat" "output: again.results" >task.yaml
    run_covey 0 run task.yaml
    covey unseal again.results | cmp - in.txt
    run_covey 0 audit show state/covey/keybroker/audit.log --json
    assert_equal "$(jq -r 'select(.detail.what == "session").detail.runs' <<<"$output" | tail -1)" 2
    # until the old key is revoked
    covey key revoke "$old"
    printf '%s\n' "task: revoked" "input: before.sealed" "module: lines.wasm" "combine: concat" "output: revoked.results" >task.yaml
    run_covey 3 run task.yaml
    [ ! -e revoked.results ]
    run_covey 0 audit verify state/covey/keybroker/audit.log
    run_covey 3 audit verify state/covey/keybroker/audit-????????????????.log --key "$old"
    assert_in "is whole, but who else has its key could have written it: $old is revoked" "$stderr"
}

@test "a revoked key is given no place on a bus" {
    covey key new >/dev/null
    local node
    node=$(covey key show --node)
    run_covey 0 bus config --store nats --node "$node" --manager "$(covey key show)"
    covey key revoke "$node"
    run_covey 3 bus config --store nats --node "$node" --manager "$(covey key show)"
    assert_in "node $node: is revoked here" "$stderr"
    assert_equal "$output" ""
}

@test "one's own revoked key signs nothing" {
    covey key new >/dev/null
    covey key revoke "$(covey key show)"
    run_covey 3 image build "$BATS_FILE_TMPDIR/lines.wasm" -o mine.see
    assert_in "your key is revoked; make a new one with: covey key new --replace" "$stderr"
    covey key new --replace >/dev/null
    run_covey 0 image build "$BATS_FILE_TMPDIR/lines.wasm" -o mine.see
}

@test "what is no key, and a word that is none, are answered with what to do" {
    run_covey 2 key trust ssh-ed25519
    assert_in "not a public key; it looks like covey-ed25519:..." "$stderr"
    run_covey 2 key trust "$(covey key show --sealing)"
    run_covey 2 key trust a b c
    assert_in "not a rotation; it is three words" "$stderr"
    run_covey 2 key revoke nothing
    run_covey 2 key
    run_covey 2 key destroy
    assert_equal "$stderr" "covey key: unknown destroy; it is new, show, rotate, trust or revoke"
}
