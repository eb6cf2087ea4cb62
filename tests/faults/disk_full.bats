# A full disk, under the journal or under the output: a clear error, nothing half-written, and --resume once there is room.
load faults

setup_file() {
    use_home
    fault_tools tests/faults/assassin
    cat >"$BATS_FILE_TMPDIR/large.c" <<'END'
#include "covey_job.h"
int main(void)
{
    static char line[65536];
    for (size_t i = 0; i < sizeof line; i++) line[i] = (char)('a' + (i * 7 + job_index()) % 26);
    job_emit(line, sizeof line);
}
END
    covey-cc "$BATS_FILE_TMPDIR/large.c" -o "$BATS_FILE_TMPDIR/large.wasm"
    covey image build "$BATS_FILE_TMPDIR/large.wasm" -o "$BATS_FILE_TMPDIR/large.see" >&2
}

# in_small_disk SCRIPT: runs it with `small` as a file system of 1 MiB, and a function `enlarge`. The task's results take 8 MiB.
in_small_disk() {
    [ "$EUID" -eq 0 ] || skip "only root can make a small file system that covey's own namespaces can be nested in"
    cd "$BATS_TEST_TMPDIR" || return
    printf '%s\n' "task: large" "image: $BATS_FILE_TMPDIR/large.see" "input: {count: 128}" "output: out.txt" >task.yaml
    covey run task.yaml --quiet --output expected.txt
    mkdir small
    cat >script <<END
set -euo pipefail
mount -t tmpfs -o size=1m small small
enlarge() { mount -o remount,size=64m small; }
$1
END
    unshare --mount bash script
}

@test "under the journal" {
    # shellcheck disable=SC2016
    in_small_disk '
        export XDG_STATE_HOME=$PWD/small
        status=0
        assassin - 0 covey run task.yaml --quiet 2>error || status=$?
        cat error
        [ $status -eq 4 ]
        grep -q "^covey: no space left for results in $PWD/small/covey/tasks/.*; free some, then run again with --resume" error
        [ ! -e out.txt ]
        enlarge
        covey run task.yaml --quiet --resume
        cmp out.txt expected.txt'
}

@test "under the output" {
    # shellcheck disable=SC2016
    in_small_disk '
        sed -i "s|^output: .*|output: small/out.txt|" task.yaml
        echo old >small/out.txt
        status=0
        assassin - 0 covey run task.yaml --quiet 2>error || status=$?
        cat error
        [ $status -eq 4 ]
        grep -q "^covey: .*small/out.txt.*No space left on device" error
        [ "$(cat small/out.txt)" = old ]
        [ "$(ls -A small)" = out.txt ]
        enlarge
        covey run task.yaml --quiet --resume
        cmp small/out.txt expected.txt'
}

@test "under the cache of images, when a module is built" {
    # shellcheck disable=SC2016
    in_small_disk '
        sed -i "s|^image: .*|module: large.wasm|" task.yaml
        cp "$BATS_FILE_TMPDIR/large.wasm" .
        export XDG_CACHE_HOME=$PWD/small XDG_STATE_HOME=$PWD/state
        head -c 900k /dev/zero >small/filler
        status=0
        assassin - 0 covey run task.yaml --quiet 2>error || status=$?
        cat error
        [ $status -eq 4 ]
        grep -q "^covey: .*No space left on device" error
        [ ! -e out.txt ]
        rm small/filler
        enlarge
        covey run task.yaml --quiet
        cmp out.txt expected.txt'
}
