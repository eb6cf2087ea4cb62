/* A heap of four children a node: half as deep as a binary one, and the four lie in two cache lines. */
#include "sim/events.h"

#include <errno.h>
#include <stdlib.h>

static bool before(const Event *a, const Event *b) { return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order); }

static Err grow(Events *q)
{
    size_t capacity = q->capacity ? 2 * q->capacity : 1024;
    if (capacity > EVENTS_MAX) return FAIL(ERR_LIMIT);
    Event *heap = reallocarray(q->heap, capacity, sizeof *heap);
    if (!heap) return FAIL(ENOMEM);
    q->heap = heap;
    q->capacity = capacity;
    return OK;
}

Err events_put(Events *q, Event e)
{
    if (q->count == q->capacity) TRY(grow(q));
    e.order = q->order++;
    size_t i = q->count++;
    for (; i > 0 && before(&e, &q->heap[(i - 1) / 4]); i = (i - 1) / 4) q->heap[i] = q->heap[(i - 1) / 4];
    q->heap[i] = e;
    return OK;
}

static size_t earliest_child(const Events *q, size_t i)
{
    size_t first = 4 * i + 1, best = first;
    for (size_t c = first + 1; c < first + 4 && c < q->count; c++)
        if (before(&q->heap[c], &q->heap[best])) best = c;
    return best;
}

bool events_take(Events *q, Event *ret_event)
{
    if (q->count == 0) return false;
    *ret_event = q->heap[0];
    Event last = q->heap[--q->count];
    size_t i = 0;
    while (4 * i + 1 < q->count) {
        size_t c = earliest_child(q, i);
        if (!before(&q->heap[c], &last)) break;
        q->heap[i] = q->heap[c];
        i = c;
    }
    q->heap[i] = last;
    return true;
}

void events_free(Events *q)
{
    free(q->heap);
    *q = (Events){0};
}
