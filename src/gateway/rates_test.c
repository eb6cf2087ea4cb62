/* Does a bucket give what it promises, to each key its own, whatever the clock and strangers do? */
#include "base/limits.h"
#include "base/test.h"
#include "gateway/rates.h"

static Rate r;

START_TEST(a_second_may_be_used_at_once_and_then_one_by_one)
{
    ck_assert_ok(rates_open(4, &r));
    for (int i = 0; i < 4; i++) ck_assert(rates_take(&r, 7, NS_PER_S));
    ck_assert(!rates_take(&r, 7, NS_PER_S));
    ck_assert(rates_take(&r, 8, NS_PER_S));
    ck_assert(rates_take(&r, 7, NS_PER_S + NS_PER_S / 4 + 1));
    ck_assert(!rates_take(&r, 7, NS_PER_S + NS_PER_S / 4 + 2));
    rates_close(&r);
}
END_TEST

START_TEST(a_clock_that_jumps_back_or_far_ahead_gives_no_more_than_a_second)
{
    ck_assert_ok(rates_open(2, &r));
    ck_assert(rates_take(&r, 1, 100 * NS_PER_S) && rates_take(&r, 1, NS_PER_S));
    ck_assert(!rates_take(&r, 1, NS_PER_S));
    int taken = 0;
    for (int i = 0; i < 10; i++) taken += rates_take(&r, 1, UINT64_MAX / 2);
    ck_assert_int_eq(taken, 2);
    rates_close(&r);
}
END_TEST

START_TEST(a_hundred_thousand_keys_use_no_more_memory_and_unlimited_is_unlimited)
{
    ck_assert_ok(rates_open(1, &r));
    for (uint64_t i = 0; i < 100000; i++) ck_assert(rates_take(&r, i * UINT64_C(0x9e3779b97f4a7c15), NS_PER_S + i));
    rates_close(&r);
    ck_assert_ok(rates_open(0, &r));
    for (int i = 0; i < 1000; i++) ck_assert(rates_take(&r, 1, 1));
    rates_close(&r);
}
END_TEST

TEST_MAIN("gateway/rates", a_second_may_be_used_at_once_and_then_one_by_one, a_clock_that_jumps_back_or_far_ahead_gives_no_more_than_a_second,
          a_hundred_thousand_keys_use_no_more_memory_and_unlimited_is_unlimited)
