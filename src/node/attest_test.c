/* Sealed data: is work given only to zygotes with a grant, with the right keys, whatever broker, warden and bus do? */
#include <stdio.h>

#include "node/fake_warden.h"
#include "node/test_world.h"
#include "sys/clock.h"

enum { JOBS = 300, FEW = 20, CHAOS_RUNS = 40 };
static const SecurityLevel LEVELS[] = {LEVEL_SHARED, LEVEL_PROCESS};

static World *sealed_world(const char *warden, bool once, SecurityLevel level, const char *broker)
{
    World *w = world_new(warden, once, level);
    world_seal(w, SEALED_SEGMENTS, broker);
    return w;
}

static void run_right(World *w, uint32_t jobs)
{
    world_run(w, jobs);
    ck_assert_msg(!w->refused, "refused: %s", w->refused_text);
    ck_assert_uint_eq(world_count_right(w, jobs), jobs);
}

static void run_refused(World *w, uint32_t jobs, int code, const char *text)
{
    world_run(w, jobs);
    ck_assert(w->refused);
    ck_assert_str_eq(w->refused_text, text);
    ck_assert_int_eq(w->refused_code, code);
}

/* --- all is well --- */

START_TEST(every_segment_runs_with_the_key_that_was_wrapped_for_it)
{
    for (int i = 0; i < 2; i++) {
        World *w = sealed_world(NULL, false, LEVELS[i], NULL);
        run_right(w, JOBS);
        ck_assert_uint_eq(w->broker->wrapped, JOBS);
        ck_assert_uint_le(w->broker->wraps, JOBS / 4); /* in batches */
        ck_assert(w->broker->attests >= 1 && w->broker->attests <= 2);
        world_free(w);
    }
}
END_TEST

START_TEST(a_task_that_is_opened_ahead_is_attested_and_has_no_key_before_a_micro_job_comes)
{
    World *w = sealed_world(NULL, false, LEVEL_PROCESS, NULL);
    w->open.ahead = 1;
    w->open.zygotes = 1;
    world_open(w);
    world_until(w, w->ready);
    for (int i = 0; i < 20; i++) ck_assert_ok(loop_turn(w->loop, 5));
    ck_assert(w->broker->challenges == 1 && w->broker->appraised == 1 && w->broker->attests == 0 && w->broker->wrapped == 0);
    run_right(w, FEW);
    ck_assert(w->broker->challenges == 1 && w->broker->attests == 1 && w->broker->wrapped == FEW);
    world_free(w);
}
END_TEST

START_TEST(evidence_that_the_broker_would_not_accept_is_refused_before_anybody_asks)
{
    World *w = sealed_world(NULL, false, LEVEL_PROCESS, "refuse-appraise");
    w->open.ahead = 1;
    world_open(w);
    world_until(w, w->ready || w->refused);
    ck_assert(w->refused && w->refused_code == ERR_DENIED && w->broker->attests == 0);
    ck_assert_str_eq(w->refused_text, "the claim 'image' failed");
    world_free(w);
}
END_TEST

START_TEST(a_combining_stage_is_attested_and_asks_for_no_keys)
{
    World *w = world_new(NULL, false, LEVEL_PROCESS);
    world_seal(w, SEALED_RESULTS, NULL);
    run_right(w, FEW);
    ck_assert_uint_eq(w->broker->wraps, 0);
    ck_assert_uint_ge(w->broker->attests, 1);
    world_free(w);
}
END_TEST

START_TEST(a_zygote_that_dies_and_its_successor_are_both_attested_and_wrapped_keys_stay_good)
{
    static const char *const DEATHS[] = {"die", "die-before-grant", "kill-warden", "warden-dies-at-evidence"};
    for (size_t i = 0; i < sizeof DEATHS / sizeof DEATHS[0]; i++) {
        World *w = sealed_world(DEATHS[i], true, LEVEL_PROCESS, NULL);
        run_right(w, JOBS);
        ck_assert_uint_ge(w->broker->challenges, 2);
        world_free(w);
    }
}
END_TEST

/* --- a broker that is slow, silent or says no --- */

START_TEST(requests_whose_answers_are_lost_or_put_off_are_sent_again)
{
    static const char *const BROKERS[] = {"deaf-at-first", "busy-at-first"};
    for (size_t i = 0; i < 2; i++) {
        World *w = sealed_world(NULL, false, LEVEL_PROCESS, BROKERS[i]);
        run_right(w, FEW);
        ck_assert(w->broker->challenges >= 3 && w->broker->attests >= 3 && w->broker->wraps >= 3);
        world_free(w);
    }
}
END_TEST

