/**
 * A table from 64-bit keys to 32-bit values: open addressing with linear probing, no tombstones (a removal moves what follows). Keys are
 * not 0. Iteration order is never used, so that nothing depends on it.
 */
#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct { uint64_t key; uint32_t value; } TableSlot;
typedef struct { TableSlot *slots; uint32_t room, count; } Table; /* all zeros: empty; room is a power of two */

void table_free(Table *t);
bool table_find(const Table *t, uint64_t key, uint32_t *ret_value);
/** Adds the key or replaces its value. errors: ENOMEM */
MUST_USE Err table_put(Table *t, uint64_t key, uint32_t value);
void table_remove(Table *t, uint64_t key);
