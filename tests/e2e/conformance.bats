# Does an instruction in a SEE do what WebAssembly says? Thousands of cases, one micro-job each, against V8's answers
# (tests/conformance; cases.txt is made by expect.mjs, which needs node; this test does not).
load helper

setup_file() {
    use_home
    wat2wasm "$COVEY_SOURCE/tests/conformance/instructions.wat" -o "$BATS_FILE_TMPDIR/instructions.wasm"
    covey image build "$BATS_FILE_TMPDIR/instructions.wasm" -o "$BATS_FILE_TMPDIR/instructions.see" >/dev/null
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cases=$COVEY_SOURCE/tests/conformance/cases.txt
}

# task INPUT LEVEL: a micro-job for each line of INPUT.
task() {
    cat >"$1.yaml" <<END
task: conformance
image: $BATS_FILE_TMPDIR/instructions.see
input: {path: $1, split: {by: lines, records: 1}}
combine: concat
security: {level: $2, lifetime: 10s, memory: 1MiB}
output: $1.out
END
}

# Results where nothing traps. An expected nan32 or nan64 stands for every quiet NaN of that width.
expect_results() {
    awk '$4 !~ /^trap:/' "$cases" >expected
    cut -c1-36 expected >input
    task input "$1"
    covey run input.yaml --quiet
    paste -d' ' input.out expected | awk '
        $1 == $5 { next }
        $5 == "nan32" && $1 ~ /^00000000[7f]f[c-f]/ { next }
        $5 == "nan64" && $1 ~ /^[7f]ff[89a-f]/ { next }
        { print "is " $1 ", not " $5 ": " $6 " of " $3 " and " $4; wrong++ }
        END { if (NR < 1000) print "only " NR " cases"; exit wrong > 0 || NR < 1000 }'
}

@test "every instruction gives V8's result at level process" { expect_results process; }
@test "every instruction gives V8's result at level shared, one after another in the same process" { expect_results shared; }

# expect_trap KEY REASON: every case that V8 traps on ends with this outcome. Ten a run, because a summary lists ten failures.
expect_trap() {
    local file total=0
    awk -v key="trap:$1" '$4 == key' "$cases" | cut -c1-36 | split -l 10 - "$1."
    for file in "$1".*; do
        task "$file" process
        run_covey 1 run "$file.yaml" --json --quiet
        assert_equal "$(json '.failed')" "$(wc -l <"$file")"
        assert_equal "$(json '.failures[].reason' | sort -u)" "$2"
        total=$((total + $(wc -l <"$file")))
    done
    [ "$total" -gt 0 ]
}

@test "division by zero traps" { expect_trap division-by-zero "trap: division by zero"; }
@test "integer overflow traps" { expect_trap integer-overflow "trap: integer overflow"; }
@test "truncating what is not a number traps" { expect_trap bad-conversion "trap: number is not an integer"; }
@test "an access outside memory or table traps" { expect_trap out-of-bounds "trap: access outside memory or table"; }
@test "an indirect call of a wrong or missing function traps" { expect_trap bad-indirect-call "trap: indirect call of a wrong or missing function"; }
@test "unreachable traps" { expect_trap unreachable "trap: unreachable instruction"; }
