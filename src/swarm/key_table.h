/**
 * A set of byte strings, numbered from 0 in the order of their first coming. Open addressing with linear probing over 8-byte slots; the
 * keys lie in an arena. The hash is keyed (SipHash), so that a hostile micro-job can't choose keys that collide.
 */
#pragma once
#include "base/bytes.h"

typedef struct { const uint8_t *data; uint32_t size; } TableKey;
typedef struct { uint32_t check, number; } TableSlot; /* number 0: free; otherwise one more than the key's */
typedef struct TableBlock TableBlock;

typedef struct {
    TableSlot *slots;
    size_t slot_count;        /* a power of two, or 0 */
    TableKey *keys;
    size_t key_count, key_room, key_max;
    TableBlock *blocks;       /* of the arena, newest first */
    uint64_t bytes, bytes_max;
    uint8_t secret[16];
} KeyTable;

MUST_USE Err key_table_new(size_t key_max, uint64_t bytes_max, KeyTable *ret_table);
void key_table_free(KeyTable *t);
/** Finds the key or adds it. errors: ERR_LIMIT, ENOMEM */
MUST_USE Err key_table_put(KeyTable *t, View key, uint32_t *ret_number);
/** The numbers of all keys in bytewise order of the keys; the caller frees the array. */
MUST_USE Err key_table_sorted(const KeyTable *t, uint32_t **ret_numbers);
