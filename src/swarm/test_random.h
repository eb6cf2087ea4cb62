/** Randomness for tests: a seed that is printed, and can be given again as COVEY_TEST_SEED. */
#pragma once
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t test_seed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const char *given = getenv("COVEY_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)now.tv_nsec * 1000003u + (uint64_t)now.tv_sec;
    printf("# COVEY_TEST_SEED=%" PRIu64 "\n", seed);
    fflush(stdout);
    return seed;
}

/** SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint64_t test_below(uint64_t *state, uint64_t limit) { return test_random(state) % limit; }
