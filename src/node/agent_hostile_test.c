/* Does the agent still give each micro-job exactly one right answer when its SEEs, zygotes and warden break every rule, hang or die? */
#include "node/fake_warden.h"
#include "node/test_world.h"
#include "sys/clock.h"

enum { JOBS = 300 };
static const SecurityLevel LEVELS[] = {LEVEL_SHARED, LEVEL_PROCESS};

/* --- hostile SEEs --- */

START_TEST(an_illegal_answer_is_malformed_and_costs_only_its_own_micro_job)
{
    static const char *const BEHAVIOURS[] = {
        "unknown-outcome", "host-outcome", "output-too-large", "output-huge", "log-too-large", "log-truncated-strangely", "exit-code-with-ok",
        "exit-code-zero", "memory-impossible", "no-answer"};
    for (size_t b = 0; b < 2 * sizeof BEHAVIOURS / sizeof BEHAVIOURS[0]; b++) {
        World *w = world_new(BEHAVIOURS[b / 2], true, LEVELS[b % 2]);
        world_run(w, JOBS);
        ck_assert_msg(world_count_outcome(w, JOBS, OUTCOME_MALFORMED) == 1, "%s", BEHAVIOURS[b / 2]);
        ck_assert_msg(world_count_right(w, JOBS) == JOBS - 1, "%s", BEHAVIOURS[b / 2]);
        for (uint32_t i = 0; i < JOBS; i++) ck_assert(w->jobs[i].outcome == OUTCOME_OK || w->jobs[i].output_size == 0);
        world_free(w);
    }
}
END_TEST

START_TEST(a_zygote_that_breaks_the_channel_is_replaced_and_at_most_its_running_micro_job_pays)
{
    static const char *const BEHAVIOURS[] = {
        "unknown-slot", "slot-of-nobody", "unknown-how", "no-how", "packet-too-large", "packet-too-short", "unknown-type", "ready-twice",
        "count-too-large", "descriptors", "failed-late", "done-twice"};
    for (size_t b = 0; b < 2 * sizeof BEHAVIOURS / sizeof BEHAVIOURS[0]; b++) {
        World *w = world_new(BEHAVIOURS[b / 2], true, LEVELS[b % 2]);
        world_run(w, JOBS);
        uint32_t malformed = world_count_outcome(w, JOBS, OUTCOME_MALFORMED);
        ck_assert_msg(malformed <= 2, "%s: %u", BEHAVIOURS[b / 2], malformed);
        ck_assert_msg(world_count_right(w, JOBS) + malformed == JOBS, "%s", BEHAVIOURS[b / 2]);
        world_free(w);
    }
}
END_TEST

START_TEST(a_zygote_that_answers_before_it_was_asked_is_replaced)
{
    static const char *const BEHAVIOURS[] = {"done-before-ready", "done-before-run", "wrong-version"};
    for (size_t b = 0; b < 2 * sizeof BEHAVIOURS / sizeof BEHAVIOURS[0]; b++) {
        World *w = world_new(BEHAVIOURS[b / 2], true, LEVELS[b % 2]);
        world_run(w, JOBS);
        ck_assert_msg(world_count_right(w, JOBS) + world_count_outcome(w, JOBS, OUTCOME_MALFORMED) == JOBS, "%s", BEHAVIOURS[b / 2]);
        ck_assert_uint_ge(world_count_right(w, JOBS), JOBS - 1);
        world_free(w);
    }
}
END_TEST

START_TEST(how_a_see_ended_becomes_the_outcome)
{
    static const struct { const char *behaviour; Outcome outcome; } WAYS[] = {
        {"forbidden-call", OUTCOME_FORBIDDEN_CALL}, {"crash", OUTCOME_CRASHED}, {"lifetime", OUTCOME_LIFETIME}, {"fork-failed", OUTCOME_LOST}};
    for (size_t b = 0; b < 8; b++) {
        World *w = world_new(WAYS[b / 2].behaviour, false, LEVELS[b % 2]);
        world_run(w, 5);
        ck_assert_uint_eq(world_count_outcome(w, 5, WAYS[b / 2].outcome), 5);
        ck_assert_uint_eq(w->retried, outcome_may_retry(WAYS[b / 2].outcome) ? 10 : 0);
        world_free(w);
    }
}
END_TEST

START_TEST(a_see_finds_nothing_of_the_one_before_it_in_its_slot)
{
    World *w = world_new("leave-traces", false, LEVEL_PROCESS);
    world_run(w, JOBS);
    ck_assert_uint_eq(world_count_right(w, JOBS), JOBS);
    world_free(w);
}
END_TEST

