/* Is truncation the post-processing that it is said to be, and left out where that is asked for? */
#include "privacy/aggregate.h"
#include "privacy/fixture.h"

enum { RUNS = 40000, MEMORY = 4096 };
static uint8_t memory[MEMORY] __attribute__((aligned(16)));

static Err keep(void *context, const Released *n)
{
    *(double *)context = n->negative ? -real(n->value) : real(n->value);
    return OK;
}

static double released(const Query *q, const Plan *plan, NoiseSource *source, int records)
{
    Aggregate *a;
    double value = 0;
    ck_assert_ok(aggregate_start(q, plan, 1, memory, sizeof memory, &a));
    for (int i = 0; i < records; i++) {
        if (q->kind == QUERY_BLOCKS) aggregate_block(a, VIEW("9"));
        else ck_assert_ok(aggregate_record(a, (View){0}, (View){0}, true));
    }
    ck_assert_ok(aggregate_release(a, source, keep, &value));
    return value;
}

static Query count_of(bool truncate)
{
    const Spend half = {rational("0.5"), RATIONAL_ZERO, RATIONAL_ZERO};
    return (Query){.kind = QUERY_COUNT, .spend = half, .truncate = truncate, .confidence = RATIONAL_ZERO};
}

/* Ghosh, Roughgarden, Sundararajan 2009: all that is below 0 is 0, the rest has the law of the noise. A normal's 5.5 deviations: 4e-8 each. */
static void check_share(uint64_t count, double probability)
{
    const double mean = RUNS * probability, deviation = sqrt(mean * (1 - probability));
    ck_assert_msg(fabs((double)count - mean) < 5.5 * deviation, "%llu times, %g expected", (unsigned long long)count, mean);
}

START_TEST(a_truncated_count_has_the_geometric_law_with_all_that_is_below_in_zero)
{
    const Query q = count_of(true);
    Plan plan;
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, false);
    uint64_t counts[6] = {0};
    ck_assert_ok(query_plan(&q, &plan, NULL));
    for (int i = 0; i < RUNS; i++) {
        const double value = released(&q, &plan, &source, 2);
        ck_assert(value >= 0);
        if (value < 6) counts[(int)value]++;
    }
    const double e = exp(-0.5), peak = (1 - e) / (1 + e);
    check_share(counts[0], e * e / (1 + e)); /* P[X <= -2] */
    for (int value = 1; value < 6; value++) check_share(counts[value], peak * pow(e, abs(value - 2)));
}
END_TEST

START_TEST(a_count_that_is_not_truncated_is_right_on_average)
{
    const Query q = count_of(false);
    Plan plan;
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, false);
    uint64_t below = 0;
    double sum = 0;
    ck_assert_ok(query_plan(&q, &plan, NULL));
    for (int i = 0; i < RUNS; i++) {
        const double value = released(&q, &plan, &source, 0);
        below += value < 0;
        sum += value;
    }
    const double e = exp(-0.5);
    check_share(below, e / (1 + e));
    ck_assert_double_lt(fabs(sum / RUNS), 5.5 * sqrt(2 * e) / (1 - e) / sqrt(RUNS));
}
END_TEST

START_TEST(a_truncated_mean_of_blocks_lies_within_the_range)
{
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, false);
    for (int truncate = 0; truncate < 2; truncate++) {
        Query q = count_of(truncate);
        q.kind = QUERY_BLOCKS, q.outputs = 1, q.block_count = 4;
        ck_assert_ok(bounds_parse(VIEW("1"), VIEW("9"), VIEW("1"), &q.bounds));
        Plan plan;
        int outside = 0;
        ck_assert_ok(query_plan(&q, &plan, NULL));
        for (int i = 0; i < 200; i++) {
            const double value = released(&q, &plan, &source, 4);
            outside += value < 1 || value > 9;
        }
        ck_assert(truncate ? outside == 0 : outside > 20); /* half of 200; below 20 once in 10^30 */
    }
}
END_TEST

TEST_MAIN("privacy/truncation", a_truncated_count_has_the_geometric_law_with_all_that_is_below_in_zero, a_count_that_is_not_truncated_is_right_on_average,
          a_truncated_mean_of_blocks_lies_within_the_range)