START_TEST(a_broker_that_never_answers_ends_the_task)
{
    World *w = sealed_world(NULL, false, LEVEL_PROCESS, "silent");
    run_refused(w, 1, ERR_CLOSED, "the key broker did not answer 5 times; the data are sealed, and only it can release their keys");
    ck_assert_uint_le(w->broker->challenges, 10); /* two zygotes */
    world_free(w);
    w = sealed_world(NULL, false, LEVEL_PROCESS, "busy");
    run_refused(w, 1, ERR_BUSY, "the key broker has more requests than it may answer; try again later");
    world_free(w);
}
END_TEST

START_TEST(without_any_broker_the_task_ends)
{
    World *w = sealed_world(NULL, false, LEVEL_PROCESS, NULL);
    bus_unsubscribe(&w->broker->subscription);
    run_refused(w, 1, ERR_CLOSED, "the key broker did not answer 5 times; the data are sealed, and only it can release their keys");
    world_free(w);
}
END_TEST

START_TEST(a_refusal_reaches_the_manager_with_its_code_and_reason)
{
    static const char *const BROKERS[] = {"refuse-challenge", "refuse-attest", "refuse-wrap"};
    for (size_t i = 0; i < 3; i++) {
        World *w = sealed_world(NULL, false, LEVEL_PROCESS, BROKERS[i]);
        run_refused(w, 5, ERR_DENIED, "the claim 'image' failed");
        ck_assert_uint_eq(world_count_outcome(w, 5, OUTCOME_OK), 0);
        ck_assert_uint_eq(w->unrun, i == 2 ? 5 : 0); /* what had come is given back */
        world_free(w);
    }
    World *w = sealed_world(NULL, false, LEVEL_PROCESS, "unknown-code");
    run_refused(w, 1, ERR_UNTRUSTED, "the key broker refuses, and does not say why");
    world_free(w);
}
END_TEST

START_TEST(when_the_session_is_over_every_zygote_is_attested_anew)
{
    static const char *const BROKERS[] = {"session-over-once", "session-over-later"};
    for (size_t i = 0; i < 4; i++) {
        World *w = sealed_world(NULL, false, LEVELS[i % 2], BROKERS[i / 2]);
        run_right(w, JOBS);
        ck_assert_uint_eq(w->broker->session_id, FAKE_SESSION + 1);
        ck_assert_uint_ge(w->broker->attests, 2);
        ck_assert_uint_eq(w->retried, 0);
        world_free(w);
    }
    World *w = sealed_world(NULL, false, LEVEL_PROCESS, "session-over");
    world_run(w, 1);
    ck_assert(w->refused);
    ck_assert_int_eq(w->refused_code, ERR_TASK_FAILED); /* nothing was ever finished */
    world_free(w);
}
END_TEST

/* --- a warden without evidence --- */

START_TEST(a_node_that_can_give_no_evidence_refuses_the_task)
{
    World *w = sealed_world("no-evidence", false, LEVEL_PROCESS, NULL);
    run_refused(w, 1, ERR_LEVEL, "this node has no ?key");
    ck_assert_uint_eq(w->broker->attests, 0);
    world_free(w);
}
END_TEST

START_TEST(a_warden_that_breaks_the_protocol_with_evidence_is_replaced)
{
    static const char *const WAYS[] = {"evidence-cut", "evidence-empty", "evidence-twice"};
    for (size_t i = 0; i < 3; i++) {
        World *w = sealed_world(WAYS[i], true, LEVEL_PROCESS, NULL);
        run_right(w, FEW);
        world_free(w);
    }
}
END_TEST

/* --- a broker, or a bus in its name, that lies --- */

START_TEST(second_copies_old_answers_and_answers_to_others_change_nothing)
{
    static const char *const BROKERS[] = {"twice", "replay", "refuse-others", "wrong-type", "garbage"};
    for (size_t i = 0; i < 2 * sizeof BROKERS / sizeof BROKERS[0]; i++) {
        World *w = sealed_world(NULL, false, LEVELS[i % 2], BROKERS[i / 2]);
        run_right(w, JOBS);
        ck_assert_uint_eq(w->retried, 0);
        world_free(w);
    }
}
END_TEST

