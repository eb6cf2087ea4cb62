/**
 * How often somebody may ask: a bucket of tokens for each key, in a table of fixed size. Pure: the time is an argument. When the table is full, the
 * bucket that was longest not used gives way, so strangers can at worst win a full bucket, never memory.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct { uint64_t key, at_ns; double tokens; } RateBucket;
typedef struct { uint32_t per_second; RateBucket *buckets; } Rate; /* per_second 0: unlimited */

enum { RATE_SETS = 1024, RATE_WAYS = 8 };

MUST_USE Err rates_open(uint32_t per_second, Rate *ret_rate);
void rates_close(Rate *r);
/** Takes a token; false: there is none. key: a hash that outsiders cannot choose. A second's worth may be used at once. A clock that jumps back does
 *  no harm. */
bool rates_take(Rate *r, uint64_t key, uint64_t now_ns);
