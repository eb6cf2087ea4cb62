/* Late copies: a table from micro-job to what it still has out. */
#include "swarm/late.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 64 };

static uint64_t key_of(uint64_t index) { return index + 1; } /* keys are not 0 */

void late_free(Late *l)
{
    table_free(&l->table);
    free(l->jobs);
    free(l->free_places);
    *l = (Late){0};
}

static Err grow(Late *l)
{
    uint32_t room = l->room ? l->room * 2 : ROOM_FIRST;
    LateJob *jobs = reallocarray(l->jobs, room, sizeof *jobs);
    if (!jobs) return FAIL(ENOMEM);
    l->jobs = jobs;
    uint32_t *free_places = reallocarray(l->free_places, room, sizeof *free_places);
    if (!free_places) return FAIL(ENOMEM);
    l->free_places = free_places;
    for (uint32_t i = room; i > l->room; i--) {
        l->jobs[i - 1].count = 0;
        l->free_places[l->free_count++] = i - 1;
    }
    l->room = room;
    return OK;
}

Err late_add(Late *l, uint64_t index, WindowJob *job)
{
    uint32_t out = copies_out(job);
    if (out == 0) return OK;
    if (l->free_count == 0) TRY(grow(l));
    uint32_t place = l->free_places[l->free_count - 1];
    TRY(table_put(&l->table, key_of(index), place));
    l->free_count--;
    LateJob *late = &l->jobs[place];
    *late = (LateJob){.index = index, .count = out};
    for (uint32_t i = 0; i < out; i++) late->out[i] = *copies_at(job, i);
    const uint8_t *digest = copies_voting(job) ? quorum_digest(&job->more->quorum) : NULL;
    late->agreed = digest != NULL;
    if (digest) memcpy(late->digest, digest, sizeof late->digest);
    return OK;
}

static void remove_copy(Late *l, uint32_t place, uint32_t i)
{
    LateJob *late = &l->jobs[place];
    late->out[i] = late->out[--late->count];
    if (late->count) return;
    table_remove(&l->table, key_of(late->index));
    l->free_places[l->free_count++] = place;
}

bool late_take(Late *l, uint64_t index, uint32_t member, uint32_t attempt, Copy *ret_copy, LateJob *ret_job)
{
    uint32_t place;
    if (index == UINT64_MAX || !table_find(&l->table, key_of(index), &place)) return false;
    const LateJob *late = &l->jobs[place];
    for (uint32_t i = 0; i < late->count; i++) {
        if (late->out[i].member != member || late->out[i].attempt != attempt) continue;
        *ret_copy = late->out[i];
        *ret_job = *late;
        remove_copy(l, place, i);
        return true;
    }
    return false;
}

void late_forget(Late *l, uint32_t member)
{
    for (uint32_t place = 0; place < l->room; place++)
        for (uint32_t i = l->jobs[place].count; i > 0; i--)
            if (l->jobs[place].out[i - 1].member == member) remove_copy(l, place, i - 1);
}
