/** FNV-1a, 64 bits, for tables and for noticing mistakes: who chooses the bytes chooses the hash. hash: FNV_BEGIN, or that of what came before. */
#pragma once
#include "base/bytes.h"

#define FNV_BEGIN UINT64_C(0xcbf29ce484222325)

static inline uint64_t fnv_add(uint64_t hash, View bytes)
{
    for (size_t i = 0; i < bytes.size; i++) hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}
