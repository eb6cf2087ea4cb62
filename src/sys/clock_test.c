/* Do clocks and randomness behave as their names say? */
#include "sys/clock.h"

#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/test.h"
#include "sys/entropy.h"

START_TEST(the_monotonic_clock_counts_nanoseconds_and_never_goes_back)
{
    uint64_t before = clock_monotonic_ns();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_monotonic_ns();
        ck_assert_uint_ge(now, before);
        before = now;
    }
    nanosleep(&(struct timespec){.tv_nsec = 20 * (long)NS_PER_MS}, NULL);
    ck_assert_uint_ge(clock_monotonic_ns() - before, 20 * NS_PER_MS);
}
END_TEST

START_TEST(the_wall_clock_counts_from_1970)
{
    uint64_t seconds = (uint64_t)time(NULL);
    uint64_t wall = clock_wall_ns() / NS_PER_S;
    ck_assert_uint_ge(wall + 2, seconds);
    ck_assert_uint_le(wall, seconds + 2);
}
END_TEST

START_TEST(random_bytes_fill_the_whole_room_and_do_not_repeat)
{
    uint8_t a[512], b[512];
    memset(a, 0, sizeof a);
    ck_assert_ok(random_bytes(a, sizeof a));
    ck_assert_ok(random_bytes(b, sizeof b));
    ck_assert_mem_ne(a, b, sizeof a);
    for (size_t i = 0; i < sizeof a; i += 32) ck_assert_mem_ne(a + i, (uint8_t[32]){0}, 32);
    ck_assert_ok(random_bytes(NULL, 0));
}
END_TEST

TEST_MAIN("sys/clock", the_monotonic_clock_counts_nanoseconds_and_never_goes_back, the_wall_clock_counts_from_1970,
          random_bytes_fill_the_whole_room_and_do_not_repeat)
