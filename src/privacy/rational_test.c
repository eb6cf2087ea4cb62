/* Are numbers read exactly, and does nothing wrap, however large they are? */
#include "privacy/rational.h"

#include "privacy/fixture.h"
#include "privacy/wide.h"

START_TEST(what_people_write_is_read_exactly)
{
    static const struct { const char *text, *same; } CASES[] = {{"0.5", "1/2"}, {"1e-6", "1/1000000"}, {"1/3", "2/6"}, {"12.", "12"}, {".25", "1/4"},
        {"2.5E3", "2500"}, {"0.000", "0"}, {"00012.500", "25/2"}, {"1e-38", "1/100000000000000000000000000000000000000"}, {"0e999", "0"},
        {"0.30000000000000000000000000000000000000000000", "3/10"}, {"1e+2", "100"}, {"100000e-5", "1"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const Rational a = rational(CASES[i].text), b = rational(CASES[i].same);
        ck_assert_msg(a.num == b.num && a.den == b.den, "%s", CASES[i].text);
    }
}
END_TEST

START_TEST(what_is_no_number_is_refused)
{
    static const char *const NOT[] = {"", ".", "e5", "1e", "1e+", "-1", "+1", "1/0", "1/", "/2", "1//2", "1/2/3", "1/2.5", " 1", "1 ", "0x1", "inf", "nan",
        "NaN", "Infinity", "1_0", "1,5", "1e1001", "1e39", "1e-39", "340282366920938463463374607431768211456", "\xd9\xa1"};
    Rational r = {7, 1};
    for (size_t i = 0; i < sizeof NOT / sizeof *NOT; i++) ck_assert_msg(!rational_parse(view_text(NOT[i]), &r), "'%s'", NOT[i]);
    ck_assert(!rational_parse(VIEW("1\0"), &r));
    char digits[RATIONAL_INPUT_MAX + 2];
    memset(digits, '0', sizeof digits);
    ck_assert(!rational_parse(view_of(digits, RATIONAL_INPUT_MAX + 1), &r));
    ck_assert(r.num == 7);
    ck_assert(rational_parse(VIEW("340282366920938463463374607431768211455"), &r) && r.num == ~(UInt128)0);
}
END_TEST

START_TEST(what_is_printed_reads_back_as_the_same)
{
    TestRandom random = {test_seed(), 0};
    for (int round = 0; round < 20000; round++) {
        UInt128 num = test_next(&random) >> test_next(&random) % 64, den = (test_next(&random) >> test_next(&random) % 64) + 1;
        if (round % 3 == 0) den = 1000000000;
        if (round % 3 == 1) num *= test_next(&random);
        const Rational r = rational_make(num, den);
        char text[RATIONAL_TEXT_MAX];
        rational_print(r, text);
        const Rational again = rational(text);
        ck_assert_msg(again.num == r.num && again.den == r.den, "%s", text);
    }
}
END_TEST

START_TEST(comparison_is_exact_at_128_bits)
{
    const UInt128 most = ~(UInt128)0;
    ck_assert_int_eq(rational_compare((Rational){most, most - 1}, (Rational){most - 1, most - 2}), -1);
    ck_assert_int_eq(rational_compare((Rational){most - 1, most}, (Rational){most - 2, most - 1}), 1);
    ck_assert_int_eq(rational_compare((Rational){most, 3}, (Rational){most, 3}), 0);
    ck_assert_int_eq(rational_compare(RATIONAL_ZERO, (Rational){1, most}), -1);
    TestRandom random = {test_seed(), 0};
    for (int round = 0; round < 20000; round++) {
        const UInt128 a = test_next(&random) % 100, b = test_next(&random) % 100 + 1, c = test_next(&random) % 100, d = test_next(&random) % 100 + 1;
        const int expected = (a * d > b * c) - (a * d < b * c);
        ck_assert_int_eq(rational_compare(rational_make(a, b), rational_make(c, d)), expected);
    }
}
END_TEST

START_TEST(nothing_wraps_and_rounding_has_its_side)
{
    const UInt128 most = ~(UInt128)0;
    Rational r = {7, 1}, up, down;
    ck_assert(!rational_add((Rational){most, 1}, rational_of(1), &r) && !rational_multiply((Rational){most, 1}, rational_of(2), &r));
    ck_assert(!rational_subtract(rational_of(1), rational_of(2), &r) && !rational_divide(rational_of(1), RATIONAL_ZERO, &r));
    ck_assert(!rational_add_up((Rational){most, 1}, rational_of(1), &r));
    ck_assert(r.num == 7);
    /* thirds of 2^127 - 1 and fifths of a prime: no common denominator fits */
    const Rational a = {1, most / 2}, b = {1, 2305843009213693951u}, c = {5, 2305843009213693921u};
    Rational ab;
    ck_assert(!rational_add(a, b, &ab));
    ck_assert(rational_add_up(a, b, &up) && rational_compare(up, b) > 0);
    ck_assert(rational_compare(rational_subtract_down(c, b), c) < 0);
    ck_assert(!rational_multiply((Rational){most / 3, most / 5}, (Rational){most / 7, most / 11}, &r));
    ck_assert(rational_multiply_up((Rational){most / 3, most / 5}, (Rational){most / 7, most / 11}, &up));
    ck_assert(rational_multiply_down((Rational){most / 3, most / 5}, (Rational){most / 7, most / 11}, &down));
    ck_assert(rational_compare(down, up) < 0 && fabs(real(up) - 55.0 / 21) < 1e-15);
    ck_assert(rational_is_zero(rational_subtract_down(b, c)));
}
END_TEST

START_TEST(sums_of_many_charges_never_fall_below_the_exact_one)
{
    TestRandom random = {test_seed(), 0};
    Rational sum = RATIONAL_ZERO;
    long double exact = 0;
    for (int round = 0; round < 1000; round++) {
        const Rational charge = rational_make(1, test_next(&random) >> 20);
        exact += 1.0L / (long double)charge.den;
        ck_assert(rational_add_up(sum, charge, &sum));
    }
    const long double got = (long double)sum.num / (long double)sum.den;
    ck_assert(got >= exact * (1 - 1e-12L) && got <= exact + 1001e-18L);
}
END_TEST

START_TEST(roots_are_below_and_close)
{
    static const char *const CASES[] = {"2", "1/3", "0.00000001", "123456789", "1e36", "0", "4/9"};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const Rational a = rational(CASES[i]), root = rational_root_down(a);
        Rational square;
        ck_assert(rational_multiply_down(root, root, &square) && rational_compare(square, a) <= 0);
        ck_assert_msg(fabs(real(root) - sqrt(real(a))) <= 1e-12 * sqrt(real(a)) + 1e-17, "%s", CASES[i]);
    }
}
END_TEST

START_TEST(division_of_256_bits_agrees_with_itself)
{
    TestRandom random = {test_seed(), 0};
    for (int round = 0; round < 50000; round++) {
        UInt128 a = (UInt128)test_next(&random) << 64 | test_next(&random), b = test_next(&random), d = (UInt128)test_next(&random) << 30, down, up;
        a >>= test_next(&random) % 128;
        if (d == 0) continue;
        if (!u128_muldiv(a, b, d, false, &down)) continue;
        ck_assert(u128_muldiv(a, b, d, true, &up) && up - down <= 1);
        /* a b - down d, modulo 2^128, is the rest: below d, and 0 exactly when both agree */
        const UInt128 rest = a * b - down * d;
        ck_assert(rest < d && (rest == 0) == (up == down));
        ck_assert(u128_divide_steady(a, d) == a / d);
    }
}
END_TEST

TEST_MAIN("privacy/rational", what_people_write_is_read_exactly, what_is_no_number_is_refused, what_is_printed_reads_back_as_the_same,
    comparison_is_exact_at_128_bits, nothing_wraps_and_rounding_has_its_side, sums_of_many_charges_never_fall_below_the_exact_one,
    roots_are_below_and_close, division_of_256_bits_agrees_with_itself)
