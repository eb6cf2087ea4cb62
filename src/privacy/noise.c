/* Samplers of Canonne, Kamath, Steinke 2020 (CKS20, arXiv 2004.00010), and permute-and-flip; see noise.h on time. */
#include "privacy/noise.h"

#include "privacy/wide.h"

enum {
    STEADY_UNITS = 88, /* exp(-88) < 2^-126: more units than that are finished the plain way */
    STEADY_STEPS = 34, /* 1/34! < 2^-127 */
    UNITS_MAX = 1 << 20, /* a source of constant bits ends here and not never; real bits: exp(-1000000) */
    SCALE_BITS_MAX = 100, VARIANCE_BITS_MAX = 126, GEOMETRIC_BITS = 8,
};

static void wipe(void *memory, size_t size)
{
    memset(memory, 0, size);
    __asm__ volatile("" : : "r"(memory) : "memory"); /* else the compiler may leave it out */
}

void noise_wipe(NoiseSource *source)
{
    wipe(source->buffer, sizeof source->buffer);
    source->left = 0;
}

static Err next_word(NoiseSource *source, uint64_t *ret)
{
    if (source->left < sizeof *ret) {
        TRY(source->fill(source->context, source->buffer, sizeof source->buffer));
        source->left = sizeof source->buffer;
    }
    uint8_t *at = source->buffer + sizeof source->buffer - source->left;
    memcpy(ret, at, sizeof *ret);
    memset(at, 0, sizeof *ret);
    source->left -= sizeof *ret;
    return OK;
}

static unsigned wide_bits(const Wide *v, unsigned n)
{
    while (n > 0 && v->limb[n - 1] == 0) n--;
    return n ? 64 * n - (unsigned)__builtin_clzll(v->limb[n - 1]) : 0;
}

/** Uniform below a public limit > 0, by rejection: how often it rejects is independent of what it keeps. */
static Err uniform_wide(NoiseSource *source, const Wide *limit, unsigned n, Wide *ret)
{
    Wide one = wide_of(1), most = *limit, got = {{0}};
    wide_subtract_when(1, &most, &one, n);
    unsigned bits = wide_bits(&most, n), limbs = (bits + 63) / 64;
    for (int trial = 0; trial < UNITS_MAX; trial++) {
        for (unsigned i = 0; i < limbs; i++) TRY(next_word(source, &got.limb[i]));
        if (bits % 64) got.limb[limbs - 1] &= ((uint64_t)1 << bits % 64) - 1;
        if (!wide_less(&got, limit, n)) continue;
        *ret = got;
        return OK;
    }
    return FAIL(ERR_LIMIT);
}

Err noise_uniform(NoiseSource *source, UInt128 limit, UInt128 *ret)
{
    Wide wide = wide_of(limit), got;
    if (limit == 0) return FAIL(ERR_LIMIT);
    TRY(uniform_wide(source, &wide, 2, &got));
    *ret = (UInt128)got.limb[1] << 64 | got.limb[0];
    return OK;
}

/** 1 with probability 1 / k; k small and public. One word, or with probability 2^-58 another. */
static Err one_in(NoiseSource *source, uint64_t k, unsigned *ret)
{
    uint64_t word, rest = -k % k; /* 2^64 mod k */
    for (int trial = 0; trial < UNITS_MAX; trial++) {
        TRY(next_word(source, &word));
        UInt128 product = (UInt128)word * k;
        if ((uint64_t)product < rest) continue; /* Lemire 2019 */
        *ret = (uint64_t)(product >> 64) == 0;
        return OK;
    }
    return FAIL(ERR_LIMIT);
}

/** 1 with probability num / den */
static Err ratio(NoiseSource *source, const Wide *num, const Wide *den, unsigned n, unsigned *ret)
{
    Wide got;
    TRY(uniform_wide(source, den, n, &got));
    *ret = wide_less(&got, num, n);
    return OK;
}

/** CKS20 Algorithm 1 for gamma = num / den <= 1; num NULL: gamma 1. The first k at which Bernoulli(gamma / k) fails is odd with probability
 *  exp(-gamma). */
static Err exp_fraction(NoiseSource *source, const Wide *num, const Wide *den, unsigned n, unsigned *ret)
{
    unsigned going = 1, result = 0, least = source->steady ? STEADY_STEPS : 1;
    for (unsigned k = 1; k <= least || going; k++) {
        unsigned once = 1, share = 1;
        if (k == UNITS_MAX) return FAIL(ERR_LIMIT);
        if (k > 1) TRY(one_in(source, k, &share));
        if (num && (share || source->steady)) TRY(ratio(source, num, den, n, &once));
        unsigned stops = going & ~(once & share) & 1;
        result |= stops & k & 1;
        going &= ~stops;
    }
    *ret = result;
    return OK;
}

