/*
 * Partial results: the raw sums of some segments, as bytes. Little-endian:
 *
 *     u32 magic "CVpa", u32 version 1, u32 kind, u32 cells, u64 records, u64 clamped, u64 blocks, u64 digest of the query, u32 open keys,
 *     u32 1 where an open key found no room, else 0
 *     each cell: u64 low, u64 high (two's complement)
 *     each open key, in order of the bytes: u64 low, u64 high, u64 persons, u32 size and the key
 *
 * The digest is FNV-1a over what decides the cells' meaning: a mix-up is found. What binds a partial result to its task is the seal around it.
 */
#include "privacy/state.h"

#include "base/fnv.h"

enum { VERSION = 1 };
static const uint32_t MAGIC = 0x61705643; /* CVpa */

static void mix_u64(uint64_t *h, uint64_t v)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++, v >>= 8) bytes[i] = (uint8_t)v;
    *h = fnv_add(*h, view_of(bytes, sizeof bytes));
}

static uint64_t digest(const Query *q)
{
    uint64_t h = FNV_BEGIN;
    const Bounds *b = &q->bounds;
    const uint64_t parts[] = {q->kind, q->by_person, q->limits.records, q->limits.keys, q->limits.per_key, (uint64_t)b->lower, (uint64_t)b->upper,
        (uint64_t)b->step.num, (uint64_t)b->step.den, q->of_values, q->open_keys, q->bins, q->outputs, q->block_count, q->key_count};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) mix_u64(&h, parts[i]);
    for (uint32_t i = 0; i < q->key_count; i++) {
        mix_u64(&h, q->keys[i].size);
        h = fnv_add(h, q->keys[i]);
    }
    return h;
}

static Err put_int128(Buffer *out, Int128 v)
{
    TRY(buffer_put_u64(out, (uint64_t)v));
    return buffer_put_u64(out, (uint64_t)((UInt128)v >> 64));
}

static Int128 read_int128(Reader *r)
{
    uint64_t low = read_u64(r), high = read_u64(r);
    return (Int128)((UInt128)high << 64 | low);
}

static Err put_header(const Aggregate *a, Buffer *out)
{
    TRY(buffer_put_u32(out, MAGIC));
    TRY(buffer_put_u32(out, VERSION));
    TRY(buffer_put_u32(out, a->query->kind));
    TRY(buffer_put_u32(out, a->cell_count));
    TRY(buffer_put_u64(out, a->records));
    TRY(buffer_put_u64(out, a->clamped));
    TRY(buffer_put_u64(out, a->blocks));
    TRY(buffer_put_u64(out, digest(a->query)));
    TRY(buffer_put_u32(out, a->key_count));
    return buffer_put_u32(out, a->overflowed);
}

/** The open keys' indices in order: the state itself is not changed. */
static void ordered(const Aggregate *a, uint32_t *order)
{
    for (uint32_t i = 0; i < a->key_count; i++) order[i] = i;
    for (uint32_t gap = a->key_count / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < a->key_count; i++) {
            uint32_t moved = order[i], at = i;
            for (; at >= gap; at -= gap) {
                View left = state_key(a, &a->keys[order[at - gap]]), right = state_key(a, &a->keys[moved]);
                size_t size = left.size < right.size ? left.size : right.size;
                int cmp = size ? memcmp(left.data, right.data, size) : 0;
                if (cmp < 0 || (cmp == 0 && left.size < right.size)) break;
                order[at] = order[at - gap];
            }
            order[at] = moved;
        }
    }
}

static Err put_all(const Aggregate *a, Buffer *out)
{
    TRY(put_header(a, out));
    for (uint32_t i = 0; i < a->cell_count; i++) TRY(put_int128(out, a->cells[i]));
    ordered(a, a->order);
    for (uint32_t i = 0; i < a->key_count; i++) {
        const OpenKey *k = &a->keys[a->order[i]];
        TRY(put_int128(out, k->value));
        TRY(buffer_put_u64(out, k->persons));
        TRY(buffer_put_bytes(out, state_key(a, k)));
    }
    return OK;
}

