/* Does trust have to be earned, is it checked as often as stated, and is it gone at the first lie? */
#include "placement/reputation.h"

#include <math.h>

#include "placement/fixture.h"

static Reputation *new_reputation(ReputationOptions options)
{
    Reputation *r;
    ck_assert_ok(reputation_new(&options, &r));
    return r;
}

static void report(Reputation *r, uint64_t node, bool right, unsigned times)
{
    for (unsigned i = 0; i < times; i++) ck_assert_ok(reputation_report(r, node, right));
}

static unsigned singles(Reputation *r, uint64_t node, unsigned asked)
{
    unsigned count = 0;
    for (unsigned i = 0; i < asked; i++) count += reputation_single(r, node);
    return count;
}

START_TEST(single_copies_are_earned_by_results_in_a_row)
{
    AUTO_REPUTATION r = new_reputation((ReputationOptions){.trust_after = 10, .seed = 1});
    ck_assert_uint_eq(singles(r, 5, 100), 0);
    report(r, 5, true, 10);
    ck_assert_uint_eq(singles(r, 5, 100), 0); /* at exactly ten every one is still checked: 10 / 10 */
    report(r, 5, true, 10);
    ck_assert_uint_gt(singles(r, 5, 100), 0);
    ck_assert_uint_eq(singles(r, 6, 100), 0);
}
END_TEST

START_TEST(checks_come_as_often_as_the_record_says_and_never_end)
{
    AUTO_REPUTATION r = new_reputation((ReputationOptions){.trust_after = 10, .check_floor = 0.05, .seed = 2});
    report(r, 5, true, 40);
    ck_assert_double_eq_tol(reputation_of(r, 5).check, 0.25, 1e-12);
    const double n = 100000, checked = n - singles(r, 5, 100000);
    ck_assert_double_le(fabs(checked - 0.25 * n), 5 * sqrt(n * 0.25 * 0.75));
    report(r, 5, true, 100000);
    ck_assert_double_eq_tol(reputation_of(r, 5).check, 0.05, 1e-12);
    const double rare = n - singles(r, 5, 100000);
    ck_assert_double_le(fabs(rare - 0.05 * n), 5 * sqrt(n * 0.05 * 0.95));
}
END_TEST

START_TEST(the_first_lie_costs_everything_and_more_the_next_time)
{
    AUTO_REPUTATION r = new_reputation((ReputationOptions){.trust_after = 10, .seed = 3});
    report(r, 5, true, 1000);
    ck_assert_uint_gt(singles(r, 5, 100), 0);
    report(r, 5, false, 1);
    ck_assert_uint_eq(singles(r, 5, 100), 0);
    ck_assert_uint_eq(reputation_of(r, 5).needed, 20);
    report(r, 5, true, 19);
    ck_assert_uint_eq(singles(r, 5, 100), 0);
    report(r, 5, false, 100);
    ck_assert_uint_eq(reputation_of(r, 5).needed, TRUST_AFTER_MAX);
    const ReputationRecord record = reputation_of(r, 5);
    ck_assert_uint_eq(record.right, 1019);
    ck_assert_uint_eq(record.wrong, 101);
    ck_assert_double_eq_tol(record.reliability, 1020.0 / 1122, 1e-12);
}
END_TEST

START_TEST(the_table_is_bounded_and_liars_are_remembered_longest)
{
    AUTO_REPUTATION r = new_reputation((ReputationOptions){.nodes_max = 100, .seed = 4});
    report(r, 1, false, 1);
    report(r, 2, true, 1);
    for (uint64_t node = 1000; node < 11000; node++) report(r, node, true, 1);
    ck_assert_uint_eq(reputation_of(r, 1).wrong, 1);
    ck_assert_uint_eq(reputation_of(r, 2).right, 0); /* forgotten: it starts from nothing */
    ck_assert_uint_eq(reputation_of(r, 10999).right, 1);
    for (uint64_t node = 20000; node < 20200; node++) report(r, node, false, 1); /* a crowd of liars alone: the oldest goes */
    ck_assert_uint_eq(reputation_of(r, 1).wrong, 0);
    ck_assert_uint_eq(reputation_of(r, 20199).wrong, 1);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_checks)
{
    AUTO_REPUTATION a = new_reputation((ReputationOptions){.seed = 5});
    AUTO_REPUTATION b = new_reputation((ReputationOptions){.seed = 5});
    report(a, 1, true, 50), report(b, 1, true, 50);
    for (int i = 0; i < 1000; i++) ck_assert_int_eq(reputation_single(a, 1), reputation_single(b, 1));
}
END_TEST

TEST_MAIN("placement/reputation", single_copies_are_earned_by_results_in_a_row, checks_come_as_often_as_the_record_says_and_never_end,
          the_first_lie_costs_everything_and_more_the_next_time, the_table_is_bounded_and_liars_are_remembered_longest,
          the_same_seed_gives_the_same_checks)
