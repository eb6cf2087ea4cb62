/**
 * A black box between two neighbouring inputs: does what comes out tell them apart by more than was promised? For tests.
 *
 * Outputs of RUNS releases on each of two neighbours are counted in a histogram (Ding, Wang, Wang, Zhang, Kifer, CCS 2018). For every cell, every
 * lower and every upper tail S: P1(S) <= exp(epsilon) P2(S) + delta must hold, both ways; a difference of counts of more than DEVIATIONS of its own
 * standard deviations is a violation. False alarms: DEVIATIONS is 5.5 of a normal, 1.9e-8 for each of at most 6 BLACKBOX_CELLS comparisons, and
 * only the worst case reaches equality.
 */
#pragma once
#include "privacy/aggregate.h"
#include "privacy/fixture.h"

enum { BLACKBOX_CELLS = 4096 };
static const double BLACKBOX_DEVIATIONS = 5.5;

typedef struct { uint64_t counts[2][BLACKBOX_CELLS]; uint64_t runs; } BlackBox;

static inline void blackbox_count(BlackBox *b, int side, int64_t cell)
{
    if (cell < 0) cell = 0;
    if (cell >= BLACKBOX_CELLS) cell = BLACKBOX_CELLS - 1;
    b->counts[side][cell]++;
}

static inline double blackbox_excess(double one, double other, double factor, double slack)
{
    return (one - factor * other - slack) / sqrt(one + factor * factor * other + 1);
}

/** By how many standard deviations the worst event breaks the promise; negative or small when it is kept. */
static inline double blackbox_worst(const BlackBox *b, double epsilon, double delta)
{
    const double factor = exp(epsilon), slack = delta * (double)b->runs;
    double worst = -1e9, lower[2] = {0}, total = (double)b->runs;
    for (int i = 0; i < BLACKBOX_CELLS; i++) {
        const double cell[2] = {(double)b->counts[0][i], (double)b->counts[1][i]};
        for (int side = 0; side < 2; side++) lower[side] += cell[side];
        for (int side = 0; side < 2; side++) {
            const int other = 1 - side;
            worst = fmax(worst, blackbox_excess(cell[side], cell[other], factor, slack));
            worst = fmax(worst, blackbox_excess(lower[side], lower[other], factor, slack));
            worst = fmax(worst, blackbox_excess(total - lower[side], total - lower[other], factor, slack));
        }
    }
    return worst;
}
