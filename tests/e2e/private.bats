# Does a private task give an answer with noise and nothing else, for a price that is paid once?
load helper
setup_file() {
    use_home
    module lines
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export XDG_STATE_HOME=$PWD/state
    { echo id,amount,state; seq 1 2000 | awk '{ print $1 % 70 "," $1 % 100 "," ($1 % 3 ? "Ohio" : "Texas") }'; } >in.csv
}

# policy BUDGET: this user's images, to this user
policy() {
    printf '%s\n' "policy: test" "signers: [$(covey key show)]" "recipients: [$(covey key show --sealing)]" "evidence: [node-key]" \
        "level: process" "budget: $1" >policy.yaml
}
seal() { run_covey 0 seal in.csv -o in.sealed --policy policy.yaml "$@"; }
# task PRIVACY [LINE...]
task() {
    local privacy=$1
    shift
    printf '%s\n' "task: private" "input: in.sealed" "output: out.sealed" "privacy: $privacy" "$@" >task.yaml
}
answer() {
    run_covey 0 run task.yaml -q
    run_covey 0 unseal out.sealed -o -
}
near() { awk -v a="$1" -v b="$2" -v d="$3" 'BEGIN { exit !(a - b <= d && b - a <= d) }' || { echo "$1 is not within $3 of $2"; return 1; }; }

@test "an answer says its noise, its price and an interval, and the ledger what was spent" {
    policy "{epsilon: 20}"
    seal --target 4KiB
    task "{aggregate: count, epsilon: 8}"
    run_covey 0 run task.yaml --dry-run
    assert_in "price     epsilon 8" "$output"
    assert_in "left      epsilon 20" "$output"
    run_covey 0 run task.yaml --dry-run --json
    near "$(json .error)" 0.02591 0.0001 # of the discrete Laplace of scale 1/8: sqrt(2 e^-8) / (1 - e^-8)
    run_covey 0 budget show --json
    assert_equal "$(json '.[0].spent // "epsilon 0"')" "epsilon 0" # a dry run is free
    answer
    assert_equal "$(json .unit)" record
    near "$(json '.numbers[0].value')" 2000 20 # wrong once in 10^60
    json '.numbers[0] | .low <= .value and .value <= .high' >/dev/null
    assert_in "discrete Laplace, scale 0.125" "$(json '.numbers[0].mechanism')"
    run_covey 0 budget show --json
    assert_equal "$(json '.[0].spent')" "epsilon 8"
    assert_equal "$(json '.[0].left')" "epsilon 12"
    assert_equal "$(json '.[0].entries[0].what')" count
}

@test "a budget in rho also says what epsilon the spending amounts to, whenever one looks" {
    policy "{epsilon: 4, delta: 1e-6, accounting: zcdp}"
    seal
    task "{aggregate: count, rho: 0.05}"
    answer
    run_covey 0 budget show --json
    assert_equal "$(json '.[0].spent')" "rho 0.05"
    # above the fixed conversion of rho 0.05 at delta 5e-7, 1.517, and below twice that
    json '.[0].holds | capture("epsilon (?<e>[0-9.]+), delta 0.0000005").e | tonumber | . > 1.517 and . < 3.1' >/dev/null
    run_covey 0 budget show
    assert_in "whenever one looks" "$output"
}

@test "what the budget does not suffice for is refused with exit code 3, before a key leaves, and a dry run says so" {
    policy "{epsilon: 1}"
    seal
    task "{aggregate: count, epsilon: 0.75}"
    answer
    rm out.sealed
    run_covey 3 run task.yaml --dry-run
    assert_in "the task would be refused" "$output"
    run_covey 3 run task.yaml
    assert_in "the task costs epsilon 0.75, and of the dataset's privacy budget epsilon 0.25 is left: nothing was spent, no key released" "$stderr"
    [ ! -e out.sealed ]
    run_covey 0 budget set in.sealed --epsilon 2
    answer
    run_covey 0 budget show
    assert_in "budget  epsilon 2 (set by covey budget set)" "$output"
    assert_in "spent   epsilon 1.5" "$output"
}

