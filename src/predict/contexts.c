/* Counts behind contexts: a table of small sets, each of PLACES neighbours. */
#include "predict/contexts.h"

#include <errno.h>
#include <stdlib.h>

#include "predict/hash.h"

enum { PLACES = 4 };

Err contexts_new(uint32_t max, Contexts *ret_contexts)
{
    uint32_t size = PLACES;
    while (size < max) size *= 2;
    Context *all = calloc(size, sizeof *all);
    if (!all) return FAIL(ENOMEM);
    *ret_contexts = (Contexts){all, size / PLACES - 1};
    return OK;
}

void contexts_free(Contexts *c)
{
    free(c->all);
    *c = (Contexts){0};
}

size_t contexts_memory(const Contexts *c) { return ((size_t)c->mask + 1) * PLACES * sizeof *c->all; }

static uint32_t check_of(uint64_t hash) { return (uint32_t)(hash >> 32) | 1; }
static Context *places_of(const Contexts *c, uint64_t hash) { return &c->all[(size_t)(hash & c->mask) * PLACES]; }

const Context *context_find(const Contexts *c, uint64_t hash)
{
    const Context *places = places_of(c, hash);
    for (int i = 0; i < PLACES; i++)
        if (places[i].check == check_of(hash)) return &places[i];
    return NULL;
}

static Context *make_room(const Contexts *c, uint64_t hash)
{
    Context *places = places_of(c, hash), *least = places;
    for (int i = 0; i < PLACES; i++) {
        if (places[i].check == check_of(hash)) return &places[i];
        if (places[i].standing < least->standing) least = &places[i];
    }
    if (least->check)
        for (int i = 0; i < PLACES; i++)
            if (places[i].standing) places[i].standing--;
    *least = (Context){.check = check_of(hash)};
    return least;
}

static void halve(Context *x)
{
    uint16_t kept = 0;
    x->total = 0;
    for (uint16_t i = 0; i < x->distinct; i++) {
        Follower f = {x->followers[i].task, x->followers[i].count / 2};
        if (f.count == 0) continue;
        x->total += f.count;
        x->followers[kept++] = f;
    }
    x->distinct = kept;
}

static uint16_t slot_of(Context *x, uint16_t task)
{
    for (uint16_t i = 0; i < x->distinct; i++)
        if (x->followers[i].task == task) return i;
    if (x->distinct == CONTEXT_FOLLOWERS_MAX) x->total -= x->followers[--x->distinct].count; /* the rarest is forgotten */
    x->followers[x->distinct] = (Follower){task, 0};
    return x->distinct++;
}

void context_learn(Contexts *c, uint64_t hash, uint16_t task, uint32_t total_max)
{
    Context *x = make_room(c, hash);
    uint16_t i = slot_of(x, task);
    x->followers[i].count++;
    x->total++;
    for (; i > 0 && x->followers[i].count >= x->followers[i - 1].count; i--) {
        Follower f = x->followers[i];
        x->followers[i] = x->followers[i - 1];
        x->followers[i - 1] = f;
    }
    if (x->standing < UINT8_MAX) x->standing++;
    if (x->total > total_max) halve(x);
}

uint16_t context_count(const Context *c, uint16_t task)
{
    for (uint16_t i = 0; c && i < c->distinct; i++)
        if (c->followers[i].task == task) return c->followers[i].count;
    return 0;
}
