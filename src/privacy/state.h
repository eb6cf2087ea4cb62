/**
 * What an Aggregate is made of: internal to the folder.
 *
 * In one piece of memory: the Aggregate, the cells, and by kind: entries, slots and bytes of open keys; scores and order of choices; an order of
 * released keys. Cells by kind: count {count}; sum {sum}; mean {count, sum of y}; variance {count, sum of y, sum of 2y^2 - W^2}; histogram, sum by
 * key, top: one for
 * each declared key; quantiles: one for each bin; blocks: one for each output.
 */
#pragma once
#include "privacy/aggregate.h"

typedef struct { Int128 value; uint64_t persons; uint32_t at, hash; uint16_t size; } OpenKey; /* at: into key_bytes */

struct Aggregate {
    const Query *query;
    Plan plan;
    size_t memory_size;
    uint64_t records, clamped, blocks;
    Int128 *cells;
    uint32_t cell_count;
    uint32_t key_room, key_count, slot_count;
    OpenKey *keys;
    uint32_t *slots;                /* index + 1 into keys */
    uint8_t *key_bytes;
    size_t key_bytes_used, key_bytes_room;
    int64_t *scores;
    uint32_t *order;
    bool released, overflowed;      /* overflowed: an open key found no room, here or in what was merged */
};


static inline bool state_is_open(const Query *q)
{
    return q->open_keys && (q->kind == QUERY_HISTOGRAM || q->kind == QUERY_SUM_BY_KEY || q->kind == QUERY_TOP);
}
static inline bool state_sums_values(const Query *q) { return q->kind == QUERY_SUM_BY_KEY || (q->kind == QUERY_TOP && q->of_values); }
/** Bins that are used: not more than there are values. */
static inline uint32_t state_bins(const Query *q)
{
    uint64_t width = bounds_width(&q->bounds);
    return width < q->bins ? (uint32_t)width + 1 : q->bins;
}
/** By how much one record can change a cell at most. */
UInt128 state_reach(const Query *q, uint32_t cell);
/** The open key's entry, made when it is not there; NULL: it is too long, or there is no room (which is noted). */
OpenKey *state_open_key(Aggregate *a, View key);
/** Puts the open keys' entries in order of their bytes. Slots are no more valid then, but are made anew. */
void state_sort_keys(Aggregate *a);
static inline View state_key(const Aggregate *a, const OpenKey *k) { return view_of(a->key_bytes + k->at, k->size); }
