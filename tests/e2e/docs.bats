# Does every command that the documentation shows work?
#
# The ```sh blocks of a page are one script, run with -eu in one shell; blocks of other kinds (text, yaml, c) are not run.
load helper
setup_file() { use_home; }

blocks() { awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' "$1"; }

# page FILE: runs its blocks in the current folder; $output is all they printed. A service gets a free port, and ends with its page.
page() {
    local port
    while port=$((20000 + RANDOM % 10000)) && (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
    blocks "$COVEY_SOURCE/$1" >"$BATS_TEST_TMPDIR/blocks"
    [ -s "$BATS_TEST_TMPDIR/blocks" ]
    { echo 'trap "kill -9 \${server:-} 2>/dev/null || true" EXIT' && sed "s/127\.0\.0\.1:1818[0-9]/127.0.0.1:$port/" "$BATS_TEST_TMPDIR/blocks"; } >"$BATS_TEST_TMPDIR/script"
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

# own_config: a configuration folder where pages say that it is. Images are signed by another key then, and built anew.
own_config() {
    unset XDG_CONFIG_HOME XDG_STATE_HOME
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir "$HOME"
}

@test "every command of the page on services, and then that on prefetch in the same folder" {
    mkdir "$BATS_TEST_TMPDIR/service"
    cd "$BATS_TEST_TMPDIR/service"
    own_config
    page docs/services.md
    assert_in LOUD "$output"
    page docs/prefetch.md
    assert_in "Covey-Start: staged" "$output"
    assert_in LOUD "$output"
}

@test "every command of the page on prediction" {
    mkdir "$BATS_TEST_TMPDIR/prediction"
    cd "$BATS_TEST_TMPDIR/prediction"
    {
        echo case,activity,timestamp
        for i in $(seq 60); do
            for task in "a,00:00" "b,00:10" "$([ $((i % 2)) = 0 ] && echo c || echo d),01:00"; do
                echo "$i,${task%,*},2024-01-$((i % 28 + 1)) $((i % 2 ? 15 : 10)):${task#*,}"
            done
        done
    } | sed 's/-\([0-9]\) /-0\1 /' >helpdesk.csv
    cp helpdesk.csv history.csv
    page docs/prediction.md
    assert_in "protocol chrono80, seed 1" "$output"
    assert_in "written: tasks.pto" "$output"
    assert_in "session 42 after 3 events, the last: c" "$output"
}

@test "every command of the page on simulation" {
    cd "$COVEY_SOURCE"
    page docs/simulation.md
    assert_in "simulation of spot-fleet" "$output"
    assert_in '"seed": 7' "$output"
    assert_in "candidates at" "$output"
}

@test "links between pages lead somewhere" {
    cd "$COVEY_SOURCE"
    for page in README.md SECURITY.md docs/*.md docs/formats/*.md examples/README.md examples/*/README.md bench/README.md; do
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

@test "the README has a row for every page, and covey(1) an entry for every command" {
    cd "$COVEY_SOURCE"
    for page in docs/*.md SECURITY.md; do grep -qF "| [$page]($page) |" README.md || { echo "README.md: $page"; return 1; }; done
    run_covey 0 --help
    while read -r command; do
        grep -q "^\*covey[- ]$command\*" man/covey.1.scd || { echo "man/covey.1.scd: $command"; return 1; }
    done < <(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$output" | grep -v bench)
    assert_in "*covey bench*" "$(cat man/covey.1.scd)"
}
