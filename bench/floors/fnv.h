/** The tiny job of the benchmarks: FNV-1a over one segment, as a line of 16 hexadecimal digits. Micro-job, floors and peers share it. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { FNV_SEGMENT_BYTES = 4096, FNV_LINE_BYTES = 17 };

static inline uint64_t fnv1a(const uint8_t *data, size_t size)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * UINT64_C(1099511628211);
    return hash;
}

static inline void fnv_line(uint64_t hash, char ret_line[FNV_LINE_BYTES])
{
    for (int i = 0; i < 16; i++) ret_line[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
    ret_line[16] = '\n';
}
