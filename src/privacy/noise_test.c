/* Do samples follow the exact law, tails included, and does the time of a steady source say nothing? False alarms: 2.9e-7 a comparison. */
#include "privacy/noise.h"

#include "privacy/fixture.h"
#include "privacy/law.h"

enum { SAMPLES = 200000, STEADY_SAMPLES = 5000, CELLS = 4001 };

static double density(Law law, double x)
{
    const double scale = real(law.scale);
    return law.kind == LAW_LAPLACE ? exp(-fabs(x) / scale) : exp(-x * x / (2 * scale));
}

/** What a sampler under test does: the true ones, and the planted mistakes. */
typedef Err Sampler(NoiseSource *source, Law law, Int128 *ret);

static Err true_sampler(NoiseSource *source, Law law, Int128 *ret) { return law_sample(law, source, ret); }

static Err half_sampler(NoiseSource *source, Law law, Int128 *ret)
{
    const Rational halved = rational_make(law.scale.num, law.scale.den * (law.kind == LAW_LAPLACE ? 2 : 4));
    return law_sample((Law){law.kind, halved}, source, ret);
}

/** The textbook's: a continuous Laplace number, rounded. */
static Err rounded_sampler(NoiseSource *source, Law law, Int128 *ret)
{
    const double u = test_part(source->context) - 0.5;
    *ret = (Int128)llround(-real(law.scale) * copysign(log(1 - 2 * fabs(u)), u));
    return OK;
}

/** Exact in the middle, cut off in the tail. */
static Err tailless_sampler(NoiseSource *source, Law law, Int128 *ret)
{
    const double deviation = law_deviation(law);
    do TRY(law_sample(law, source, ret));
    while (fabs((double)*ret) > 3 * deviation);
    return OK;
}

/** Deviations from the law over all cells, the first and last of which are the tails beyond. */
static double misfit(Sampler *sampler, Law law, bool steady, uint64_t seed)
{
    static uint64_t counts[CELLS];
    static double expected[CELLS];
    TestRandom random = {seed, 0};
    NoiseSource source = test_source(&random, steady);
    const int samples = steady ? STEADY_SAMPLES : SAMPLES, middle = CELLS / 2;
    double mass = 0;
    memset(counts, 0, sizeof counts);
    for (int i = 0; i < CELLS; i++) mass += expected[i] = density(law, i - middle);
    ck_assert(expected[0] < mass * 1e-9); /* the cells hold it all */
    for (int i = 0; i < CELLS; i++) expected[i] *= samples / mass;
    for (int i = 0; i < samples; i++) {
        Int128 x;
        ck_assert_ok(sampler(&source, law, &x));
        const Int128 cell = x < -middle ? 0 : x > middle ? CELLS - 1 : x + middle;
        counts[cell]++;
    }
    return chi_square_deviations(counts, expected, CELLS);
}

static const struct { LawKind kind; const char *scale; } LAWS[] = {{LAW_LAPLACE, "1/3"}, {LAW_LAPLACE, "1"}, {LAW_LAPLACE, "2.5"}, {LAW_LAPLACE, "40/7"},
    {LAW_LAPLACE, "50"}, {LAW_GAUSSIAN, "1/4"}, {LAW_GAUSSIAN, "1"}, {LAW_GAUSSIAN, "7/3"}, {LAW_GAUSSIAN, "100.5"}, {LAW_GAUSSIAN, "2500"}};
enum { LAW_COUNT = sizeof LAWS / sizeof *LAWS };

static void follow_their_law(bool steady)
{
    const uint64_t seed = test_seed();
    for (int i = 0; i < LAW_COUNT; i++) {
        const double off = misfit(true_sampler, (Law){LAWS[i].kind, rational(LAWS[i].scale)}, steady, seed + (uint64_t)i);
        ck_assert_msg(off < FALSE_ALARM_DEVIATIONS, "%s %s: %.1f deviations off", law_name(LAWS[i].kind), LAWS[i].scale, off);
    }
}

START_TEST(samples_follow_their_law) { follow_their_law(false); }
END_TEST

START_TEST(samples_of_a_steady_source_follow_the_same_law) { follow_their_law(true); }
END_TEST