@test "sums, means, variances, histograms, quantiles, sums by key and the top are near what they are without noise" {
    policy "{epsilon: 1000, delta: 1e-6}"
    seal --target 4KiB
    task "{aggregate: sum, column: amount, range: [0, 99], epsilon: 100}"
    answer
    near "$(json '.numbers[0].value')" 99000 60
    task "{aggregate: mean, column: amount, range: [0, 99], step: 0.1, epsilon: 100}"
    answer
    near "$(json '.numbers[0].value')" 49.5 0.1
    task "{aggregate: variance, column: amount, range: [0, 99], epsilon: 100}"
    answer
    near "$(json '.numbers[0].value')" 833.25 5
    task "{aggregate: histogram, by: state, keys: [Texas, Ohio, Utah], epsilon: 100}"
    answer
    near "$(json '.numbers[] | select(.key == "Ohio").value')" 1334 1
    near "$(json '.numbers[] | select(.key == "Utah").value')" 0 1
    task "{aggregate: quantiles, column: amount, range: [0, 100], quantiles: [1/2], bins: 100, epsilon: 100}"
    answer
    near "$(json '.numbers[0].value')" 50 2
    task "{aggregate: quantiles, column: amount, range: [0, 100], quantiles: [0.25, 1/2, 2/3], bins: 100, epsilon: 200}"
    answer
    near "$(json '.numbers[] | select(.name == "q0.25").value')" 25 2
    near "$(json '.numbers[] | select(.name == "q0.5").value')" 50 2
    near "$(json '.numbers[] | select(.name == "q2/3").value')" 66.7 2
    task "{aggregate: sum-by-key, column: amount, range: [0, 99], by: state, keys: [Texas, Ohio], epsilon: 100, format: csv}"
    answer
    assert_in "name,key,value,low,high,mechanism" "$output"
    assert_in 'sum-by-key,"Ohio",' "$output"
    task "{aggregate: top, by: state, keys: [Texas, Ohio, Utah], top: 1, epsilon: 100}"
    answer
    assert_equal "$(json '.numbers | length')" 1
    assert_equal "$(json '.numbers[0].key')" Ohio
    task "{aggregate: histogram, by: state, keys: open, epsilon: 100, delta: 1e-7}"
    answer
    assert_equal "$(json '[.numbers[].key // empty] | sort | join(" ")')" "Ohio Texas"
    near "$(json '.numbers[] | select(.name == "keys").value')" 2 2
}

# Whether a key too many came must not show: not in what the run says, not in sizes, and in the answer with noise alone.
@test "more open keys than there is room for end a run as any other, and no key is named then" {
    policy "{epsilon: 1000, delta: 1e-3}"
    for keys in 100 4200; do
        { echo id,k; seq 1 $keys; } | sed '2,$s/.*/&,key&/' >in.csv
        for person in $(seq 9001 9100); do echo "$person,crowd"; done >>in.csv
        seal --target 1MiB
        task "{aggregate: histogram, by: k, keys: open, epsilon: 100, delta: 1e-6}"
        run_covey 0 run task.yaml --json
        jq -S 'del(.wall_seconds, .image, .measurement)' <<<"$output" >"run-$keys.json"
        stat -c %s out.sealed >"size-$keys"
        run_covey 0 unseal out.sealed -o -
        json '.room == 4096' >/dev/null
        json '[.numbers[].key // empty] | join(" ")' >"named-$keys" || true
        json '.numbers[] | select(.name == "keys").value' >"count-$keys"
    done
    assert_equal "$(cat named-100)" crowd
    assert_equal "$(cat named-4200)" ""
    near "$(cat count-100)" 101 5
    near "$(cat count-4200)" 4097 5
    assert_equal "$(cat size-100)" "$(cat size-4200)"
    diff <(jq 'del(.input_bytes, .bytes, .bytes_read)' run-100.json) <(jq 'del(.input_bytes, .bytes, .bytes_read)' run-4200.json)
}

@test "a segment that is too large to count persons in is refused by its size, before anything is charged" {
    policy "{epsilon: 1, person: id}"
    { echo id,amount; seq 1 200000 | sed 's/$/,1234567/'; } >in.csv
    seal --group-by id --segments 1
    task "{aggregate: count, epsilon: 0.5}"
    run_covey 2 run task.yaml
    assert_in "persons are counted in segments below 2 MiB: seal it into more segments (--segments); nothing was charged" "$stderr"
    run_covey 0 budget show --json
    assert_equal "$(json '.[0].spent // "epsilon 0"')" "epsilon 0"
    seal --group-by id --segments 4
    answer
    near "$(json '.numbers[0].value')" 200000 60 # wrong once in 10^13
}

@test "a dataset with a budget opens to no task without privacy, and a private task needs one with a budget" {
    policy "{epsilon: 1}"
    seal
    printf '%s\n' "task: open" "module: $BATS_FILE_TMPDIR/lines.wasm" "input: in.sealed" "output: out.sealed" >open.yaml
    run_covey 3 run open.yaml
    assert_in "the dataset opens only under its privacy budget" "$stderr"
    sed -i '/^budget/d' policy.yaml
    seal
    task "{aggregate: count, epsilon: 1}"
    run_covey 3 run task.yaml
    assert_in "its policy has no 'budget' that a private task could be charged to" "$stderr"
    sed -i 's/in.sealed/in.csv/' task.yaml
    run_covey 3 run task.yaml
    assert_in "'privacy' needs a sealed dataset whose policy has a 'budget'" "$stderr"
}

