/* Are numbers read as strictly, compared as exactly and printed as shortly as promised? */
#include "swarm/combine_number.h"

#include <math.h>

#include "base/test.h"
#include "swarm/test_random.h"

static Number number(const char *text)
{
    Number n;
    ck_assert_msg(number_parse(view_text(text), &n) == NUMBER_OK, "%s", text);
    return n;
}

START_TEST(only_numbers_are_numbers)
{
    static const char *const NOT[] = {"", "+", "-", ".", "e5", ".e5", "1e", "1e+", "1e5.", "--1", "+-1", "1 ", " 1", "1,", "1_000",
        "0x1p3", "1e5f", "inf", "nan", "NaN", "infinity", "1..2", "1.2.3", "\xd9\xa1", "1\n"};
    Number n;
    for (size_t i = 0; i < sizeof NOT / sizeof *NOT; i++)
        ck_assert_msg(number_parse(view_text(NOT[i]), &n) == NUMBER_MALFORMED, "'%s'", NOT[i]);
    ck_assert(number_parse(VIEW("1\0"), &n) == NUMBER_MALFORMED);
    char digits[NUMBER_BYTES_MAX + 2];
    memset(digits, '0', sizeof digits);
    ck_assert(number_parse(view_of(digits, NUMBER_BYTES_MAX), &n) == NUMBER_OK);
    ck_assert(number_parse(view_of(digits, NUMBER_BYTES_MAX + 1), &n) == NUMBER_MALFORMED);
}
END_TEST

START_TEST(the_ends_of_128_bits_are_exact)
{
    Number most = number("170141183460469231731687303715884105727"), least = number("-170141183460469231731687303715884105728"), n;
    ck_assert(most.exact == (Int128)(~(UInt128)0 >> 1) && least.exact == -most.exact - 1);
    ck_assert(number_parse(VIEW("170141183460469231731687303715884105728"), &n) == NUMBER_OUT_OF_RANGE);
    ck_assert(number_parse(VIEW("-170141183460469231731687303715884105729"), &n) == NUMBER_OUT_OF_RANGE);
    ck_assert(number_parse(VIEW("1e309"), &n) == NUMBER_OUT_OF_RANGE);
    char text[NUMBER_TEXT_MAX];
    number_print(&least, text);
    ck_assert_str_eq(text, "-170141183460469231731687303715884105728");
    ck_assert(number("000000000000000000000000000000000000000000000007").exact == 7);
}
END_TEST

START_TEST(every_double_reads_back_as_itself)
{
    uint64_t seed = test_seed(), random = seed;
    for (int round = 0; round < 200000; round++) {
        uint64_t bits = test_random(&random);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        if (round % 2) value = (double)(int64_t)(bits >> 20) / 1000; /* such as people have */
        Number n = {.approximate = value, .decimal = true}, again;
        char text[NUMBER_TEXT_MAX];
        number_print(&n, text);
        ck_assert_msg(number_parse(view_text(text), &again) == NUMBER_OK, "seed %" PRIu64 ": %s", seed, text);
        double read = again.decimal ? again.approximate : (double)again.exact;
        ck_assert_msg(read == value, "seed %" PRIu64 ": %.17g printed as %s", seed, value, text);
    }
}
END_TEST

START_TEST(decimals_are_read_as_correctly_as_by_strtod)
{
    uint64_t seed = test_seed(), random = seed;
    for (int round = 0; round < 200000; round++) {
        char text[64];
        size_t size = 0, digits = 1 + test_below(&random, 24), point = test_below(&random, digits + 1);
        if (test_below(&random, 2)) text[size++] = "+-"[test_below(&random, 2)];
        for (size_t i = 0; i < digits; i++) {
            if (i == point) text[size++] = '.';
            text[size++] = (char)('0' + test_below(&random, 10));
        }
        if (point == digits) text[size++] = '.';
        text[size] = '\0';
        if (test_below(&random, 3) == 0) snprintf(text + size, sizeof text - size, "e%d", (int)test_below(&random, 600) - 300);
        double expected = strtod(text, NULL);
        Number n;
        NumberResult result = number_parse(view_text(text), &n);
        if (!isfinite(expected)) {
            ck_assert_msg(result == NUMBER_OUT_OF_RANGE, "seed %" PRIu64 ": %s", seed, text);
            continue;
        }
        ck_assert_msg(result == NUMBER_OK && n.decimal && n.approximate == expected, "seed %" PRIu64 ": %s", seed, text);
    }
}
END_TEST

START_TEST(comparison_is_exact_between_integers_and_doubles)
{
    static const char *const ASCENDING[] = {"-1e300", "-170141183460469231731687303715884105728",
        "-170141183460469231731687303715884105727", "-1e20", "-2", "-1.5", "-1", "-0.5", "0", "1e-300",
        "0.5", "1", "1.5", "2", "9007199254740991", "9007199254740992.0", "9007199254740993", "1e38",
        "100000000000000000000000000000000000001", "170141183460469231731687303715884105727",
        "170141183460469231731687303715884105728.0", "1e300"};
    enum { COUNT = sizeof ASCENDING / sizeof *ASCENDING };
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < COUNT; j++) {
            Number a = number(ASCENDING[i]), b = number(ASCENDING[j]);
            int order = number_compare(&a, &b), expected = (i > j) - (i < j);
            ck_assert_msg(order == expected, "%s and %s: %d", ASCENDING[i], ASCENDING[j], order);
        }
    }
    Number zero = number("0"), minus_zero = number("-0.0");
    ck_assert_int_eq(number_compare(&zero, &minus_zero), 0);
}
END_TEST

START_TEST(a_failed_addition_leaves_the_sum)
{
    Sum s = {0};
    Number most = number("170141183460469231731687303715884105727"), one = number("1"), huge = number("1.7e308"), total;
    ck_assert(sum_add(&s, &most));
    ck_assert(!sum_add(&s, &one));
    ck_assert(sum_total(&s, &total) && total.exact == most.exact);
    ck_assert(sum_add(&s, &huge));
    ck_assert(!sum_add(&s, &huge));
    ck_assert(sum_total(&s, &total) && total.approximate == 1.7e308);
}
END_TEST

TEST_MAIN("swarm/combine_number", only_numbers_are_numbers, the_ends_of_128_bits_are_exact, every_double_reads_back_as_itself,
    decimals_are_read_as_correctly_as_by_strtod, comparison_is_exact_between_integers_and_doubles, a_failed_addition_leaves_the_sum)
