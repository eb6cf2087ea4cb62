/* The event loop: epoll for descriptors, a binary heap for timers, a list for deferred work. */
#include "sys/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/limits.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/fd.h"

typedef enum { SOURCE_FD, SOURCE_TIMER, SOURCE_DEFERRED, SOURCE_REMOVED } SourceKind;

enum { NOT_IN_HEAP = -1 };

struct LoopSource {
    Loop *loop;
    SourceKind kind;
    LoopHandler handler;
    void *context;
    int fd;               /* SOURCE_FD; borrowed */
    uint64_t deadline_ns; /* SOURCE_TIMER */
    ptrdiff_t heap_index; /* SOURCE_TIMER: place in the heap, or NOT_IN_HEAP */
    bool marked;          /* SOURCE_DEFERRED: in the list of work to do */
    LoopSource *next;     /* in the list of marked or of removed ones */
    LoopSource *all_previous, *all_next;
};

struct Loop {
    int epoll_fd;
    bool turning;
    LoopSource *all;
    LoopSource **heap; /* room for every timer, so that arming one cannot fail */
    size_t heap_count, heap_room, timer_count;
    LoopSource *marked, **marked_end;
    LoopSource *removed; /* during a turn: events that epoll gave may still point here */
};

Err loop_new(Loop **ret_loop)
{
    Loop *l = calloc(1, sizeof *l);
    if (!l) return FAIL(ENOMEM);
    l->epoll_fd = FAULTABLE("epoll_create1", epoll_create1(EPOLL_CLOEXEC));
    if (l->epoll_fd < 0) {
        Err e = FAIL(errno);
        free(l);
        return e;
    }
    l->marked_end = &l->marked;
    *ret_loop = l;
    return OK;
}

static void free_removed(Loop *l)
{
    while (l->removed) {
        LoopSource *s = l->removed;
        l->removed = s->next;
        free(s);
    }
}

void loop_free(Loop **loop)
{
    Loop *l = *loop;
    if (!l) return;
    assert(!l->turning);
    while (l->all) {
        LoopSource *s = l->all;
        l->all = s->all_next;
        free(s);
    }
    fd_close(&l->epoll_fd);
    free(l->heap);
    free(l);
    *loop = NULL;
}

static Err source_new(Loop *l, SourceKind kind, LoopHandler handler, void *context, LoopSource **ret_source)
{
    assert(l && handler && ret_source);

    LoopSource *s = calloc(1, sizeof *s);
    if (!s) return FAIL(ENOMEM);
    *s = (LoopSource){.loop = l, .kind = kind, .handler = handler, .context = context, .fd = -1, .heap_index = NOT_IN_HEAP};
    s->all_next = l->all;
    if (l->all) l->all->all_previous = s;
    l->all = s;
    *ret_source = s;
    return OK;
}

static void source_unlink(LoopSource *s)
{
    if (s->all_previous) s->all_previous->all_next = s->all_next;
    else s->loop->all = s->all_next;
    if (s->all_next) s->all_next->all_previous = s->all_previous;
}

/* --- descriptors --- */

Err loop_add_fd(Loop *l, int fd, uint32_t events, LoopHandler handler, void *context, LoopSource **ret_source)
{
    LoopSource *s;
    TRY(source_new(l, SOURCE_FD, handler, context, &s));
    s->fd = fd;
    struct epoll_event event = {.events = events, .data.ptr = s};
    if (FAULTABLE("epoll_ctl", epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event)) < 0) {
        Err e = FAIL(errno);
        source_unlink(s);
        free(s);
        return e;
    }
    *ret_source = s;
    return OK;
}

Err loop_set_events(LoopSource *s, uint32_t events)
{
    assert(s->kind == SOURCE_FD);
    struct epoll_event event = {.events = events, .data.ptr = s};
    return FAULTABLE("epoll_ctl", epoll_ctl(s->loop->epoll_fd, EPOLL_CTL_MOD, s->fd, &event)) < 0 ? FAIL(errno) : OK;
}

/* --- timers --- */

static void heap_put(Loop *l, size_t i, LoopSource *s)
{
    l->heap[i] = s;
    s->heap_index = (ptrdiff_t)i;
}

static void heap_rise(Loop *l, size_t i)
{
    LoopSource *s = l->heap[i];
    for (; i > 0 && l->heap[(i - 1) / 2]->deadline_ns > s->deadline_ns; i = (i - 1) / 2) heap_put(l, i, l->heap[(i - 1) / 2]);
    heap_put(l, i, s);
}

static void heap_sink(Loop *l, size_t i)
{
    LoopSource *s = l->heap[i];
    for (size_t child = 2 * i + 1; child < l->heap_count; child = 2 * i + 1) {
        if (child + 1 < l->heap_count && l->heap[child + 1]->deadline_ns < l->heap[child]->deadline_ns) child++;
        if (l->heap[child]->deadline_ns >= s->deadline_ns) break;
        heap_put(l, i, l->heap[child]);
        i = child;
    }
    heap_put(l, i, s);
}

static void heap_take(LoopSource *s)
{
    Loop *l = s->loop;
    size_t i = (size_t)s->heap_index;
    s->heap_index = NOT_IN_HEAP;
    LoopSource *last = l->heap[--l->heap_count];
    if (last == s) return;
    heap_put(l, i, last);
    heap_rise(l, i);
    heap_sink(l, (size_t)last->heap_index);
}

