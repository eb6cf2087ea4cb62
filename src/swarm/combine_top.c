/*
 * top N: of all lines, the N with the largest last field, largest first; of equals, the earlier. A heap of N lines whose root is the one
 * that would have to go first, so that a line which does not belong costs one comparison.
 */
#include <errno.h>
#include <stdlib.h>

#include "swarm/combine_text.h"

#define TOP_BYTES_MAX (4 * GIB)

typedef struct { Number value; uint64_t order; const uint8_t *text; size_t size; void *owned; } Entry; /* order: of coming */

typedef struct {
    size_t limit;
    Entry *heap;             /* each entry is better than its parent */
    size_t count, room;
    uint64_t lines, bytes;
} Top;

static Err start(const CombineSpec *spec, void **ret_state)
{
    Top *t = calloc(1, sizeof *t);
    if (!t) return FAIL(ENOMEM);
    t->limit = (size_t)spec->top;
    *ret_state = t;
    return OK;
}

static void end(void *state)
{
    Top *t = state;
    for (size_t i = 0; i < t->count; i++) free(t->heap[i].owned);
    free(t->heap);
    free(t);
}

static bool better(const Entry *a, const Entry *b)
{
    int order = number_compare(&a->value, &b->value);
    return order ? order > 0 : a->order < b->order;
}

/** Puts a new entry into the free place at the end, or above it. */
static void rise(Top *t, Entry fresh)
{
    size_t at = t->count++;
    for (; at > 0 && better(&t->heap[(at - 1) / 2], &fresh); at = (at - 1) / 2) t->heap[at] = t->heap[(at - 1) / 2];
    t->heap[at] = fresh;
}

/** Puts an entry into the place of the root, or below it. */
static void sink(Top *t, Entry fresh)
{
    size_t at = 0;
    for (size_t child = 1; child < t->count; child = 2 * at + 1) {
        if (child + 1 < t->count && better(&t->heap[child], &t->heap[child + 1])) child++;
        if (!better(&fresh, &t->heap[child])) break;
        t->heap[at] = t->heap[child];
        at = child;
    }
    t->heap[at] = fresh;
}

static Err make_room(Top *t)
{
    if (t->count < t->room) return OK;
    size_t room = t->room ? t->room * 2 : 16;
    Entry *heap = reallocarray(t->heap, room, sizeof *heap);
    if (!heap) return FAIL(ENOMEM);
    t->heap = heap;
    t->room = room;
    return OK;
}

/** `fresh` borrows its text from the result; what stays gets a copy. */
static Err take(Top *t, const Lines *l, Entry fresh)
{
    bool full = t->count == t->limit;
    if (full && !better(&fresh, &t->heap[0])) return OK;
    uint64_t leaving = full ? t->heap[0].size : 0;
    if (t->bytes - leaving + fresh.size > TOP_BYTES_MAX) return LINES_FAIL(l, ERR_LIMIT, "the lines to keep take more than 4GiB");
    TRY(make_room(t));
    /* The memory of the line that leaves. The analyser loses track of which entry owns what in the heap. */
    fresh.owned = realloc(full ? t->heap[0].owned : NULL, fresh.size + 1); /* NOLINT(clang-analyzer-unix.Malloc) */
    if (!fresh.owned) return FAIL(ENOMEM);
    fresh.text = memcpy(fresh.owned, fresh.text, fresh.size);
    t->bytes = t->bytes - leaving + fresh.size;
    if (full) sink(t, fresh);
    else rise(t, fresh);
    return OK;
}

static View last_field(View line)
{
    const uint8_t *comma = memrchr(line.data, ',', line.size);
    if (!comma) return line;
    size_t skip = (size_t)(comma - line.data) + 1;
    return view_of(line.data + skip, line.size - skip);
}

static Err add(void *state, Lines *l)
{
    Top *t = state;
    for (;;) {
        View line;
        bool more;
        TRY(lines_next(l, &line, &more));
        if (!more) return OK;
        Entry fresh = {.order = t->lines++, .text = line.data, .size = line.size};
        TRY(lines_number(l, last_field(line), &fresh.value));
        TRY(take(t, l, fresh));
    }
}

static int best_first(const void *a, const void *b) { return better(a, b) ? -1 : 1; }

static Err finish(void *state, Output *out, Diag *diag)
{
    (void)diag;
    Top *t = state;
    if (t->count) qsort(t->heap, t->count, sizeof *t->heap, best_first);
    for (size_t i = 0; i < t->count; i++) {
        TRY(output_text(out, view_of(t->heap[i].text, t->heap[i].size)));
        TRY(output_text(out, VIEW("\n")));
    }
    return OK;
}

const CombineKind COMBINE_LARGEST = {start, add, finish, end};
