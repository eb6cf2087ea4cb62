/* The key table of sum-by-key. */
#include "swarm/key_table.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "sys/entropy.h"

enum { BLOCK_BYTES = 256 << 10, SLOTS_FIRST = 256 };

struct TableBlock { TableBlock *older; size_t used, room; uint8_t bytes[]; };

_Static_assert(sizeof((KeyTable){0}.secret) == crypto_shorthash_KEYBYTES, "the key of SipHash");

Err key_table_new(size_t key_max, uint64_t bytes_max, KeyTable *ret_table)
{
    KeyTable t = {.key_max = key_max, .bytes_max = bytes_max};
    TRY(random_bytes(t.secret, sizeof t.secret));
    *ret_table = t;
    return OK;
}

void key_table_free(KeyTable *t)
{
    for (TableBlock *b = t->blocks, *older; b; b = older) {
        older = b->older;
        free(b);
    }
    free(t->slots);
    free(t->keys);
    *t = (KeyTable){0};
}

static uint64_t hash(const KeyTable *t, View key)
{
    uint64_t h;
    crypto_shorthash((uint8_t *)&h, key.data, key.size, t->secret);
    return h;
}

/** Twice the slots. */
static Err rehash(KeyTable *t)
{
    size_t count = t->slot_count ? t->slot_count * 2 : SLOTS_FIRST;
    TableSlot *slots = calloc(count, sizeof *slots);
    if (!slots) return FAIL(ENOMEM);
    for (size_t i = 0; i < t->slot_count; i++) {
        TableSlot slot = t->slots[i];
        if (!slot.number) continue;
        const TableKey *k = &t->keys[slot.number - 1];
        size_t at = (size_t)hash(t, view_of(k->data, k->size)) & (count - 1);
        while (slots[at].number) at = (at + 1) & (count - 1);
        slots[at] = slot;
    }
    free(t->slots);
    t->slots = slots;
    t->slot_count = count;
    return OK;
}

static Err keep(KeyTable *t, View key, const uint8_t **ret_copy)
{
    TableBlock *b = t->blocks;
    if (!b || b->room - b->used < key.size) {
        size_t room = key.size > BLOCK_BYTES ? key.size : BLOCK_BYTES;
        b = malloc(sizeof *b + room);
        if (!b) return FAIL(ENOMEM);
        *b = (TableBlock){.older = t->blocks, .room = room};
        t->blocks = b;
    }
    uint8_t *copy = b->bytes + b->used;
    if (key.size) memcpy(copy, key.data, key.size);
    b->used += key.size;
    *ret_copy = copy;
    return OK;
}

static Err add(KeyTable *t, View key)
{
    if (t->key_count >= t->key_max || key.size > t->bytes_max - t->bytes || key.size > UINT32_MAX) return FAIL(ERR_LIMIT);
    if (t->key_count == t->key_room) {
        size_t room = t->key_room ? t->key_room * 2 : SLOTS_FIRST;
        TableKey *keys = reallocarray(t->keys, room, sizeof *keys);
        if (!keys) return FAIL(ENOMEM);
        t->keys = keys;
        t->key_room = room;
    }
    const uint8_t *copy;
    TRY(keep(t, key, &copy));
    t->keys[t->key_count++] = (TableKey){copy, (uint32_t)key.size};
    t->bytes += key.size;
    return OK;
}

Err key_table_put(KeyTable *t, View key, uint32_t *ret_number)
{
    if (t->key_count * 3 >= t->slot_count * 2) TRY(rehash(t));
    uint64_t h = hash(t, key);
    uint32_t check = (uint32_t)(h >> 32);
    size_t at = (size_t)h & (t->slot_count - 1);
    for (; t->slots[at].number; at = (at + 1) & (t->slot_count - 1)) {
        if (t->slots[at].check != check) continue;
        const TableKey *k = &t->keys[t->slots[at].number - 1];
        if (!view_equal(view_of(k->data, k->size), key)) continue;
        *ret_number = t->slots[at].number - 1;
        return OK;
    }
    TRY(add(t, key));
    t->slots[at] = (TableSlot){check, (uint32_t)t->key_count};
    *ret_number = (uint32_t)t->key_count - 1;
    return OK;
}

static int by_key(const void *a, const void *b, void *keys)
{
    const TableKey *x = (const TableKey *)keys + *(const uint32_t *)a, *y = (const TableKey *)keys + *(const uint32_t *)b;
    int order = memcmp(x->data, y->data, x->size < y->size ? x->size : y->size);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

Err key_table_sorted(const KeyTable *t, uint32_t **ret_numbers)
{
    uint32_t *numbers = reallocarray(NULL, t->key_count + 1, sizeof *numbers);
    if (!numbers) return FAIL(ENOMEM);
    for (size_t i = 0; i < t->key_count; i++) numbers[i] = (uint32_t)i;
    qsort_r(numbers, t->key_count, sizeof *numbers, by_key, t->keys);
    *ret_numbers = numbers;
    return OK;
}
