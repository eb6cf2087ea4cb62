/*
 * Do voting and reputation let through what the mathematics says, and no more, when nodes lie? Whole simulations of 100,000 micro-jobs: placement,
 * quorum and reputation as they run in a swarm. Each bound is five standard deviations of the binomial above (or about) its expectation, so that a
 * correct program fails by chance less than once in 1.7 million seeds; the seeds are fixed.
 */
#include "sim/fixture.h"

#include <math.h>

enum { JOBS = 100000 };

#define SCENARIO(redundancy, count, more, failures) \
    "scenario: liars\ntasks: [{name: t, count: 100000, run: 1s, segment: 1KiB, image: 0B, start: 0ms, redundancy: {" redundancy "}}]\n" \
    "nodes: [{name: n, count: " count ", cores: 4" more ", failures: {liars: {" failures "}}}]\n"

static SimResult run_liars(const char *yaml, const char *policy, uint64_t seed)
{
    SimResult r = simulated_text(yaml, policy, seed);
    ck_assert(r.complete);
    ck_assert_uint_eq(r.tally.done + r.tally.failed, JOBS);
    ck_assert_uint_eq(r.tally.counted_twice, 0);
    return r;
}

static double deviation(double p) { return sqrt(JOBS * p * (1 - p)); }

static void about(uint64_t count, double p, const char *what)
{
    const double most = 5 * deviation(p) + 1;
    ck_assert_msg(fabs((double)count - JOBS * p) <= most, "%s: %llu, not %.1f within %.1f", what, (unsigned long long)count, JOBS * p, most);
}

static void no_more_than(uint64_t count, double p, const char *what)
{
    const double most = JOBS * p + 5 * deviation(p) + 1;
    ck_assert_msg((double)count <= most, "%s: %llu, more than %.1f", what, (unsigned long long)count, most);
}

/* Of three answers two or three are lies. */
static double two_of_three(double p) { return 3 * p * p * (1 - p) + p * p * p; }

/* One result in five is a lie, whoever gives it: the votes are independent, and the expectation is exact. */
#define ANY_NODE "share: 1, rate: 0.2, lies: "

START_TEST(lies_that_differ_never_pass_three_copies_of_which_two_agree)
{
    /* seven copies at most: hopeless when at most one of seven is right */
    const double p = 0.2, hopeless = pow(p, 7) + 7 * (1 - p) * pow(p, 6);
    for (uint64_t seed = 1; seed <= 2; seed++) {
        SimResult r = run_liars(SCENARIO("copies: 3, agree: 2", "500", "", ANY_NODE "independent"), "covey", seed);
        ck_assert_uint_eq(r.tally.wrong, 0);
        about(r.tally.failed, hopeless, "micro-jobs that seven copies do not decide");
    }
}
END_TEST

START_TEST(colluders_pass_as_often_as_two_of_three_lie_under_every_policy)
{
    for (unsigned i = 0; sim_policy(i); i++) {
        SimResult r = run_liars(SCENARIO("copies: 3, agree: 2", "500", "", ANY_NODE "colluding"), sim_policy(i), 3);
        about(r.tally.wrong, two_of_three(0.2), sim_policy(i));
        ck_assert_uint_eq(r.tally.failed, 0);
    }
}
END_TEST

/* The part of trios of different nodes in which two or three are liars. */
static double trios(double nodes, double liars)
{
    const double honest = nodes - liars, all = nodes * (nodes - 1) * (nodes - 2) / 6;
    return (liars * (liars - 1) / 2 * honest + liars * (liars - 1) * (liars - 2) / 6) / all;
}

static unsigned count_liars(uint64_t seed, unsigned nodes, double share)
{
    unsigned liars = 0;
    for (unsigned n = 0; n < nodes; n++) liars += draw_unit(seed, DRAW_LIAR, n) < share;
    return liars;
}

/* One node in five always lies, with the others. Who gets which copy is random only under `random`; the swarm's own may only do better, for a node
 * whose results are often wrong gets less to do. */
