/* A complete binary tree in an array: leaves from `size` on, node i above 2i and 2i + 1. */
#include "sim/pick.h"

#include <errno.h>
#include <stdlib.h>

Err pick_new(uint32_t count, Pick *ret_pick)
{
    uint32_t size = 1;
    while (size < count) size *= 2;
    Pick p = {size, malloc(size * sizeof *p.key), malloc(2 * (size_t)size * sizeof *p.best), calloc(2 * (size_t)size, sizeof *p.open)};
    if (!p.key || !p.best || !p.open) {
        pick_free(&p);
        return FAIL(ENOMEM);
    }
    for (uint32_t i = 0; i < size; i++) p.key[i] = PICK_CLOSED;
    for (uint32_t i = 0; i < 2 * size; i++) p.best[i] = PICK_NONE;
    *ret_pick = p;
    return OK;
}

void pick_free(Pick *p)
{
    free(p->key);
    free(p->best);
    free(p->open);
    *p = (Pick){0};
}

/* a lies before b. */
static uint32_t better(const Pick *p, uint32_t a, uint32_t b)
{
    if (a == PICK_NONE || b == PICK_NONE) return a == PICK_NONE ? b : a;
    return p->key[b] < p->key[a] ? b : a;
}

void pick_set(Pick *p, uint32_t place, double key)
{
    bool open = key < PICK_CLOSED;
    uint32_t i = place + p->size;
    p->key[place] = key;
    p->best[i] = open ? place : PICK_NONE;
    p->open[i] = open;
    for (i /= 2; i > 0; i /= 2) {
        p->best[i] = better(p, p->best[2 * i], p->best[2 * i + 1]);
        p->open[i] = p->open[2 * i] + p->open[2 * i + 1];
    }
}

uint32_t pick_least(const Pick *p, uint32_t first, uint32_t count)
{
    uint32_t left = PICK_NONE, right = PICK_NONE;
    for (uint32_t a = first + p->size, b = first + count + p->size; a < b; a /= 2, b /= 2) {
        if (a & 1) left = better(p, left, p->best[a++]);
        if (b & 1) right = better(p, p->best[--b], right);
    }
    return better(p, left, right);
}

uint32_t pick_open(const Pick *p, uint32_t first, uint32_t count)
{
    uint32_t open = 0;
    for (uint32_t a = first + p->size, b = first + count + p->size; a < b; a /= 2, b /= 2) {
        if (a & 1) open += p->open[a++];
        if (b & 1) open += p->open[--b];
    }
    return open;
}

uint32_t pick_kth(const Pick *p, uint32_t first, uint32_t k)
{
    uint32_t i = 1;
    k += pick_open(p, 0, first);
    while (i < p->size) {
        i *= 2;
        if (k < p->open[i]) continue;
        k -= p->open[i++];
    }
    return i - p->size;
}
