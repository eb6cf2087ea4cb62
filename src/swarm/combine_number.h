/**
 * Numbers in results: exact integers of 128 bits, otherwise doubles; strict to read, shortest to print.
 *
 * Written [+-]digits, or a decimal [+-]digits[.digits][e[+-]digits] where either side of the point may be missing; nothing around it, no
 * blanks, no hexadecimal, no inf, no nan. The calling thread's locale must have '.' as its point: the combiner sees to it.
 */
#pragma once
#include "base/bytes.h"

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;

enum { NUMBER_TEXT_MAX = 48, NUMBER_BYTES_MAX = 512 };

typedef struct { Int128 exact; double approximate; bool decimal; } Number; /* decimal says which of the two it is */
typedef enum { NUMBER_OK, NUMBER_MALFORMED, NUMBER_OUT_OF_RANGE } NumberResult;

NumberResult number_parse(View text, Number *ret_number);
/** Below, equal or above 0, as a is below, equal to or above b; exact also between an integer and a double. */
int number_compare(const Number *a, const Number *b);
/** NUL-terminated. */
void number_print(const Number *n, char ret_text[NUMBER_TEXT_MAX]);

/** A running sum. Integers and decimals are kept apart, so that the integers stay exact whatever they are added to; the decimals are
 *  summed with Neumaier's compensation (ZAMM 54, 1974, pp. 39-51). */
typedef struct { Int128 exact; double sum, lost; } Sum;

/** false: beyond 128 bits, or beyond a double; the sum is as it was. */
bool sum_add(Sum *s, const Number *n);
/** false: beyond a double. */
bool sum_total(const Sum *s, Number *ret_total);
/** The total divided by count, which is not 0: exact when it divides without rest. */
bool sum_mean(const Sum *s, uint64_t count, Number *ret_mean);