/* --- deaths --- */

START_TEST(a_death_costs_at_most_a_retry)
{
    static const char *const BEHAVIOURS[] = {"die", "close", "die-in-setup", "kill-warden", "warden-dies-at-start", "warden-garbage",
                                             "warden-lies", "die-halfway", "crash-halfway"};
    for (size_t b = 0; b < 2 * sizeof BEHAVIOURS / sizeof BEHAVIOURS[0]; b++) {
        World *w = world_new(BEHAVIOURS[b / 2], true, LEVELS[b % 2]);
        world_run(w, JOBS);
        ck_assert_msg(world_count_right(w, JOBS) == JOBS, "%s at %s: %u", BEHAVIOURS[b / 2], level_name(LEVELS[b % 2]), world_count_right(w, JOBS));
        ck_assert_uint_le(w->retried, 2);
        world_free(w);
    }
}
END_TEST

START_TEST(deaths_at_random_moments_cost_only_retries)
{
    static const char *const BEHAVIOURS[] = {"die-sometimes", "kill-warden-sometimes"};
    for (size_t b = 0; b < 4; b++) {
        World *w = world_new(BEHAVIOURS[b / 2], false, LEVELS[b % 2]);
        world_run(w, 5 * JOBS);
        uint32_t lost = world_count_outcome(w, 5 * JOBS, OUTCOME_LOST); /* three times in a row, by a micro-job with bad luck */
        ck_assert_msg(world_count_right(w, 5 * JOBS) + lost == 5 * JOBS && lost <= 3, "%u lost", lost);
        world_free(w);
    }
}
END_TEST

START_TEST(a_hung_zygote_is_ended_and_its_micro_job_outlived_its_lifetime)
{
    World *w = world_new("hang", true, LEVEL_PROCESS);
    w->open.lifetime_ns = 100 * NS_PER_MS;
    uint64_t began = clock_monotonic_ns();
    world_run(w, JOBS);
    ck_assert_uint_eq(world_count_right(w, JOBS), JOBS);
    ck_assert_uint_eq(w->retried, 1);
    ck_assert_uint_lt(clock_monotonic_ns() - began, 10 * NS_PER_S);
    world_free(w);
}
END_TEST

START_TEST(a_task_whose_zygotes_always_die_is_given_up_with_every_micro_job_answered)
{
    for (int i = 0; i < 2; i++) {
        World *w = world_new("die", false, LEVELS[i]);
        w->no_retries = true;
        world_open(w);
        world_until(w, w->ready);
        world_run(w, 40);
        ck_assert(w->refused);
        ck_assert_int_eq(w->refused_code, ERR_TASK_FAILED);
        ck_assert_ptr_nonnull(strstr(w->refused_text, "died without finishing"));
        ck_assert_uint_eq(w->outstanding, 0);
        ck_assert_uint_eq(world_count_outcome(w, 40, OUTCOME_LOST) + w->unrun, 40);
        world_free(w);
    }
}
END_TEST

START_TEST(wardens_that_always_die_end_the_task_and_not_the_agent)
{
    World *w = world_new("warden-dies-at-start", false, LEVEL_PROCESS);
    world_run(w, 1);
    ck_assert(w->refused);
    ck_assert_int_eq(w->refused_code, ERR_CLOSED);
    setenv(FAKE_BEHAVIOUR, "good", 1);
    w->refused = false;
    w->open.stage = 4;
    world_run(w, 10);
    ck_assert_uint_eq(world_count_right(w, 10), 10);
    world_free(w);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "warden") == 0) fake_warden_run();
    const TTest *const tests[] = {
        an_illegal_answer_is_malformed_and_costs_only_its_own_micro_job,
        a_zygote_that_breaks_the_channel_is_replaced_and_at_most_its_running_micro_job_pays,
        a_zygote_that_answers_before_it_was_asked_is_replaced, how_a_see_ended_becomes_the_outcome,
        a_see_finds_nothing_of_the_one_before_it_in_its_slot, a_death_costs_at_most_a_retry,
        deaths_at_random_moments_cost_only_retries, a_hung_zygote_is_ended_and_its_micro_job_outlived_its_lifetime,
        a_task_whose_zygotes_always_die_is_given_up_with_every_micro_job_answered,
        wardens_that_always_die_end_the_task_and_not_the_agent};
    return test_run("node/agent_hostile", tests, sizeof tests / sizeof tests[0]);
}
