# Native code where the module would be, as if the wasm wall had fallen: do the walls of the process hold?
load hostile

setup_file() {
    use_home
    hostile_tools outcomes sign-image native.elf raw.elf hog.elf
    sign-image "$COVEY_BUILD/tests/hostile/native.elf" "$BATS_FILE_TMPDIR/native.see"
    sign-image "$COVEY_BUILD/tests/hostile/raw.elf" "$BATS_FILE_TMPDIR/raw.see"
}
setup() { cd "$BATS_TEST_TMPDIR" || return; }

# A well-behaved neighbour after each attack.
with_neighbours() { sed '/^#/d' | awk '{ print } { print "succeed ok ok" }'; }

system_calls() {
    sed -n 's/^    X(\([a-z0-9_]*\), SYS_.*\|^    X(\([a-z_]*\), 1000.*/\1\2/p' "$BATS_TEST_DIRNAME/native/system_calls.c"
    printf '%s\n' 32_bit_gate x32 x32_pread
}
forbidden() { sed 's/$/ failed killed for a forbidden system call/'; }

@test "every system call that is not a SEE's business kills it, and nobody else" {
    [ "$(system_calls | wc -l)" -gt 100 ]
    system_calls | forbidden | with_neighbours | read_expected
    attack_task process "image: $BATS_FILE_TMPDIR/native.see"
    check_outcomes
}

@test "the same at shared, where the next micro-job gets a new worker" {
    system_calls | forbidden | with_neighbours | read_expected
    attack_task shared "image: $BATS_FILE_TMPDIR/native.see"
    check_outcomes
}

@test "killing, forking, foreign descriptors, strange deaths, memory, code, lies in the slot: each is refused or ends one micro-job" {
    with_neighbours <"$BATS_TEST_DIRNAME/native/expected" | read_expected
    attack_task process "image: $BATS_FILE_TMPDIR/native.see"
    check_outcomes
}

@test "at shared, where all of a task's micro-jobs share a process, the same attacks end no neighbour" {
    with_neighbours <"$BATS_TEST_DIRNAME/native/expected" | read_expected
    attack_task shared "image: $BATS_FILE_TMPDIR/native.see"
    # What lies on the channel ends the whole zygote, and with it whatever neighbour runs at that moment: that one is tried again.
    sed -i 's/^attempts: 1/attempts: 3/' task.yaml
    run --separate-stderr timeout 100 assassin - 0 outcomes task.yaml
    [ "$status" -eq 0 ]
    [ "$(wc -l <attacks.txt)" -gt 60 ]
    assert_equal "$(sed '/^task/d' <<<"$output" | paste attacks.txt - | grep -c '^succeed')" "$(grep -c '^succeed' attacks.txt)"
    assert_equal "$(sed '/^task/d' <<<"$output" | paste attacks.txt - | grep '^succeed' | grep -vc $'\tok\tok$')" 0
}

@test "the table of expected ends names every attack of the image" {
    diff <(sed '/^#/d; s/ .*//' "$BATS_TEST_DIRNAME/native/expected" | sort -u) \
        <(cd "$BATS_TEST_DIRNAME/native" && grep -oh '{"[a-z0-9_]*", [a-z]' processes.c memory.c slots.c | sed 's/{"//; s/".*//' | grep -vx fill_slot | sort -u)
}

@test "nothing that a SEE leaves in memory or in its slot is found by the next ones of the same zygote" {
    for _ in $(seq 20); do printf '%s\n' leave_secret look_for_secret dirty_slot look_into_slot look_for_secret look_into_slot; done |
        awk '{ print $1, "ok", $1 ~ /^look/ ? "nothing left behind" : "left" }' | read_expected
    attack_task process "image: $BATS_FILE_TMPDIR/native.see"
    check_outcomes
}

@test "as an ordinary user the walls are the same" {
    [ "$EUID" -eq 0 ] || return 0 # then everything here runs as one
    { system_calls | forbidden; cat "$BATS_TEST_DIRNAME/native/expected"; } | with_neighbours | read_expected
    attack_task process "image: native.see"
    user_home=$(mktemp -d)
    cp "$BATS_FILE_TMPDIR/native.see" attacks.txt task.yaml "$user_home"
    mkdir -p "$user_home/.config" && cp -r "${XDG_CONFIG_HOME:-$HOME/.config}/covey" "$user_home/.config"
    chown -R nobody "$user_home"
    cat >"$BATS_TEST_TMPDIR/outcomes" <<END
#!/bin/sh
export HOME=$user_home XDG_CONFIG_HOME=$user_home/.config XDG_STATE_HOME=$user_home/state XDG_CACHE_HOME=$user_home/cache
cd "$user_home" && exec setpriv --reuid=nobody --regid=nogroup --clear-groups "$COVEY_BUILD/tests/hostile/outcomes" task.yaml
END
    chmod +x "$BATS_TEST_TMPDIR/outcomes"
    PATH=$BATS_TEST_TMPDIR:$PATH
    check_outcomes
}
teardown() { rm -rf "${user_home:-}"; }

