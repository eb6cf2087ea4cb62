/* Exponentials and logarithms between two ends that are known to hold. */
#include "privacy/fixed.h"

#include "privacy/wide.h"

enum { EXP_HALVINGS_MAX = 14, TERMS = 24 };

/** a b for 0 <= a, b <= 1: no division. */
static Int128 product_below_one(Int128 a, Int128 b, bool up)
{
    const uint64_t a1 = (uint64_t)(a >> 40), a0 = (uint64_t)a & 0xffffffffff, b1 = (uint64_t)(b >> 40), b0 = (uint64_t)b & 0xffffffffff;
    UInt128 low = (UInt128)a0 * b0, middle = (UInt128)a1 * b0 + (UInt128)a0 * b1 + (low >> 40);
    bool rest = (low & 0xffffffffff) || (middle & 0xffffffffff);
    return (Int128)((UInt128)a1 * b1 + (middle >> 40) + (up && rest));
}

static bool quotient(Int128 a, Int128 b, bool up, Int128 *ret)
{
    UInt128 got;
    if (b <= 0 || !u128_muldiv((UInt128)a, (UInt128)FIXED_ONE, (UInt128)b, up, &got) || got >> 126) return false;
    *ret = (Int128)got;
    return true;
}

bool fixed_of(Rational r, Fixed *ret)
{
    UInt128 low, high;
    if (!u128_muldiv(r.num, (UInt128)FIXED_ONE, r.den, false, &low) || !u128_muldiv(r.num, (UInt128)FIXED_ONE, r.den, true, &high)) return false;
    if (high >> (FIXED_BITS + FIXED_WHOLE_BITS)) return false;
    *ret = (Fixed){(Int128)low, (Int128)high};
    return true;
}

Rational fixed_up(Int128 high)
{
    UInt128 steps;
    if (high <= 0) return RATIONAL_ZERO;
    UInt128 unit = RATIONAL_STEPS;
    while (!u128_muldiv((UInt128)high, unit, (UInt128)FIXED_ONE, true, &steps)) unit /= 10;
    return rational_make(steps, unit);
}

bool fixed_divide(Fixed a, Fixed b, Fixed *ret)
{
    Fixed got;
    if (!quotient(a.low, b.high, false, &got.low) || !quotient(a.high, b.low, true, &got.high)) return false;
    *ret = got;
    return true;
}

/** exp(r) for 0 <= r <= 1/32 by its series: every term is positive, so that each rounding has a known side. */
static Int128 exp_small(Int128 r, bool up)
{
    Int128 sum = FIXED_ONE, term = FIXED_ONE;
    for (int k = 1; k <= TERMS; k++) {
        term = product_below_one(term, r, up);
        term = up ? (term + k - 1) / k : term / k;
        sum += term;
    }
    return sum + (up ? 1 : 0); /* the rest is below (1/32)^25 */
}

static Int128 exp_minus(Int128 x, bool up)
{
    if (x >= (Int128)60 << FIXED_BITS) return up ? 1 : 0; /* exp(-60) < 2^-80 */
    int halvings = 0;
    Int128 r = x, got = 0;
    for (; r > FIXED_ONE / 32 && halvings < EXP_HALVINGS_MAX; halvings++) r = up ? r / 2 : (r + 1) / 2; /* exp(-x) falls: rounded the other way */
    if (!quotient(FIXED_ONE, exp_small(r, !up), up, &got)) return up ? FIXED_ONE : 0;
    if (got > FIXED_ONE) got = FIXED_ONE;
    while (halvings--) got = product_below_one(got, got, up);
    return got;
}

Fixed fixed_exp_minus(Fixed x) { return (Fixed){exp_minus(x.high, false), exp_minus(x.low, true)}; }

/** 2 atanh(z) for 0 <= z <= 1/3: ln((1 + z) / (1 - z)). */
static Int128 log_series(Int128 z, bool up)
{
    Int128 square = product_below_one(z, z, up), power = z, sum = 0;
    for (int k = 1; k < 4 * TERMS; k += 2) {
        sum += up ? (power + k - 1) / k : power / k;
        power = product_below_one(power, square, up);
    }
    return 2 * (sum + (up ? 1 : 0)); /* the rest is below 3^-97 */
}

/** ln 2 = 2 atanh(1/3) */
static Int128 log_two(bool up) { return log_series((FIXED_ONE + (up ? 2 : 0)) / 3, up); }

/** ln(v) of a whole number > 0. */
static Int128 log_whole(UInt128 v, bool up)
{
    int exponent = (int)u128_bits(v) - 1; /* v = 2^exponent m, 1 <= m < 2 */
    Int128 m = exponent <= FIXED_BITS ? (Int128)(v << (FIXED_BITS - exponent)) : (Int128)(v >> (exponent - FIXED_BITS));
    if (up && exponent > FIXED_BITS && m < 2 * FIXED_ONE) m++;
    Int128 z = 0;
    if (!quotient(m - FIXED_ONE, m + FIXED_ONE, up, &z)) z = 0; /* cannot be */
    return exponent * log_two(up) + log_series(z, up);
}

Fixed fixed_log(Rational r)
{
    return (Fixed){log_whole(r.num, false) - log_whole(r.den, true), log_whole(r.num, true) - log_whole(r.den, false)};
}