Err aggregate_save(const Aggregate *a, Buffer *out)
{
    const size_t before = out->size;
    Err error = put_all(a, out);
    if (error.code) out->size = before;
    return error;
}

typedef struct { uint64_t records, clamped, blocks; uint32_t keys; bool overflowed; } Claims;

static Err read_header(const Aggregate *a, Reader *r, Claims *ret)
{
    const uint32_t magic = read_u32(r), version = read_u32(r), kind = read_u32(r), cells = read_u32(r);
    Claims c = {.records = read_u64(r), .clamped = read_u64(r), .blocks = read_u64(r)};
    const uint64_t query = read_u64(r);
    c.keys = read_u32(r);
    const uint32_t overflowed = read_u32(r);
    c.overflowed = overflowed;
    if (r->bad || magic != MAGIC || version != VERSION || kind != a->query->kind || cells != a->cell_count || query != digest(a->query))
        return FAIL(ERR_CORRUPT);
    if (overflowed > (uint32_t)state_is_open(a->query))
        return FAIL(ERR_CORRUPT);
    const uint64_t most = (uint64_t)1 << AGGREGATE_RECORDS_LOG2;
    if (c.records > most || a->records + c.records > most || (c.keys && !state_is_open(a->query)) || c.keys > c.records) return FAIL(ERR_CORRUPT);
    const bool of_blocks = kind == QUERY_BLOCKS;
    if (of_blocks ? c.records != 0 || c.blocks > a->query->block_count - a->blocks : c.blocks != 0) return FAIL(ERR_CORRUPT);
    if (c.clamped > (of_blocks ? c.blocks * a->cell_count : c.records)) return FAIL(ERR_CORRUPT);
    *ret = c;
    return OK;
}

static bool is_within(Int128 v, UInt128 most) { return (v < 0 ? -(UInt128)v : (UInt128)v) <= most; }

static Err merge_keys(Aggregate *a, Reader *r, const Claims *c)
{
    const UInt128 reach = state_sums_values(a->query) ? bounds_reach(&a->query->bounds) : 1;
    View before = {0};
    uint64_t persons_total = 0;
    for (uint32_t i = 0; i < c->keys; i++) {
        const Int128 value = read_int128(r);
        const uint64_t persons = read_u64(r);
        const View key = read_bytes(r, QUERY_OPEN_KEY_BYTES_MAX);
        const size_t size = before.size < key.size ? before.size : key.size;
        const int order = size ? memcmp(before.data, key.data, size) : 0;
        if (r->bad || (i && (order > 0 || (order == 0 && before.size >= key.size)))) return FAIL(ERR_CORRUPT);
        if (persons > c->records - persons_total || !is_within(value, c->records * reach)) return FAIL(ERR_CORRUPT);
        persons_total += persons;
        before = key;
        OpenKey *k = state_open_key(a, key);
        if (!k) continue;
        k->value += value;
        k->persons += persons;
    }
    return OK;
}

Err aggregate_merge(Aggregate *a, View partial)
{
    Reader r = reader_of(partial);
    Claims c;
    if (a->released) return FAIL(ERR_PROTOCOL);
    TRY(read_header(a, &r, &c));
    const uint64_t each = a->query->kind == QUERY_BLOCKS ? c.blocks : c.records;
    for (uint32_t i = 0; i < a->cell_count; i++) {
        const Int128 value = read_int128(&r);
        if (!is_within(value, each * state_reach(a->query, i))) return FAIL(ERR_CORRUPT);
        a->cells[i] += value;
    }
    TRY(merge_keys(a, &r, &c));
    if (!reader_done(&r)) return FAIL(ERR_CORRUPT);
    a->overflowed |= c.overflowed;
    a->records += c.records;
    a->clamped += c.clamped;
    a->blocks += c.blocks;
    return OK;
}
