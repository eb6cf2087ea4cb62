/** Hashes and random numbers of the predictor: SplitMix64's finisher (Steele, Lea, Flood 2014). Not keyed: callers key what outsiders choose. */
#pragma once
#include <stdint.h>

static inline uint64_t hash_mix(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
static inline uint64_t hash_with(uint64_t hash, uint64_t value) { return hash_mix(hash ^ hash_mix(value)); }

typedef struct { uint64_t state; } Random;
static inline uint64_t random_next(Random *r)
{
    uint64_t z = hash_mix(r->state);
    r->state += 0x9e3779b97f4a7c15u;
    return z;
}
static inline float random_unit(Random *r) { return (float)(random_next(r) >> 40) * 0x1p-24f; } /* [0, 1) */
