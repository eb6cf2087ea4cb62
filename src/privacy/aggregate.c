/* The state of a private aggregation: memory, records, outputs of blocks. */
#include "privacy/state.h"

#include "base/fnv.h"

enum { ALIGN = 16 };

typedef struct { size_t cells, keys, slots, bytes, scores, order, total; uint32_t cell_count, slot_count; } Layout;

static size_t place(size_t *total, size_t size)
{
    size_t at = *total;
    *total += (size + ALIGN - 1) / ALIGN * ALIGN;
    return at;
}

static uint32_t cell_count(const Query *q)
{
    switch (q->kind) {
    case QUERY_COUNT: case QUERY_SUM: return 1;
    case QUERY_MEAN: return 2;
    case QUERY_VARIANCE: return 3;
    case QUERY_QUANTILES: return state_bins(q);
    case QUERY_BLOCKS: return q->outputs;
    default: return q->open_keys ? 0 : q->key_count;
    }
}

static Layout layout(const Query *q, uint32_t open_keys)
{
    Layout l = {.total = 0, .cell_count = cell_count(q)};
    const bool open = state_is_open(q), choices = q->kind == QUERY_QUANTILES;
    const uint32_t released = open ? open_keys : l.cell_count;
    place(&l.total, sizeof(Aggregate));
    l.cells = place(&l.total, l.cell_count * sizeof(Int128));
    for (l.slot_count = open ? 4 : 0; open && l.slot_count < 2 * (uint64_t)open_keys; l.slot_count *= 2) ;
    l.keys = place(&l.total, open ? open_keys * sizeof(OpenKey) : 0);
    l.slots = place(&l.total, l.slot_count * sizeof(uint32_t));
    l.bytes = place(&l.total, open ? (size_t)open_keys * QUERY_OPEN_KEY_BYTES_MAX : 0);
    l.scores = place(&l.total, choices ? (l.cell_count + 2) * sizeof(int64_t) : 0);
    l.order = place(&l.total, ((size_t)released + 2) * sizeof(uint32_t));
    return l;
}

Err aggregate_size(const Query *query, uint32_t open_keys, size_t *ret_size)
{
    if (state_is_open(query) && (open_keys == 0 || open_keys > QUERY_KEYS_MAX)) return FAIL(ERR_LIMIT);
    *ret_size = layout(query, open_keys).total;
    return OK;
}

Err aggregate_start(const Query *query, const Plan *plan, uint32_t open_keys, void *memory, size_t size, Aggregate **ret_aggregate)
{
    size_t needed;
    TRY(aggregate_size(query, open_keys, &needed));
    if (size < needed) return FAIL(ERR_LIMIT);
    const Layout l = layout(query, open_keys);
    uint8_t *at = memory;
    Aggregate *a = memory;
    memset(memory, 0, l.total);
    *a = (Aggregate){.query = query, .memory_size = l.total, .cell_count = l.cell_count, .slot_count = l.slot_count};
    if (plan) a->plan = *plan;
    a->cells = (Int128 *)(void *)(at + l.cells);
    a->keys = (OpenKey *)(void *)(at + l.keys);
    a->slots = (uint32_t *)(void *)(at + l.slots);
    a->key_bytes = at + l.bytes;
    a->scores = (int64_t *)(void *)(at + l.scores);
    a->order = (uint32_t *)(void *)(at + l.order);
    if (state_is_open(query)) {
        a->key_room = open_keys;
        a->key_bytes_room = (size_t)open_keys * QUERY_OPEN_KEY_BYTES_MAX;
    }
    *ret_aggregate = a;
    return OK;
}

void aggregate_plan(Aggregate *a, const Plan *plan) { a->plan = *plan; }

UInt128 state_reach(const Query *q, uint32_t cell)
{
    const UInt128 width = bounds_width(&q->bounds);
    if (q->kind == QUERY_SUM || state_sums_values(q) || q->kind == QUERY_BLOCKS) return bounds_reach(&q->bounds);
    if (q->kind == QUERY_MEAN && cell == 1) return width;
    if (q->kind == QUERY_VARIANCE && cell > 0) return cell == 1 ? width : width * width;
    return 1;
}

static uint32_t hash_of(View key)
{
    const uint64_t h = fnv_add(FNV_BEGIN, key); /* for speed only */
    return (uint32_t)(h ^ h >> 32);
}

static uint32_t *slot_of(Aggregate *a, View key, uint32_t hash)
{
    uint32_t slot = hash & (a->slot_count - 1);
    while (a->slots[slot]) {
        const OpenKey *k = &a->keys[a->slots[slot] - 1];
        if (k->hash == hash && view_equal(state_key(a, k), key)) break;
        slot = (slot + 1) & (a->slot_count - 1);
    }
    return &a->slots[slot];
}

OpenKey *state_open_key(Aggregate *a, View key)
{
    const uint32_t hash = hash_of(key);
    if (key.size > QUERY_OPEN_KEY_BYTES_MAX) return NULL;
    uint32_t *slot = slot_of(a, key, hash);
    if (*slot == 0) {
        if (a->key_count == a->key_room) {
            a->overflowed = true;
            return NULL;
        }
        OpenKey *k = &a->keys[a->key_count];
        *k = (OpenKey){.at = (uint32_t)a->key_bytes_used, .hash = hash, .size = (uint16_t)key.size};
        if (key.size) memcpy(a->key_bytes + k->at, key.data, key.size);
        a->key_bytes_used += key.size;
        *slot = ++a->key_count;
    }
    return &a->keys[*slot - 1];
}

