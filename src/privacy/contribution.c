/* What one person may contribute: a table of persons, and of persons with keys, in the caller's memory. */
#include "privacy/contribution.h"

#include "base/fnv.h"

enum { SLOTS_SHARE = 16, ENTRY_ALIGN = 4, WHOLE_PERSON = UINT16_MAX };

/** Followed by the person's bytes, then the key's. key_size WHOLE_PERSON: the person's own entry. */
typedef struct { uint32_t hash, records, keys; uint16_t person_size, key_size; } Entry;

size_t contribution_size(size_t segment_bytes, uint64_t records)
{
    /* two entries a record, the person in both, and more slots than entries */
    size_t entries = 2 * (size_t)records, bytes = entries * (sizeof(Entry) + ENTRY_ALIGN) + 3 * segment_bytes;
    size_t by_slots = (entries + 4) * SLOTS_SHARE * 2; /* there is a slot for each 32 bytes at least */
    size_t table = bytes + bytes / (SLOTS_SHARE / 4 - 1) + 64;
    return table > by_slots ? table : by_slots;
}

/* With its newline: 257 different ones of at most two bytes, 65,536 of three, all others of four at least. */
uint64_t contribution_records(size_t segment_bytes)
{
    static const struct { uint64_t different, bytes; } SHORT[] = {{257, 2}, {65536, 3}};
    uint64_t records = 0, left = segment_bytes;
    for (int i = 0; i < 2; i++) {
        const uint64_t fit = left / SHORT[i].bytes, some = fit < SHORT[i].different ? fit : SHORT[i].different;
        records += some;
        left -= some * SHORT[i].bytes;
    }
    return records + left / 4 + 1; /* the last may lack its newline */
}

Err contribution_start(ContributionLimits limits, void *memory, size_t size, Contribution *ret)
{
    const uint32_t each[] = {limits.records, limits.keys, limits.per_key};
    for (size_t i = 0; i < 3; i++)
        if (each[i] == 0 || each[i] > CONTRIBUTION_MAX) return FAIL(ERR_BAD_INPUT);
    uint32_t slots = 1;
    if (size > UINT32_MAX) return FAIL(ERR_LIMIT);
    while ((size_t)slots * 2 * SLOTS_SHARE <= size) slots *= 2;
    size_t used = slots * sizeof(uint32_t);
    if (slots < 4) return FAIL(ERR_LIMIT);
    memset(memory, 0, used);
    *ret = (Contribution){.limits = limits, .memory = memory, .size = size, .used = used, .slot_count = slots};
    return OK;
}

static uint32_t hash_of(View person, View key, uint16_t key_size)
{
    uint64_t h = fnv_add(FNV_BEGIN, person); /* for speed only; entries are compared byte by byte */
    h = (h ^ key_size ^ (uint64_t)person.size << 32) * 0x9e3779b97f4a7c15u;
    h = fnv_add(h, key);
    return (uint32_t)(h ^ h >> 32);
}

static bool is_entry(const Entry *e, uint32_t hash, View person, View key, uint16_t key_size)
{
    const uint8_t *bytes = (const uint8_t *)(e + 1);
    return e->hash == hash && e->person_size == person.size && e->key_size == key_size && !memcmp(bytes, person.data, person.size) &&
        (key.size == 0 || !memcmp(bytes + person.size, key.data, key.size));
}

/** The entry, and a place for it when there is none. */
static Entry *find(Contribution *c, uint32_t hash, View person, View key, uint16_t key_size, uint32_t *ret_slot)
{
    uint32_t *slots = (uint32_t *)(void *)c->memory;
    for (uint32_t slot = hash & (c->slot_count - 1);; slot = (slot + 1) & (c->slot_count - 1)) {
        *ret_slot = slot;
        if (slots[slot] == 0) return NULL;
        Entry *e = (Entry *)(void *)(c->memory + slots[slot]);
        if (is_entry(e, hash, person, key, key_size)) return e;
    }
}

static Err put(Contribution *c, uint32_t slot, uint32_t hash, View person, View key, uint16_t key_size, Entry **ret)
{
    size_t size = (sizeof(Entry) + person.size + key.size + ENTRY_ALIGN - 1) / ENTRY_ALIGN * ENTRY_ALIGN;
    if (c->size - c->used < size || c->entry_count + 1 >= c->slot_count) return FAIL(ERR_LIMIT);
    Entry *e = (Entry *)(void *)(c->memory + c->used);
    *e = (Entry){.hash = hash, .person_size = (uint16_t)person.size, .key_size = key_size};
    if (person.size) memcpy(e + 1, person.data, person.size);
    if (key.size) memcpy((uint8_t *)(e + 1) + person.size, key.data, key.size);
    ((uint32_t *)(void *)c->memory)[slot] = (uint32_t)c->used;
    c->used += size;
    c->entry_count++;
    *ret = e;
    return OK;
}

static Err entry(Contribution *c, View person, View key, uint16_t key_size, Entry **ret)
{
    uint32_t slot, hash = hash_of(person, key, key_size);
    *ret = find(c, hash, person, key, key_size, &slot);
    return *ret ? OK : put(c, slot, hash, person, key, key_size, ret);
}

Err contribution_admit(Contribution *c, View person, View key, bool *ret_counts, bool *ret_first_of_key)
{
    Entry *whole, *of_key;
    if (person.size > PERSON_BYTES_MAX || key.size > PERSON_BYTES_MAX) {
        *ret_counts = *ret_first_of_key = false;
        return OK;
    }
    TRY(entry(c, person, (View){0}, WHOLE_PERSON, &whole));
    TRY(entry(c, person, key, (uint16_t)key.size, &of_key));
    bool first = of_key->records == 0;
    bool counts = whole->records < c->limits.records && (first ? whole->keys < c->limits.keys : of_key->records < c->limits.per_key);
    whole->records += counts;
    of_key->records += counts;
    whole->keys += counts && first;
    *ret_counts = counts;
    *ret_first_of_key = counts && first;
    return OK;
}
