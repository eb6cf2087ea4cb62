/* Between zCDP and (epsilon, delta): CKS20 Corollary 13 at the best order, and the exact delta of a discrete Gaussian, CKS20 Theorem 7. */
#include "privacy/account.h"
#include "privacy/fixed.h"
#include "privacy/wide.h"

enum {
    ORDER_LOG2_LEAST = -24, ORDER_LOG2_MOST = 40, /* alpha - 1 */
    RHO_MAX = 1 << 20, EPSILON_MAX = 1 << 24, SEARCH_STEPS = 200, DEVIATION_MAX = 1 << 13, DEVIATIONS = 13,
};
static const Rational DELTA_LEAST = {1, 1000000000000000000u}, DELTA_RESOLVED = {1, 1000000000000000u}, UNIT = {1, 1000000000u};
static const Int128 ENDLESS = ((Int128)1 << 126) - 1;

/** Natural logarithm of a fixed number > 0, the end that is asked for. */
static Int128 log_of(Int128 v, bool up)
{
    const Fixed both = fixed_log((Rational){(UInt128)v, (UInt128)FIXED_ONE});
    return up ? both.high : both.low;
}

/** A share of two fixed numbers, the first of either sign, rounded up. */
static Int128 divide_up(Int128 a, Int128 b)
{
    UInt128 got;
    bool negative = a < 0;
    if (!u128_muldiv((UInt128)(negative ? -a : a), (UInt128)FIXED_ONE, (UInt128)b, !negative, &got) || got >> 126) return negative ? 0 : ENDLESS;
    return negative ? -(Int128)got : (Int128)got;
}

static Int128 multiply_up(Int128 a, Int128 b)
{
    UInt128 got;
    return u128_muldiv((UInt128)a, (UInt128)b, (UInt128)FIXED_ONE, true, &got) && !(got >> 126) ? (Int128)got : ENDLESS;
}

/** epsilon at the order alpha = 1 + x: alpha rho + (ln(1/delta) - ln alpha) / x + ln(1 - 1/alpha); not below. Holds for every x. */
static Int128 epsilon_at(Int128 x, Int128 rho, Int128 log_inverse_delta)
{
    Int128 alpha = x + FIXED_ONE, first = multiply_up(alpha, rho), log_alpha = log_of(alpha, false);
    Int128 second = divide_up(log_inverse_delta - log_alpha, x), third = log_of(x, true) - log_alpha;
    if (first > ENDLESS / 4 || second > ENDLESS / 4) return ENDLESS;
    return first + second + third;
}

/** ln delta at alpha = 1 + x: x (alpha rho - epsilon) + x ln x - alpha ln alpha; not below. */
static Int128 log_delta_at(Int128 x, Int128 rho, Int128 epsilon)
{
    Int128 alpha = x + FIXED_ONE, slope = multiply_up(alpha, rho) - epsilon, log_x = log_of(x, true), log_alpha = log_of(alpha, false), sum;
    if (slope > ENDLESS / 4) return ENDLESS;
    slope += log_x - log_alpha; /* x (slope + ln x - ln alpha) - ln alpha */
    UInt128 got;
    bool negative = slope < 0;
    if (!u128_muldiv((UInt128)(negative ? -slope : slope), (UInt128)x, (UInt128)FIXED_ONE, !negative, &got) || got >> 125)
        return negative ? -((Int128)40 << FIXED_BITS) : ENDLESS; /* smaller than anything that is resolved */
    sum = negative ? -(Int128)got : (Int128)got;
    return sum - log_alpha;
}

typedef Int128 AtOrder(Int128 x, Int128 rho, Int128 other);

/** x = 2^(position / 16), about: linear between powers of two. */
static Int128 order(int position)
{
    enum { ABOVE_ZERO = 64 }; /* division rounds towards 0 */
    int power = (position + 16 * ABOVE_ZERO) / 16 - ABOVE_ZERO, part = (position + 16 * ABOVE_ZERO) % 16;
    Int128 base = power < 0 ? FIXED_ONE >> -power : FIXED_ONE << power;
    return base + base / 16 * part;
}