START_TEST(a_forged_grant_costs_a_zygote_and_forged_keys_cost_a_retry)
{
    World *w = sealed_world(NULL, false, LEVEL_PROCESS, "forge-grant-once");
    run_right(w, JOBS);
    ck_assert_uint_ge(w->broker->attests, 2);
    world_free(w);

    w = sealed_world(NULL, false, LEVEL_PROCESS, "forge-wraps-once");
    run_right(w, JOBS);
    ck_assert_uint_ge(w->retried, 1);
    ck_assert_uint_eq(w->broker->wrapped, JOBS + w->retried); /* a retry asks for its key anew */
    world_free(w);
}
END_TEST

START_TEST(when_every_grant_or_key_is_forged_nothing_runs)
{
    World *w = sealed_world(NULL, false, LEVEL_PROCESS, "forge-grants");
    world_run(w, FEW);
    ck_assert(w->refused);
    ck_assert_int_eq(w->refused_code, ERR_TASK_FAILED);
    ck_assert_uint_eq(world_count_outcome(w, FEW, OUTCOME_OK), 0);
    world_free(w);

    w = sealed_world(NULL, false, LEVEL_PROCESS, "forge-wraps");
    world_run(w, FEW);
    ck_assert_uint_eq(world_count_outcome(w, FEW, OUTCOME_SEAL_BROKEN), FEW);
    world_free(w);
}
END_TEST

START_TEST(too_few_keys_are_none_and_are_asked_for_again)
{
    World *w = sealed_world(NULL, false, LEVEL_PROCESS, "too-few");
    run_right(w, JOBS);
    ck_assert(w->broker->told);
    ck_assert_uint_eq(w->retried, 0);
    world_free(w);
}
END_TEST

/* Answers are dropped, repeated, cut, changed and replayed at random: each result is right, or there is none. */
START_TEST(whatever_happens_on_the_way_a_result_is_right_or_there_is_none)
{
    uint32_t refused = 0;
    for (uint64_t seed = 0; seed < CHAOS_RUNS; seed++) {
        World *w = sealed_world(NULL, false, LEVELS[seed % 2], "chaos");
        w->broker->random = seed;
        world_run(w, FEW);
        refused += w->refused;
        for (uint32_t i = 0; i < FEW; i++) {
            ck_assert_msg(w->jobs[i].outcome != OUTCOME_OK || world_right(w, i), "seed %d: %s", (int)seed, w->jobs[i].output);
            ck_assert_msg(w->refused || w->jobs[i].answers == 1, "seed %d: micro-job %u has no answer", (int)seed, i);
        }
        world_free(w);
    }
    ck_assert_uint_lt(refused, CHAOS_RUNS / 2); /* most bad luck costs only time */
}
END_TEST

/* --- limits --- */

START_TEST(a_sealed_result_that_would_be_too_large_for_a_slot_is_refused)
{
    World *w = sealed_world(NULL, false, LEVEL_PROCESS, NULL);
    w->open.output_max = SEE_OUTPUT_MAX;
    run_refused(w, 1, ERR_LIMIT, "sealed results may have up to 1023 MiB; lower security: output");
    world_free(w);
    w = sealed_world(NULL, false, LEVEL_PROCESS, NULL);
    w->open.output_max = 1023 * MIB;
    run_right(w, 1);
    world_free(w);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "warden") == 0) fake_warden_run();
    const TTest *const tests[] = {
        every_segment_runs_with_the_key_that_was_wrapped_for_it, a_task_that_is_opened_ahead_is_attested_and_has_no_key_before_a_micro_job_comes,
        evidence_that_the_broker_would_not_accept_is_refused_before_anybody_asks, a_combining_stage_is_attested_and_asks_for_no_keys,
        a_zygote_that_dies_and_its_successor_are_both_attested_and_wrapped_keys_stay_good,
        requests_whose_answers_are_lost_or_put_off_are_sent_again, a_broker_that_never_answers_ends_the_task, without_any_broker_the_task_ends,
        a_refusal_reaches_the_manager_with_its_code_and_reason,
        when_the_session_is_over_every_zygote_is_attested_anew, a_node_that_can_give_no_evidence_refuses_the_task,
        a_warden_that_breaks_the_protocol_with_evidence_is_replaced, second_copies_old_answers_and_answers_to_others_change_nothing,
        a_forged_grant_costs_a_zygote_and_forged_keys_cost_a_retry, when_every_grant_or_key_is_forged_nothing_runs,
        too_few_keys_are_none_and_are_asked_for_again, whatever_happens_on_the_way_a_result_is_right_or_there_is_none,
        a_sealed_result_that_would_be_too_large_for_a_slot_is_refused};
    return test_run("node/attest", tests, sizeof tests / sizeof tests[0]);
}