void loop_set_timer(LoopSource *s, uint64_t deadline_ns)
{
    assert(s->kind == SOURCE_TIMER);
    Loop *l = s->loop;
    if (s->heap_index != NOT_IN_HEAP) heap_take(s);
    s->deadline_ns = deadline_ns;
    if (deadline_ns == UINT64_MAX) return;
    heap_put(l, l->heap_count++, s);
    heap_rise(l, l->heap_count - 1);
}

Err loop_add_timer(Loop *l, uint64_t deadline_ns, LoopHandler handler, void *context, LoopSource **ret_source)
{
    if (l->timer_count == l->heap_room) {
        size_t room = l->heap_room ? l->heap_room * 2 : 16;
        LoopSource **heap = reallocarray(l->heap, room, sizeof *heap);
        if (!heap) return FAIL(ENOMEM);
        l->heap = heap;
        l->heap_room = room;
    }
    LoopSource *s;
    TRY(source_new(l, SOURCE_TIMER, handler, context, &s));
    l->timer_count++;
    loop_set_timer(s, deadline_ns);
    *ret_source = s;
    return OK;
}

/* --- deferred work --- */

Err loop_add_deferred(Loop *l, LoopHandler handler, void *context, LoopSource **ret_source)
{
    return source_new(l, SOURCE_DEFERRED, handler, context, ret_source);
}

void loop_defer(LoopSource *s)
{
    assert(s->kind == SOURCE_DEFERRED);
    if (s->marked) return;
    s->marked = true;
    s->next = NULL;
    *s->loop->marked_end = s;
    s->loop->marked_end = &s->next;
}

static LoopSource *take_marked(Loop *l)
{
    LoopSource *s = l->marked;
    l->marked = s->next;
    if (!l->marked) l->marked_end = &l->marked;
    s->marked = false;
    return s;
}

static void unmark(LoopSource *s)
{
    Loop *l = s->loop;
    LoopSource **at = &l->marked;
    for (; *at != s; at = &(*at)->next) assert(*at);
    *at = s->next;
    if (!s->next) l->marked_end = at;
    s->marked = false;
}

/* --- removal and turning --- */

void loop_remove(LoopSource **source)
{
    LoopSource *s = *source;
    if (!s) return;
    Loop *l = s->loop;
    if (s->kind == SOURCE_FD) epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL); /* fails only when the descriptor is closed: then it is gone */
    if (s->kind == SOURCE_TIMER) {
        if (s->heap_index != NOT_IN_HEAP) heap_take(s);
        l->timer_count--;
    }
    if (s->marked) unmark(s);
    source_unlink(s);
    s->kind = SOURCE_REMOVED;
    *source = NULL;
    if (l->turning) {
        s->next = l->removed;
        l->removed = s;
    } else {
        free(s);
    }
}

/* Runs what is marked now; what the handlers mark again waits for the next turn, so that descriptors are not starved. */
static Err run_deferred(Loop *l, bool *ret_ran)
{
    LoopSource fence = {.loop = l, .kind = SOURCE_DEFERRED};
    if (!l->marked) return OK;
    loop_defer(&fence);
    Err e = OK;
    while (l->marked != &fence && !e.code) {
        LoopSource *s = take_marked(l);
        *ret_ran = true;
        e = s->handler(s->context, 0);
    }
    unmark(&fence);
    return e;
}

static int milliseconds_to_wait(const Loop *l, int timeout_ms)
{
    if (l->heap_count == 0) return timeout_ms;
    uint64_t now = clock_monotonic_ns(), deadline = l->heap[0]->deadline_ns;
    uint64_t ms = deadline <= now ? 0 : (deadline - now - 1) / NS_PER_MS + 1; /* rounded up: never wakes too early to fire */
    if (timeout_ms >= 0 && ms > (uint64_t)timeout_ms) return timeout_ms;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static Err run_timers(Loop *l)
{
    uint64_t now = clock_monotonic_ns();
    while (l->heap_count > 0 && l->heap[0]->deadline_ns <= now) {
        LoopSource *s = l->heap[0];
        heap_take(s);
        TRY(s->handler(s->context, 0));
    }
    return OK;
}

static Err turn(Loop *l, int timeout_ms)
{
    enum { EVENTS = 64 };
    bool ran = false;
    TRY(run_deferred(l, &ran));
    struct epoll_event events[EVENTS];
    int n = FAULTABLE("epoll_wait", epoll_wait(l->epoll_fd, events, EVENTS, ran || l->marked ? 0 : milliseconds_to_wait(l, timeout_ms)));
    if (n < 0 && errno != EINTR) return FAIL(errno);
    for (int i = 0; i < n; i++) {
        LoopSource *s = events[i].data.ptr;
        if (s->kind == SOURCE_FD) TRY(s->handler(s->context, events[i].events));
    }
    return run_timers(l);
}

Err loop_turn(Loop *l, int timeout_ms)
{
    assert(l && !l->turning);
    l->turning = true;
    Err e = turn(l, timeout_ms);
    l->turning = false;
    free_removed(l);
    return e;
}