static Err exp_one(NoiseSource *source, unsigned *ret) { return exp_fraction(source, NULL, NULL, 0, ret); }

/** 1 with probability exp(-num / den) for any num; num is used up. */
static Err exp_any(NoiseSource *source, Wide *num, const Wide *den, unsigned n, unsigned *ret)
{
    unsigned kept = 1, got;
    for (unsigned unit = 0; source->steady && unit < STEADY_UNITS; unit++) {
        unsigned more = 1 - wide_less(num, den, n);
        TRY(exp_one(source, &got));
        kept &= got | (1 - more);
        wide_subtract_when(more, num, den, n);
    }
    while (kept && !wide_less(num, den, n)) {
        TRY(exp_one(source, &got));
        kept &= got;
        wide_subtract_when(1, num, den, n);
    }
    got = 0;
    if (kept || source->steady) TRY(exp_fraction(source, num, den, n, &got));
    *ret = kept & got;
    return OK;
}

Err noise_bernoulli(NoiseSource *source, Rational p, bool *ret)
{
    Wide num = wide_of(p.num), den = wide_of(p.den);
    unsigned got;
    TRY(ratio(source, &num, &den, 2, &got));
    *ret = got;
    return OK;
}

Err noise_bernoulli_exp(NoiseSource *source, Rational gamma, bool *ret)
{
    Wide num = wide_of(gamma.num), den = wide_of(gamma.den);
    unsigned got;
    TRY(exp_any(source, &num, &den, 2, &got));
    *ret = got;
    return OK;
}

/** How many times in a row exp(-1) succeeds. */
static Err geometric(NoiseSource *source, UInt128 *ret)
{
    UInt128 count = 0;
    unsigned going = 1, got;
    for (unsigned i = 0; going || (source->steady && i < STEADY_UNITS); i++) {
        if (i == UNITS_MAX) return FAIL(ERR_LIMIT);
        TRY(exp_one(source, &got));
        going &= got;
        count += going;
    }
    *ret = count;
    return OK;
}

/** CKS20 Algorithm 2: |x| and the sign for the scale t / s. */
static Err laplace(NoiseSource *source, UInt128 t, UInt128 s, UInt128 *ret_size, unsigned *ret_negative)
{
    const Wide limit = wide_of(t);
    const unsigned n = t >> 64 ? 2 : 1;
    for (int trial = 0; trial < UNITS_MAX; trial++) {
        Wide u;
        unsigned kept;
        UInt128 v, x;
        uint64_t sign;
        TRY(uniform_wide(source, &limit, n, &u));
        TRY(exp_fraction(source, &u, &limit, n, &kept));
        if (!kept) continue;
        TRY(geometric(source, &v));
        TRY(next_word(source, &sign));
        x = ((UInt128)u.limb[1] << 64 | u.limb[0]) + t * v;
        if (s > 1) x = source->steady ? u128_divide_steady(x, s) : x / s;
        unsigned negative = (unsigned)sign & 1;
        if (negative & (x == 0)) continue;
        *ret_size = x;
        *ret_negative = negative;
        return OK;
    }
    return FAIL(ERR_LIMIT);
}

static Int128 with_sign(UInt128 size, unsigned negative)
{
    UInt128 mask = -(UInt128)negative;
    return (Int128)((size ^ mask) - mask);
}

Err noise_laplace(NoiseSource *source, Rational scale, Int128 *ret)
{
    UInt128 size;
    unsigned negative;
    if (u128_bits(scale.num) > SCALE_BITS_MAX || u128_bits(scale.den) > SCALE_BITS_MAX) return FAIL(ERR_LIMIT);
    if (scale.num == 0) {
        *ret = 0;
        return OK;
    }
    TRY(laplace(source, scale.num, scale.den, &size, &negative));
    *ret = with_sign(size, negative);
    return OK;
}

/** What Algorithm 3 needs of sigma^2 = p / q; all public. */
typedef struct { UInt128 t; Wide p, qt, den; unsigned n; } Gaussian;