START_TEST(the_comparison_notices_planted_mistakes)
{
    const uint64_t seed = test_seed();
    const Law laplace = {LAW_LAPLACE, rational("2.5")}, gaussian = {LAW_GAUSSIAN, rational("100.5")};
    ck_assert(misfit(half_sampler, laplace, false, seed) > 2 * FALSE_ALARM_DEVIATIONS);
    ck_assert(misfit(half_sampler, gaussian, false, seed) > 2 * FALSE_ALARM_DEVIATIONS);
    ck_assert(misfit(rounded_sampler, laplace, false, seed) > 2 * FALSE_ALARM_DEVIATIONS);
    ck_assert(misfit(tailless_sampler, laplace, false, seed) > 2 * FALSE_ALARM_DEVIATIONS);
    ck_assert(misfit(tailless_sampler, gaussian, false, seed) > 2 * FALSE_ALARM_DEVIATIONS);
}
END_TEST

/** P[X >= 3 deviations and more]: counted, against law_tail. */
START_TEST(far_tails_have_their_weight)
{
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, false);
    const Law laws[] = {{LAW_LAPLACE, rational("10")}, {LAW_GAUSSIAN, rational("100")}};
    for (int k = 0; k < 2; k++) {
        enum { DRAWN = 2000000, LEVELS = 4 };
        uint64_t beyond[LEVELS] = {0};
        const Int128 at[2][LEVELS] = {{50, 70, 90, 110}, {25, 30, 35, 40}};
        for (int i = 0; i < DRAWN; i++) {
            Int128 x;
            ck_assert_ok(law_sample(laws[k], &source, &x));
            for (int level = 0; level < LEVELS; level++) beyond[level] += x >= at[k][level] || x <= -at[k][level];
        }
        for (int level = 0; level < LEVELS; level++) {
            const double expected = 2 * DRAWN * real(law_tail(laws[k], (UInt128)at[k][level]));
            ck_assert(expected > 20);
            ck_assert_msg(fabs((double)beyond[level] - expected) < FALSE_ALARM_DEVIATIONS * sqrt(expected) + 0.01 * expected,
                "%d beyond: %" PRIu64 ", not %g", (int)at[k][level], beyond[level], expected);
        }
    }
}
END_TEST

/** Known: the discrete Gaussian's variance is below sigma^2, and equal to it but for 2e-7 from sigma = 1 on (CKS20 section 2.2); by theta sums. */
START_TEST(variances_are_those_of_the_literature)
{
    static const struct { LawKind kind; const char *scale; double variance; } KNOWN[] = {{LAW_GAUSSIAN, "0.1", 0.0132967251736242},
        {LAW_GAUSSIAN, "0.25", 0.215012675088138}, {LAW_GAUSSIAN, "1", 0.999999788767728}, {LAW_GAUSSIAN, "10", 10},
        {LAW_LAPLACE, "1", 1.84134684} /* 2 e^-1 / (1 - e^-1)^2 */, {LAW_LAPLACE, "1000000", 2e12}, {LAW_GAUSSIAN, "1e20", 1e20}};
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, false);
    for (size_t k = 0; k < sizeof KNOWN / sizeof *KNOWN; k++) {
        const Law law = {KNOWN[k].kind, rational(KNOWN[k].scale)};
        double square = 0, fourth = 0;
        for (int i = 0; i < SAMPLES; i++) {
            Int128 x;
            ck_assert_ok(law_sample(law, &source, &x));
            square += (double)x * (double)x / SAMPLES;
            fourth += pow((double)x, 4) / SAMPLES;
        }
        const double off = (square - KNOWN[k].variance) / sqrt((fourth - square * square) / SAMPLES);
        ck_assert_msg(fabs(off) < FALSE_ALARM_DEVIATIONS, "%s: variance %g, not %g", KNOWN[k].scale, square, KNOWN[k].variance);
        ck_assert(fabs(law_deviation(law) - sqrt(KNOWN[k].variance)) < 1e-6 * sqrt(KNOWN[k].variance));
    }
}
END_TEST

