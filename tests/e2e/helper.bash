# What every file of end-to-end tests begins with: the program, a home of its own, modules to run.
#
#   load helper
#
# COVEY_BUILD (default: build/) is where the program is. Each test gets an empty folder, $BATS_TEST_TMPDIR, as working directory.

bats_require_minimum_version 1.5.0
COVEY_SOURCE=${COVEY_SOURCE:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
COVEY_BUILD=${COVEY_BUILD:-$COVEY_SOURCE/build}
PATH=$COVEY_BUILD:$COVEY_SOURCE/sdk:$PATH
export COVEY_SOURCE COVEY_BUILD PATH

# One home for a file's tests: journals (they are named after the task file's path) and whatever is below $HOME. The key and the image cache
# are the runner's (tests/run sets COVEY_TEST_CACHE), so that a module is built once for all files; or, without it, the file's own.
use_home() {
    export HOME=$BATS_FILE_TMPDIR/home
    mkdir -p "$HOME"
    unset XDG_STATE_HOME COVEY_PROGRAM
    [ -n "${COVEY_TEST_CACHE:-}" ] || unset XDG_CONFIG_HOME XDG_CACHE_HOME
}

# module NAME: compiles $BATS_TEST_DIRNAME/NAME.c or an example's module into $BATS_FILE_TMPDIR/NAME.wasm, once.
module() {
    local source=$BATS_TEST_DIRNAME/$1.c
    [ -e "$source" ] || source=$(echo "$COVEY_SOURCE"/examples/*/"$1".c)
    [ -e "$BATS_FILE_TMPDIR/$1.wasm" ] || covey-cc "$source" -o "$BATS_FILE_TMPDIR/$1.wasm"
}

# run_covey EXPECTED-EXIT-CODE ARGUMENT...: $output is standard output, $stderr standard error.
run_covey() {
    local expected=$1
    shift
    run --separate-stderr timeout 120 covey "$@"
    [ "$status" -eq "$expected" ] || {
        echo "covey $*: exit code $status, not $expected"
        echo "stdout: $output"
        echo "stderr: $stderr"
        return 1
    }
}

# assert_in NEEDLE HAYSTACK
assert_in() { [[ $2 == *"$1"* ]] || { printf "'%s' is not in:\n%s\n" "$1" "$2"; return 1; }; }
assert_not_in() { [[ $2 != *"$1"* ]] || { printf "'%s' is in:\n%s\n" "$1" "$2"; return 1; }; }
assert_equal() { [ "$1" = "$2" ] || { printf "'%s' is not '%s'\n" "$1" "$2"; return 1; }; }

# json FILTER: of $output
json() { jq -e -r "$1" <<<"$output"; }

# serve ARGUMENT...: starts the service of service.yaml at a free port; its address in $url, its process in the file pid
serve() {
    covey serve service.yaml --listen 127.0.0.1:0 "$@" >serve.out 2>&1 &
    echo $! >pid
    for _ in $(seq 400); do
        # shellcheck disable=SC2034 # for the tests
        url=$(grep -o 'https\?://[^ ]*' serve.out) && return
        kill -0 "$(cat pid)" || { cat serve.out; return 1; }
        sleep 0.05
    done
    cat serve.out
    return 1
}
