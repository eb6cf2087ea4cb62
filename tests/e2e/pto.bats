# Does `covey pto` measure, train and explain; on real logs, and on wrong ones?
load helper
setup_file() { use_home; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }

# data NAME: the path of a shared file in $data; where there are none the test is skipped, with CI=true it fails.
data() {
    data=${COVEY_DATA:-$COVEY_SOURCE/../shared/data}/$1
    [ -e "$data" ] && return
    [ "${CI:-}" != true ] || { echo "$data is missing; set COVEY_DATA to the folder of test data"; return 1; }
    skip "$1 is not here (set COVEY_DATA)"
}

# A log of 60 sessions: a b c, or a b d when it began in the afternoon.
small_log() {
    echo case,activity,timestamp
    for i in $(seq 60); do
        h=$((i % 2 ? 9 : 15))
        printf 's%d,a,2024-01-%02d %02d:00:00\ns%d,b,2024-01-%02d %02d:00:10\n' "$i" $((i % 28 + 1)) $h "$i" $((i % 28 + 1)) $h
        printf 's%d,%s,2024-01-%02d %02d:01:00\n' "$i" "$([ $h = 9 ] && echo c || echo d)" $((i % 28 + 1)) $h
    done
}

# at_least VALUE FLOOR
at_least() { jq -ne --argjson v "$1" --argjson f "$2" '$v >= $f' >/dev/null || { echo "$1 is below $2"; return 1; }; }

@test "chrono80 on Helpdesk: the counting models alone are above the published LSTM, and the blend above PPM" {
    data eventlogs/helpdesk_4tu.csv
    run_covey 0 pto eval --protocol chrono80 --log "$data" --models ppm,counts --json
    assert_equal "$(json .test_asked)" 4411
    assert_equal "$(json .tasks)" 14
    at_least "$(json .models.blend.top1)" 0.715
    at_least "$(json .models.blend.top1)" "$(json .models.ppm.top1)"
    at_least "$(json .models.ppm.log_loss)" "$(json .models.blend.log_loss)"
}

@test "the protocols ask what they are known to ask: the plain baselines get their published numbers" {
    data eventlogs/helpdesk_4tu.csv
    run_covey 0 pto eval --protocol chrono80 --log "$data" --models ppm --frozen --json
    at_least "$(json .models.ppm.top1)" 0.700
    at_least 0.710 "$(json .models.ppm.top1)"
    data requests/lora_request_trace.csv.gz
    run_covey 0 pto eval --protocol gentd26 --log "$data" --models ppm --json
    assert_equal "$(json .test_asked)" 13412
    assert_equal "$(json .without_task)" 25
    at_least "$(json .models.markov1.top3)" 0.830
    at_least 0.840 "$(json .models.markov1.top3)"
}

@test "gentd26: better than repeating the last and than what followed last time" {
    data requests/lora_request_trace.csv.gz
    run_covey 0 pto eval --protocol gentd26 --log "$data" --json
    at_least "$(json .models.blend.top1)" 0.707
    at_least "$(json .models.blend.top3)" 0.832
}

@test "tax: the end is neither target nor candidate" {
    data eventlogs/helpdesk.csv
    run_covey 0 pto eval --protocol tax --log "$data" --models ppm,counts
    assert_in "protocol tax, seed 1; fitted 2156, validation 380, test 1268" "$output"
    [[ $output =~ blend\ +0\.7[2-9] ]]
}

@test "train writes a checkpoint that explain uses, the same bytes for the same seed" {
    small_log >log.csv
    run_covey 0 pto train --log log.csv -o one.pto --epochs 3 -j 2
    assert_in "written: one.pto" "$output"
    run_covey 0 pto train --log log.csv -o two.pto --epochs 3 --json
    assert_equal "$(json .checkpoint)" two.pto
    cmp one.pto two.pto
    run_covey 0 pto explain --log log.csv --checkpoint one.pto --session s55 --events 2 --json
    assert_equal "$(json .last)" b
    assert_equal "$(json '.candidates[0].task')" c
    json '.candidates[0].lstm > 0 and ([.reasons[].model] | contains(["ppm", "lstm", "transformer"]))' >/dev/null
    run_covey 0 pto explain --log log.csv --session s54 --events 2
    assert_in "session s54 after 2 events, the last: b" "$output"
    assert_in "last task, hour, weekday" "$output"
}

