/* The window of micro-jobs: a ring that grows by doubling, and the queue of those to be sent again. */
#include "swarm/window.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "bus/message.h"

enum { ROOM_FIRST = 4096 };

void window_free(Window *w)
{
    for (uint64_t i = w->base; i < w->next; i++) window_release(w, &w->ring[i & (w->room - 1)]);
    free(w->ring);
    free(w->waiting);
    *w = (Window){0};
}

WindowJob *window_at(const Window *w, uint64_t index)
{
    return index >= w->base && index < w->next ? &w->ring[index & (w->room - 1)] : NULL;
}

static Err grow(Window *w)
{
    uint64_t room = w->room ? w->room * 2 : ROOM_FIRST;
    WindowJob *ring = calloc(room, sizeof *ring);
    uint64_t *waiting = calloc(room, sizeof *waiting);
    if (!ring || !waiting) {
        free(ring);
        free(waiting);
        return FAIL(ENOMEM);
    }
    for (uint64_t i = w->base; i < w->next; i++) ring[i & (room - 1)] = w->ring[i & (w->room - 1)];
    for (uint64_t i = 0; i < w->waiting_count; i++) waiting[i] = w->waiting[(w->waiting_head + i) & (w->room - 1)];
    free(w->ring);
    free(w->waiting);
    w->ring = ring;
    w->waiting = waiting;
    w->waiting_head = 0;
    w->room = room;
    return OK;
}

Err window_push(Window *w, WindowJob **ret_job)
{
    if (w->next - w->base == WINDOW_AHEAD_MAX) return FAIL(ERR_LIMIT);
    if (w->next - w->base == w->room) TRY(grow(w));
    WindowJob *job = &w->ring[w->next++ & (w->room - 1)];
    *job = (WindowJob){0};
    *ret_job = job;
    return OK;
}

void window_pop(Window *w)
{
    assert(w->base < w->next);
    WindowJob *job = &w->ring[w->base & (w->room - 1)];
    assert(job->state == JOB_DONE || job->state == JOB_FAILED);
    w->base++;
}

void window_send_again(Window *w, uint64_t index)
{
    WindowJob *job = window_at(w, index);
    assert(job && job->state == JOB_OUTSTANDING && w->waiting_count < w->room);
    job->state = JOB_WAITING;
    w->waiting[(w->waiting_head + w->waiting_count++) & (w->room - 1)] = index;
}

bool window_take_waiting(Window *w, uint64_t *ret_index)
{
    if (w->waiting_count == 0) return false;
    *ret_index = w->waiting[w->waiting_head++ & (w->room - 1)];
    w->waiting_count--;
    return true;
}

void window_release(Window *w, WindowJob *job)
{
    if (job->kind == SEGMENT_RANGE) segment_path_drop(&job->held.path);
    if (job->kind == SEGMENT_INLINE) {
        w->inline_bytes -= job->size;
        free(job->held.bytes);
    }
    job->kind = SEGMENT_NONE;
    job->held.bytes = NULL;
}

Err segment_path_new(const char *text, SegmentPath **ret_path)
{
    size_t size = strlen(text) + 1;
    SegmentPath *path = malloc(sizeof *path + size);
    if (!path) return FAIL(ENOMEM);
    path->references = 1;
    memcpy(path->text, text, size);
    *ret_path = path;
    return OK;
}

void segment_path_drop(SegmentPath **path)
{
    SegmentPath *p = *path;
    *path = NULL;
    if (p && --p->references == 0) free(p);
}
