/**
 * What followed what: counts of the tasks that came after a context, in a bounded table shared by many kinds of context. A context is a 64-bit hash.
 * In a full place the context with the lowest standing gives way: standing grows with use and falls whenever another one is in want of a place.
 */
#pragma once
#include "predict/predict.h"

enum { CONTEXT_FOLLOWERS_MAX = 20, CONTEXT_COUNT_MAX = 60000 };

typedef struct { uint16_t task, count; } Follower;
typedef struct {
    uint32_t check;                 /* the rest of the hash; 0: free */
    uint16_t standing, distinct;
    uint32_t total;
    Follower followers[CONTEXT_FOLLOWERS_MAX]; /* most frequent first, roughly: each moves up by one when it passes its neighbour */
} Context;

typedef struct { Context *all; uint32_t mask; } Contexts;

MUST_USE Err contexts_new(uint32_t max, Contexts *ret_contexts);
void contexts_free(Contexts *c);
size_t contexts_memory(const Contexts *c);

/** NULL: never seen, or gone. */
const Context *context_find(const Contexts *c, uint64_t hash);
/** One more of this task behind the context. Beyond `total_max` all counts are halved: what is old fades. */
void context_learn(Contexts *c, uint64_t hash, uint16_t task, uint32_t total_max);
/** How often the task followed; 0: never. */
uint16_t context_count(const Context *c, uint16_t task);
