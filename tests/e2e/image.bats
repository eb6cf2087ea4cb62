# Do images say what they are, and is nothing run that no trusted key signed?
load helper
setup_file() {
    use_home
    module lines
    covey image build "$BATS_FILE_TMPDIR/lines.wasm" -o "$BATS_FILE_TMPDIR/lines.see" >/dev/null
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR/lines.wasm" "$BATS_FILE_TMPDIR/lines.see" .
}

@test "build names the image after the module, and the second build is from the cache" {
    cp lines.wasm my.module.wasm
    run_covey 0 image build my.module.wasm
    [ -e my.module.see ]
    run_covey 0 image build lines.wasm -o again.see --json
    assert_equal "$(json .from_cache)" true
    cmp lines.see again.see
}

@test "inspect says who signed it" {
    run_covey 0 image inspect lines.see --json
    assert_equal "$(json .signature_valid)" true
    assert_equal "$(json .trusted)" true
    assert_equal "$(json .signer)" "$(covey key show)"
    assert_equal "$(json .module_hash)" "$(sha256sum <lines.wasm | cut -d' ' -f1)"
    run_covey 0 image inspect lines.see
    assert_in "valid, trusted" "$output"
}

@test "one flipped bit: verify and map refuse with exit code 3 or 2, inspect says WRONG or that it is no image" {
    for offset in 3000 200000 -40; do
        cp lines.see bad.see
        [ "$offset" -gt 0 ] || offset=$(($(stat -c %s bad.see) + offset))
        printf '\x5a' | dd of=bad.see bs=1 seek="$offset" conv=notrunc status=none
        run --separate-stderr covey image verify bad.see
        [ "$status" -eq 3 ] || [ "$status" -eq 2 ]
        run --separate-stderr bash -c 'seq 3 | covey map --image bad.see'
        [ "$status" -eq 3 ] || [ "$status" -eq 2 ]
        [ -z "$output" ]
    done
}

@test "another user's image is refused until their key is trusted" {
    local mine=${XDG_CONFIG_HOME:-}
    export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/other
    run_covey 3 image verify lines.see
    run_covey 3 map --image lines.see </dev/null
    mkdir -p other/covey
    XDG_CONFIG_HOME=$mine covey key show >other/covey/trusted
    run_covey 0 image verify lines.see
    seq 3 | covey map --image lines.see | cmp - <(seq 3)
}

@test "without its signature an image is refused" {
    head -c "$(($(stat -c %s lines.see) - 104))" lines.see >unsigned.see
    run_covey 3 image verify unsigned.see
    run_covey 3 map --image unsigned.see </dev/null
    run_covey 0 image inspect unsigned.see
    assert_in "none" "$output"
}

@test "what is no module is refused in one line with its name" {
    echo hello >text.wasm
    run_covey 2 image build text.wasm
    assert_in "text.wasm" "$stderr"
    assert_equal "$(wc -l <<<"$stderr")" 1
    head -c 100 lines.wasm >short.wasm
    run_covey 2 image build short.wasm
    assert_in "short.wasm" "$stderr"
    run_covey 2 image build nothing.wasm
    assert_in "nothing.wasm" "$stderr"
}

@test "the key is private, and the same every time" {
    export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
    key=$(covey key show)
    [[ $key == covey-ed25519:* ]]
    assert_equal "$(covey key show)" "$key"
    assert_equal "$(stat -c %a config/covey/signing.key)" 600
    assert_equal "$(stat -c %a config/covey)" 700
    chmod 644 config/covey/signing.key
    run_covey 3 key show
    assert_in "signing.key" "$stderr"
    [ -z "$output" ]
}
