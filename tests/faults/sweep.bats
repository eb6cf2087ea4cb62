# Every system call that covey run and its warden make fails once, in turn: is there a clean error or the right output, and nothing else?
#
# Calls are failed in the faulty build (src/sys/fault.h). COVEY_LONG=1 fails each of them; without it every 12th, from a random one on.
# COVEY_SEED=N repeats a run of the tests.
load faults

setup_file() {
    use_home
    fault_tools tests/faults/assassin covey-faults
    export COVEY_PROGRAM=$COVEY_BUILD/covey-faults
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
    seq 1 60 >in.txt
    survivor_task "${level:-process}" concat 10
    covey run task.yaml --quiet
    mv out.txt expected.txt
}

# one FAULT: a run with that fault, and then one without that resumes it.
one() {
    local status=0
    rm -rf state out.txt out.txt.partial log
    COVEY_FAULT=$1 assassin - 0 "$COVEY_BUILD/covey-faults" run task.yaml --quiet >log 2>&1 || status=$?
    case $status in
    0) cmp out.txt expected.txt || return ;;
    1 | 2 | 3 | 4)
        [ ! -e out.txt ] || { echo "exit code $status, and an output"; return 1; }
        grep -q '^covey: .' log || { echo "exit code $status, without a reason"; return 1; }
        ;;
    *) echo "exit code $status"; return 1 ;;
    esac
    [ "$(find . -maxdepth 1 -type f ! -name '*.partial' ! -name out.txt | sort | xargs)" = "./expected.txt ./in.txt ./log ./task.yaml" ] || { ls -A; return 1; }
    assassin - 0 covey run task.yaml --quiet --resume >>log 2>&1 || { echo "it cannot be resumed"; return 1; }
    cmp out.txt expected.txt
}

# sweep ROLE ERRNO EXTRA: the calls that an undisturbed run makes, and EXTRA more, since a forked child goes on counting
sweep() {
    COVEY_FAULT_COUNT=$PWD/count "$COVEY_BUILD/covey-faults" run task.yaml --quiet
    local calls failed=0 step=12 first
    calls=$(awk -v role="$1" '$1 == role && $2 > n { n = $2 } END { print n + 0 }' count)
    rm -f count
    [ "$calls" -gt 30 ]
    first=$((${COVEY_SEED:-$RANDOM} % step + 1))
    [ -z "${COVEY_LONG:-}" ] || step=1 first=1
    echo "# $1, $2: every ${step}th of $calls calls, COVEY_SEED=$((first - 1))" >&3
    for ((n = first; n <= calls + $3; n += step)); do
        one "$n:$2@$1" && continue
        echo "COVEY_FAULT=$n:$2@$1 failed:"
        sed 's/^/    /' log
        failed=$((failed + 1))
    done
    [ "$failed" -eq 0 ]
}

@test "calls of manager, agent and journal fail with EIO" { sweep covey EIO 0; }
@test "calls of manager, agent and journal fail with ENOSPC" { sweep covey ENOSPC 0; }
@test "calls of manager, agent and journal fail with ENOMEM" { sweep covey ENOMEM 0; }
@test "calls of the warden, and of what it starts until it is walled in, fail with EIO" { sweep warden EIO 40; }
@test "calls of the warden fail with EMFILE" { sweep warden EMFILE 40; }
