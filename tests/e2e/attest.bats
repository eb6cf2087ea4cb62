# Can a person see what this node is, and why somebody's evidence is believed or not?
load helper
DATA=${COVEY_DATA:-$COVEY_SOURCE/../shared/data}/attestation
setup_file() { use_home; }
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
    unset COVEY_TCTI
}
need_data() {
    [ -r "$DATA/snp/report_milan.hex" ] && return
    [ "${CI:-}" != true ] || { echo "$DATA is missing"; return 1; }
    skip "no attestation data (set COVEY_DATA)"
}
collateral() {
    mkdir -p c/amd c/intel c/reference
    cp "$DATA"/snp/*.der "$DATA"/snp/*.pem c/amd
    cp "$DATA"/tdx/pckcrl "$DATA"/tdx/rootcrl.der "$DATA"/tdx/sample_* c/intel
    # Intel's root is the last certificate of the quote itself: whoever tests this trusts the sample.
    LC_ALL=C grep -a -A20 -e '-----BEGIN' "$DATA/tdx/quote_v5_sample.dat" | LC_ALL=C awk '/BEGIN/ {n++} n == 3 && !done; /END/ && n == 3 {done = 1}' >c/intel/root.pem
    cat >c/reference/guest.yaml <<END
snp:
  measurements: [7a1e5c266c0108dbc9bb94fa926951320940915d0aafb42464bd88b579ea158d3e1a0dc39b2c60bd95b9c480cd81841f]
  minimum_tcb: {bootloader: 3, snp: 8, microcode: 115}
END
}
failed() { grep -c '^no ' <<<"$output"; }

@test "a node's evidence is believed where its key is trusted, and only there" {
    covey attest --kind node-key >evidence 2>said
    assert_equal "$(cat said)" "covey attest: evidence of kind node-key, 388 bytes"
    run_covey 0 attest --appraise evidence
    assert_in "a node that is trusted" "$output"
    assert_in accepted "${lines[-1]}"
    tr -d '\n' <evidence | tr a-f A-F | basenc -d --base16 >evidence.bin
    run_covey 0 attest --appraise evidence.bin
    XDG_CONFIG_HOME=$PWD/another run_covey 3 attest --appraise evidence
    assert_equal "$(failed)" 1
    assert_in "nobody trusts this node" "$output"
}

@test "evidence expires, answers its nonce, and does not survive a changed byte" {
    covey attest --nonce "$(printf '42%.0s' {1..32})" >evidence 2>/dev/null
    assert_in "$(printf '42%.0s' {1..32})" "$(cat evidence)"
    run_covey 3 attest --appraise evidence --time 2030-01-01T00:00:00Z
    assert_in "expired" "$output"
    sed -i 's/42/43/' evidence
    run_covey 3 attest --appraise evidence
    assert_in "the signature is not by the key that the evidence names" "$output"
}

@test "the real SEV-SNP report is accepted, claim by claim" {
    need_data
    collateral
    run_covey 0 attest --appraise "$DATA/snp/report_milan.hex" --collateral c
    assert_equal "$(grep -c '^ok ' <<<"$output")" 11
    assert_in "to ARK-Milan" "$output"
    run_covey 0 attest --appraise "$DATA/snp/report_milan.hex" --collateral c --json
    assert_equal "$(json .accepted)" true
    assert_equal "$(json '[.claims[].passed] | all')" true
}

@test "without collateral it is refused, and what is missing is named with its address" {
    need_data
    run_covey 3 attest --appraise "$DATA/snp/report_milan.hex"
    assert_in "get https://kdsintf.amd.com/vcek/v1/" "$output"
    assert_in "claims did not pass" "$stderr"
    run_covey 2 attest --appraise "$DATA/snp/report_milan.hex" --collateral nowhere
    assert_in "nowhere: No such file or directory; it holds amd/, intel/, tpm/ and reference/" "$stderr"
}

@test "a wrong time and a wrong file of collateral are named" {
    need_data
    collateral
    run_covey 3 attest --appraise "$DATA/snp/report_milan.hex" --collateral c --time 2031-01-01T00:00:00Z
    assert_in "certificate SEV-VCEK has expired" "$output"
    run_covey 2 attest --appraise "$DATA/snp/report_milan.hex" --collateral c --time yesterday
    assert_in "a time is written like 2026-11-21T22:00:00Z" "$stderr"
    echo 'snp: {measurements: [abc]}' >c/reference/wrong.yaml
    run_covey 2 attest --appraise "$DATA/snp/report_milan.hex" --collateral c
    assert_equal "$stderr" "covey: c/reference/wrong.yaml:1: measurements takes a list of 96 hex digits each"
    rm c/reference/wrong.yaml
    echo nonsense >c/amd/notes.txt
    run_covey 2 attest --appraise "$DATA/snp/report_milan.hex" --collateral c
    assert_in "c/amd/notes.txt: neither a certificate nor a revocation list" "$stderr"
}

@test "the real TDX quote verifies to Intel's root, and what its collateral lacks is said" {
    need_data
    collateral
    run_covey 3 attest --appraise "$DATA/tdx/quote_v5_sample.dat" --collateral c --time 2026-11-21T22:00:00Z
    for claim in tdx-signature tdx-attestation-key tdx-qe-signature tdx-pck-chain tdx-attributes; do grep -q "^ok   $claim " <<<"$output"; done
    assert_equal "$(failed)" 4
    assert_in "tcb?fmspc=90c06f000000" "$output"
    assert_in "the revocation list of Intel SGX PCK Platform CA is stale" "$output"
}

@test "this machine says what it has not" {
    [ ! -e /sys/kernel/config/tsm/report ] || skip "a confidential guest"
    run_covey 3 attest --kind tdx
    assert_in "this machine has no such evidence" "$stderr"
}

@test "wrong words end with exit code 2" {
    run_covey 2 attest --kind sgx
    assert_in "there are node-key, tpm2, sev-snp and tdx" "$stderr"
    run_covey 2 attest --nonce 00
    assert_in "a nonce is 64 hex digits" "$stderr"
    run_covey 2 attest --json
    assert_in "go with --appraise" "$stderr"
    run_covey 2 attest --appraise x --nonce 00
    assert_in "do not go with --appraise" "$stderr"
    run_covey 2 attest --appraise /dev/null
    assert_in "neither evidence of Covey, nor an SEV-SNP report" "$stderr"
}
