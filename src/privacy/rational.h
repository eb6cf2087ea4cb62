/**
 * Numbers of privacy: exact, not negative, numerator and denominator of 128 bits in lowest terms. Every parameter that decides about noise or
 * about a budget (epsilon, delta, rho, a noise scale) is one; there is no floating point on the way from the text that a person wrote to the noise.
 *
 * Written   digits, a decimal ("0.5", "12.", ".25"), a decimal with an exponent ("1e-6", "2.5E3") or a quotient of two whole numbers ("1/3").
 *           Nothing around it: no sign, no blanks, no hexadecimal, no inf, no nan.
 * Overflow  every operation says so (false) and leaves its output alone; nothing wraps. The ..._up and ..._down forms never overflow on account
 *           of the denominator alone: they give the nearest number on that side with a denominator of at most RATIONAL_STEPS where the exact one
 *           does not fit.
 * Memory    none but the arguments. Time depends on the numbers: parameters are public.
 */
#pragma once
#include "base/bytes.h"

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;

typedef struct { UInt128 num, den; } Rational; /* den > 0, no common divisor */

enum {
    RATIONAL_TEXT_MAX = 96,    /* bytes of a printed one, NUL included */
    RATIONAL_INPUT_MAX = 128,  /* bytes of a text that is read */
};
#define RATIONAL_STEPS ((UInt128)1000000000000000000u) /* 10^18 */
#define RATIONAL_ZERO ((Rational){0, 1})

static inline Rational rational_of(uint64_t whole) { return (Rational){whole, 1}; }
/** In lowest terms; den must not be 0. */
Rational rational_make(UInt128 num, UInt128 den);
/** false: not of the form above, longer than RATIONAL_INPUT_MAX, or beyond 128 bits. */
MUST_USE bool rational_parse(View text, Rational *ret);
/** As a decimal where it is one of at most 30 digits after the point, otherwise as a quotient; reads back as the same number. NUL-terminated. */
void rational_print(Rational r, char ret_text[RATIONAL_TEXT_MAX]);

/** Below, equal or above 0, as a is below, equal to or above b; exact for all. */
int rational_compare(Rational a, Rational b);
static inline bool rational_is_zero(Rational a) { return a.num == 0; }
MUST_USE bool rational_add(Rational a, Rational b, Rational *ret);
/** false also when b is above a. */
MUST_USE bool rational_subtract(Rational a, Rational b, Rational *ret);
MUST_USE bool rational_multiply(Rational a, Rational b, Rational *ret);
/** false also when b is 0. */
MUST_USE bool rational_divide(Rational a, Rational b, Rational *ret);

/** The sum, or a little more where it does not fit: for what was spent. */
MUST_USE bool rational_add_up(Rational a, Rational b, Rational *ret);
/** The difference, or a little less; 0 when b is above a: for what is left. */
Rational rational_subtract_down(Rational a, Rational b);
MUST_USE bool rational_multiply_up(Rational a, Rational b, Rational *ret);
MUST_USE bool rational_multiply_down(Rational a, Rational b, Rational *ret);
MUST_USE bool rational_divide_up(Rational a, Rational b, Rational *ret);
MUST_USE bool rational_divide_down(Rational a, Rational b, Rational *ret);
/** The largest number of steps of 1/RATIONAL_STEPS (fewer where that does not fit) whose square is not above a. */
Rational rational_root_down(Rational a);
