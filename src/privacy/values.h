/**
 * Values of records as whole numbers of a declared step, clamped to declared bounds.
 *
 * A value's text is read exactly and rounded to the nearest step (half away from zero), then clamped. What is no number (empty, letters, inf, nan,
 * too long) is the bounded value nearest to zero, and counted like any other: whether somebody's value is malformed is as private as the value, so
 * nothing
 * is refused, reported or skipped. Clamping is without branches on the value; reading text is not constant in time (its length shows).
 */
#pragma once
#include "privacy/rational.h"

enum { VALUE_BITS = 62 }; /* |bound / step| stays below 2^62 */

/** Bounds in steps: value = steps * step. lower <= upper. */
typedef struct { Rational step; int64_t lower, upper; } Bounds;

/** Reads a signed decimal or quotient exactly. false: not a number, or beyond 128 bits. */
MUST_USE bool value_parse(View text, bool *ret_negative, Rational *ret_size);
/**
 * From the texts of a task file. Bounds that are not on the grid are widened to it. errors: ERR_BAD_INPUT (not numbers, step 0, lower above upper,
 * beyond VALUE_BITS
 * steps)
 */
MUST_USE Err bounds_parse(View lower, View upper, View step, Bounds *ret);
/** The clamped value in steps; ret_clamped, which may be NULL, says whether it lay outside (or was no number). */
int64_t bounds_read(const Bounds *bounds, View text, bool *ret_clamped);
/** Branch-free. */
int64_t bounds_clamp(const Bounds *bounds, Int128 steps);
/** The largest absolute value, in steps: the sensitivity of a sum to one record that comes or goes. */
uint64_t bounds_reach(const Bounds *bounds);
/** upper - lower, in steps. */
uint64_t bounds_width(const Bounds *bounds);
