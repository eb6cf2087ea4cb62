/* When are results worth a message, by a clock of the test's own? */
#include "base/test.h"
#include "node/results.h"
#include "sys/clock.h"

enum { HOLD = 8 };
static const uint64_t NOW = 1000 * NS_PER_S, SHORT = 100000;
static Outbox outbox;
static const uint8_t KEY[32];

/* `count` results of so many bytes each, of a node elsewhere, or (hold 0) in one process. */
static Results gathered(uint32_t count, size_t bytes, uint32_t hold)
{
    static uint8_t output[RESULTS_HOLD_BYTES];
    const BatchHead head = {.node = 1, .manager = {"0123456789abcdef"}};
    Results r = results_new(&outbox, &head, KEY);
    r.hold_count = hold;
    for (uint32_t i = 0; i < count; i++)
        ck_assert_ok(results_add(&r, &(ResultItem){.job = i, .attempt = 1, .outcome = OUTCOME_OK, .output = view_of(output, bytes)}));
    return r;
}

START_TEST(in_one_process_nothing_waits)
{
    for (uint32_t count = 0; count < 3; count++) {
        Results r = gathered(count, 1, 0);
        ck_assert(results_due(&r, SHORT, false, NOW));
        results_free(&r);
    }
}
END_TEST

START_TEST(few_results_wait_for_others_until_there_are_enough_or_they_have_waited_long)
{
    const uint64_t hold = RESULTS_HOLD_MS * NS_PER_MS;
    Results r = gathered(1, 1, HOLD);
    ck_assert(!results_due(&r, SHORT, false, NOW) && !results_due(&r, SHORT, false, NOW + hold - 1) && results_due(&r, SHORT, false, NOW + hold));
    results_free(&r);
    r = gathered(HOLD - 1, 1, HOLD);
    ck_assert(!results_due(&r, SHORT, false, NOW));
    results_free(&r);
    r = gathered(HOLD, 1, HOLD);
    ck_assert(results_due(&r, SHORT, false, NOW));
    results_free(&r);
    r = gathered(1, RESULTS_HOLD_BYTES, HOLD);
    ck_assert(results_due(&r, SHORT, false, NOW));
    results_free(&r);
}
END_TEST

START_TEST(the_last_one_and_one_of_long_micro_jobs_do_not_wait)
{
    const uint64_t soon = RESULTS_HOLD_MS * NS_PER_MS / RESULTS_SOON;
    Results r = gathered(1, 1, HOLD);
    ck_assert(results_due(&r, SHORT, true, NOW));
    ck_assert(!results_due(&r, soon, false, NOW) && results_due(&r, soon + 1, false, NOW));
    results_free(&r);
    r = gathered(0, 0, HOLD);
    ck_assert(!results_due(&r, soon + 1, false, NOW)); /* nothing to say */
    results_free(&r);
}
END_TEST

TEST_MAIN("node/results", in_one_process_nothing_waits, few_results_wait_for_others_until_there_are_enough_or_they_have_waited_long,
          the_last_one_and_one_of_long_micro_jobs_do_not_wait)
