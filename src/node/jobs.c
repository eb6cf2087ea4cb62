/* The job table: a free list and a queue in one array, batches by reference count. */
#include "node/jobs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct JobBatch {
    uint32_t references;
    size_t size;
    uint8_t message[];
};

Err jobs_new(JobTable *t, uint32_t window)
{
    assert(window > 0 && window < JOB_NONE);

    Job *jobs = calloc(window, sizeof *jobs);
    if (!jobs) return FAIL(ENOMEM);
    for (uint32_t i = 0; i < window; i++) jobs[i].next = i + 1 < window ? i + 1 : JOB_NONE;
    *t = (JobTable){.jobs = jobs, .window = window, .first = JOB_NONE, .last = JOB_NONE};
    return OK;
}

void jobs_free(JobTable *t)
{
    for (uint32_t i = 0; i < t->window; i++)
        if (t->jobs[i].batch) jobs_batch_done(t->jobs[i].batch);
    free(t->jobs);
    *t = (JobTable){.free_first = JOB_NONE, .first = JOB_NONE, .last = JOB_NONE};
}

Err jobs_batch_new(View message, JobBatch **ret_batch)
{
    JobBatch *b = malloc(sizeof *b + message.size);
    if (!b) return FAIL(ENOMEM);
    b->references = 1;
    b->size = message.size;
    if (message.size) memcpy(b->message, message.data, message.size);
    *ret_batch = b;
    return OK;
}

View jobs_batch_message(const JobBatch *b) { return view_of(b->message, b->size); }

void jobs_batch_done(JobBatch *b)
{
    if (--b->references == 0) free(b);
}

Err jobs_hold(JobTable *t, JobBatch *b, const JobItem *item, uint32_t *ret_job)
{
    uint32_t job = t->free_first;
    if (job == JOB_NONE) return FAIL(ERR_LIMIT);
    t->free_first = t->jobs[job].next;
    t->jobs[job] = (Job){.item = *item, .batch = b, .next = JOB_NONE};
    b->references++;
    t->held++;
    *ret_job = job;
    return OK;
}

void jobs_queue(JobTable *t, uint32_t job)
{
    assert(job < t->window && t->jobs[job].batch);

    t->jobs[job].next = JOB_NONE;
    if (t->first == JOB_NONE) t->first = job;
    else t->jobs[t->last].next = job;
    t->last = job;
    t->waiting++;
}

Err jobs_add(JobTable *t, JobBatch *b, const JobItem *item)
{
    uint32_t job;
    TRY(jobs_hold(t, b, item, &job));
    jobs_queue(t, job);
    return OK;
}

uint32_t jobs_take(JobTable *t)
{
    uint32_t job = t->first;
    if (job == JOB_NONE) return JOB_NONE;
    t->first = t->jobs[job].next;
    if (t->first == JOB_NONE) t->last = JOB_NONE;
    t->waiting--;
    return job;
}

void jobs_put_back(JobTable *t, uint32_t job)
{
    assert(job < t->window && t->jobs[job].batch);

    t->jobs[job].next = t->first;
    t->first = job;
    if (t->last == JOB_NONE) t->last = job;
    t->waiting++;
}

uint32_t jobs_find(const JobTable *t, uint64_t number, uint32_t attempt)
{
    for (uint32_t i = 0; i < t->window; i++)
        if (t->jobs[i].batch && t->jobs[i].item.job == number && t->jobs[i].item.attempt == attempt) return i;
    return JOB_NONE;
}

bool jobs_remove(JobTable *t, uint32_t job)
{
    uint32_t before = JOB_NONE, at = t->first;
    while (at != JOB_NONE && at != job) before = at, at = t->jobs[at].next;
    if (at == JOB_NONE) return false;
    *(before == JOB_NONE ? &t->first : &t->jobs[before].next) = t->jobs[job].next;
    if (t->last == job) t->last = before;
    t->waiting--;
    return true;
}

void jobs_release(JobTable *t, uint32_t job)
{
    assert(job < t->window && t->jobs[job].batch);

    jobs_batch_done(t->jobs[job].batch);
    t->jobs[job] = (Job){.next = t->free_first};
    t->free_first = job;
    t->held--;
}