# Only a cgroup bounds what a SEE writes into its own slot beyond the task's limits; everywhere the slot's size does, and it is wiped.
@test "filling all of a slot ends one micro-job where there is a cgroup, and nobody else anywhere" {
    printf '%s\n' succeed fill_slot look_into_slot fill_slot look_into_slot succeed >attacks.txt
    attack_task process "image: $BATS_FILE_TMPDIR/native.see"
    sed -i 's/lifetime: 1s/lifetime: 10s/' task.yaml
    run --separate-stderr timeout 100 assassin - 0 outcomes task.yaml
    for job in 0 5; do assert_in "$job"$'\tok\tok' "$output"; done
    for job in 2 4; do assert_in "$job"$'\tok\tnothing left behind' "$output"; done
    if covey doctor --json | jq -e '.checks[] | select(.what == "cgroup") | .ok' >/dev/null; then
        for job in 1 3; do assert_in "$job"$'\tfailed\tthe SEE was killed by a signal' "$output"; done
    fi
}

# raw ATTACK: a task of three micro-jobs on the image without a runtime.
raw() {
    printf '%s\n' "task: raw" "image: $BATS_FILE_TMPDIR/raw.see" "args: [$1]" "input: {count: 3}" "attempts: 1" "security: {lifetime: 1s, memory: 16MiB}" \
        "output: out.txt" >task.yaml
    rm -f out.txt out.txt.partial
    run --separate-stderr timeout 60 assassin - 0 covey run task.yaml --quiet -j 1
}

@test "an image without the runtime can do an honest micro-job" {
    raw succeed
    [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
    assert_equal "$(sort -u out.txt)" ok
}

@test "an image that needs more memory than its task gives does not start" {
    sign-image "$COVEY_BUILD/tests/hostile/hog.elf" hog.see
    raw succeed
    sed -i 's|^image: .*|image: hog.see|' task.yaml
    run_covey 1 run task.yaml --quiet
    assert_in "SEE zygotes in a row died" "$stderr"
    sed -i 's/memory: 16MiB/memory: 2GiB/' task.yaml
    run_covey 0 run task.yaml --quiet
}

@test "an image without the runtime and its filter still cannot make a forbidden system call" {
    for attack in open openat socket socketpair ptrace clone_user unshare execve mmap_executable mmap_slot mprotect_executable setrlimit \
        mount io_uring bpf memfd dumpable death_signal; do
        raw $attack
        [ "$status" -eq 1 ] || { echo "$attack: exit code $status: $stderr"; return 1; }
        [ ! -e out.txt ] || { echo "$attack: it worked"; return 1; }
        assert_not_in BREACH "$(cat out.txt.partial 2>/dev/null || true)"
        assert_in "micro-job 0 failed after 1 attempt: the SEE was lost" "$stderr" || { echo "$attack"; return 1; }
    done
}

@test "what the outer filter lets through leads nowhere" {
    for attack in readlink kill_group kill_all fork_bomb execute_slot foreign_descriptors; do
        raw $attack
        assert_not_in BREACH "$(cat out.txt out.txt.partial 2>/dev/null || true)" || { echo "$attack"; return 1; }
        [ "$status" -le 1 ] || { echo "$attack: exit code $status: $stderr"; return 1; }
    done
}

@test "an image that breaks the rules of the channel fails its task, with one line, without a hang" {
    for attack in start_exit start_silent ${COVEY_LONG:+start_spin} start_garbage start_empty start_wrong_version start_ready_twice start_flood start_escape \
        run_exit run_silent run_spin run_garbage run_wrong_slot run_other_slot run_count run_no_answer run_done_twice run_flood; do
        raw $attack
        if [[ $attack == run_done_twice && $status -eq 0 ]]; then # the last second word came when all was over
            assert_equal "$(sort -u out.txt)" ok
            rm out.txt
            continue
        fi
        [ "$status" -ge 1 ] && [ "$status" -le 4 ] || { echo "$attack: exit code $status: $stderr"; return 1; }
        [ ! -e out.txt ] || { echo "$attack: there is an output"; return 1; }
        [ -n "$stderr" ] || { echo "$attack: not a word"; return 1; }
        ! grep -q $'\x1b' <<<"$stderr" || { echo "$attack: control characters reach the terminal"; return 1; }
    done
}
