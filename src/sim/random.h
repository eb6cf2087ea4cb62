/**
 * Randomness of a simulation: a value is a function of the seed and of what it is for, not of when it is asked for. So every policy meets the
 * same run times, the same nodes and the same failures, and a run can be replayed.
 */
#pragma once
#include <stdint.h>

/** What a value is for; one stream each. */
typedef enum {
    DRAW_RUN = 1, DRAW_CORES, DRAW_SPEED, DRAW_LIAR, DRAW_LIE, DRAW_INFLATED, DRAW_CRASH, DRAW_CUT, DRAW_STRAGGLER, DRAW_HOLDER,
    DRAW_TRACE, DRAW_ORDER, DRAW_CHECK, DRAW_CHOICE
} Draw;

/** 64 even bits for (seed, what for, index). */
uint64_t draw_bits(uint64_t seed, Draw what, uint64_t index);
/** Even in [0, 1). */
double draw_unit(uint64_t seed, Draw what, uint64_t index);
/** Even in [0, limit); limit is not 0. */
uint64_t draw_below(uint64_t seed, Draw what, uint64_t index, uint64_t limit);

typedef enum { SHAPE_FIXED, SHAPE_UNIFORM, SHAPE_EXPONENTIAL, SHAPE_LOGNORMAL, SHAPE_PARETO } Shape;

/** A distribution by its mean and its coefficient of variation (standard deviation over mean; an exponential's is 1). Never below 0. */
typedef struct { Shape shape; double mean, cv; } Spread;

double spread_draw(const Spread *s, uint64_t seed, Draw what, uint64_t index);
