# Does every command that the documentation shows work?
#
# The ```sh blocks of a page are one script, run with -eu in one shell; blocks of other kinds (text, yaml, c) are not run.
load helper
setup_file() { use_home; }

blocks() { awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' "$1"; }

# page FILE: runs its blocks in the current folder; $output is all they printed.
page() {
    blocks "$COVEY_SOURCE/$1" >"$BATS_TEST_TMPDIR/script"
    [ -s "$BATS_TEST_TMPDIR/script" ]
    run timeout 300 bash -eu -o pipefail "$BATS_TEST_TMPDIR/script"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

@test "every command of the README" {
    mkdir "$BATS_TEST_TMPDIR/source"
    cd "$BATS_TEST_TMPDIR/source"
    cp -r "$COVEY_SOURCE/examples" "$COVEY_SOURCE/data" "$COVEY_SOURCE/sdk" .
    ln -s "$COVEY_BUILD" build
    page README.md
    assert_in '"failed": 0' "$output"
    assert_equal "$(grep -c "$(seq 100000 | sha256sum)" <<<"$output")" 2
}

@test "every command of the tutorial" {
    mkdir "$BATS_TEST_TMPDIR/tutorial"
    cd "$BATS_TEST_TMPDIR/tutorial"
    page docs/tutorial.md
    assert_in $'\nright' "$output"
    assert_in $'\nthe same' "$output"
    assert_in "exit code 1" "$output"
    assert_in "exit code 3" "$output"
}

@test "links between pages lead somewhere" {
    cd "$COVEY_SOURCE"
    for page in README.md SECURITY.md docs/*.md; do
        while read -r target; do
            [ -e "$(dirname "$page")/${target%%#*}" ] || { echo "$page: $target"; return 1; }
        done < <(grep -o '](\([^)]*\))' "$page" | sed 's/](\(.*\))/\1/' | grep -v -e '^https\?:' -e '^#')
    done
}

@test "every test that SECURITY.md names exists" {
    cd "$COVEY_SOURCE"
    local count=0
    while IFS= read -r claim; do
        grep -qF -e "${claim#*: }" "${claim%%: *}" || { echo "$claim"; return 1; }
        count=$((count + 1))
    done < <(grep -o '`[a-z/0-9_]*\.\(bats\|c\): [^`]*`' SECURITY.md | tr -d '`')
    [ "$count" -gt 20 ]
}