static Gaussian gaussian_of(Rational variance)
{
    Gaussian g = {.t = u128_root(variance.num / variance.den) + 1, .p = wide_of(variance.num)};
    unsigned t_bits = u128_bits(g.t), p_bits = u128_bits(variance.num), q_bits = u128_bits(variance.den);
    unsigned side = t_bits + GEOMETRIC_BITS + q_bits + t_bits, den_bits = 1 + p_bits + q_bits + 2 * t_bits;
    if (side < p_bits) side = p_bits;
    g.n = ((2 * side > den_bits ? 2 * side : den_bits) + 63) / 64;
    Wide q = wide_of(variance.den), t = wide_of(g.t), two_p = wide_of(variance.num << 1);
    g.qt = wide_multiply(&q, &t, WIDE_LIMBS);
    g.den = wide_multiply(&g.qt, &t, WIDE_LIMBS);
    g.den = wide_multiply(&g.den, &two_p, WIDE_LIMBS);
    return g;
}

/** The numerator of (|y| - sigma^2 / t)^2 / (2 sigma^2) over den = 2 p q t^2. */
static Wide gaussian_gamma(const Gaussian *g, UInt128 y)
{
    Wide left = wide_of(y), right = g->p, difference;
    left = wide_multiply(&left, &g->qt, g->n);
    unsigned below = wide_less(&left, &right, g->n);
    for (unsigned i = 0; i < g->n; i++) { /* the larger one first */
        uint64_t turn = (left.limb[i] ^ right.limb[i]) & -(uint64_t)below;
        left.limb[i] ^= turn;
        right.limb[i] ^= turn;
    }
    difference = left;
    wide_subtract_when(1, &difference, &right, g->n);
    return wide_multiply(&difference, &difference, g->n);
}

Err noise_gaussian(NoiseSource *source, Rational variance, Int128 *ret)
{
    if (u128_bits(variance.num) > VARIANCE_BITS_MAX || u128_bits(variance.den) > SCALE_BITS_MAX) return FAIL(ERR_LIMIT);
    if (variance.num == 0) {
        *ret = 0;
        return OK;
    }
    const Gaussian g = gaussian_of(variance);
    if (g.n > WIDE_LIMBS) return FAIL(ERR_LIMIT);
    for (int trial = 0; trial < UNITS_MAX; trial++) {
        UInt128 y;
        unsigned negative, kept;
        TRY(laplace(source, g.t, 1, &y, &negative));
        if (y >> (u128_bits(g.t) + GEOMETRIC_BITS - 1)) return FAIL(ERR_LIMIT); /* 2^-180; its gamma would not fit */
        Wide num = gaussian_gamma(&g, y);
        TRY(exp_any(source, &num, &g.den, g.n, &kept));
        if (!kept) continue;
        *ret = with_sign(y, negative);
        return OK;
    }
    return FAIL(ERR_LIMIT);
}

/** The best score; the same steps whatever the scores are. */
static int64_t best_of(const int64_t *scores, uint32_t count)
{
    int64_t best = scores[0];
    for (uint32_t i = 1; i < count; i++) {
        int64_t higher = -(int64_t)(scores[i] > best);
        best ^= (best ^ scores[i]) & higher;
    }
    return best;
}

static Err flip(NoiseSource *source, int64_t best, int64_t score, Rational gamma_unit, unsigned *ret)
{
    UInt128 gap = (UInt128)((Int128)best - score);
    Wide num = wide_of(gap * gamma_unit.num), den = wide_of(gamma_unit.den);
    return exp_any(source, &num, &den, 2, ret);
}

Err noise_choose(NoiseSource *source, const int64_t *scores, uint32_t count, Rational gamma_unit, uint32_t *order, uint32_t *ret_index)
{
    if (count == 0 || count > NOISE_CHOICES_MAX || gamma_unit.num >> 60 || gamma_unit.den >> 60) return FAIL(ERR_LIMIT);
    const int64_t best = best_of(scores, count);
    for (uint32_t i = 0; i < count; i++) {
        if ((UInt128)((Int128)best - scores[i]) >> 64) return FAIL(ERR_LIMIT);
        order[i] = i;
    }
    uint32_t chosen = 0;
    unsigned found = 0;
    for (uint32_t i = 0; i < count && (!found || source->steady); i++) {
        UInt128 other;
        unsigned heads;
        TRY(noise_uniform(source, count - i, &other));
        uint32_t at = i + (uint32_t)other, index = order[at];
        order[at] = order[i];
        order[i] = index;
        TRY(flip(source, best, scores[index], gamma_unit, &heads));
        chosen |= index & -(uint32_t)(heads & ~found & 1);
        found |= heads;
    }
    if (!found) return FAIL(ERR_LIMIT); /* cannot be: the best choice is always kept */
    *ret_index = chosen;
    return OK;
}
