/* The window of micro-jobs: a ring that grows by doubling, and the queue of copies to be sent. */
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
    free(w->wanted);
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
    if (!ring) return FAIL(ENOMEM);
    for (uint64_t i = w->base; i < w->next; i++) ring[i & (room - 1)] = w->ring[i & (w->room - 1)];
    free(w->ring);
    w->ring = ring;
    w->room = room;
    return OK;
}

static Err grow_wanted(Window *w)
{
    uint64_t room = w->wanted_room ? w->wanted_room * 2 : ROOM_FIRST;
    typeof(w->wanted) wanted = calloc(room, sizeof *wanted);
    if (!wanted) return FAIL(ENOMEM);
    for (uint64_t i = 0; i < w->wanted_count; i++) wanted[i] = w->wanted[(w->wanted_head + i) & (w->wanted_room - 1)];
    free(w->wanted);
    w->wanted = wanted;
    w->wanted_head = 0;
    w->wanted_room = room;
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

Err window_want(Window *w, uint64_t index, uint8_t why)
{
    WindowJob *job = window_at(w, index);
    assert(job && job->state == JOB_OPEN && job->wanted < UINT8_MAX);
    if (w->wanted_count == w->wanted_room) TRY(grow_wanted(w));
    uint64_t at = (w->wanted_head + w->wanted_count++) & (w->wanted_room - 1);
    w->wanted[at].index = index;
    w->wanted[at].why = why;
    job->wanted++;
    return OK;
}

bool window_take_wanted(Window *w, uint64_t *ret_index, uint8_t *ret_why)
{
    while (w->wanted_count > 0) {
        uint64_t at = w->wanted_head++ & (w->wanted_room - 1);
        w->wanted_count--;
        WindowJob *job = window_at(w, w->wanted[at].index);
        if (!job || job->state != JOB_OPEN) continue;
        job->wanted--;
        *ret_index = w->wanted[at].index;
        *ret_why = w->wanted[at].why;
        return true;
    }
    return false;
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
    free(job->more);
    free(job->object);
    job->more = NULL;
    job->object = NULL;
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
