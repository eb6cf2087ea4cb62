/*
 * Level `shared`: after each micro-job everything the module can reach is put back as instantiation left it.
 *
 * Areas (linear memory, tables) start write-protected. The first write to a page faults once, opens it and puts it on the list of hot
 * pages; hot pages stay open, and after every micro-job they, and only they, are copied back from a pristine twin. So a steady stream
 * of like micro-jobs faults no more, and a restore costs what the micro-job touches. When the list has become long, protection is armed
 * anew now and then, so that one greedy micro-job does not make all later ones pay.
 */
#include <string.h>
#include <sys/mman.h>

#include "see/memory.h"
#include "see/runtime.h"

enum {
    PAGE = 4096,
    RUNS_MAX = 4096,
    RUN_PAGES_MAX = 64,        /* writes in sequence open twice as much each time, up to this */
    GROWN_CLEAR_MAX = 256 << 10, /* grown memory up to this size is cleared in place, more is given back */
    REARM_AFTER = 64,          /* micro-jobs, and only when more than REARM_PAGES are hot */
    REARM_PAGES = 64,
    INSTANCE_BYTES_MAX = 64 << 10,
};

typedef struct { uint8_t *base, *pristine; size_t size; } Area;
typedef struct { uint8_t *start; uint8_t *pristine; size_t size; } Run;

static Area areas[2];
static uint32_t area_count;
static Run runs[RUNS_MAX];
static uint32_t run_count, restores_since_arming;
static size_t hot_bytes;
static uint8_t hot[2][(SEE_MEMORY_MAX + 64 * KIB) / PAGE / 8]; /* one bit a page */
static uint8_t pristine_instance[INSTANCE_BYTES_MAX];
static uint64_t initial_memory;
static size_t initial_tables;

static bool is_hot(const Area *a, size_t page) { return hot[a - areas][page / 8] >> (page % 8) & 1; }
static void set_hot(const Area *a, size_t page) { hot[a - areas][page / 8] |= (uint8_t)(1 << (page % 8)); }

static void protect(const Area *a)
{
    if (mprotect(a->base, a->size, PROT_READ) < 0) see_exit(6);
}

void restore_add_area(uint8_t *base, size_t size)
{
    if (size == 0) return;
    Area *a = &areas[area_count++];
    *a = (Area){base, NULL, (size + PAGE - 1) & ~(size_t)(PAGE - 1)};
    a->pristine = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (a->pristine == MAP_FAILED) see_exit(6);
    static const uint8_t ZEROS[PAGE];
    for (size_t at = 0; at < a->size; at += PAGE) /* only pages with content: the rest reads as the kernel's page of zeros */
        if (memcmp(a->base + at, ZEROS, PAGE) != 0) memcpy(a->pristine + at, a->base + at, PAGE);
    if (mprotect(a->pristine, a->size, PROT_READ) < 0) see_exit(6);
    protect(a);
}

void restore_prepare(void)
{
    if (see_module.instance_size > INSTANCE_BYTES_MAX) see_exit(6);
    initial_memory = memory_size();
    restore_add_area((uint8_t *)SEE_MEMORY_BASE, initial_memory);
    uint8_t *tables = memory_tables(&initial_tables);
    restore_add_area(tables, initial_tables);
    memcpy(pristine_instance, see_module.instance, see_module.instance_size);
}

static void open_run(const Area *a, size_t first, size_t pages)
{
    uint8_t *start = a->base + first * PAGE;
    size_t size = pages * PAGE;
    bool fits = run_count < RUNS_MAX && mprotect(start, size, PROT_READ | PROT_WRITE) == 0;
    if (!fits) { /* too scattered for a list, or for the kernel's: from now on the whole area is hot */
        if (mprotect(a->base, a->size, PROT_READ | PROT_WRITE) < 0) see_exit(6);
        first = 0;
        pages = a->size / PAGE;
        uint32_t kept = 0;
        for (uint32_t i = 0; i < run_count; i++)
            if (runs[i].start < a->base || runs[i].start >= a->base + a->size) runs[kept++] = runs[i];
        run_count = kept;
        start = a->base;
        size = a->size;
    }
    runs[run_count++] = (Run){start, a->pristine + first * PAGE, size};
    hot_bytes += size;
    for (size_t i = 0; i < pages; i++) set_hot(a, first + i);
}

static const Area *area_of(uintptr_t address)
{
    for (uint32_t i = 0; i < area_count; i++)
        if (address - (uintptr_t)areas[i].base < areas[i].size) return &areas[i];
    return NULL;
}

bool restore_on_write(uintptr_t address)
{
    const Area *a = area_of(address);
    if (!a) return false;
    size_t page = (address - (uintptr_t)a->base) / PAGE;
    if (is_hot(a, page)) return false;

    size_t want = 1;
    const Run *last = run_count ? &runs[run_count - 1] : NULL;
    if (last && last->start + last->size == a->base + page * PAGE) want = 2 * last->size / PAGE;
    if (want > RUN_PAGES_MAX) want = RUN_PAGES_MAX;
    size_t pages = 1;
    while (pages < want && page + pages < a->size / PAGE && !is_hot(a, page + pages)) pages++;
    open_run(a, page, pages);
    return true;
}

void memory_will_write(const void *data, uint64_t size)
{
    if (area_count == 0 || size == 0) return;
    uintptr_t first = (uintptr_t)data & ~(uintptr_t)(PAGE - 1), end = (uintptr_t)data + size;
    for (uintptr_t at = first; at < end; at += PAGE) restore_on_write(at);
}

static void arm_again(void)
{
    restores_since_arming = 0;
    if (hot_bytes <= (size_t)REARM_PAGES * PAGE) return;
    for (uint32_t i = 0; i < area_count; i++) {
        protect(&areas[i]);
        memset(hot[i], 0, areas[i].size / PAGE / 8 + 1);
    }
    run_count = 0;
    hot_bytes = 0;
}

static void drop_grown_memory(void)
{
    uint64_t grown = memory_size() - initial_memory;
    if (grown == 0) return;
    uint8_t *start = (uint8_t *)SEE_MEMORY_BASE + initial_memory;
    if (grown <= GROWN_CLEAR_MAX) memset(start, 0, grown);
    else if (madvise(start, grown, MADV_DONTNEED) < 0) see_exit(6);
    if (mprotect(start, grown, PROT_NONE) < 0) see_exit(6);
}

void restore_now(void)
{
    drop_grown_memory();
    memcpy(see_module.instance, pristine_instance, see_module.instance_size);
    memory_tables_reset(initial_tables);
    for (uint32_t i = 0; i < run_count; i++) memcpy(runs[i].start, runs[i].pristine, runs[i].size);
    if (++restores_since_arming >= REARM_AFTER) arm_again();
}
