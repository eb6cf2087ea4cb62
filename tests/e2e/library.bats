# Is the library enough for a C program, as docs/library.md shows it, and is what `make install` installs complete?
load helper
setup_file() {
    use_home
    module lines
    module picky
    module slow
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR"/*.wasm .
    awk '/^```c$/ { on = 1; next } /^```/ { on = 0 } on' "$COVEY_SOURCE/docs/library.md" >example.c
    seq 1 1000 >in.txt
    printf '%s\n' "task: from-c" "module: lines.wasm" "input: {path: in.txt, split: {by: lines, records: 10}}" >task.yaml
}

# example COMPILER-ARGUMENT...: builds and runs the documentation's program on task.yaml
build_example() { gcc -std=c11 -Wall -Wextra -Wpedantic -Werror example.c -o example "$@"; }

@test "the example of the documentation compiles as C11, runs, and sees every result" {
    build_example -I"$COVEY_SOURCE/src/api" -L"$COVEY_BUILD" -lcovey -Wl,-rpath,"$COVEY_BUILD"
    run --separate-stderr env COVEY_PROGRAM="$COVEY_BUILD/covey" COVEY_SEE_DIR="$COVEY_BUILD/src/see" ./example task.yaml
    [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
    assert_equal "$output" "$(seq 1 1000)"
    assert_in "from-c: 100 results, 100 seen, 3893 bytes, level process, image " "$stderr"
}

@test "the example without an output function runs over a sealed dataset, and with one is told why not" {
    local flags=(-I"$COVEY_SOURCE/src/api" -L"$COVEY_BUILD" -lcovey -Wl,-rpath,"$COVEY_BUILD")
    build_example "${flags[@]}"
    printf '%s\n' "policy: from-c" "signers: [$(covey key show)]" "recipients: [$(covey key show --sealing)]" "evidence: [node-key]" >policy.yaml
    covey seal in.txt -o in.sealed --policy policy.yaml --target 1KiB >sizes
    printf '%s\n' "task: from-c" "module: lines.wasm" "input: in.sealed" "output: out.sealed" >task.yaml
    export COVEY_PROGRAM=$COVEY_BUILD/covey COVEY_SEE_DIR=$COVEY_BUILD/src/see
    run --separate-stderr ./example task.yaml
    [ "$status" -eq 2 ]
    assert_in "so are the results: they need a file" "$stderr"
    sed -i 's/ .output = on_output,//; /^static int on_output/,/^}/d' example.c
    build_example "${flags[@]}"
    run --separate-stderr ./example task.yaml
    [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
    assert_in " 4 seen, 0 bytes" "$stderr"
    run_covey 0 unseal out.sealed -o out.txt
    cmp in.txt out.txt
}

@test "a failing task reaches the program as a code, a reason and a text" {
    build_example -I"$COVEY_SOURCE/src/api" -L"$COVEY_BUILD" -lcovey -Wl,-rpath,"$COVEY_BUILD"
    sed -i 's/lines.wasm/picky.wasm/' task.yaml
    echo 'args: ["55"]' >>task.yaml
    run --separate-stderr env COVEY_PROGRAM="$COVEY_BUILD/covey" COVEY_SEE_DIR="$COVEY_BUILD/src/see" ./example task.yaml
    [ "$status" -eq 1 ]
    assert_in "micro-job 5: " "$stderr"
    run --separate-stderr env COVEY_PROGRAM=/nonexistent ./example task.yaml
    [ "$status" -ne 0 ]
    assert_in "/nonexistent" "$stderr"
}

@test "handles of different threads are independent; an interrupted handle can be run again" {
    seq 1 400 >in.txt
    gcc -std=gnu11 -Wall -Wextra -Werror "$BATS_TEST_DIRNAME/threads.c" -o threads -I"$COVEY_SOURCE/src/api" -L"$COVEY_BUILD" -lcovey -lpthread \
        -Wl,-rpath,"$COVEY_BUILD"
    timeout 60 env COVEY_PROGRAM="$COVEY_BUILD/covey" COVEY_SEE_DIR="$COVEY_BUILD/src/see" ./threads
    for name in first second third; do cmp in.txt $name.out; done
}

@test "the header is C++ too" {
    echo '#include <covey.h>
int main() { covey_options o = {}; return o.program != nullptr; }' >t.cc
    g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$COVEY_SOURCE/src/api" -c t.cc
}

@test "the shared library shows its public functions and nothing else" {
    nm -D --defined-only "$COVEY_BUILD/libcovey.so" | awk '{ print $3 }' | sort >shown
    grep -ho "^COVEY_API [^(]*" "$COVEY_SOURCE"/src/api/covey*.h | sed 's/.*[ *]//' | sort >promised
    diff shown promised
}

@test "what is installed is complete: the program, the library by pkg-config, manual pages, completion" {
    meson install -C "$COVEY_BUILD" --no-rebuild --quiet --destdir "$PWD/root"
    prefix=$(dirname "$(dirname "$(find root -path '*/bin/covey')")")
    libdir=$(dirname "$(find root -name libcovey.so)")
    see=$(dirname "$(find root -name libcovey-see.a)")
    export PKG_CONFIG_SYSROOT_DIR=$PWD/root PKG_CONFIG_PATH=$libdir/pkgconfig
    # shellcheck disable=SC2046
    build_example $(pkg-config --cflags --libs covey)
    run --separate-stderr env LD_LIBRARY_PATH="$libdir" COVEY_PROGRAM="$prefix/bin/covey" COVEY_SEE_DIR="$see" ./example task.yaml
    [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
    assert_equal "$output" "$(seq 1 1000)"
    for file in share/man/man1/covey.1 share/man/man1/covey-run.1 share/bash-completion/completions/covey bin/covey-cc include/covey.h \
        include/covey/covey_job.h; do
        [ -e "$prefix/$file" ] || { echo "$file is missing"; return 1; }
    done
    [ -z "$(find root -name '*faults*')" ]
    echo 'int main(void) { return 0; }' >job.c
    "$prefix/bin/covey-cc" job.c -o job.wasm
}
