/**
 * Interval arithmetic with 80 binary digits after the point, for tails and conversions: internal to the folder. Never for sampling.
 *
 * Every function gives two ends, low <= true <= high, rounded outwards at each step, so that callers choose the end that is on the safe side.
 */
#pragma once
#include "privacy/rational.h"

enum { FIXED_BITS = 80, FIXED_WHOLE_BITS = 46 };
#define FIXED_ONE ((Int128)1 << FIXED_BITS)

typedef struct { Int128 low, high; } Fixed;

/** false: 2^46 or more. */
MUST_USE bool fixed_of(Rational r, Fixed *ret);
/** A rational that is not below `high`, in steps of 1 / RATIONAL_STEPS; below 0 is 0. */
Rational fixed_up(Int128 high);
/** Of numbers that are not negative. false: too large, or a division by what may be 0. */
MUST_USE bool fixed_divide(Fixed a, Fixed b, Fixed *ret);
/** exp(-x), x >= 0. */
Fixed fixed_exp_minus(Fixed x);
/** ln(r), r > 0; either sign. */
Fixed fixed_log(Rational r);
