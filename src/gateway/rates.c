/* Token buckets in sets of eight. */
#include "gateway/rates.h"

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"

Err rates_open(uint32_t per_second, Rate *ret_rate)
{
    Rate r = {.per_second = per_second};
    if (per_second && !(r.buckets = calloc((size_t)RATE_SETS * RATE_WAYS, sizeof *r.buckets))) return FAIL(ENOMEM);
    *ret_rate = r;
    return OK;
}

void rates_close(Rate *r)
{
    free(r->buckets);
    *r = (Rate){0};
}

static RateBucket *find(Rate *r, uint64_t key, uint64_t now_ns)
{
    RateBucket *set = &r->buckets[key % RATE_SETS * RATE_WAYS], *oldest = set;
    for (int i = 0; i < RATE_WAYS; i++) {
        if (set[i].at_ns && set[i].key == key) return &set[i];
        if (set[i].at_ns < oldest->at_ns) oldest = &set[i];
    }
    *oldest = (RateBucket){.key = key, .at_ns = now_ns ? now_ns : 1, .tokens = r->per_second};
    return oldest;
}

bool rates_take(Rate *r, uint64_t key, uint64_t now_ns)
{
    if (!r->per_second) return true;
    RateBucket *b = find(r, key, now_ns);
    if (now_ns > b->at_ns) {
        b->tokens += (double)(now_ns - b->at_ns) / (double)NS_PER_S * r->per_second;
        if (b->tokens > r->per_second) b->tokens = r->per_second;
        b->at_ns = now_ns;
    }
    if (b->tokens < 1) return false;
    b->tokens -= 1;
    return true;
}
