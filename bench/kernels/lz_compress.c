/* A greedy LZ77 compressor with a hash table of four-byte prefixes, and its decompressor as the check. */
#include "kernel.h"

enum { SIZE = 1 << 20, ROUNDS = 24, HASH_BITS = 14, MATCH_MIN = 4, MATCH_MAX = 259, OFFSET_MAX = 65535 };

static uint8_t input[SIZE], packed[SIZE + SIZE / 8 + 16], output[SIZE];
static uint32_t heads[1 << HASH_BITS];

static uint32_t read_four(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/** Text-like input: words from a small vocabulary, skewed. */
static void write_input(void)
{
    uint64_t seed = 8;
    uint8_t words[256][12];
    for (int i = 0; i < 256; i++)
        for (int k = 0; k < 12; k++) words[i][k] = (uint8_t)('a' + kernel_random(&seed) % 26);
    for (int at = 0; at < SIZE;) {
        uint64_t r = kernel_random(&seed);
        int word = (int)((r & 255) * (r >> 8 & 255) >> 8), size = 2 + word % 10;
        for (int k = 0; k < size && at < SIZE; k++) input[at++] = words[word][k];
        if (at < SIZE) input[at++] = r >> 60 ? ' ' : '\n';
    }
}

static int match_size(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
    int size = 0;
    while (size < MATCH_MAX && b + size < end && a[size] == b[size]) size++;
    return size;
}

/** Eight items a flag byte; an item is a literal or (offset: 2 bytes, size - 4: 1 byte). */
static int compress(void)
{
    int out = 0, flag_at = 0, item = 8;
    for (int i = 0; i < 1 << HASH_BITS; i++) heads[i] = 0;
    for (int at = 0; at < SIZE; item++) {
        if (item == 8) {
            flag_at = out++;
            packed[flag_at] = 0;
            item = 0;
        }
        int size = 0;
        uint32_t before = 0;
        if (at + MATCH_MIN <= SIZE) {
            uint32_t *head = &heads[read_four(input + at) * 2654435761u >> (32 - HASH_BITS)];
            before = *head;
            *head = (uint32_t)at + 1;
            if (before && (uint32_t)at + 1 - before <= OFFSET_MAX) size = match_size(input + before - 1, input + at, input + SIZE);
        }
        if (size >= MATCH_MIN) {
            uint32_t offset = (uint32_t)at + 1 - before;
            packed[flag_at] |= (uint8_t)(1 << item);
            packed[out++] = (uint8_t)offset;
            packed[out++] = (uint8_t)(offset >> 8);
            packed[out++] = (uint8_t)(size - MATCH_MIN);
            at += size;
        } else {
            packed[out++] = input[at++];
        }
    }
    return out;
}

static void decompress(void)
{
    int in = 0, at = 0;
    while (at < SIZE) {
        int flags = packed[in++];
        for (int item = 0; item < 8 && at < SIZE; item++, flags >>= 1) {
            if (flags & 1) {
                int offset = packed[in] | packed[in + 1] << 8, size = packed[in + 2] + MATCH_MIN;
                in += 3;
                for (int k = 0; k < size; k++, at++) output[at] = output[at - offset];
            } else {
                output[at++] = packed[in++];
            }
        }
    }
}

int main(void)
{
    uint64_t sum = 0;
    write_input();
    for (int round = 0; round < ROUNDS; round++) {
        sum = kernel_fold(sum, (uint64_t)compress());
        decompress();
        for (int i = 0; i < SIZE; i++)
            if (output[i] != input[i]) return 1;
    }
    return kernel_done(sum);
}
