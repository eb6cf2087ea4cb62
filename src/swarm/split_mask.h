/**
 * Where a byte stands among 64: one bit for each, lowest first. What makes the scanners fast; both forms give the same bits.
 */
#pragma once
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { MASK_BYTES = 64 };

/** Eight bytes at a time, for machines without SSE2 and as the oracle of its test. A zero byte of x leaves its top bit set in t (exact:
 *  no carry crosses bytes), and the multiplication gathers the eight bits (Mycroft 1987; Warren, Hacker's Delight, 6-1). */
static inline uint64_t mask_portable(const uint8_t *bytes, uint8_t wanted)
{
    const uint64_t low7 = 0x7f7f7f7f7f7f7f7fu, ones = 0x0101010101010101u;
    uint64_t mask = 0;
    for (unsigned i = 0; i < MASK_BYTES; i += 8) {
        uint64_t x;
        memcpy(&x, bytes + i, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        x = __builtin_bswap64(x);
#endif
        x ^= ones * wanted;
        uint64_t t = ~(((x & low7) + low7) | x | low7);
        mask |= ((t >> 7) * 0x0102040810204080u >> 56) << i;
    }
    return mask;
}

#ifdef __SSE2__
static inline uint64_t mask_of(const uint8_t *bytes, uint8_t wanted)
{
    const __m128i w = _mm_set1_epi8((char)wanted);
    uint64_t mask = 0;
    for (unsigned i = 0; i < MASK_BYTES; i += 16) {
        __m128i v;
        memcpy(&v, bytes + i, sizeof v);
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, w)) << i;
    }
    return mask;
}
#else
static inline uint64_t mask_of(const uint8_t *bytes, uint8_t wanted) { return mask_portable(bytes, wanted); }
#endif

/** Bit i is the parity of the bits 0..i. */
static inline uint64_t mask_prefix_parity(uint64_t m)
{
    for (unsigned shift = 1; shift < 64; shift *= 2) m ^= m << shift;
    return m;
}

/** Place of the n-th set bit, n from 1 to their number. */
static inline unsigned mask_nth(uint64_t m, uint64_t n)
{
    while (--n) m &= m - 1;
    return (unsigned)__builtin_ctzll(m);
}
