# Does a hostile module get anywhere? Every trap, every endless thing, every WASI call with pointers that are wrong.
load hostile

setup_file() {
    use_home
    hostile_tools outcomes
    # -ftls-model: with bulk memory clang 14 wants errno's told
    covey-cc -Wall -Wextra -mbulk-memory -ftls-model=local-exec "$BATS_TEST_DIRNAME/wasm/attacks.c" -o "$BATS_FILE_TMPDIR/attacks.wasm"
    covey-cc -Wall -Wextra "$BATS_TEST_DIRNAME/wasm/wasi_pointers.c" -o "$BATS_FILE_TMPDIR/wasi_pointers.wasm"
}
setup() { cd "$BATS_TEST_TMPDIR" || return; }

@test "at process, every attack ends as its own error and the other micro-jobs succeed" {
    read_expected <"$BATS_TEST_DIRNAME/wasm/expected"
    attack_task process "module: $BATS_FILE_TMPDIR/attacks.wasm"
    check_outcomes
}

@test "at shared, every attack ends as its own error and the other micro-jobs succeed" {
    read_expected <"$BATS_TEST_DIRNAME/wasm/expected"
    attack_task shared "module: $BATS_FILE_TMPDIR/attacks.wasm"
    check_outcomes
}

@test "the table of expected ends names every attack of the module" {
    diff <(sed '/^#/d; s/ .*//' "$BATS_TEST_DIRNAME/wasm/expected" | sort -u) \
        <(grep -o 'ATTACK([a-z0-9_]*)' "$BATS_TEST_DIRNAME/wasm/attacks.c" | sed 's/.*(//; s/)//' | grep -v '^function$' | sort -u)
}

@test "covey run says which micro-job failed and why, and keeps what succeeded" {
    printf '%s\n' succeed divide_by_zero succeed >attacks.txt
    attack_task process "module: $BATS_FILE_TMPDIR/attacks.wasm"
    run_covey 1 run task.yaml
    assert_in "covey: micro-job 1 failed after 1 attempt: trap: division by zero" "$stderr"
    assert_equal "$(cat out.txt.partial)" "ok"$'\n'"ok"
    [ ! -e out.txt ]
}

@test "a deterministic failure is not tried again" {
    printf '%s\n' call_abort succeed >attacks.txt
    attack_task process "module: $BATS_FILE_TMPDIR/attacks.wasm"
    sed -i 's/^attempts: .*/attempts: 5/' task.yaml
    run_covey 1 run task.yaml --json
    assert_equal "$(json '.failures[0].attempts')" 1
    assert_equal "$(json .retried)" 0
}

@test "a micro-job that lives too long is tried again, but not for ever" {
    printf '%s\n' loop_for_ever succeed >attacks.txt
    attack_task process "module: $BATS_FILE_TMPDIR/attacks.wasm"
    sed -i 's/^attempts: .*/attempts: 2/; s/lifetime: 1s/lifetime: 200ms/' task.yaml
    run_covey 1 run task.yaml --json
    assert_equal "$(json '.failures[0].attempts')" 2
    assert_equal "$(json '.failures[0].reason')" "lifetime exceeded"
    assert_equal "$(json .succeeded)" 1
}

@test "covey map passes a failure on" {
    printf '%s\n' succeed trap_unreachable >attacks.txt
    run --separate-stderr bash -c "covey map --quiet --module '$BATS_FILE_TMPDIR/attacks.wasm' --target 1 <attacks.txt"
    [ "$status" -eq 1 ]
    assert_in "trap: unreachable instruction" "$stderr"
}

@test "wrong pointers, lengths and descriptors at every WASI call are refused, and touch nothing" {
    for level in process shared; do
        printf 'x\nx\nx\n' >attacks.txt
        attack_task $level "module: $BATS_FILE_TMPDIR/wasi_pointers.wasm"
        run_covey 0 run task.yaml
        assert_equal "$(sort -u out.txt)" "45 calls, 0 wrong"
        assert_equal "$(wc -l <out.txt)" 3
        rm out.txt
    done
}

@test "a thousand arguments arrive; more, or more than 64 KiB of them, are refused before anything runs" {
    cat >arguments.c <<'END'
#include "covey_job.h"
int main(int argc, char **argv)
{
    size_t bytes = 0;
    for (int i = 1; i < argc; i++) bytes += strlen(argv[i]);
    printf("%d %zu\n", argc - 1, bytes);
}
END
    covey-cc arguments.c -o arguments.wasm
    task() { # COUNT BYTES-EACH
        {
            printf '%s\n' "task: arguments" "module: arguments.wasm" "input: {count: 2}" "output: out.txt" "args:"
            yes -- "- $(head -c "$2" /dev/zero | tr '\0' a)" | head -n "$1"
        } >task.yaml
    }
    task 1000 30
    run_covey 0 run task.yaml
    assert_equal "$(sort -u out.txt)" "1000 30000"
    task 1025 1
    run_covey 2 run task.yaml
    assert_in "covey: task.yaml:1030: more than 1024 entries" "$stderr"
    task 1000 100
    run_covey 2 run task.yaml
    assert_in "task.yaml" "$stderr"
}
