/* What every kernel shares: a small generator for its data, a fold for its checksum, and the one line of output.
 * A kernel is an ordinary C program without input: `gcc -O2` makes the native one, clang and `covey image build` the one inside a SEE.
 * It calls nothing of libc in its hot part, so that what is compared is code, not libraries. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** xorshift64*; Marsaglia 2003, Vigna 2016. */
static inline uint64_t kernel_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static inline uint64_t kernel_fold(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * UINT64_C(1099511628211);
}

static inline uint64_t kernel_double_bits(double value)
{
    union { double value; uint64_t bits; } both = {.value = value};
    return both.bits;
}

static inline void *kernel_memory(size_t size)
{
    void *memory = malloc(size);
    if (!memory) abort();
    return memory;
}

static inline int kernel_done(uint64_t sum)
{
    return printf("%08x%08x\n", (unsigned)(sum >> 32), (unsigned)sum) > 0 ? 0 : 1;
}
