/*
 * Figure privacy: samples a second of each exact sampler, beside the textbook's in floating point; and the picture of error against epsilon on real
 * data.
 */
#include "privacy/noise.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>

#include "bench/runner/figure.h"
#include "bench/runner/privacy_error.h"
#include "sys/clock.h"

enum { ROUNDS = 5, PLAIN = 100000, STEADY = 1000, CHOICES = 1000 };

typedef Err Draw(NoiseSource *source, Int128 *sum);

/** Random bits at the speed that a SEE has them: ChaCha20 over a seed. */
typedef struct { uint8_t seed[randombytes_SEEDBYTES]; uint64_t count; } Stream;

static Err fill(void *context, void *bytes, size_t size)
{
    Stream *s = context;
    s->count++;
    memcpy(s->seed, &s->count, sizeof s->count);
    randombytes_buf_deterministic(bytes, size, s->seed);
    return OK;
}

static Err draw_laplace(NoiseSource *source, Int128 *sum)
{
    Int128 x;
    TRY(noise_laplace(source, (Rational){20, 1}, &x));
    *sum += x;
    return OK;
}

static Err draw_gaussian(NoiseSource *source, Int128 *sum)
{
    Int128 x;
    TRY(noise_gaussian(source, (Rational){400, 1}, &x));
    *sum += x;
    return OK;
}

static Err draw_wide_gaussian(NoiseSource *source, Int128 *sum)
{
    Int128 x;
    TRY(noise_gaussian(source, (Rational){(UInt128)1 << 80, 1000003}, &x));
    *sum += x;
    return OK;
}

static Err draw_choice(NoiseSource *source, Int128 *sum)
{
    static int64_t scores[CHOICES];
    static uint32_t order[CHOICES];
    uint32_t chosen;
    for (int i = 0; i < CHOICES; i++) scores[i] = i;
    TRY(noise_choose(source, scores, CHOICES, (Rational){1, 20}, order, &chosen));
    *sum += chosen;
    return OK;
}

/** What must not be used: for its speed alone. */
static Err draw_floating(NoiseSource *source, Int128 *sum)
{
    UInt128 bits;
    TRY(noise_uniform(source, (UInt128)1 << 53, &bits));
    const double u = ((double)bits + 0.5) * 0x1p-53 - 0.5;
    *sum += (Int128)(-20 * copysign(log1p(-2 * fabs(u)), u));
    return OK;
}

static Err measure_draw(Draw *draw, bool steady, int count, Samples *rate)
{
    Stream stream = {.count = 0};
    NoiseSource source = {.fill = fill, .context = &stream, .steady = steady};
    volatile Int128 sum = 0;
    const uint64_t start = clock_monotonic_ns();
    for (int i = 0; i < count; i++) {
        Int128 drawn = 0;
        TRY(draw(&source, &drawn));
        sum += drawn;
    }
    samples_add(rate, count / ((double)(clock_monotonic_ns() - start) / 1e9));
    return OK;
}

Err measure_privacy(const Bench *b, Figure *f, Diag *diag)
{
    static const struct { const char *who; Draw *draw; bool steady; int count; } KINDS[] = {
        {"discrete Gaussian, variance 400", draw_gaussian, false, PLAIN}, {"discrete Laplace, scale 20", draw_laplace, false, PLAIN},
        {"discrete Gaussian, variance 2^80 / 1000003", draw_wide_gaussian, false, PLAIN},
        {"permute-and-flip among 1,000", draw_choice, false, STEADY},
        {"discrete Gaussian, time independent of the sample", draw_gaussian, true, STEADY},
        {"discrete Laplace, time independent of the sample", draw_laplace, true, STEADY},
        {"Laplace by logarithm in floating point (not private)", draw_floating, false, PLAIN}};
    enum { KIND_COUNT = sizeof KINDS / sizeof *KINDS };
    static Samples rates[KIND_COUNT];
    memset(rates, 0, sizeof rates);
    for (int round = 0; round < ROUNDS; round++)
        for (int k = 0; k < KIND_COUNT; k++)
            TRY_WHY(diag, measure_draw(KINDS[k].draw, KINDS[k].steady, KINDS[k].count, &rates[k]), "sampling");
    for (int k = 0; k < KIND_COUNT; k++)
        figure_add(f, KINDS[k].who, "samples/s", samples_spread(&rates[k]), k ? samples_ratio(&rates[0], &rates[k]) : 0);
    f->peer = f->row_count - 1;
    char picture[512];
    snprintf(picture, sizeof picture, "%s/error-against-epsilon.svg", b->work);
    TRY(measure_privacy_error(b, picture, f, diag));
    return OK;
}