static int order_of(View a, View b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static void sift(Aggregate *a, uint32_t at, uint32_t end)
{
    OpenKey moved = a->keys[at];
    for (uint32_t child; (child = 2 * at + 1) < end; at = child) {
        if (child + 1 < end && order_of(state_key(a, &a->keys[child]), state_key(a, &a->keys[child + 1])) < 0) child++;
        if (order_of(state_key(a, &moved), state_key(a, &a->keys[child])) >= 0) break;
        a->keys[at] = a->keys[child];
    }
    a->keys[at] = moved;
}

void state_sort_keys(Aggregate *a)
{
    for (uint32_t i = a->key_count / 2; i-- > 0;) sift(a, i, a->key_count);
    for (uint32_t end = a->key_count; end > 1; end--) {
        OpenKey last = a->keys[end - 1];
        a->keys[end - 1] = a->keys[0];
        a->keys[0] = last;
        sift(a, 0, end - 1);
    }
    memset(a->slots, 0, a->slot_count * sizeof *a->slots);
    for (uint32_t i = 0; i < a->key_count; i++) *slot_of(a, state_key(a, &a->keys[i]), a->keys[i].hash) = i + 1;
}

/** The declared key's cell; cell_count when there is none. */
static uint32_t declared(const Aggregate *a, View key)
{
    uint32_t low = 0, high = a->cell_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (order_of(a->query->keys[middle], key) < 0) low = middle + 1;
        else high = middle;
    }
    return low < a->cell_count && view_equal(a->query->keys[low], key) ? low : a->cell_count;
}

static void add_by_key(Aggregate *a, View key, int64_t value, bool first_of_key)
{
    const Int128 added = state_sums_values(a->query) ? value : 1;
    if (key.size > QUERY_KEY_BYTES_MAX) return;
    if (state_is_open(a->query)) {
        OpenKey *k = state_open_key(a, key);
        if (!k) return;
        k->value += added;
        k->persons += first_of_key;
        return;
    }
    uint32_t cell = declared(a, key);
    if (cell < a->cell_count) a->cells[cell] += added;
}

/** Which of the equal bins; the same steps for every value. */
static uint32_t bin_of(const Query *q, int64_t value)
{
    UInt128 offset = (UInt128)((Int128)value - q->bounds.lower);
    return (uint32_t)(offset * state_bins(q) / ((UInt128)bounds_width(&q->bounds) + 1));
}

Err aggregate_record(Aggregate *a, View key, View value, bool first_of_key)
{
    const Query *q = a->query;
    if (a->released || q->kind == QUERY_BLOCKS) return FAIL(ERR_PROTOCOL);
    if (a->records >> AGGREGATE_RECORDS_LOG2) return FAIL(ERR_LIMIT);
    const bool valued = q->kind != QUERY_COUNT && q->kind != QUERY_HISTOGRAM && (q->kind != QUERY_TOP || q->of_values);
    bool clamped = false;
    const int64_t steps = valued ? bounds_read(&q->bounds, value, &clamped) : 0;
    const Int128 y = 2 * (Int128)steps - q->bounds.lower - q->bounds.upper, width = bounds_width(&q->bounds);
    switch (q->kind) {
    case QUERY_COUNT: a->cells[0]++; break;
    case QUERY_SUM: a->cells[0] += steps; break;
    case QUERY_VARIANCE: a->cells[2] += 2 * y * y - width * width; /* fall through */
    case QUERY_MEAN: a->cells[0]++; a->cells[1] += y; break;
    case QUERY_QUANTILES: a->cells[bin_of(q, steps)]++; break;
    default: add_by_key(a, key, steps, first_of_key); break;
    }
    a->records++;
    a->clamped += clamped;
    return OK;
}

static bool is_apart(uint8_t c) { return c == ' ' || c == ',' || c == '\n' || c == '\r' || c == '\t' || c == ';'; }

/** The next number's text; empty at the end. */
static View token(View *rest)
{
    while (rest->size && is_apart(rest->data[0])) *rest = view_of(rest->data + 1, rest->size - 1);
    size_t size = 0;
    while (size < rest->size && !is_apart(rest->data[size])) size++;
    View got = view_of(rest->data, size);
    *rest = view_of(rest->data + size, rest->size - size);
    return got;
}

void aggregate_block(Aggregate *a, View output)
{
    if (a->query->kind != QUERY_BLOCKS || a->released || a->blocks >= a->query->block_count) return;
    for (uint32_t i = 0; i < a->cell_count; i++) {
        bool clamped;
        a->cells[i] += bounds_read(&a->query->bounds, token(&output), &clamped);
        a->clamped += clamped;
    }
    a->blocks++;
}

void aggregate_wipe(Aggregate *a)
{
    uint8_t *from = (uint8_t *)(a + 1);
    memset(from, 0, a->memory_size - sizeof *a);
    __asm__ volatile("" : : "r"(from) : "memory");
    a->records = a->clamped = a->blocks = 0;
    a->key_count = 0;
    a->key_bytes_used = 0;
    a->overflowed = false;
    a->released = true;
}
