# Does the program explain itself, and what does it say to a wrong word?
load helper
setup_file() { use_home; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }

COMMANDS=(run map "image build" "image inspect" "image verify" key "key new" "key show" "key rotate" "key trust" "key revoke" seal unseal keybroker node serve "pto run" "pto export" "pto stage" "pto key" replay manager "bus config" attest "audit show" "audit verify" "budget show" "budget set" pto "pto train" "pto eval" "pto explain" simulate doctor)

@test "help lists the commands and the exit codes, and hides the warden" {
    run_covey 0 --help
    for c in run map image key seal unseal keybroker node serve replay manager bus attest audit budget pto simulate doctor; do assert_in "  $c" "$output"; done
    assert_in "130 interrupted" "$output"
    assert_not_in warden "$output"
    [ -z "$stderr" ]
}

@test "every command has help with an example, on standard output" {
    for c in "${COMMANDS[@]}"; do
        # shellcheck disable=SC2086 # two words
        run_covey 0 $c --help
        assert_in "usage: covey $c" "$output"
        assert_in "Examples:" "$output"
        [ -z "$stderr" ]
    done
}

@test "the version is one line" {
    run_covey 0 --version
    [[ $output =~ ^covey\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "no command, an unknown one and a mistyped one end with exit code 2 and say what to do" {
    run_covey 2
    assert_in "usage: covey" "$stderr"
    run_covey 2 fly
    assert_equal "$stderr" "covey: unknown command fly; see covey --help"
    run_covey 2 dcotor
    assert_equal "$stderr" "covey: unknown command dcotor; did you mean doctor?"
}

@test "a mistyped option is answered with the right one" {
    run_covey 2 run task.yaml --jsno
    assert_equal "$stderr" "covey run: unknown option --jsno; did you mean --json?"
    run_covey 2 map --splti lines
    assert_equal "$stderr" "covey map: unknown option --splti; did you mean --split?"
}

@test "a missing value, a number that is none, one word too many: exit code 2, one line" {
    run_covey 2 run task.yaml --output
    assert_in "a value is missing after --output" "$stderr"
    run_covey 2 run task.yaml -j many
    assert_in "--jobs: 'many' is not a number" "$stderr"
    run_covey 2 run a.yaml b.yaml
    assert_in "one too many: b.yaml" "$stderr"
    run_covey 2 run
    assert_in "usage: covey run TASK.yaml" "$stderr"
}

@test "map wants an image or a module, not both and not none" {
    run_covey 2 map </dev/null
    assert_in "give either --image FILE.see or --module FILE.wasm" "$stderr"
    run_covey 2 map --image a --module b </dev/null
    assert_in "give either" "$stderr"
}

@test "options of a bus without a bus are a usage error" {
    run_covey 2 run task.yaml --wait 5s
    assert_equal "$stderr" "covey run: --tls-ca, --key, --replicas, --wait and --lease go with --bus"
    run_covey 2 node --zone here
    assert_equal "$stderr" "covey node: --bus is missing; see covey node --help"
    run_covey 2 manager --bus nats://localhost
    assert_equal "$stderr" "covey manager: --tasks is missing; see covey manager --help"
    run_covey 2 keybroker
    assert_equal "$stderr" "covey keybroker: --listen or --bus is missing; see covey keybroker --help"
}

@test "a file that is not there is exit code 2 and one line that names it, whichever command wants it" {
    printf '%s\n' "service: s" "tasks: [{task: t, module: t.wasm}]" >service.yaml
    for c in "run none" "serve none" "replay service.yaml --stream s --log none" "replay none --stream s --log none" "pto run none --stream s" \
        "pto eval --protocol tax --log none" "pto train --log none -o x" "pto explain --log none --session 1" "pto export none" "pto stage none t --stage s" \
        "simulate none" "seal none -o x --policy none" "unseal none" "budget set none --epsilon 1" "image build none" "image verify none" "audit show none"; do
        # shellcheck disable=SC2086
        run_covey 2 $c
        assert_in "covey: none: " "$stderr"
        [ "$(wc -l <<<"$stderr")" -eq 1 ]
        [ -z "$output" ]
    done
}

@test "a word that an option does not know is exit code 2, before anything is read or begun" {
    run_covey 2 replay none --log none --stream none --mode fast
    assert_equal "$stderr" "covey: fast: no mode; there are off, histogram, lookahead, learned, oracle and all"
    run_covey 2 node --bus nats://127.0.0.1:1 --name 'a b'
    assert_equal "$stderr" "covey: 'a b' is no id on a bus: at most 63 letters, digits, - and _"
    for n in 2 4 6; do
        run_covey 2 manager --bus nats://127.0.0.1:1 --tasks . --replicas $n
        assert_equal "$stderr" "covey: $n replicas: there may be 1, 3 or 5, at most as many as servers"
    done
}

@test "what cannot be printed is an error, and a reader that goes away is none of ours" {
    run bash -c 'covey --help >/dev/full'
    [ "$status" -eq 4 ]
    assert_equal "$output" "covey: standard output: No space left on device"
    run bash -c 'covey doctor --json >/dev/full'
    [ "$status" -eq 4 ]
    run bash -c 'covey --help | true; echo "${PIPESTATUS[0]}"'
    [ "$output" = 0 ] || [ "$output" = 141 ]
}

@test "the warden is not for people" {
    run_covey 2 warden --help
    assert_in "started by the node agent" "$stderr"
    run timeout 20 covey warden 3<&-
    [ "$status" -ne 0 ]
    [ "$status" -ne 124 ]
}

@test "completion and manual know every option that help prints" {
    for c in "${COMMANDS[@]}"; do
        # shellcheck disable=SC2086
        run_covey 0 $c --help
        local page=$COVEY_SOURCE/man/covey-${c%% *}.1.scd
        while read -r option; do
            grep -q -e "$option" "$COVEY_SOURCE/completion/covey.bash" || { echo "completion: $c $option"; return 1; }
            [ "$option" = --help ] || [ ! -e "$page" ] || grep -q -e "\*$option\*" "$page" || { echo "$page: $option"; return 1; }
        done < <(grep -o -e '^ .\{6\}--[a-z-]*\|^  -., --[a-z-]*' <<<"$output" | grep -o -e '--[a-z-]*')
    done
}

@test "completion completes" {
    # shellcheck disable=SC2016
    run bash -c '. "$COVEY_SOURCE/completion/covey.bash"
        COMP_WORDS=(covey map --le) COMP_CWORD=2; _covey; echo "${COMPREPLY[@]}"
        COMP_WORDS=(covey do) COMP_CWORD=1; _covey; echo "${COMPREPLY[@]}"
        COMP_WORDS=(covey image b) COMP_CWORD=2; _covey; echo "${COMPREPLY[@]}"
        COMP_WORDS=(covey pto run s.yaml --mode "") COMP_CWORD=5; _covey; echo "${COMPREPLY[@]}"
        COMP_WORDS=(covey replay s.yaml --mode a) COMP_CWORD=4; _covey; echo "${COMPREPLY[@]}"
        COMP_WORDS=(covey pto eval --protocol c) COMP_CWORD=4; _covey; echo "${COMPREPLY[@]}"
        touch event.log; COMP_WORDS=(covey replay s.yaml --log ev) COMP_CWORD=4; _covey; echo "${COMPREPLY[@]}"'
    assert_equal "${lines[0]}" --level
    assert_equal "${lines[1]}" doctor
    assert_equal "${lines[2]}" build
    assert_equal "${lines[3]}" "learned histogram lookahead off oracle"
    assert_equal "${lines[4]}" all
    assert_equal "${lines[5]}" chrono80
    assert_equal "${lines[6]}" event.log
}