/** The least value over all orders: both functions fall, then rise. A coarse walk, then thirds. */
static Int128 least_over_orders(AtOrder *at, Int128 rho, Int128 other)
{
    int best = ORDER_LOG2_LEAST * 16;
    Int128 least = ENDLESS;
    for (int p = ORDER_LOG2_LEAST * 16; p <= ORDER_LOG2_MOST * 16; p += 8) {
        Int128 got = at(order(p), rho, other);
        if (got >= least) continue;
        least = got;
        best = p;
    }
    Int128 low = order(best - 8), high = order(best + 8);
    for (int i = 0; i < 60; i++) {
        Int128 third = (high - low) / 3, a = low + third, b = high - third;
        if (third == 0) break;
        Int128 left = at(a, rho, other), right = at(b, rho, other);
        if (left < least) least = left;
        if (right < least) least = right;
        if (left < right) high = b;
        else low = a;
    }
    return least;
}

/** Up to a multiple of 1e-9. */
static Rational round_up(Rational r)
{
    UInt128 units;
    return u128_muldiv(r.num, UNIT.den, r.den, true, &units) ? rational_make(units, UNIT.den) : r;
}

static Err check(Rational rho, Rational delta)
{
    if (rational_compare(rho, rational_of(RHO_MAX)) > 0) return FAIL(ERR_LIMIT);
    if (rational_compare(delta, DELTA_LEAST) < 0 || rational_compare(delta, rational_of(1)) >= 0) return FAIL(ERR_LIMIT);
    return OK;
}

Err zcdp_epsilon(Rational rho, Rational delta, Rational *ret_epsilon)
{
    Fixed fixed;
    TRY(check(rho, delta));
    if (rational_is_zero(rho)) {
        *ret_epsilon = RATIONAL_ZERO;
        return OK;
    }
    if (!fixed_of(rho, &fixed)) return FAIL(ERR_LIMIT);
    Int128 log_inverse = fixed_log((Rational){delta.den, delta.num}).high;
    *ret_epsilon = round_up(fixed_up(least_over_orders(epsilon_at, fixed.high, log_inverse)));
    return OK;
}

Err zcdp_delta(Rational rho, Rational epsilon, Rational *ret_delta)
{
    Fixed fixed, e;
    if (rational_compare(rho, rational_of(RHO_MAX)) > 0 || rational_compare(epsilon, rational_of(EPSILON_MAX)) > 0) return FAIL(ERR_LIMIT);
    if (!fixed_of(rho, &fixed) || !fixed_of(epsilon, &e)) return FAIL(ERR_LIMIT);
    if (rational_is_zero(rho)) {
        *ret_delta = RATIONAL_ZERO;
        return OK;
    }
    Int128 log_delta = least_over_orders(log_delta_at, fixed.high, e.low);
    if (log_delta >= 0) {
        *ret_delta = rational_of(1);
        return OK;
    }
    Rational delta = fixed_up(fixed_exp_minus((Fixed){-log_delta, -log_delta}).high);
    *ret_delta = rational_compare(delta, DELTA_LEAST) < 0 ? DELTA_LEAST : delta;
    return OK;
}

Err zcdp_rho(Rational epsilon, Rational delta, Rational *ret_rho)
{
    TRY(check(RATIONAL_ZERO, delta));
    UInt128 low = 0, high;
    const UInt128 unit = (UInt128)1 << 50;
    if (rational_compare(epsilon, rational_of(RHO_MAX)) > 0 || !u128_muldiv(epsilon.num, unit, epsilon.den, true, &high)) return FAIL(ERR_LIMIT);
    for (int i = 0; i < SEARCH_STEPS && high - low > 1 + (low >> 31); i++) { /* rho <= epsilon always */
        UInt128 middle = low + (high - low) / 2;
        Rational got;
        TRY(zcdp_epsilon(rational_make(middle, unit), delta, &got));
        if (rational_compare(got, epsilon) <= 0) low = middle;
        else high = middle;
    }
    if (low == 0) return FAIL(ERR_LIMIT);
    *ret_rho = rational_make(low, unit);
    return OK;
}

