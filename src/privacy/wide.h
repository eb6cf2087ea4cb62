/**
 * Whole numbers beyond 128 bits, and what 128-bit division needs: internal to the folder. No allocation.
 *
 * A Wide is used with a number of limbs `n` that follows from public parameters; every operation takes the same time for the same n, whatever the
 * numbers are.
 */
#pragma once
#include "privacy/rational.h"

enum { WIDE_LIMBS = 8 };
typedef struct { uint64_t limb[WIDE_LIMBS]; } Wide; /* least significant first; limbs from n on are 0 */

unsigned u128_bits(UInt128 v); /* 0 for 0 */
UInt128 u128_root(UInt128 v);  /* rounded down */
/** a b / d, rounded down, or up; false: d is 0 or it does not fit. */
bool u128_muldiv(UInt128 a, UInt128 b, UInt128 d, bool up, UInt128 *ret);
/** a / d in the same time for all a and d; d > 0 */
UInt128 u128_divide_steady(UInt128 a, UInt128 d);

Wide wide_of(UInt128 v);
/** The product, which the caller knows to fit n limbs. */
Wide wide_multiply(const Wide *a, const Wide *b, unsigned n);
/** 1 when a < b, otherwise 0. */
unsigned wide_less(const Wide *a, const Wide *b, unsigned n);
/** a -= b when `when` is 1; nothing when it is 0. */
void wide_subtract_when(unsigned when, Wide *a, const Wide *b, unsigned n);
