/* Names as numbers: FNV-1a, then the finaliser of SplitMix64, so that names that differ in one letter differ in all bits. */
#include "placement/facts.h"

#include <assert.h>

#include "base/fnv.h"

uint64_t fact_hash(const char *name)
{
    assert(name);
    uint64_t h = fnv_add(FNV_BEGIN, view_text(name));
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    h ^= h >> 31;
    return h ? h : 1;
}
