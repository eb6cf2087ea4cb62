/**
 * Choosing among many: a tournament tree over n places, each with a key or closed. The open place with the least key of a range, how many are open in
 * it, and the k-th of them, each in O(log n). What the baseline policies choose nodes with.
 */
#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct { uint32_t size; double *key; uint32_t *best, *open; } Pick; /* size: the power of two of leaves */

#define PICK_NONE UINT32_MAX
#define PICK_CLOSED __builtin_inf()

/** All places are closed. errors: ENOMEM */
MUST_USE Err pick_new(uint32_t count, Pick *ret_pick);
void pick_free(Pick *p);
void pick_set(Pick *p, uint32_t place, double key);
/** The open place with the least key in [first, first + count), the first of equals; PICK_NONE when all are closed. */
uint32_t pick_least(const Pick *p, uint32_t first, uint32_t count);
uint32_t pick_open(const Pick *p, uint32_t first, uint32_t count);
/** The k-th open place, from 0, at or after `first`; k is below the number of those. */
uint32_t pick_kth(const Pick *p, uint32_t first, uint32_t k);
