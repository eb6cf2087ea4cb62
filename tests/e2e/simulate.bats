# Do the example scenarios show what docs/simulation.md says of them, and is a wrong one refused with its line?
load helper
setup_file() { use_home; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }

# figure POLICY KEY: of $output, which is --json
figure() { json ".policies[] | select(.policy == \"$1\") | .$2"; }

# holds EXPRESSION: of $output; what does not is shown
holds() { jq -e "$1" <<<"$output" >/dev/null || { jq -c '.policies[] | {policy, makespan_seconds, cost, wrong, failed, bytes_moved, copies}' <<<"$output"; echo "not so: $1"; return 1; }; }

example() { run_covey 0 simulate "$COVEY_SOURCE/examples/simulate/$1.yaml" --json; holds '.simulation | test("not measurements")'; sound; }

# Whatever the policy: each micro-job ended once, and no bound was beaten.
sound() {
    holds '[.policies[].policy] == ["covey", "random", "round-robin", "least-loaded", "two-choices", "locality", "cheapest"]'
    holds '.micro_jobs as $n | all(.policies[]; .complete and .succeeded + .failed == $n and .counted_twice == 0)'
    holds 'all(.policies[]; .makespan_seconds >= .lower_bound.makespan_seconds * 0.999999 and .cost >= .lower_bound.cost_in_time * 0.999999 and
        .utilisation >= .lower_bound.utilisation * 0.999999 and .lower_bound.utilisation > 0)'
    holds 'all(.policies[]; .bytes_moved >= .lower_bound.bytes_moved and .copies >= .lower_bound.copies)'
}

@test "spot-fleet: every micro-job is done though machines are taken away, sooner than by chance, and what is spot costs less" {
    example spot-fleet
    holds '.policies[0] | .failed == 0 and .replaced > 0'
    holds '.policies[0].makespan_seconds <= (.policies[1].makespan_seconds * 1.001)'
}

@test "spot-fleet runs where there are no traces: a made-up one stands in, and the output says so" {
    cp "$COVEY_SOURCE"/examples/simulate/{spot-fleet.yaml,made-up-trace.json} .
    run_covey 0 simulate spot-fleet.yaml --policy covey
    assert_in "note: spot-west: the trace made-up-trace.json stands in for " "$output"
    [ "$(grep -c ^note: <<<"$output")" -eq 3 ]
    sed 's/, otherwise: made-up-trace.json//' spot-fleet.yaml >bare.yaml
    run_covey 2 simulate bare.yaml
    assert_in "availability_16-node_aws-08-27-2023_us-west-2a_v100_1.json: can't be read: No such file or directory" "$stderr"
}

@test "ten-thousand: within a twentieth of the bound, and no other policy is" {
    example ten-thousand
    holds '.policies[0] | .makespan_seconds <= 1.05 * .lower_bound.makespan_seconds'
    holds 'all(.policies[1:][]; .makespan_seconds > 1.05 * .lower_bound.makespan_seconds)'
}

@test "bad-day: the swarm's own is done sooner than any other" {
    example bad-day
    holds '.policies[0].failed == 0 and .policies[0].speculated > 0'
    holds '.policies[0].makespan_seconds as $own | all(.policies[1:][]; .makespan_seconds > $own)'
}

@test "data-at-hand: the swarm's own is done sooner than any other, with fewer bytes" {
    example data-at-hand
    holds '.policies[0].makespan_seconds as $own | all(.policies[1:][]; .makespan_seconds > $own)'
    holds '.policies[0].bytes_moved as $own | all(.policies[1:][]; .bytes_moved > $own)'
}

@test "liars: nothing wrong passes; colluders: about one in ten does, as the mathematics says" {
    example liars
    holds 'all(.policies[]; .wrong == 0)'
    example colluders
    holds 'all(.policies[]; .wrong > 9000 and .wrong < 13000)'
}

@test "earned-trust: half of the copies, and few lies pass" {
    run_covey 0 simulate "$COVEY_SOURCE/examples/simulate/liars.yaml" --policy covey --json
    plain=$(figure covey copies)
    example earned-trust
    [ "$(figure covey copies)" -lt $((plain * 2 / 3)) ]
    holds '.policies[0] | .wrong > 0 and .wrong < 1000 * 0.5'
}

@test "the same seed prints the same bytes, another one others" {
    for seed in 5 5 6; do
        run_covey 0 simulate "$COVEY_SOURCE/examples/simulate/bad-day.yaml" --policy covey --seed $seed --json
        echo "$output" >>"$seed.json$((n += 1))"
    done
    cmp 5.json1 5.json2
    ! cmp -s 5.json1 6.json3
}

@test "explain shows the nodes and the terms of their scores" {
    run_covey 0 simulate "$COVEY_SOURCE/examples/simulate/spot-fleet.yaml" --explain 304000 --json # of `payments`, which forbids spot nodes
    holds '.candidates | length > 1 and .[0].excluded == null'
    holds '[.candidates[] | select(.excluded == null and .full == false) | .score] | . == sort'
    # locality 1, availability 1, cost 0.2; a core-hour of 0.05 weighs as its time does
    holds '.candidates[0] | ((.queue_seconds + .start_seconds + .run_seconds + .transfer_seconds + 0.2 * .price * 3600 / 0.05) - .score) | fabs < 1e-6'
    run_covey 0 simulate "$COVEY_SOURCE/examples/simulate/bad-day.yaml" --explain 3
    assert_in "transfer s   start s     run s     price       score   finish s" "$output"
    run_covey 2 simulate "$COVEY_SOURCE/examples/simulate/bad-day.yaml" --explain 33000
    assert_equal "$stderr" "covey: there is no micro-job 33000: they are numbered from 0 to 32999"
}

@test "mistakes are one line with file and line; options too" {
    printf 'scenario: s\ntasks:\n  - {name: t, copies: 3}\nnodes: [{name: n}]\n' >s.yaml
    run_covey 2 simulate s.yaml
    assert_equal "$stderr" "covey: s.yaml:3: unknown key 'copies'; known here: name, tenant, count, arrives, segment, result, image, start, run, memory, level, zone, data, redundancy, placement"
    [ -z "$output" ]
    run_covey 2 simulate none.yaml
    assert_equal "$stderr" "covey: none.yaml: can't be read: No such file or directory"
    run_covey 2 simulate "$COVEY_SOURCE/examples/simulate/liars.yaml" --policy rndom
    assert_equal "$stderr" "covey: no policy is called 'rndom'; did you mean 'random'?"
    run_covey 2 simulate "$COVEY_SOURCE/examples/simulate/liars.yaml" --seed many
    assert_equal "$stderr" "covey simulate: --seed: 'many' is not a number"
}

@test "work that no node may do is left at the horizon, and said" {
    printf 'scenario: s\nhorizon: 60s\ntasks: [{name: t, level: microvm}]\nnodes: [{name: n}]\n' >s.yaml
    run_covey 0 simulate s.yaml --policy covey
    assert_in "covey: 1 of 1 micro-jobs had not ended when the scenario's horizon was reached" "$output"
}

@test "an interrupt ends it with exit code 130" {
    printf 'scenario: s\ntasks: [{name: t, count: 2000000, run: 1s}]\nnodes: [{name: n, count: 100}]\n' >s.yaml
    covey simulate s.yaml >out 2>err &
    pid=$!
    for _ in $(seq 100); do [ -s out ] && break; sleep 0.05; done
    kill -TERM $pid # bash lets background processes ignore SIGINT
    code=0
    wait $pid || code=$?
    [ $code -eq 130 ]
    assert_in "covey: interrupted" "$(cat err)"
}
