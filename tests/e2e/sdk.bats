# Does what the SDK promises hold, in a SEE and in a native trial run: reading, CSV, sums, C++, the wrapper?
load helper

setup_file() {
    use_home
    cd "$BATS_FILE_TMPDIR" || return
    cat >fields.c <<'END'
#include "covey_job.h"
int main(void) /* every field of every record in brackets, its bytes escaped */
{
    static JobRecord record;
    while (job_next_csv(&record)) {
        for (size_t i = 0; i < record.count; i++) {
            putchar('[');
            for (size_t j = 0; j < record.fields[i].size; j++) printf("%02x", (unsigned char)record.fields[i].text[j]);
            putchar(']');
        }
        putchar('\n');
    }
}
END
    cat >words.cc <<'END'
#include "covey_sums.h"
#include <algorithm>
#include <map>
#include <string>
#include <vector>
int main()
{
    std::map<std::string, int64_t> counts;
    JobText line;
    while (job_next_line(&line)) counts[std::string(line.text, line.size)]++;
    std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto &a, const auto &b) { return a.second > b.second; });
    JobSums sums = {nullptr, 0, 0};
    for (const auto &entry : sorted) job_sums_add(&sums, entry.first.data(), entry.first.size(), entry.second);
    job_sums_emit(&sums);
}
END
    cat >who.c <<'END'
#include "covey_job.h"
#include "see.h"
int main(int argc, char **argv)
{
    int64_t number = -1;
    JobText text = {argc > 2 ? argv[2] : NULL, argc > 2 ? strlen(argv[2]) : 0};
    bool is_number = argc > 2 && job_integer(text, &number);
    printf("%" PRIu64 " %" PRIu64 " %s %s %s %d %" PRId64 " %d %d\n", job_index(), job_stage(), argv[0], argv[1], getenv("COLOUR"), is_number, number,
        see_prefetch_available("x"), see_claim_prefetch("x"));
}
END
    for source in fields.c words.cc who.c; do covey-cc -Wall -Wextra -Werror $source -o "${source%.*}.wasm"; done
    for source in fields.c who.c; do gcc -std=gnu17 -Wall -Wextra -Werror -g -fsanitize=address,undefined -I"$COVEY_SOURCE/sdk" $source -o "${source%.*}"; done
    g++ -std=gnu++17 -Wall -Wextra -Werror -g -fsanitize=address,undefined -I"$COVEY_SOURCE/sdk" words.cc -o words
}
setup() { cd "$BATS_FILE_TMPDIR" || return; }

# What Python's csv module says, in the form of fields.c.
python_fields() {
    python3 -c '
import csv, sys
for record in csv.reader(sys.stdin, strict=False):
    print("".join("[%s]" % field.encode("latin-1").hex() for field in record or [""]))'
}

@test "CSV: quotes, doubled quotes, newlines and commas in fields, CRLF, no last newline: as Python reads them" {
    printf 'a,b,c\r\n1,"two, and","th""ree"\n"new\nline",,""\n\n"",x\nlast,"one"' >records.csv
    PYTHONIOENCODING=latin-1 python_fields <records.csv >expected
    ./fields <records.csv | diff expected -
    covey map --quiet --module fields.wasm --split csv <records.csv | diff expected -
}

@test "CSV: a lone quote inside a field that is not quoted is data" {
    printf 'ab"c,1\nx"",2\n' | ./fields >actual
    diff actual <(printf '[616222%s][31]\n[782222][32]\n' 63)
}

@test "CSV: ten thousand random records, read in pieces, are as Python reads them" {
    local seed=${COVEY_SEED:-$RANDOM}
    echo "# COVEY_SEED=$seed" >&3
    python3 -c '
import csv, random, sys
r = random.Random(int(sys.argv[1]))
out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow(["zz"])
for _ in range(10000):
    out.writerow(["".join(r.choice("ab,\"\n x") for _ in range(r.choice((0, 1, 3, 40)))) for _ in range(r.randint(1, 9))])' "$seed" >random.csv
    python3 -c '
import csv, sys
for record in csv.reader(open("random.csv", newline="")):
    print("".join("[%s]" % field.encode().hex() for field in record or [""]))' >expected
    cmp expected <(./fields <random.csv)
    covey map --quiet --module fields.wasm --split csv --target 64KiB <random.csv >actual # each segment begins with the header
    [ "$(grep -cx '\[7a7a\]' actual)" -gt 3 ]
    cmp <(sed 1d expected) <(grep -vx '\[7a7a\]' actual)
}

@test "CSV: an open quote ends the micro-job with a sentence" {
    run --separate-stderr ./fields <<<'a,"b'
    [ "$status" -eq 1 ]
    assert_equal "$stderr" "a quoted CSV field is not closed"
}

@test "lines and sums, in C++ with the standard library" {
    seq 1 5000 | awk '{ print $1 % 7 " and, \"more\"" }' >in.txt
    ./words <in.txt >native
    assert_equal "$(head -n 1 native)" '"0 and, ""more""",714'
    covey map --quiet --module words.wasm --combine sum-by-key --target 4KiB <in.txt | diff native -
}

@test "a sum that does not fit 64 bits is an error, not another number" {
    printf '%s\n' '#include "covey_sums.h"' 'int main(void) { JobSums s = {0}; job_sums_add(&s, "k", 1, INT64_MAX); job_sums_add(&s, "k", 1, 1); }' >over.c
    gcc -I"$COVEY_SOURCE/sdk" over.c -o over
    run --separate-stderr ./over
    [ "$status" -eq 1 ]
    assert_equal "$stderr" "the sum of 'k' does not fit 64 bits"
}

@test "a micro-job knows its number, its stage, its arguments and its environment; nothing is staged" {
    printf '%s\n' "task: who" "module: who.wasm" "args: [first, '42']" "env: {COLOUR: blue}" "input: {count: 3}" "output: out.txt" >task.yaml
    run_covey 0 run task.yaml
    diff out.txt - <<'END'
0 0 who first blue 1 42 0 -1
1 0 who first blue 1 42 0 -1
2 0 who first blue 1 42 0 -1
END
    COVEY_JOB=7 COVEY_STAGE=2 COLOUR=red run ./who one 4x
    assert_equal "$output" "7 2 ./who one red 0 -1 0 -1"
}

@test "the same source gives the same module in every folder" {
    mkdir -p one two/deeper
    cp who.c one
    cp who.c two/deeper
    (cd one && covey-cc -g who.c -o who.wasm)
    (cd two/deeper && covey-cc -g who.c -o who.wasm)
    cmp one/who.wasm two/deeper/who.wasm
}

@test "a missing compiler is named, with the packages" {
    COVEY_CLANG=no-such-clang run --separate-stderr covey-cc who.c -o x.wasm
    [ "$status" -eq 4 ]
    assert_in "apt install clang lld wasi-libc" "$stderr"
}

@test "the Makefile snippet builds modules" {
    mkdir -p made
    cp who.c words.cc made
    echo "include $COVEY_SOURCE/sdk/covey-job.mk" >made/Makefile
    make --silent -C made who.wasm words.wasm
    cmp made/who.wasm who.wasm
    [ -s made/words.wasm ]
}

@test "installed, the wrapper finds its headers" {
    mkdir -p usr/bin usr/include/covey
    cp "$COVEY_SOURCE/sdk/covey-cc" usr/bin
    cp "$COVEY_SOURCE"/sdk/*.h usr/include/covey
    usr/bin/covey-cc who.c -o installed.wasm
    cmp installed.wasm who.wasm
}
