/* Counts keys in an open-addressing table that grows: multiplication, probing, random access. */
#include "kernel.h"

enum { OPERATIONS = 6000000, KEYS = 300000 };

typedef struct { uint64_t key; uint64_t count; } Entry; /* key 0 is empty */
typedef struct { Entry *entries; uint32_t mask, used; } Table;

static Entry *table_find(const Table *t, uint64_t key)
{
    uint32_t i = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & t->mask;
    while (t->entries[i].key && t->entries[i].key != key) i = (i + 1) & t->mask;
    return &t->entries[i];
}

static Table table_new(uint32_t size)
{
    Table t = {kernel_memory(size * sizeof(Entry)), size - 1, 0};
    for (uint32_t i = 0; i < size; i++) t.entries[i] = (Entry){0, 0};
    return t;
}

static void table_grow(Table *t)
{
    Table bigger = table_new((t->mask + 1) * 2);
    for (uint32_t i = 0; i <= t->mask; i++)
        if (t->entries[i].key) *table_find(&bigger, t->entries[i].key) = t->entries[i];
    bigger.used = t->used;
    free(t->entries);
    *t = bigger;
}

static void table_count(Table *t, uint64_t key)
{
    Entry *e = table_find(t, key);
    if (!e->key) {
        if ((t->used + 1) * 3 > (t->mask + 1) * 2) {
            table_grow(t);
            e = table_find(t, key);
        }
        e->key = key;
        t->used++;
    }
    e->count++;
}

int main(void)
{
    uint64_t seed = 10, sum = 0;
    Table t = table_new(1024);
    for (int i = 0; i < OPERATIONS; i++) {
        uint64_t r = kernel_random(&seed);
        table_count(&t, ((r >> 32) * (r & 0xffffffff) >> 32) % KEYS + 1);
    }
    for (uint64_t key = 1; key <= KEYS; key++) sum = kernel_fold(sum, table_find(&t, key)->count);
    return kernel_done(sum);
}