/** exp(-x^2 / (2 variance)) at a whole x. */
static Fixed density(Rational variance, UInt128 x)
{
    UInt128 num, den;
    Fixed half;
    if (__builtin_mul_overflow(x * x, variance.den, &num) || __builtin_mul_overflow(variance.num, (UInt128)2, &den) ||
        !fixed_of(rational_make(num, den), &half)) return (Fixed){0, 1};
    return fixed_exp_minus(half);
}

/** exp(e), as far as it is below 2^46 */
static bool exponential(Rational e, Int128 *ret_low)
{
    Fixed x, inverse;
    if (!fixed_of(e, &x)) return false;
    inverse = fixed_exp_minus(x);
    UInt128 got;
    if (inverse.high <= 0 || !u128_muldiv((UInt128)FIXED_ONE, (UInt128)FIXED_ONE, (UInt128)inverse.high, false, &got) || got >> 126) return false;
    *ret_low = (Int128)got;
    return true;
}

/** The least whole x above a quotient that may be negative: floor(q) + 1. */
static Int128 above(Int128 num, UInt128 den)
{
    Int128 whole = num / (Int128)den;
    if (num < 0 && whole * (Int128)den != num) whole--;
    return whole + 1;
}

Err gaussian_delta(Rational variance, uint64_t sensitivity, Rational epsilon, Rational *ret_delta)
{
    UInt128 p = variance.num, q = variance.den, deviation = u128_root(p / q) + 1;
    Int128 factor, first = 0, second = 0, total = 0;
    if (p == 0 || deviation > DEVIATION_MAX || p >> 46 || q >> 46 || epsilon.num >> 30 || epsilon.den >> 30 || sensitivity >> 14)
        return FAIL(ERR_LIMIT);
    if (sensitivity == 0) {
        *ret_delta = RATIONAL_ZERO;
        return OK;
    }
    /* epsilon sigma^2 / D -+ D / 2 = (2 en p -+ D^2 ed q) / (2 D ed q) */
    Int128 middle = (Int128)2 * (Int128)epsilon.num * (Int128)p;
    UInt128 den, shift;
    if (__builtin_mul_overflow((UInt128)sensitivity * epsilon.den, q, &den) || __builtin_mul_overflow(den, (UInt128)sensitivity, &shift) ||
        den >> 125 || shift >> 125) return FAIL(ERR_LIMIT);
    const Int128 from = above(middle - (Int128)shift, den * 2), last = above(middle + (Int128)shift, den * 2);
    const Int128 end = (Int128)deviation * DEVIATIONS;
    for (Int128 x = -end; x <= end; x++) {
        Fixed d = density(variance, (UInt128)(x < 0 ? -x : x));
        total += d.low;
        if (x >= from) first += d.high;
        if (x >= last) second += d.low;
    }
    first += 1 << 4; /* beyond the end: below exp(-84) each */
    if (!exponential(epsilon, &factor)) factor = 0; /* then the second part is left out, which is more */
    Int128 subtracted, difference;
    UInt128 got;
    subtracted = u128_muldiv((UInt128)second, (UInt128)factor, (UInt128)FIXED_ONE, false, &got) && !(got >> 126) ? (Int128)got : 0;
    difference = first > subtracted ? first - subtracted : 0;
    Fixed share;
    if (!fixed_divide((Fixed){difference, difference}, (Fixed){total, total}, &share)) return FAIL(ERR_LIMIT);
    Rational delta = fixed_up(share.high < FIXED_ONE ? share.high : FIXED_ONE);
    *ret_delta = rational_compare(delta, DELTA_RESOLVED) < 0 ? DELTA_RESOLVED : delta;
    return OK;
}
