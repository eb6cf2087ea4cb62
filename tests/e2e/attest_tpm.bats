# Does a node with a TPM convince who enrolled it with standard tools, and nobody else? The TPM is swtpm.
load helper
load swtpm

enrol() { # as docs/formats/tpm.md says
    printf 'covey attestation key v1' >label
    printf '\030\000' >unique
    cat label >>unique
    printf '\000\000' >>unique
    timeout 20 tpm2_createprimary -C e -G ecc256:ecdsa-sha256:null -g sha256 -u unique -c ak.ctx \
        -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|sign' >/dev/null
    timeout 20 tpm2_readpublic -c ak.ctx -o "$1" >/dev/null
    timeout 20 tpm2_flushcontext -t
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    use_home
    start_tpm
    mkdir -p collateral/tpm collateral/reference
    printf 'tpm:\n  pcr7: ["%064d"]\n' 0 >collateral/reference/boot.yaml
    timeout 20 covey attest --kind tpm2 >evidence
}

teardown() { kill -9 "$tpm" 2>/dev/null || true; }

@test "evidence of an enrolled TPM is accepted, claim by claim" {
    enrol collateral/tpm/ak-node.pub
    run_covey 0 attest --appraise evidence --collateral collateral
    assert_in "enrolled as ak-node.pub" "$output"
    assert_in "bound to the node key and the nonce" "$output"
    assert_equal "${lines[-1]}" accepted
}

@test "one that nobody enrolled is refused, and so is one that booted something else: exit code 3" {
    run_covey 3 attest --appraise evidence --collateral collateral
    assert_in "is not enrolled" "$output"
    enrol collateral/tpm/ak-node.pub
    timeout 20 tpm2_pcrextend "7:sha256=$(printf '%064d' 1)"
    timeout 20 covey attest --kind tpm2 >later
    run_covey 3 attest --appraise later --collateral collateral
    assert_in "tpm-pcr7" "$output"
    assert_in "is not in reference/*.yaml (tpm: pcr7)" "$output"
}

@test "a TPM that is not there is said, and no weaker evidence given in its place" {
    COVEY_TCTI=device:/nowhere run_covey 3 attest --kind tpm2
    assert_in "device:/nowhere: can't be reached; set COVEY_TCTI" "$stderr"
    assert_equal "$output" ""
}
