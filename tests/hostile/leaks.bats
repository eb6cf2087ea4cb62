# Does anything go from one micro-job to the next, or is anything the same that must not be?
load hostile

setup_file() {
    use_home
    hostile_tools outcomes
    covey-cc -Wall -Wextra "$BATS_TEST_DIRNAME/wasm/leak.c" -o "$BATS_FILE_TMPDIR/leak.wasm"
    wat2wasm "$BATS_TEST_DIRNAME/wasm/leak.wat" -o "$BATS_FILE_TMPDIR/leak_wat.wasm"
}
setup() { cd "$BATS_TEST_TMPDIR" || return; }

# leak_task LEVEL MODULE COUNT [SECURITY] [ARGS]
leak_task() {
    printf '%s\n' "task: leak" "module: $BATS_FILE_TMPDIR/$2" "args: [${5:-}]" "input: {count: $3}" "attempts: 1" \
        "security: {level: $1, memory: 16MiB${4:+, }${4:-}}" "output: out.txt" >task.yaml
}

for_level() { # LEVEL: memory, variables, heap, stack, environment, log
    leak_task "$1" leak.wasm 300
    run_covey 0 run task.yaml
    assert_equal "$(wc -l <out.txt)" 300
    assert_equal "$(awk '{ print $1, $2 }' out.txt | sort -u | wc -l)" 1
    grep -q '^clean ' out.txt
}

@test "at shared, 300 micro-jobs that dirty everything find nothing of each other" { for_level shared; }
@test "at process, 300 micro-jobs that dirty everything find nothing of each other" { for_level process; }

@test "nothing is left behind either by micro-jobs that trap, or exit in the middle" {
    for level in shared process; do
        leak_task $level leak.wasm 300 "" trap-some
        run --separate-stderr outcomes task.yaml
        [ "$status" -eq 0 ]
        assert_equal "$(grep -c $'failed\ttrap: unreachable instruction$' <<<"$output")" 100
        assert_equal "$(grep -c $'ok\tclean' <<<"$output")" 200
        assert_not_in LEAK "$output"
    done
}

@test "globals, tables and dropped segments are as the module declares them, every time" {
    for level in shared process; do
        leak_task $level leak_wat.wasm 300
        run_covey 0 run task.yaml
        assert_equal "$(sort -u out.txt)" clean
        assert_equal "$(wc -l <out.txt)" 300
    done
}

@test "derived random bytes differ between micro-jobs, and are the same on every run" {
    for level in process shared; do
        leak_task $level leak.wasm 200
        run_covey 0 run task.yaml
        assert_equal "$(sort -u out.txt | wc -l)" 200
        mv out.txt first.txt
        run_covey 0 run task.yaml -j 1
        cmp first.txt out.txt
    done
}

@test "real random bytes are never the same: not between forks of a zygote, not between runs" {
    for level in process shared; do
        leak_task $level leak.wasm 300 "random: real"
        for _ in 1 2; do
            run_covey 0 run task.yaml
            cat out.txt >>all.txt
        done
    done
    assert_equal "$(wc -l <all.txt)" 1200
    assert_equal "$(sort -u all.txt | wc -l)" 1200
}

@test "a log holds only its own micro-job's words" {
    cat >log.c <<'END'
#include "covey_job.h"
int main(void)
{
    for (int i = 0; i < 50; i++) fprintf(stderr, "secret of %" PRIu64 "\n", job_index());
    job_fail("end of %" PRIu64, job_index());
}
END
    covey-cc log.c -o "$BATS_FILE_TMPDIR/log.wasm"
    for level in shared process; do
        leak_task $level log.wasm 8
        run_covey 1 run task.yaml --json
        assert_equal "$(json '[.failures[] | select(.log != "end of \(.micro_job)")] | length')" 0
        assert_equal "$(json '.failures | length')" 8
    done
}
