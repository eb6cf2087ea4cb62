/* Are estimates near the truth, and unmoved by outliers? And does the table keep what it is given? */
#include "placement/estimate.h"

#include <math.h>

#include "placement/fixture.h"
#include "placement/table.h"

START_TEST(quantiles_of_a_known_distribution_are_near)
{
    uint64_t seed = 1;
    RunEstimate e;
    estimate_start(&e, 1);
    for (int i = 0; i < 20000; i++) {
        const double value = -log(1 - random_unit(&seed)); /* exponential, mean 1 */
        estimate_add(&e, value, value);
    }
    ck_assert_double_eq_tol(quantile_value(&e.median), log(2), 0.03);
    ck_assert_double_eq_tol(quantile_value(&e.p95), log(20), 0.15);
}
END_TEST

START_TEST(few_samples_give_the_nearest_in_rank)
{
    Quantile q = {.part = 0.5};
    ck_assert_double_eq(quantile_value(&q), 0);
    quantile_add(&q, 3);
    ck_assert_double_eq(quantile_value(&q), 3);
    quantile_add(&q, 1);
    quantile_add(&q, 2);
    ck_assert_double_eq(quantile_value(&q), 2);
}
END_TEST

START_TEST(a_wrong_guess_goes_at_once_and_an_outlier_moves_little)
{
    RunEstimate e;
    estimate_start(&e, 1000);
    estimate_add(&e, 1, 1);
    ck_assert_double_eq(e.mean, 1);
    for (int i = 0; i < 50; i++) estimate_add(&e, 1, 1);
    estimate_add(&e, 1e9, 1e9);
    ck_assert_double_lt(e.mean, 1.5);
}
END_TEST

START_TEST(a_table_agrees_with_an_array)
{
    uint64_t seed = 2;
    uint32_t kept[256] = {0};
    Table t = {0};
    for (int i = 0; i < 200000; i++) {
        const uint64_t key = 1 + random_below(&seed, 255);
        if (random_below(&seed, 2)) {
            kept[key] = (uint32_t)random_u64(&seed) | 1;
            ck_assert_ok(table_put(&t, key << 32, kept[key]));
        } else {
            kept[key] = 0;
            table_remove(&t, key << 32);
        }
        const uint64_t asked = 1 + random_below(&seed, 255);
        uint32_t value = 0;
        ck_assert_int_eq(table_find(&t, asked << 32, &value), kept[asked] != 0);
        ck_assert_uint_eq(value, kept[asked]);
    }
    table_free(&t);
}
END_TEST

START_TEST(names_have_numbers_of_their_own)
{
    ck_assert_uint_ne(fact_hash("a"), fact_hash("b"));
    ck_assert_uint_ne(fact_hash(""), 0);
    ck_assert_uint_eq(fact_hash("node-1"), fact_hash("node-1"));
}
END_TEST

TEST_MAIN("placement/estimate", quantiles_of_a_known_distribution_are_near, few_samples_give_the_nearest_in_rank,
          a_wrong_guess_goes_at_once_and_an_outlier_moves_little, a_table_agrees_with_an_array, names_have_numbers_of_their_own)
