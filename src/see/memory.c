/*
 * Linear memory and tables: the wasm_rt_* functions that wasm2c leaves to the embedder.
 *
 * One module, one instance, one memory: it lies at SEE_MEMORY_BASE, inside a reservation that covers every address the module can form.
 * Only its present size is accessible; growing changes protection, nothing moves.
 */
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "see/memory.h"
#include "see/runtime.h"
#include <wasm-rt.h>

enum { FUNC_TYPES_MAX = 4096, FUNC_TYPE_BYTES_MAX = 64 << 10, TABLE_ARENA_BYTES = 16 << 20 };

static wasm_rt_memory_t *memory;
static uint8_t *const memory_base = (uint8_t *)SEE_MEMORY_BASE;

void memory_start(void)
{
    void *at = mmap(memory_base, SEE_MEMORY_RESERVE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (at != memory_base) see_exit(6);
    /* A 2 MiB page costs a micro-job that touches 4 KiB far more than it gives. */
    madvise(at, SEE_MEMORY_RESERVE, MADV_NOHUGEPAGE);
}

uint64_t memory_size(void) { return memory ? memory->size : 0; }

uint8_t *memory_at(uint64_t offset, uint64_t size)
{
    uint64_t have = memory_size();
    return offset <= have && size <= have - offset ? memory_base + offset : NULL;
}

static bool memory_open(uint64_t from, uint64_t size)
{
    return size == 0 || mprotect(memory_base + from, size, PROT_READ | PROT_WRITE) == 0;
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *m, uint32_t initial_pages, uint32_t max_pages)
{
    memory = m;
    uint64_t limit = setup.head.memory_max / WASM_PAGE_BYTES;
    if (initial_pages > limit || !memory_open(0, (uint64_t)initial_pages * WASM_PAGE_BYTES)) see_exit(6);
    *m = (wasm_rt_memory_t){memory_base, initial_pages, max_pages, initial_pages * WASM_PAGE_BYTES};
}

uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *m, uint32_t delta)
{
    uint64_t pages = (uint64_t)m->pages + delta;
    if (pages > m->max_pages) return UINT32_MAX;
    bool granted = pages <= setup.head.memory_max / WASM_PAGE_BYTES && memory_open(m->size, (uint64_t)delta * WASM_PAGE_BYTES);
    if (!granted) {
        job.memory_limit_hit = true;
        return UINT32_MAX;
    }
    uint32_t before = m->pages;
    m->pages = (uint32_t)pages;
    m->size = m->pages * WASM_PAGE_BYTES;
    return before;
}

/* Tables: a bump arena. A table that grows moves to fresh arena; `shared` puts the arena back with the rest. */
static uint8_t *arena;
static size_t arena_used;

static void *arena_take(uint64_t size)
{
    if (!arena) {
        arena = mmap(NULL, TABLE_ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (arena == MAP_FAILED) see_exit(6);
    }
    if (size > TABLE_ARENA_BYTES - arena_used) return NULL;
    void *taken = arena + arena_used;
    arena_used += (size + 15) & ~(size_t)15;
    return taken;
}

uint8_t *memory_tables(size_t *ret_used)
{
    *ret_used = arena_used;
    return arena;
}

void memory_tables_reset(size_t used) { arena_used = used; }

static void *table_new(uint32_t elements, size_t width)
{
    void *data = arena_take((uint64_t)elements * width);
    if (!data) see_exit(6);
    return data;
}

/* The table's elements in a larger place, the new ones still to be written; NULL when it may not grow. */
static void *table_grow(const void *data, uint32_t size, uint32_t delta, uint32_t max_size, size_t width)
{
    uint64_t grown = (uint64_t)size + delta;
    void *place = grown > max_size ? NULL : arena_take(grown * width);
    return place ? memcpy(place, data, size * width) : NULL;
}

#define DEFINE_TABLE(kind) \
    void wasm_rt_allocate_##kind##_table(wasm_rt_##kind##_table_t *t, uint32_t elements, uint32_t max_elements) \
    { \
        *t = (wasm_rt_##kind##_table_t){table_new(elements, sizeof *t->data), max_elements, elements}; \
    } \
    uint32_t wasm_rt_grow_##kind##_table(wasm_rt_##kind##_table_t *t, uint32_t delta, wasm_rt_##kind##_t init) \
    { \
        uint32_t before = t->size; \
        wasm_rt_##kind##_t *data = table_grow(t->data, before, delta, t->max_size, sizeof *data); \
        if (!data) return UINT32_MAX; \
        for (uint32_t i = 0; i < delta; i++) data[before + i] = init; \
        *t = (wasm_rt_##kind##_table_t){data, t->max_size, before + delta}; \
        return before; \
    }

DEFINE_TABLE(funcref)
DEFINE_TABLE(externref)

/* Function types are compared by structure: equal ones get one number, so that an indirect call compares numbers. */
static struct { uint16_t start, params, results; } types[FUNC_TYPES_MAX];
static uint8_t type_bytes[FUNC_TYPE_BYTES_MAX];
static uint32_t type_count, type_bytes_used;

uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...)
{
    uint64_t width = (uint64_t)params + results;
    if (type_count >= FUNC_TYPES_MAX || width > FUNC_TYPE_BYTES_MAX - 1 - type_bytes_used) see_exit(6);
    uint8_t *bytes = type_bytes + type_bytes_used;
    va_list args;
    va_start(args, results);
    for (uint64_t i = 0; i < width; i++) bytes[i] = (uint8_t)va_arg(args, wasm_rt_type_t);
    va_end(args);

    for (uint32_t i = 0; i < type_count; i++)
        if (types[i].params == params && types[i].results == results && memcmp(type_bytes + types[i].start, bytes, width) == 0) return i + 1;
    types[type_count].start = (uint16_t)type_bytes_used;
    types[type_count].params = (uint16_t)params;
    types[type_count].results = (uint16_t)results;
    type_bytes_used += (uint32_t)width;
    return ++type_count;
}

void wasm_rt_init(void) {}
bool wasm_rt_is_initialized(void) { return true; }
