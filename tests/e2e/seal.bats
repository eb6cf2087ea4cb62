# Does sealing give back what went in, in segments that a task can use, and say what is wrong when something was touched?
load helper

setup_file() {
    use_home
    export XDG_CONFIG_HOME=$BATS_FILE_TMPDIR/config
    covey key new >/dev/null
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    policy "$(covey key show)" "$(covey key show --sealing)" >policy.yaml
    { echo "patient,visit"; for i in $(seq 1 3000); do echo "\"p$((i % 97))\",$i"; done; } >visits.csv
}

# policy SIGNER RECIPIENT
policy() {
    cat <<END
policy: visits
signers: [$1]
evidence: [node-key]
recipients: [$2]
END
}

@test "what is sealed by records comes back byte for byte, and its file tells nothing" {
    run_covey 0 seal visits.csv -o v.sealed --policy policy.yaml --target 4KiB --json
    [ "$(json .segments)" -gt 5 ]
    assert_equal "$(json .version)" 1
    run ! grep -q "p42" v.sealed
    covey unseal v.sealed | cmp - visits.csv
    run_covey 0 unseal v.sealed -o back.csv
    cmp back.csv visits.csv
    assert_equal "$(stat -c %a back.csv)" 600
    covey seal - --by csv -o p.sealed --policy policy.yaml <visits.csv
    covey unseal p.sealed | cmp - visits.csv
}

# peak COMMAND...: the largest resident set, in KiB
peak() {
    python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
}

@test "a file thirty times as large takes no more memory: sealed, grouped, unsealed" {
    seq 1000000 | awk 'BEGIN { print "id,amount" } { print $1 % 9973 "," $1 * 700001 }' >large.csv # 19 MB
    head -n 33000 large.csv >small.csv
    for how in "--by csv --target 64KiB" "--group-by id --segments 64"; do
        for size in small large; do
            # shellcheck disable=SC2086 # words
            peak covey seal $size.csv -o $size.sealed --policy policy.yaml $how >$size.seal
            peak covey unseal $size.sealed -o $size.out >$size.unseal
        done
        for what in seal unseal; do
            echo "$how: $what: $(cat small.$what) and $(cat large.$what) KiB"
            [ "$(cat large.$what)" -lt "$(($(cat small.$what) + 4096))" ]
        done
        assert_equal "$(sort large.out | md5sum)" "$(sort large.csv | md5sum)"
    done
}

@test "lines, fixed records and a header that is none come back too; an empty input has no segments" {
    head -c 6400 /dev/urandom >fixed
    for how in "visits.csv --by lines" "visits.csv --no-header" "fixed --by fixed:64"; do
        # shellcheck disable=SC2086 # words
        covey seal $how -o x.sealed --policy policy.yaml --target 1KiB
        covey unseal x.sealed | cmp - "${how%% *}"
    done
    : >empty
    run_covey 0 seal empty -o e.sealed --policy policy.yaml --json
    assert_equal "$(json .segments)" 0
    assert_equal "$(covey unseal e.sealed)" ""
}

@test "a header without records is not sealed: the header would be lost" {
    echo patient,visit >only.csv
    run_covey 2 seal only.csv -o only.sealed --policy policy.yaml
    assert_equal "$stderr" "covey: only.csv: has a header and no records, so there is nothing to seal; --no-header seals that line as a record"
    [ ! -e only.sealed ]
    covey seal only.csv -o only.sealed --policy policy.yaml --group-by patient --segments 3 # here every segment has it
    covey unseal only.sealed | cmp - only.csv
    covey seal only.csv -o only.sealed --policy policy.yaml --no-header
    covey unseal only.sealed | cmp - only.csv
}

@test "grouped: each person is in exactly one segment, and nobody is lost" {
    printf 'p1,no newline at the end' >>visits.csv
    run_covey 0 seal visits.csv -o g.sealed --policy policy.yaml --group-by patient --segments 5 --json
    assert_equal "$(json .segments)" 5
    covey unseal g.sealed >back.csv
    assert_equal "$(head -1 back.csv)" "patient,visit"
    diff <(sort back.csv) <({ cat visits.csv; echo; } | sort)
    # one run of records after the other: a patient who comes back after another segment began would be in two
    # (the order within a segment is the input's, so visits begin anew where a segment begins)
    tail -n +2 back.csv | grep -v newline | awk -F, '
        $2 + 0 < last { segment++ }
        { if ($1 in seen && seen[$1] != segment) { print $1 " is in two segments"; bad = 1 } seen[$1] = segment; last = $2 + 0 }
        END { if (segment > 4) print segment + 1 " segments"; exit bad || segment > 4 }'
}

