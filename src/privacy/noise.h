/**
 * Exact samples of discrete distributions from random bits: no floating point, no table, no truncation.
 *
 * The algorithms are those of Canonne, Kamath, Steinke, The Discrete Gaussian for Differential Privacy, 2020 (arXiv 2004.00010): Algorithm 1
 * (Bernoulli(exp(-g)) for a rational g), Algorithm 2 (discrete Laplace), Algorithm 3 (discrete Gaussian). Choosing is permute-and-flip (McKenna,
 * Sheldon, NeurIPS 2020), whose law is that of report-noisy-max with exponential noise.
 *
 * Random bits come from the caller. In a SEE of a private task they must be real randomness, drawn once per released number and never derived
 * from the task: noise that can be computed again is no noise.
 *
 * Time. The time that a sampler takes tells something about the sample, and whoever knows the noise knows the answer (Jin, McMurtry, Rubinstein,
 * Ohrimenko, IEEE S&P 2022). A source with `steady` set draws in a way in which the time is independent of the sample: every trial draws and compares
 * as often whatever it finds, and selects without branches; only trials that are thrown away as a whole, whose number is independent of the sample
 * that is kept, repeat. What falls outside of the fixed number of steps (less than 2^-120 a sample) is finished by the plain way, so that the
 * distribution stays exact. Costs 100 to 300 times as much (covey bench privacy): for the few numbers that a task releases, not for simulations.
 */
#pragma once
#include "privacy/rational.h"

enum { NOISE_BUFFER_BYTES = 512, NOISE_CHOICES_MAX = 1 << 16 };

/** Fills `bytes` with `size` random bytes. */
typedef Err NoiseFill(void *context, void *bytes, size_t size);

/** Zero-initialised but for fill, context, steady. Words used are wiped; noise_wipe wipes the rest. */
typedef struct {
    NoiseFill *fill;
    void *context;
    bool steady;
    size_t left; /* unused bytes at the end of buffer */
    uint8_t buffer[NOISE_BUFFER_BYTES];
} NoiseSource;

void noise_wipe(NoiseSource *source);

/** errors of all below: those of fill; ERR_LIMIT where the header names a limit. Outputs are set on success only. */

/** 0 .. limit - 1, each as likely. limit > 0 */
MUST_USE Err noise_uniform(NoiseSource *source, UInt128 limit, UInt128 *ret);
/** true with probability p; p <= 1 */
MUST_USE Err noise_bernoulli(NoiseSource *source, Rational p, bool *ret);
/** true with probability exp(-gamma). CKS20 Algorithm 1. */
MUST_USE Err noise_bernoulli_exp(NoiseSource *source, Rational gamma, bool *ret);

/**
 * P(x) proportional to exp(-|x| / scale), all integers. CKS20 Algorithm 2. Variance 2 exp(-1/scale) / (1 - exp(-1/scale))^2.
 * scale 0 gives 0. errors: ERR_LIMIT (numerator of the scale of 2^100 or more, or a denominator of 2^100 or more)
 */
MUST_USE Err noise_laplace(NoiseSource *source, Rational scale, Int128 *ret);

/**
 * P(x) proportional to exp(-x^2 / (2 variance)), all integers. CKS20 Algorithm 3. `variance` is sigma^2; the true variance is never above it.
 * 0 gives 0. errors: ERR_LIMIT (numerator of 2^126 or more, denominator of 2^100 or more)
 */
MUST_USE Err noise_gaussian(NoiseSource *source, Rational variance, Int128 *ret);

/**
 * Permute-and-flip: the index of one of `count` choices; better ones are likelier. Pure epsilon-DP when one person changes every score by at
 * most `sensitivity` and gamma_unit = epsilon / (2 sensitivity): a choice whose score is g below the best is kept with probability
 * exp(-g * gamma_unit) when its turn comes, in random order.
 *
 * scores   not changed; differences must fit 64 bits
 * order    memory for `count` numbers, the caller's; holds the order in which choices were tried afterwards: wipe it
 * errors   ERR_LIMIT (no choice, more than NOISE_CHOICES_MAX, a difference beyond 64 bits, gamma_unit of 2^60 or more either side)
 */
MUST_USE Err noise_choose(NoiseSource *source, const int64_t *scores, uint32_t count, Rational gamma_unit, uint32_t *order, uint32_t *ret_index);
