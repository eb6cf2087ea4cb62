/* Open addressing, at most half full; removal by moving later entries back (Knuth, volume 3, 6.4 algorithm R). */
#include "placement/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { TABLE_ROOM_FIRST = 16 };

/* Keys may be anything, such as a hash that somebody chose: mixed once more by a multiplication (Knuth's golden ratio). */
static uint32_t home(const Table *t, uint64_t key) { return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (t->room - 1); }

static uint32_t slot_of(const Table *t, uint64_t key)
{
    uint32_t i = home(t, key);
    while (t->slots[i].key && t->slots[i].key != key) i = (i + 1) & (t->room - 1);
    return i;
}

void table_free(Table *t)
{
    free(t->slots);
    *t = (Table){0};
}

bool table_find(const Table *t, uint64_t key, uint32_t *ret_value)
{
    if (!t->room || !key) return false;
    const TableSlot *slot = &t->slots[slot_of(t, key)];
    if (!slot->key) return false;
    *ret_value = slot->value;
    return true;
}

static Err grow(Table *t)
{
    Table larger = {.room = t->room ? t->room * 2 : TABLE_ROOM_FIRST, .count = t->count};
    larger.slots = calloc(larger.room, sizeof *larger.slots);
    if (!larger.slots) return FAIL(ENOMEM);
    for (uint32_t i = 0; i < t->room; i++)
        if (t->slots[i].key) larger.slots[slot_of(&larger, t->slots[i].key)] = t->slots[i];
    free(t->slots);
    *t = larger;
    return OK;
}

Err table_put(Table *t, uint64_t key, uint32_t value)
{
    assert(key);
    if ((t->count + 1) * 2 > t->room) TRY(grow(t));
    TableSlot *slot = &t->slots[slot_of(t, key)];
    if (!slot->key) t->count++;
    *slot = (TableSlot){key, value};
    return OK;
}

void table_remove(Table *t, uint64_t key)
{
    if (!t->room || !key) return;
    uint32_t hole = slot_of(t, key), mask = t->room - 1;
    if (!t->slots[hole].key) return;
    t->count--;
    for (uint32_t i = (hole + 1) & mask; t->slots[i].key; i = (i + 1) & mask) {
        if (((i - home(t, t->slots[i].key)) & mask) < ((i - hole) & mask)) continue; /* it would not be found from its home any more */
        t->slots[hole] = t->slots[i];
        hole = i;
    }
    t->slots[hole] = (TableSlot){0};
}
