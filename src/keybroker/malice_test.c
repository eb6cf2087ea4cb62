/*
 * Thousands of whole tasks over sealed data whose manager, bus and agent are one adversary: each gives its recipient a right result
 * or is refused, no key leaves the broker that the policy forbids, and nothing of plaintext or keys ever lies in the adversary's
 * hands. COVEY_MALICE_RUNS: how many; COVEY_MALICE_SEED: of all that is decided. A failure prints both, and the run.
 */
#include "keybroker/malice.h"

enum { RUNS = 2000, PLANTED_RUNS = 1000, SWEEP_EVERY = 50, QUIET = 4 };

static const char *const NAMES[] = {"none",
#define MALICE_TEXT(name) #name,
                                    MALICE(MALICE_TEXT)
#undef MALICE_TEXT
};

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

/* A run in four is left in peace; the others have a scheme, spoilt messages, or both. */
static void choose_malice(Stage *s)
{
    s->scheme = NO_MALICE;
    s->mischief = 0;
    if (stage_pick(s, QUIET) == 0) return;
    if (stage_pick(s, 3) > 0) s->scheme = (Malice)(FIRST_SCHEME + stage_pick(s, MALICE_COUNT - FIRST_SCHEME));
    if (s->scheme == NO_MALICE || stage_pick(s, 3) == 0) s->mischief = 1 + (unsigned)stage_pick(s, 4);
}

typedef struct {
    uint64_t right, refused, wrong;
    char first_wrong[256];
} Tally;

/* Runs go on in one world: what passed in one is there to be replayed in the next. */
static void play(Stage *s, uint64_t runs, Tally *t)
{
    for (uint64_t i = 0; i < runs; i++) {
        s->now += stage_pick(s, STEP_MAX_S);
        if (i % SWEEP_EVERY == 0) ck_assert_ok(broker_sweep(s->broker, s->now));
        if (s->plant == BROKER_FORGETS && i % SWEEP_EVERY == 1) stage_restart_broker(s, true);
        if (i == runs * 9 / 10) memcpy(s->revoked_keys[s->revoked.count++], s->node[NODE_B].public_key.bytes, 32);
        choose_malice(s);
        const Err e = task_run(s);
        if (e.code && !is_clean(e.code)) book_wrong(s, err_text(e.code));
        t->right += e.code == 0;
        t->refused += e.code != 0;
        if (!s->books.wrong[0]) continue;
        t->wrong++;
        snprintf(t->first_wrong, sizeof t->first_wrong, "%.120s (run %llu, %s, %s)", s->books.wrong, (unsigned long long)i,
                 NAMES[s->scheme], e.code ? err_text(e.code) : "opened");
        return;
    }
}

START_TEST(a_malicious_manager_bus_and_agent_get_a_right_result_or_a_refusal_and_no_key)
{
    static Stage s;
    Tally t = {0};
    const uint64_t runs = from_environment("COVEY_MALICE_RUNS", RUNS / TEST_STEP), seed = from_environment("COVEY_MALICE_SEED", 1);
    stage_open(&s, seed, PLANT_NOTHING, runs);
    play(&s, runs, &t);
    ck_assert_msg(t.wrong == 0, "COVEY_MALICE_SEED=%llu COVEY_MALICE_RUNS=%llu: %s", (unsigned long long)seed,
                  (unsigned long long)runs, t.first_wrong);
    for (int m = NO_MALICE + 1; m < MALICE_COUNT; m++) ck_assert_msg(s.done[m] > 0 || runs < RUNS, "%s was never done", NAMES[m]);
    printf("# %llu runs: %llu right, %llu refused\n", (unsigned long long)runs, (unsigned long long)t.right,
           (unsigned long long)t.refused);
    printf("# %llu private tasks were charged for, %llu answers opened, %llu with noise that shows\n", (unsigned long long)s.books.charge_count,
           (unsigned long long)s.books.answers, (unsigned long long)s.books.noisy);
    ck_assert(runs < RUNS || (s.books.charge_count > runs / 20 && s.books.answers > runs / 80 && s.books.noisy > 0));
    ck_assert_msg(t.right > runs / 4 && t.refused > runs / 4, "%llu right, %llu refused", (unsigned long long)t.right,
                  (unsigned long long)t.refused);
    stage_close(&s);
}
END_TEST

/* A test of the test: with a mistake planted, the same runs must find it. */
static void expect_found(Plant plant, const char *what)
{
    static Stage s;
    Tally t = {0};
    stage_open(&s, 1, plant, PLANTED_RUNS);
    play(&s, PLANTED_RUNS, &t);
    ck_assert_msg(t.wrong > 0, "the planted mistake %d was not found", plant);
    ck_assert_msg(strstr(t.first_wrong, what) != NULL, "planted mistake %d: found \"%s\", not \"%s\"", plant, t.first_wrong,
                  what);
    stage_close(&s);
}

START_TEST(a_broker_that_overlooks_something_would_be_found)
{
    expect_found(BROKER_TAKES_ANY_NONCE, "nonce");
    expect_found(BROKER_TAKES_ANY_LEVEL, "below the policy's level");
    expect_found(BROKER_TAKES_ANY_IMAGE, "an image that the policy does not name");
    expect_found(BROKER_TAKES_ANY_TASK, "another task");
    expect_found(BROKER_FORGETS, "");
}
END_TEST

START_TEST(a_broker_that_charges_nothing_or_opens_two_answers_would_be_found)
{
    expect_found(BROKER_CHARGES_NOTHING, "the ledger is not what keys were released for");
    expect_found(BROKER_OPENS_TWO, "two answers were opened for one charge");
}
END_TEST

START_TEST(an_unsealer_that_ignores_gaps_would_be_found)
{
    expect_found(UNSEALER_IGNORES_GAPS, "a wrong result");
}
END_TEST

START_TEST(a_see_that_leaks_would_be_found)
{
    expect_found(SEE_LEAKS, "plaintext or a key");
}
END_TEST

TEST_MAIN("keybroker/malice", a_malicious_manager_bus_and_agent_get_a_right_result_or_a_refusal_and_no_key,
          a_broker_that_overlooks_something_would_be_found,
          a_broker_that_charges_nothing_or_opens_two_answers_would_be_found, an_unsealer_that_ignores_gaps_would_be_found,
          a_see_that_leaks_would_be_found)
