/*
 * HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007): how many different things were seen, in 2048 small registers. Sketches merge by
 * taking the larger of each register, in any order: what a combining tree needs.
 *
 * As text: a line "distinct,<estimate>", then a line with the registers in base 64 ('0' is 0), so that every result in the tree, the
 * last one included, can be read by a person and merged by a program.
 */
#pragma once
#include <math.h>

#include "covey_job.h"

enum { SKETCH_BITS = 11, SKETCH_REGISTERS = 1 << SKETCH_BITS }; /* standard error 1.04 / sqrt(2048) = 2.3 % */

typedef struct { uint8_t registers[SKETCH_REGISTERS]; } Sketch;

/* FNV-1a, then the finalizer of SplitMix64, because FNV alone leaves the high bits of short keys poorly mixed. */
static inline uint64_t sketch_hash(uint64_t hash, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static inline void sketch_add(Sketch *s, uint64_t hash)
{
    hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
    hash ^= hash >> 31;
    uint64_t rest = hash << SKETCH_BITS | UINT64_C(1) << (SKETCH_BITS - 1); /* the marker bounds the count of zeros */
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
    uint8_t *r = &s->registers[hash >> (64 - SKETCH_BITS)];
    if (rank > *r) *r = rank;
}

/* Section 4 of the paper, with linear counting for the small range. */
static inline double sketch_estimate(const Sketch *s)
{
    const double m = SKETCH_REGISTERS, alpha = 0.7213 / (1 + 1.079 / m);
    double sum = 0;
    int zeros = 0;
    for (int i = 0; i < SKETCH_REGISTERS; i++) {
        sum += ldexp(1, -s->registers[i]);
        zeros += s->registers[i] == 0;
    }
    double estimate = alpha * m * m / sum;
    return estimate <= 2.5 * m && zeros > 0 ? m * log(m / zeros) : estimate;
}

static inline void sketch_emit(const Sketch *s)
{
    printf("distinct,%.0f\n", sketch_estimate(s));
    for (int i = 0; i < SKETCH_REGISTERS; i++) putchar('0' + s->registers[i]);
    putchar('\n');
}
