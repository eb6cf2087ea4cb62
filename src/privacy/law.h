/**
 * The law of a noise: which distribution, its scale as a rational; its tails, intervals and expected error, all rounded to the safe side.
 *
 * Fixed-point interval arithmetic of 80 binary digits after the point (fixed.h); never libm. "Safe side": a tail probability is never below the
 * true one,
 * an interval never narrower than the true one, a threshold never lower.
 */
#pragma once
#include "privacy/noise.h"

typedef enum { LAW_NONE, LAW_LAPLACE, LAW_GAUSSIAN } LawKind;

/** scale: of LAW_LAPLACE the scale b = sensitivity / epsilon; of LAW_GAUSSIAN the variance sigma^2 = (L2 sensitivity)^2 / (2 rho). */
typedef struct { LawKind kind; Rational scale; } Law;

/** "none", "discrete Laplace", "discrete Gaussian" */
const char *law_name(LawKind kind);

/** One sample. errors: as noise_laplace, noise_gaussian */
MUST_USE Err law_sample(Law law, NoiseSource *source, Int128 *ret);

/** Upper bound of P[X >= at], at > 0, in steps of 1/RATIONAL_STEPS; at most 1. */
Rational law_tail(Law law, UInt128 at);
/**
 * The least m with P[|X| > m] <= 1 - confidence by law_tail: |released - true| <= m holds with at least that confidence.
 * errors: ERR_LIMIT (1 - confidence below 1e-17, or confidence not below 1)
 */
MUST_USE Err law_interval(Law law, Rational confidence, UInt128 *ret_m);
/** The least m with P[X > m] <= p: what a selection's threshold is made of. errors: ERR_LIMIT (p below 1e-17) */
MUST_USE Err law_upper(Law law, Rational p, UInt128 *ret_m);
/** Root of the variance: what the formula promises as error. Approximate (double), for showing only. */
double law_deviation(Law law);
