/* Tails, intervals and thresholds of the two noises, never below the truth. */
#include "privacy/law.h"

#include "privacy/fixed.h"
#include "privacy/wide.h"

enum { BLOCKS = 256, TAIL_DEVIATIONS_MAX = 11 }; /* steps of a deviation, rounded up; exp(-11^2 / 2) < 2^-87 */
static const Rational LEAST = {1, 100000000000000000u}; /* 1e-17: what the arithmetic resolves with room to spare */

const char *law_name(LawKind kind)
{
    static const char *const NAMES[] = {"none", "discrete Laplace", "discrete Gaussian"};
    return NAMES[kind];
}

Err law_sample(Law law, NoiseSource *source, Int128 *ret)
{
    if (law.kind == LAW_LAPLACE) return noise_laplace(source, law.scale, ret);
    if (law.kind == LAW_GAUSSIAN) return noise_gaussian(source, law.scale, ret);
    *ret = 0;
    return OK;
}

/** exp(-at / scale), both ends. */
static Fixed laplace_power(Rational scale, UInt128 at)
{
    UInt128 low, high;
    Fixed x;
    if (!u128_muldiv(at, scale.den, scale.num, false, &low) || low >= 60) return (Fixed){0, 1};
    if (!u128_muldiv(at, scale.den, scale.num, true, &high)) return (Fixed){0, 1};
    UInt128 product;
    if (!__builtin_mul_overflow(at, scale.den, &product) && fixed_of(rational_make(product, scale.num), &x)) return fixed_exp_minus(x);
    return fixed_exp_minus((Fixed){(Int128)low << FIXED_BITS, (Int128)high << FIXED_BITS});
}

/** P[X >= at] = exp(-at / b) / (1 + exp(-1 / b)) */
static Int128 laplace_tail(Rational scale, UInt128 at)
{
    Fixed power = laplace_power(scale, at), one = laplace_power(scale, 1), tail;
    one.low += FIXED_ONE;
    one.high += FIXED_ONE;
    return fixed_divide(power, one, &tail) ? tail.high : FIXED_ONE;
}

/** A Gaussian in steps of `step` from the far end inwards; sigma <= num / den. */
typedef struct { UInt128 num, den, step; Int128 unit; } Grid;

/** The density of x relative to that of 0, not below: exp(-(x / sigma)^2 / 2) with sigma rounded up. */
static Int128 density(const Grid *g, UInt128 x)
{
    UInt128 ratio;
    Fixed half;
    if (!u128_muldiv(x * g->den, (UInt128)1 << 40, g->num, false, &ratio) || ratio >> 44) return 1;
    half.low = half.high = (Int128)(ratio * ratio >> 1); /* 2^80 (x / sigma)^2 / 2 */
    return fixed_exp_minus(half).high;
}

/** The sum of all densities is at least sqrt(2 pi) sigma (Poisson), and at least 1: the weight of one density in units of it. */
static Grid grid_of(Rational variance)
{
    Grid g = {.den = RATIONAL_STEPS};
    UInt128 square = 0;
    while (g.den > 1 && (!u128_muldiv(variance.num, g.den * g.den, variance.den, true, &square) || square >> 124)) g.den /= 10;
    (void)!u128_muldiv(variance.num, g.den * g.den, variance.den, true, &square);
    UInt128 root = u128_root(square); /* sigma den, rounded down but for the rounding of the square */
    g.num = root + 1;
    g.step = g.num / g.den / BLOCKS + 1;
    if (g.step < 2) g.step = 1;
    UInt128 total, unit;
    root -= root > 0; /* the square was rounded up */
    if (!u128_muldiv(root, 2506628274u, (UInt128)1000000000u, false, &total) || total < g.den) total = g.den; /* sqrt(2 pi) = 2.5066282746... */
    if (!u128_muldiv(g.step * g.den, (UInt128)FIXED_ONE, total, true, &unit)) unit = (UInt128)FIXED_ONE;
    g.unit = (Int128)unit;
    return g;
}

static UInt128 far_end(const Grid *g) { return (g->num / g->den + 1) * TAIL_DEVIATIONS_MAX; }

/** What lies beyond the far end, and every rounding of the sums: below 2^-76. */
static const Int128 BEYOND = (Int128)1 << 4;

static Int128 weighed(const Grid *g, Int128 sum)
{
    UInt128 got;
    if (!u128_muldiv((UInt128)sum, (UInt128)g->unit, (UInt128)FIXED_ONE, true, &got) || got > (UInt128)FIXED_ONE) return FIXED_ONE;
    return (Int128)got;
}

static Int128 gaussian_tail(Rational variance, UInt128 at)
{
    const Grid g = grid_of(variance);
    Int128 sum = BEYOND;
    for (UInt128 x = at; x < far_end(&g); x += g.step) sum += density(&g, x);
    return weighed(&g, sum);
}

/** The least m found with P[X > m] <= p, from the far end inwards. */
static UInt128 gaussian_upper(Rational variance, Int128 p)
{
    const Grid g = grid_of(variance);
    UInt128 m = far_end(&g);
    Int128 sum = BEYOND;
    while (m >= g.step) { /* x > m are counted, in steps that begin at m - step + 1 */
        sum += density(&g, m - g.step + 1);
        if (weighed(&g, sum) > p) break;
        m -= g.step;
    }
    return m < g.step ? 0 : m;
}

static UInt128 laplace_upper(Rational scale, Int128 p)
{
    UInt128 low = 0, high = 1;
    while (laplace_tail(scale, high + 1) > p && !(high >> 120)) high *= 2;
    while (low < high) {
        UInt128 middle = low + (high - low) / 2;
        if (laplace_tail(scale, middle + 1) <= p) high = middle;
        else low = middle + 1;
    }
    return high;
}

Rational law_tail(Law law, UInt128 at)
{
    if (law.kind == LAW_NONE || law.scale.num == 0) return RATIONAL_ZERO;
    Int128 tail = law.kind == LAW_LAPLACE ? laplace_tail(law.scale, at) : gaussian_tail(law.scale, at);
    return fixed_up(tail < FIXED_ONE ? tail : FIXED_ONE);
}

Err law_upper(Law law, Rational p, UInt128 *ret_m)
{
    Fixed wanted;
    if (rational_compare(p, LEAST) < 0 || !fixed_of(p, &wanted)) return FAIL(ERR_LIMIT);
    if (law.kind == LAW_NONE || law.scale.num == 0) *ret_m = 0;
    else *ret_m = law.kind == LAW_LAPLACE ? laplace_upper(law.scale, wanted.low) : gaussian_upper(law.scale, wanted.low);
    return OK;
}

Err law_interval(Law law, Rational confidence, UInt128 *ret_m)
{
    Rational outside, half;
    if (!rational_subtract(rational_of(1), confidence, &outside) || !rational_divide(outside, rational_of(2), &half)) return FAIL(ERR_LIMIT);
    return law_upper(law, half, ret_m);
}
