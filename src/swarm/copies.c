/* Copies of a micro-job that are out, and their votes. */
#include "swarm/copies.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

uint32_t copies_out(const WindowJob *job) { return job->first.member == 0 ? 0 : 1 + (job->more ? job->more->count : 0); }

Copy *copies_at(WindowJob *job, uint32_t i) { return i == 0 ? &job->first : &job->more->out[i - 1]; }

Copy *copies_find(WindowJob *job, uint32_t member, uint32_t attempt)
{
    for (uint32_t i = 0; i < copies_out(job); i++) {
        Copy *copy = copies_at(job, i);
        if (copy->member == member && copy->attempt == attempt) return copy;
    }
    return NULL;
}

Copy *copies_at_member(WindowJob *job, uint32_t member)
{
    for (uint32_t i = 0; i < copies_out(job); i++)
        if (copies_at(job, i)->member == member) return copies_at(job, i);
    return NULL;
}

static Err need_more(WindowJob *job)
{
    if (!job->more) job->more = calloc(1, sizeof *job->more);
    return job->more ? OK : FAIL(ENOMEM);
}

Err copies_add(WindowJob *job, const Copy *copy)
{
    assert(copy->member);

    if (job->first.member == 0) {
        job->first = *copy;
        return OK;
    }
    TRY(need_more(job));
    if (job->more->count == COPIES_OUT_MAX - 1) return FAIL(ERR_LIMIT);
    job->more->out[job->more->count++] = *copy;
    return OK;
}

/* The last takes the place of the one that goes. */
void copies_remove(WindowJob *job, const Copy *copy)
{
    Copy *at = copies_find(job, copy->member, copy->attempt);
    assert(at);
    uint32_t last = copies_out(job) - 1;
    *at = *copies_at(job, last);
    if (last == 0) job->first = (Copy){0};
    else job->more->count--;
}

Err copies_vote(WindowJob *job, const QuorumRule *rule)
{
    TRY(need_more(job));
    assert(!job->more->voting);
    job->more->voting = true;
    quorum_start(&job->more->quorum, rule);
    return OK;
}