@test "a dataset has versions, and an old one is not taken for a new one" {
    covey seal visits.csv -o v1.sealed --policy policy.yaml
    run_covey 0 seal visits.csv -o v2.sealed --policy policy.yaml --supersedes v1.sealed --json
    assert_equal "$(json .version)" 2
    assert_equal "$(json .id)" "$(covey unseal v1.sealed --inspect --json | jq -r .id)"
    run_covey 0 unseal v2.sealed --at-least 2 -o x
    run_covey 3 unseal v1.sealed --at-least 2 -o y
    assert_in "v1.sealed: is version 1 of the dataset, and 2 or later is expected" "$stderr"
    [ ! -e y ]
}

@test "damage is refused by name with exit code 3, and no file is written" {
    covey seal visits.csv -o v.sealed --policy policy.yaml --target 4KiB
    size=$(stat -c %s v.sealed)
    head -c $((size - 5)) v.sealed >shorter
    run_covey 3 unseal shorter -o out
    assert_in "shorter: does not end like a sealed dataset" "$stderr"
    cp v.sealed flipped
    byte=$(od -An -tu1 -j 5000 -N 1 v.sealed)
    # shellcheck disable=SC2059 # the byte
    printf "\\x$(printf %x $((byte ^ 1)))" | dd of=flipped bs=1 seek=5000 conv=notrunc status=none
    run_covey 3 unseal flipped -o out
    assert_in "flipped: segment 1 was changed" "$stderr"
    [ ! -e out ]
    run_covey 2 unseal visits.csv
    assert_in "visits.csv: is not a sealed dataset" "$stderr"
}

@test "a stranger can look at the policy, and neither trust nor open it" {
    covey seal visits.csv -o v.sealed --policy policy.yaml
    export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/stranger
    run_covey 0 unseal --inspect v.sealed
    assert_in 'policy: "visits"' "$output"
    run_covey 3 unseal v.sealed
    assert_in "which is not trusted here" "$stderr"
    covey key trust "$(XDG_CONFIG_HOME=$BATS_FILE_TMPDIR/config covey key show)"
    run_covey 3 unseal v.sealed
    assert_in "v.sealed: is sealed for others" "$stderr"
}

@test "after the keys were rotated old datasets still open" {
    covey seal visits.csv -o v.sealed --policy policy.yaml
    covey key rotate >/dev/null
    covey unseal v.sealed | cmp - visits.csv
}

@test "wrong words: exit code 2 and what to do" {
    run_covey 2 seal visits.csv --policy policy.yaml
    assert_in "give -o FILE.sealed" "$stderr"
    run_covey 2 seal visits.csv -o x
    assert_in "give --policy POLICY.yaml" "$stderr"
    run_covey 2 seal absent.csv -o x --policy policy.yaml
    assert_in "absent.csv: can't be read" "$stderr"
    run_covey 2 seal visits.csv -o x --policy policy.yaml --group-by name --segments 3
    assert_in "no column is called 'name'; the header is: patient,visit" "$stderr"
    run_covey 2 seal visits.csv -o x --policy policy.yaml --segments 3
    assert_in "--segments says how many segments to group into, and goes with --group-by COLUMN" "$stderr"
    run_covey 2 seal - -o x --policy policy.yaml --by csv --group-by patient <visits.csv
    assert_in "is no file whose size would say how many segments to group into; give --segments N" "$stderr"
    run_covey 2 seal visits.csv -o x --policy policy.yaml --by words
    assert_in "'words' is no way to cut" "$stderr"
    sed -i 's/evidence/evidance/' policy.yaml
    run_covey 2 seal visits.csv -o x --policy policy.yaml
    assert_in "policy.yaml:" "$stderr"
    [ ! -e x ]
}

@test "a policy that has expired, or that names a revoked key, is refused before anything is sealed" {
    echo "expires: 2020-01-01T00:00:00Z" >>policy.yaml
    run_covey 2 seal visits.csv -o x --policy policy.yaml
    assert_in "policy.yaml: 'expires' has passed already" "$stderr"
    stranger=$(XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/stranger covey key show --sealing)
    policy "$(covey key show)" "$(covey key show --sealing), $stranger" >policy.yaml
    covey seal visits.csv -o v.sealed --policy policy.yaml
    covey key revoke "$stranger"
    run_covey 3 seal visits.csv -o x --policy policy.yaml
    assert_in "policy.yaml: entry 2 of 'recipients' is a key that is revoked here" "$stderr"
    [ ! -e x ]
}