START_TEST(events_have_their_probability)
{
    static const struct { const char *gamma; } CASES[] = {{"0"}, {"1e-9"}, {"1/3"}, {"1"}, {"1.5"}, {"7/2"}};
    TestRandom random = {test_seed(), 0};
    for (int steady = 0; steady < 2; steady++) {
        NoiseSource source = test_source(&random, steady);
        const int drawn = steady ? STEADY_SAMPLES : SAMPLES;
        for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
            int count = 0, plain = 0;
            const Rational gamma = rational(CASES[k].gamma), p = {k, 7};
            for (int i = 0; i < drawn; i++) {
                bool got;
                ck_assert_ok(noise_bernoulli_exp(&source, gamma, &got));
                count += got;
                ck_assert_ok(noise_bernoulli(&source, p, &got));
                plain += got;
            }
            const double expected = drawn * exp(-real(gamma)), expected_plain = drawn * real(p);
            ck_assert_msg(fabs(count - expected) <= FALSE_ALARM_DEVIATIONS * sqrt(expected * (1 - expected / drawn)) + 0.01, "exp(-%s)", CASES[k].gamma);
            ck_assert(fabs(plain - expected_plain) <= FALSE_ALARM_DEVIATIONS * sqrt(expected_plain));
        }
    }
}
END_TEST

START_TEST(uniform_numbers_are_uniform)
{
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, false);
    uint64_t counts[37] = {0};
    double expected[37];
    for (int i = 0; i < 37; i++) expected[i] = SAMPLES / 37.0;
    UInt128 x, most = 0;
    for (int i = 0; i < SAMPLES; i++) {
        ck_assert_ok(noise_uniform(&source, 37, &x));
        counts[x]++;
        ck_assert_ok(noise_uniform(&source, (UInt128)3 << 100, &x));
        if (x > most) most = x;
    }
    ck_assert(chi_square_deviations(counts, expected, 37) < FALSE_ALARM_DEVIATIONS);
    ck_assert(most < (UInt128)3 << 100 && most > (UInt128)11 << 98);
    ck_assert_ok(noise_uniform(&source, 1, &x));
    ck_assert(x == 0);
    ck_assert_err(noise_uniform(&source, 0, &x), ERR_LIMIT);
}
END_TEST

/** Permute-and-flip by enumeration (McKenna, Sheldon 2020, section 3): over all orders, the product of not being kept before being kept. */
static void choice_law(const double *kept, int count, unsigned used, double weight, double *p)
{
    int left = 0;
    for (int i = 0; i < count; i++) left += !(used >> i & 1);
    for (int i = 0; i < count; i++) {
        if (used >> i & 1) continue;
        p[i] += weight / left * kept[i];
        if (kept[i] < 1) choice_law(kept, count, used | 1u << i, weight / left * (1 - kept[i]), p);
    }
}

START_TEST(choices_follow_permute_and_flip)
{
    enum { COUNT = 5 };
    const int64_t scores[COUNT] = {-3, 4, 0, 3, 4};
    const Rational unit = rational("1/2");
    double kept[COUNT], expected[COUNT] = {0};
    for (int i = 0; i < COUNT; i++) kept[i] = exp(-0.5 * (double)(4 - scores[i]));
    choice_law(kept, COUNT, 0, 1, expected);
    TestRandom random = {test_seed(), 0};
    for (int steady = 0; steady < 2; steady++) {
        NoiseSource source = test_source(&random, steady);
        uint64_t counts[COUNT] = {0};
        double wanted[COUNT];
        const int drawn = steady ? STEADY_SAMPLES : SAMPLES;
        for (int i = 0; i < COUNT; i++) wanted[i] = drawn * expected[i];
        for (int i = 0; i < drawn; i++) {
            uint32_t order[COUNT], chosen;
            ck_assert_ok(noise_choose(&source, scores, COUNT, unit, order, &chosen));
            counts[chosen]++;
        }
        ck_assert(chi_square_deviations(counts, wanted, COUNT) < FALSE_ALARM_DEVIATIONS);
    }
}
END_TEST

