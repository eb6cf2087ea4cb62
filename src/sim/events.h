/**
 * The event queue: what happens next. Events of the same time come in the order in which they were put, so that a run is the same on every
 * machine. It is never taken back: who waits for it looks, when it comes, whether it still holds (`stamp`).
 */
#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t at_ns;
    uint64_t order;  /* set by events_put */
    uint32_t subject;
    uint32_t stamp;  /* of the subject, when the event was put */
    uint32_t kind;
} Event;

typedef struct { Event *heap; size_t count, capacity; uint64_t order; } Events;

enum { EVENTS_MAX = 1 << 26 };

/** errors: ENOMEM, ERR_LIMIT */
MUST_USE Err events_put(Events *q, Event e);
/** The earliest; false when there is none. */
bool events_take(Events *q, Event *ret_event);
void events_free(Events *q);
