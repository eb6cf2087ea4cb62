# Does the doctor tell the truth about this machine?
load helper
setup_file() { use_home; }

@test "every line is ok or no, with a reason" {
    run_covey 0 doctor
    while read -r word _ rest; do
        [ "$word" = ok ] || [ "$word" = no ]
        [ -n "$rest" ]
    done <<<"$output"
    assert_in "level process" "$output"
}

@test "levels that do not exist yet are not offered" {
    run_covey 0 doctor --json
    assert_equal "$(json .levels.process)" true
    assert_equal "$(json '.levels.microvm | not')" true
    assert_equal "$(json '.levels.confidential | not')" true
    json '.checks | length > 10' >/dev/null
}

@test "evidence is what covey attest gives" {
    for kind in node-key tpm2; do
        run_covey 0 doctor
        if grep -q "^ok *evidence $kind " <<<"$output"; then run_covey 0 attest --kind "$kind"; else run_covey 3 attest --kind "$kind"; fi
    done
    run_covey 0 doctor
    if grep -q "^ok *evidence sev-snp, tdx " <<<"$output"; then [ -d /sys/kernel/config/tsm/report ]; else run_covey 3 attest --kind tdx; fi
    COVEY_TCTI=swtpm:port=1 run_covey 0 doctor
    grep -q "^ok *evidence tpm2 *swtpm:port=1" <<<"$output"
}

@test "a missing tool is named with its package, and the exit code is 2" {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    ln -sf "$(command -v gcc)" "$BATS_TEST_TMPDIR/bin/gcc"
    run --separate-stderr env PATH="$BATS_TEST_TMPDIR/bin" "$COVEY_BUILD/covey" doctor
    [ "$status" -eq 2 ]
    assert_in "wabt" "$output"
}

@test "a program that is not covey is not taken for the warden" {
    run --separate-stderr env COVEY_PROGRAM=/nonexistent covey doctor
    [ "$status" -eq 3 ]
    assert_in "/nonexistent" "$output"
}
