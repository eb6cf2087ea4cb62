/**
 * A small event loop over epoll: descriptors, one-shot timers, and work to do before the next wait.
 * Single-threaded; a handler may add and remove sources, its own included.
 */
#pragma once
#include <stdint.h>

#include "base/error.h"

typedef struct Loop Loop;
typedef struct LoopSource LoopSource;
typedef Err (*LoopHandler)(void *context, uint32_t events); /* events: EPOLL* bits; 0 for a timer or deferred work */

MUST_USE Err loop_new(Loop **ret_loop);
void loop_free(Loop **loop);
/** The descriptor is borrowed. */
MUST_USE Err loop_add_fd(Loop *l, int fd, uint32_t events, LoopHandler handler, void *context, LoopSource **ret_source);
MUST_USE Err loop_set_events(LoopSource *s, uint32_t events);
/** Calls the handler once at the deadline (CLOCK_MONOTONIC, ns). */
MUST_USE Err loop_add_timer(Loop *l, uint64_t deadline_ns, LoopHandler handler, void *context, LoopSource **ret_source);
/** Moves a timer; UINT64_MAX switches it off. It can be armed again after it fired. */
void loop_set_timer(LoopSource *s, uint64_t deadline_ns);
/** Work that is called once each time it is marked, before the loop waits. */
MUST_USE Err loop_add_deferred(Loop *l, LoopHandler handler, void *context, LoopSource **ret_source);
void loop_defer(LoopSource *s);
void loop_remove(LoopSource **source);
/** One turn: waits at most timeout_ms (-1: until something happens), then calls the handlers. The first handler error ends the turn. */
MUST_USE Err loop_turn(Loop *l, int timeout_ms);