START_TEST(nodes_that_always_collude_pass_as_often_as_trios_of_them_are_chosen)
{
    static const char YAML[] = SCENARIO("copies: 3, agree: 2", "500", "", "share: 0.2, lies: colluding");
    const uint64_t seed = 4;
    const double p = trios(500, count_liars(seed, 500, 0.2));
    about(run_liars(YAML, "random", seed).tally.wrong, p, "random");
    no_more_than(run_liars(YAML, "covey", seed).tally.wrong, p * 1.1, "covey"); /* a tenth: its choices are not independent of each other */
}
END_TEST

/* All liars have one owner: no two of them ever vote on the same micro-job. */
START_TEST(colluders_of_one_owner_never_pass)
{
    static const char YAML[] = "scenario: owners\ntasks: [{name: t, count: 100000, run: 1s, segment: 1KiB, image: 0B, redundancy: {copies: 3, agree: 2}}]\n"
                               "nodes:\n  - {name: honest, count: 400, cores: 4}\n"
                               "  - {name: syndicate, count: 100, cores: 4, owner: one, failures: {liars: {share: 1, lies: colluding}}}\n";
    SimResult r = run_liars(YAML, "covey", 5);
    ck_assert_uint_eq(r.tally.wrong + r.tally.failed, 0);
    ck_assert_uint_ge(r.tally.copies, 3 * JOBS);
}
END_TEST

START_TEST(who_copies_the_first_answer_passes_only_when_that_was_a_lie)
{
    /* the first answer is a lie with p, and a second liar among the next makes two: at most as colluders, at least not never */
    SimResult r = run_liars(SCENARIO("copies: 3, agree: 2", "500", "", ANY_NODE "copied"), "covey", 6);
    no_more_than(r.tally.wrong, two_of_three(0.2), "copied digests");
    ck_assert_uint_gt(r.tally.wrong, 0);
}
END_TEST

START_TEST(right_results_that_come_late_cost_time_and_are_counted_once)
{
    SimResult r = run_liars(SCENARIO("copies: 3, agree: 2", "500", "", "share: 0.2, lies: late"), "covey", 7);
    ck_assert_uint_eq(r.tally.wrong + r.tally.failed, 0);
    ck_assert_uint_gt(r.tally.duplicates, 0);
}
END_TEST

/* A node that lies with rate q is checked with probability c at least: of its results q (1 - c) pass at most, until it is found out. Where it lies
 * always it never gets single copies at all. */
START_TEST(adaptive_replication_lets_a_rare_liar_pass_rarely_and_a_constant_one_never)
{
    SimResult constant = run_liars(SCENARIO("copies: 3, agree: 2, adaptive: true", "500", "", "share: 0.2, lies: independent"), "covey", 8);
    SimResult plain = run_liars(SCENARIO("copies: 3, agree: 2", "500", "", "share: 0.2, lies: independent"), "covey", 8);
    ck_assert_uint_eq(constant.tally.wrong, 0);
    ck_assert_uint_lt(constant.tally.copies, plain.tally.copies * 2 / 3); /* it saves what it is for */
    const double share = 0.2, rate = 0.05, floor_of_checks = 0.05;
    SimResult rare = run_liars(SCENARIO("copies: 3, agree: 2, adaptive: true", "500", "", "share: 0.2, rate: 0.05, lies: independent"), "covey", 8);
    no_more_than(rare.tally.wrong, share * rate * (1 - floor_of_checks), "a liar's results while nobody checks");
    ck_assert_uint_gt(rare.tally.wrong, 0); /* as documented: a single copy shows nothing */
    ck_assert_uint_lt(rare.tally.wrong, JOBS * share * rate / 3); /* and losing the trust at the first lie found is worth two thirds of them */
}
END_TEST

TEST_MAIN("sim/liars", lies_that_differ_never_pass_three_copies_of_which_two_agree, colluders_pass_as_often_as_two_of_three_lie_under_every_policy,
          nodes_that_always_collude_pass_as_often_as_trios_of_them_are_chosen, colluders_of_one_owner_never_pass,
          who_copies_the_first_answer_passes_only_when_that_was_a_lie, right_results_that_come_late_cost_time_and_are_counted_once,
          adaptive_replication_lets_a_rare_liar_pass_rarely_and_a_constant_one_never)
