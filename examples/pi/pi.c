/*
 * Estimates pi by throwing points at a square:  pi THROWS. The result is "hits,throws", which `combine: sum` adds up.
 *
 * getentropy is WASI's random_get: a stream that Covey derives from the task and the number of the micro-job, so that every run of the
 * task throws the same points and no two micro-jobs do.
 */
#include "covey_job.h"

/* xoshiro256** 1.0 (Blackman and Vigna, 2018; https://prng.di.unimi.it/). */
static uint64_t state[4];

static uint64_t rotate_left(uint64_t x, int by) { return x << by | x >> (64 - by); }

static uint64_t next_random(void)
{
    uint64_t result = rotate_left(state[1] * 5, 7) * 9, shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

int main(int argc, char **argv)
{
    JobText text = {argc > 1 ? argv[1] : NULL, argc > 1 ? strlen(argv[1]) : 0};
    int64_t throws, hits = 0;

    if (argc != 2 || !job_integer(text, &throws) || throws < 1) job_fail("usage: pi THROWS");
    if (getentropy(state, sizeof state) < 0) job_fail("no randomness: %s", strerror(errno));

    for (int64_t i = 0; i < throws; i++) {
        uint64_t random = next_random();
        uint64_t x = random >> 32, y = random & UINT32_MAX; /* squares of 32 bits, their sum of 65: one bit given up */
        hits += (x * x >> 1) + (y * y >> 1) < UINT64_C(1) << 63;
    }
    printf("%" PRId64 ",%" PRId64 "\n", hits, throws);
    return 0;
}