@test "an XES log, packed, says the same as CSV" {
    small_log >log.csv
    {
        echo '<?xml version="1.0"?><log><!-- a log -->'
        for i in $(seq 60); do
            echo "<trace><string key=\"concept:name\" value=\"s$i\"/>"
            grep "^s$i," log.csv | while IFS=, read -r _ task time; do
                echo "<event><string key=\"concept:name\" value=\"$task\"/><date key=\"time:timestamp\" value=\"${time/ /T}Z\"/></event>"
            done
            echo '</trace>'
        done
        echo '</log>'
    } | gzip >log.xes.gz
    run_covey 0 pto eval --protocol chrono80 --log log.csv --models ppm,counts --json
    local from_csv
    from_csv=$(json '.models.blend.log_loss')
    run_covey 0 pto eval --protocol chrono80 --log log.xes.gz --models ppm,counts --json
    assert_equal "$(json '.models.blend.log_loss')" "$from_csv"
}

@test "mistakes are named: option, protocol, model, log with its line, damaged checkpoint" {
    small_log >log.csv
    run_covey 2 pto eval --protocol chrono80
    assert_in "--log FILE is needed" "$stderr"
    run_covey 2 pto eval --protocol chrono8 --log log.csv
    assert_in "protocol chrono8 is not known; did you mean chrono80?" "$stderr"
    run_covey 2 pto eval --protocol tax --log log.csv --models lstn
    assert_in "did you mean lstm?" "$stderr"
    printf 'case,activity,timestamp\n1,a,2024-01-01 00:00:00\n1,b,yesterday\n' >wrong.csv
    run_covey 2 pto eval --protocol tax --log wrong.csv
    assert_equal "$stderr" "covey: wrong.csv:3: yesterday is not a time"
    run_covey 2 pto explain --log log.csv --session nobody
    assert_in "no session nobody in this log" "$stderr"
    head -c 100 /dev/urandom >damaged.pto
    run_covey 2 pto explain --log log.csv --session s1 --checkpoint damaged.pto
    assert_in "damaged.pto: not a checkpoint" "$stderr"
}

@test "Ctrl-C ends training at once and leaves no file" {
    data eventlogs/bpi12.csv.gz
    env --default-signal=INT covey pto train --log "$data" -o never.pto -j 2 2>err &
    # Once it catches the signal, however long the machine took to get there (bit 1 of SigCgt is SIGINT).
    for ((i = 0; i < 600; i++)); do
        ((0x$(awk '/^SigCgt:/ { print $2 }' "/proc/$!/status") & 2)) && break
        sleep 0.1
    done
    kill -INT $!
    wait $! || code=$?
    assert_equal "$code" 130
    assert_in "interrupted; nothing was written" "$(cat err)"
    [ ! -e never.pto ]
}

# COVEY_LONG=1: on every log, which takes minutes; otherwise on the smallest.
@test "with everything trained the blend is above the published numbers and above PPM" {
    local logs='tax eventlogs/helpdesk.csv 0.735'
    [ -z "${COVEY_LONG:-}" ] || logs+='
chrono80 eventlogs/helpdesk_4tu.csv 0.715
chrono80 eventlogs/bpi12.csv.gz 0.853
tax eventlogs/bpi12_w_complete.csv 0.790'
    while read -r protocol log floor; do
        data "$log"
        timeout 1200 covey pto eval --protocol "$protocol" --log "$data" -j 2 --json >result.json
        at_least "$(jq .models.blend.top1 result.json)" "$floor"
        at_least "$(jq .models.blend.top1 result.json)" "$(jq .models.ppm.top1 result.json)"
        at_least "$(jq .models.ppm.log_loss result.json)" "$(jq .models.blend.log_loss result.json)"
    done <<<"$logs"
}
