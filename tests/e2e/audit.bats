# Does a run write down whom it trusted, and is it found when somebody changes that afterwards?
load helper
setup_file() {
    use_home
    module lines
    covey image build "$BATS_FILE_TMPDIR/lines.wasm" -o "$BATS_FILE_TMPDIR/lines.see" >/dev/null
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR/lines.see" .
    export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
    key=$(covey audit verify 2>&1 | grep -o "audit-[0-9a-f]\{16\}.log")
    log=$XDG_STATE_HOME/covey/$key
}
run_image() { printf 'a\nb\n' | covey map --image "$1" --quiet; }

@test "there is no log before the first decision" {
    run_covey 2 audit verify
    assert_in "$log: No such file or directory" "$stderr"
}

@test "an image that ran is in the log, with its measurement and its signer" {
    run_image lines.see
    run_covey 0 audit verify
    assert_in "$log: whole, closed; entries: 1" "$output"
    run_covey 0 audit show --event image-trust --json
    assert_equal "$(json .detail.trusted)" true
    assert_equal "$(json .detail.image)" lines.see
    assert_equal "$(json .detail.signer)" "$(covey key show)"
    assert_equal "$(json .detail.measurement)" "$(covey image inspect lines.see --json | jq -r .measurement)"
    run_covey 0 audit show
    assert_in "image-trust  by covey" "$output"
}

@test "an image that was refused is in the log, with the reason" {
    head -c -104 lines.see >unsigned.see
    run run_image unsigned.see
    [ "$status" -eq 3 ]
    run_covey 0 audit show --json
    assert_equal "$(json .detail.trusted)" false
    assert_equal "$(json .detail.reason)" "not signed"
    assert_equal "$(json .detail.signer)" ""

    export XDG_CONFIG_HOME=$PWD/stranger XDG_STATE_HOME=$PWD/elsewhere
    run run_image lines.see
    [ "$status" -eq 3 ]
    run_covey 0 audit show --json
    assert_equal "$(json .detail.reason)" "signed by a key that is not trusted here"
    run_covey 0 audit verify
}

@test "another configuration folder is another node, with a log of its own" {
    run_image lines.see
    XDG_CONFIG_HOME=$PWD/theirs run_covey 0 key trust "$(covey key show)"
    XDG_CONFIG_HOME=$PWD/theirs run_image lines.see
    XDG_CONFIG_HOME=$PWD/theirs run_covey 0 audit verify
    assert_in "entries: 2" "$output" # the trust, and the image
    run_image lines.see
    run_covey 0 audit verify
    assert_in "entries: 2" "$output"
}

@test "what is no image at all is no decision" {
    echo text >text.see
    run run_image text.see
    [ "$status" -eq 2 ]
    [ ! -e "$log" ]
}

@test "runs at the same time share the log" {
    for i in 1 2 3 4 5 6; do run_image lines.see >"out$i" & done
    wait
    for i in 1 2 3 4 5 6; do assert_equal "$(wc -l <"out$i")" "$(wc -l <out1)"; done
    run_covey 0 audit verify
    assert_in "entries: 6" "$output"
}

@test "what somebody did to the log is named with its line, and no run goes on behind it" {
    run_image lines.see
    run_image lines.see
    cp "$log" whole
    sed -i '2s/true/false/' "$log"
    run_covey 3 audit verify
    assert_in "$log:2: does not have the hash that line 3 names" "$stderr"
    sed 2d whole >"$log"
    run_covey 3 audit verify
    assert_in "$log:2: has number 1 where 0 is due: lines before it were removed" "$stderr"
    head -n 3 whole >"$log"
    run_covey 3 audit verify
    assert_in "$log:4: the log ends here" "$stderr"
    run run_image lines.see
    [ "$status" -eq 3 ]
    assert_in "the tail was cut" "$output"
    cp whole "$log"
    run_image lines.see
    run_covey 0 audit verify
    run_covey 3 audit verify --key covey-ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo
    assert_in "$log:1: is the log of another key" "$stderr"
}

@test "a run that cannot write the log does not run the image" {
    mkdir -p "$log"
    run run_image lines.see
    [ "$status" -ne 0 ]
    assert_in "$log: Is a directory" "$output"
}

@test "an unknown event and a word that is no key are said so" {
    run_covey 2 audit show --event key-relase
    assert_equal "$stderr" "covey audit show: unknown event key-relase; did you mean key-release?"
    run_covey 2 audit show --event x
    assert_in "it is one of key-release, key-refusal" "$stderr"
    run_covey 2 audit verify --key me
    assert_in "me: is not a public signing key" "$stderr"
    run_covey 2 audit fly
    assert_equal "$stderr" "covey audit: unknown fly; it is show or verify"
}

@test "what became of keys, and whose image it was, stands in the log" {
    local author
    author=$(covey key show)
    export XDG_CONFIG_HOME=$PWD/fresh
    run_covey 0 key new
    local first=${lines[0]}
    run_covey 0 key rotate
    run_covey 0 key trust covey-ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo --comment Ada
    run_covey 0 key revoke covey-ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo --comment lost
    run_covey 3 key new
    run_covey 0 audit show --json --event key-change
    assert_equal "$(jq -r .detail.what <<<"$output" | tr '\n' ' ')" "new rotate trust revoke "
    assert_equal "$(jq -r 'select(.detail.what == "new").detail.signing' <<<"$output")" "$first"
    assert_equal "$(jq -r 'select(.detail.what == "rotate").detail.before' <<<"$output")" "$first"
    assert_equal "$(jq -r 'select(.detail.what == "rotate").detail.signing' <<<"$output")" "$(covey key show)"
    assert_equal "$(jq -r 'select(.detail.what == "revoke").detail.comment' <<<"$output")" lost

    run_covey 0 key trust "$author"
    printf 'task: named\nimage: lines.see\ninput: {path: in.txt}\noutput: out\n' >task.yaml
    printf 'a\nb\n' >in.txt
    run_covey 0 run task.yaml --quiet
    run_covey 0 audit show --json --event image-trust
    assert_equal "$(json .task)" named
    run_covey 0 audit verify
}
