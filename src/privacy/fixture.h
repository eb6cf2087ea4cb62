/**
 * For tests of privacy: a seeded generator, rationals from text, and judging counts against a law.
 *
 * Every statistical test says its false-alarm probability: FALSE_ALARM for each comparison that is made. A seed is printed and can be given again as
 * COVEY_TEST_SEED; unless it is given, it is SEED, so that a test does not fail by chance on somebody's machine; COVEY_TEST_RANDOM=1 takes the
 * clock's.
 */
#pragma once
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/test.h"
#include "privacy/noise.h"

static const double FALSE_ALARM_DEVIATIONS = 5.0; /* of a normal: 2.9e-7 on one side */

static inline uint64_t test_seed(void)
{
    const char *given = getenv("COVEY_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : getenv("COVEY_TEST_RANDOM") ? (uint64_t)time(NULL) * 1000003u : 20200401u;
    printf("# COVEY_TEST_SEED=%" PRIu64 "\n", seed);
    fflush(stdout);
    return seed;
}

/** SplitMix64 (Steele, Lea, Flood 2014), counting what was drawn. */
typedef struct { uint64_t state, fills; } TestRandom;

static inline uint64_t test_next(TestRandom *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline double test_part(TestRandom *r) { return (double)(test_next(r) >> 11) * 0x1p-53; }

static inline Err test_fill(void *context, void *bytes, size_t size)
{
    TestRandom *r = context;
    uint8_t *at = bytes;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = test_next(r);
        memcpy(at + i, &word, 8);
    }
    r->fills++;
    return OK;
}

static inline NoiseSource test_source(TestRandom *r, bool steady) { return (NoiseSource){.fill = test_fill, .context = r, .steady = steady}; }

static inline Rational rational(const char *text)
{
    Rational r = {0, 1};
    ck_assert_msg(rational_parse(view_text(text), &r), "%s", text);
    return r;
}

static inline double real(Rational r) { return (double)r.num / (double)r.den; }

/**
 * Pearson's statistic of counts against expected ones as a number of standard deviations of a normal (Wilson, Hilferty 1931). Neighbouring cells
 * are put together until 10 are expected, and what is left at the end goes to the last cell.
 */
static inline double chi_square_deviations(const uint64_t *counts, const double *expected, size_t size)
{
    double statistic = 0, seen = 0, wanted = 0, degrees = -1, left = 0;
    for (size_t i = 0; i < size; i++) left += expected[i];
    for (size_t i = 0; i < size; i++) {
        seen += (double)counts[i];
        wanted += expected[i];
        left -= expected[i];
        if (i + 1 < size && (wanted < 10 || left < 10)) continue;
        if (wanted > 0) statistic += (seen - wanted) * (seen - wanted) / wanted;
        degrees++;
        seen = wanted = 0;
    }
    ck_assert(degrees >= 1);
    const double spread = 2 / (9 * degrees);
    return (cbrt(statistic / degrees) - (1 - spread)) / sqrt(spread);
}