/** How far the words that a sample took tell whether it is large: deviations between the means of small and large samples. */
static double told_by_time(Law law, bool steady, uint64_t seed)
{
    enum { DRAWN = 5000 };
    TestRandom random = {seed, 0};
    NoiseSource source = test_source(&random, steady);
    double sum[2] = {0}, square[2] = {0}, count[2] = {0};
    const double middle = law_deviation(law) * 0.6;
    for (int i = 0; i < DRAWN; i++) {
        Int128 x;
        const uint64_t before = random.fills * NOISE_BUFFER_BYTES - source.left;
        ck_assert_ok(law_sample(law, &source, &x));
        const double words = (double)(random.fills * NOISE_BUFFER_BYTES - source.left - before) / 8;
        const int large = fabs((double)x) > middle;
        sum[large] += words;
        square[large] += words * words;
        count[large]++;
    }
    double mean[2], error = 0;
    for (int k = 0; k < 2; k++) {
        mean[k] = sum[k] / count[k];
        error += (square[k] / count[k] - mean[k] * mean[k]) / count[k];
    }
    return fabs(mean[0] - mean[1]) / sqrt(error + 1e-9);
}

START_TEST(words_drawn_say_nothing_of_a_sample_of_a_steady_source)
{
    const uint64_t seed = test_seed();
    const Law laws[] = {{LAW_LAPLACE, rational("20")}, {LAW_LAPLACE, rational("7/3")}, {LAW_GAUSSIAN, rational("400")}};
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(told_by_time(laws[i], true, seed) < FALSE_ALARM_DEVIATIONS, "law %d", i);
        if (laws[i].kind == LAW_LAPLACE) ck_assert(told_by_time(laws[i], false, seed) > 2 * FALSE_ALARM_DEVIATIONS); /* and the test would see it */
    }
}
END_TEST

static Err broken_fill(void *context, void *bytes, size_t size)
{
    (void)context, (void)bytes, (void)size;
    return FAIL(ERR_CLOSED);
}

static Err constant_fill(void *context, void *bytes, size_t size)
{
    memset(bytes, *(int *)context, size);
    return OK;
}

START_TEST(a_source_that_fails_or_stands_still_is_an_error)
{
    NoiseSource source = {.fill = broken_fill};
    Int128 x = 5;
    ck_assert_err(noise_laplace(&source, rational("3"), &x), ERR_CLOSED);
    ck_assert_err(noise_gaussian(&source, rational("3"), &x), ERR_CLOSED);
    int zero = 0;
    source = (NoiseSource){.fill = constant_fill, .context = &zero};
    ck_assert_err(noise_laplace(&source, rational("3"), &x), ERR_LIMIT); /* every event happens, for ever */
    ck_assert(x == 5);
}
END_TEST

START_TEST(scales_beyond_the_limits_are_refused)
{
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, false);
    Int128 x;
    ck_assert_err(noise_laplace(&source, (Rational){(UInt128)1 << 100, 1}, &x), ERR_LIMIT);
    ck_assert_err(noise_laplace(&source, (Rational){1, (UInt128)1 << 100}, &x), ERR_LIMIT);
    ck_assert_err(noise_gaussian(&source, (Rational){(UInt128)1 << 126, 1}, &x), ERR_LIMIT);
    ck_assert_ok(noise_laplace(&source, RATIONAL_ZERO, &x));
    ck_assert(x == 0);
    ck_assert_ok(noise_gaussian(&source, (Rational){((UInt128)1 << 126) - 1, 1}, &x)); /* the largest that is allowed */
    ck_assert_ok(noise_gaussian(&source, (Rational){((UInt128)1 << 100) - 1, ((UInt128)1 << 100) - 3}, &x));
    ck_assert(x > -100 && x < 100);
}
END_TEST

START_TEST(used_words_are_wiped)
{
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, false);
    Int128 x;
    ck_assert_ok(noise_gaussian(&source, rational("30"), &x));
    for (size_t i = 0; i < sizeof source.buffer - source.left; i++) ck_assert_int_eq(source.buffer[i], 0);
    noise_wipe(&source);
    for (size_t i = 0; i < sizeof source.buffer; i++) ck_assert_int_eq(source.buffer[i], 0);
}
END_TEST

TEST_MAIN("privacy/noise", samples_follow_their_law, samples_of_a_steady_source_follow_the_same_law, the_comparison_notices_planted_mistakes,
    far_tails_have_their_weight, variances_are_those_of_the_literature, events_have_their_probability, uniform_numbers_are_uniform,
    choices_follow_permute_and_flip, words_drawn_say_nothing_of_a_sample_of_a_steady_source, a_source_that_fails_or_stands_still_is_an_error,
    scales_beyond_the_limits_are_refused, used_words_are_wiped)