@test "a budget by person needs a dataset that is grouped by that person, and bounds what one contributes" {
    policy "{epsilon: 1000}"
    run_covey 2 seal in.csv -o in.sealed --policy policy.yaml --by lines
    assert_in "a budget needs CSV with a header" "$stderr"
    policy "{epsilon: 1000, person: id}"
    run_covey 2 seal in.csv -o in.sealed --policy policy.yaml
    assert_in "seal with --group-by 'id'" "$stderr"
    seal --group-by id --segments 8
    task "{aggregate: count, epsilon: 100}"
    answer
    assert_equal "$(json .unit)" id
    near "$(json '.numbers[0].value')" 70 1 # one record of each person
    task "{aggregate: count, epsilon: 100, per_person: {records: 10}}"
    answer
    near "$(json '.numbers[0].value')" 700 3
}

@test "a task that failed stays charged, and goes on for the same price" {
    policy "{epsilon: 1}"
    seal --hide-columns
    task "{aggregate: sum, column: nothing, range: [0, 1], epsilon: 0.5}"
    run_covey 1 run task.yaml
    run_covey 1 run task.yaml --resume
    run_covey 0 budget show --json
    assert_equal "$(json '.[0].left')" "epsilon 0.5"
    assert_equal "$(json '.[0].entries | length')" 1
}

@test "a column that does not exist is refused before anything is charged, and those that there are are named" {
    policy "{epsilon: 1}"
    seal
    for privacy in "{aggregate: sum, column: amuont, range: [0, 1], epsilon: 0.5}" "{aggregate: count, where: {amuont: 3}, epsilon: 0.5}" \
        "{aggregate: histogram, by: amuont, keys: [a], epsilon: 0.5}"; do
        task "$privacy"
        for how in --dry-run -q; do
            run_covey 2 run task.yaml $how
            assert_in "the dataset has no column 'amuont': nothing was charged; its columns are: id,amount,state" "$stderr"
        done
    done
    run_covey 0 budget show --json
    assert_equal "$(json '.[0].spent // "epsilon 0"')" "epsilon 0"
    task "{aggregate: sum, column: amount, range: [0, 1], epsilon: 0.5}"
    answer
    grep -q amount in.sealed # it stands there in the open
    seal --hide-columns
    ! grep -q amount in.sealed
}

# One segment has the secret. What the run says, with it and without it, is the same but for times; so are the sizes of what leaves.
tell() { # HOW SECRET
    { echo id,v; seq 1 400 | awk -v s="$2" '{ print $1 "," ($1 == 77 ? s : "public") }'; } >in.csv
    seal --group-by id --segments 12
    task "{aggregate: sample-and-aggregate, range: [0, 10], epsilon: 1000, blocks: 12}" "module: $BATS_FILE_TMPDIR/tell.wasm" "args: [$1]" "security: {lifetime: 1s}"
    run_covey 0 run task.yaml --json
    jq -S 'del(.wall_seconds, .image, .measurement)' <<<"$output" >"$1-$2.json"
    run_covey 0 unseal out.sealed -o -
    json '.numbers[0].value' >"$1-$2.value"
}

@test "a module that tells by its exit code, its length, its log or its death tells nothing" {
    module tell
    policy "{epsilon: 1000, person: id}"
    for how in exit length log death time; do
        tell $how secret
        tell $how public
        diff "$how-secret.json" "$how-public.json"
        near "$(cat "$how-secret.value")" 5 1 # one of twelve
    done
    tell value secret
    near "$(cat value-secret.value)" 5.4 1 # 10 is all that a segment can say
}

@test "a ledger that was put back to an older copy is found, and nothing is released" {
    policy "{epsilon: 1}"
    seal
    task "{aggregate: count, epsilon: 0.25}"
    answer
    cp -r "$XDG_STATE_HOME" before
    task "{aggregate: count, epsilon: 0.5}"
    answer
    find before -name 'broker.db*' | while read -r file; do cp "$file" "$XDG_STATE_HOME/${file#before/}"; done
    rm out.sealed
    run_covey 3 run task.yaml
    assert_in "its privacy ledger lacks what audit.log says was charged: it was put back to an older copy or changed" "$stderr"
    [ ! -e out.sealed ]
}

@test "a run that is killed goes on under the same charge" {
    policy "{epsilon: 100}"
    seal --target 512
    task "{aggregate: count, epsilon: 0.5}"
    for after in 0.02 0.05 0.1 0.15; do
        covey run task.yaml -q --resume &
        sleep $after
        kill -9 $! 2>/dev/null || true
        wait || true
        [ ! -e out.sealed ] || break # it was done already
    done
    [ -e out.sealed ] || run_covey 0 run task.yaml --resume -q
    run_covey 0 unseal out.sealed -o -
    json '.numbers[0].value' >/dev/null
    run_covey 0 budget show --json
    assert_equal "$(json '.[0].spent')" "epsilon 0.5" # the journal, with the task's id, is on the disk before anything is charged
}
