# Does credential activation enrol a TPM that a trusted maker certified, through the commands alone, and no other? The TPM is swtpm.
load helper
load swtpm

# A TPM as it leaves a maker of the test's own: with a certificate of its endorsement key inside.
make_tpm() {
    local maker=$PWD/maker
    mkdir -p maker state
    printf 'statedir = %s\nsigningkey = %s/signkey.pem\nissuercert = %s/issuercert.pem\ncertserial = %s/certserial\n' \
        "$maker" "$maker" "$maker" "$maker" >maker/ca.conf
    printf -- '--platform-manufacturer Covey\n--platform-version 1\n--platform-model test\n' >maker/ca.options
    printf 'create_certs_tool=swtpm_localca\ncreate_certs_tool_config=%s\ncreate_certs_tool_options=%s\n' \
        "$maker/ca.conf" "$maker/ca.options" >maker/setup.conf
    timeout 60 swtpm_setup --tpm2 --tpmstate "$PWD/state" --create-ek-cert --config maker/setup.conf >/dev/null
}

setup_file() { # one maker and one TPM for all tests
    cd "$BATS_FILE_TMPDIR" || return
    make_tpm
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    use_home
    cp -r "$BATS_FILE_TMPDIR/state" "$BATS_FILE_TMPDIR/maker" .
    start_tpm
    mkdir -p collateral/tpm-makers collateral/reference
    printf 'tpm:\n  pcr7: ["%064d"]\n' 0 >collateral/reference/boot.yaml
    cp maker/issuercert.pem maker/swtpm-localca-rootca-cert.pem collateral/tpm-makers
}

teardown() { kill -9 "$tpm" 2>/dev/null || true; }

@test "request, challenge, answer: then the node's evidence is believed" {
    timeout 20 covey attest --enrol >request
    timeout 20 covey attest --challenge request --name node7 --collateral collateral >challenge
    assert_equal "$(stat -c %a collateral/enrolling/node7)" 600
    timeout 20 covey attest --activate challenge >answer
    run_covey 0 attest --accept answer --name node7 --collateral collateral
    assert_equal "$output" "enrolled as ak-node7.pub"
    timeout 20 covey attest --kind tpm2 >evidence
    run_covey 0 attest --appraise evidence --collateral collateral
    assert_in "enrolled as ak-node7.pub" "$output"
    # what was expected is forgotten
    run_covey 2 attest --accept answer --name node7 --collateral collateral
    assert_in "no challenge was made for it, or it was answered" "$stderr"
}

@test "a wrong answer enrols nothing, and the challenge is spent" {
    timeout 20 covey attest --enrol >request
    timeout 20 covey attest --challenge request --name node7 --collateral collateral >challenge
    timeout 20 covey attest --activate challenge >answer
    head -c 64 /dev/zero | tr '\0' 0 >guess
    run_covey 3 attest --accept guess --name node7 --collateral collateral
    assert_in "is not the secret of the challenge" "$stderr"
    run_covey 2 attest --accept answer --name node7 --collateral collateral
    [ ! -e collateral/tpm/ak-node7.pub ]
}

@test "a maker that is not trusted vouches for nobody; a TPM that is not there, and options that do not go together, are one line" {
    timeout 20 covey attest --enrol >request
    rm collateral/tpm-makers/*
    run_covey 2 attest --challenge request --name node7 --collateral collateral
    assert_in "put the TPM maker's certificates into collateral/tpm-makers" "$stderr"
    [ ! -e collateral/enrolling/node7 ]
    COVEY_TCTI=device:/nowhere run_covey 3 attest --enrol
    assert_equal "${#stderr_lines[@]}" 1
    run_covey 2 attest --challenge request
    assert_in "need --name NAME" "$stderr"
    run_covey 2 attest --challenge request --name ../up --collateral collateral
    assert_in "letters, digits" "$stderr"
    run_covey 2 attest --enrol --kind tpm2
    run_covey 2 attest --activate request --accept request
    run_covey 2 attest --activate request
    assert_in "not a challenge to a TPM" "$stderr"
}
