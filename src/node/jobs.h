/**
 * The micro-jobs of one open task that wait or run here: a table of fixed size (the window) and a queue through it.
 * A batch of micro-jobs is one copy of the bus message; it is freed when the last of its micro-jobs is released. Nothing is allocated
 * per micro-job.
 */
#pragma once
#include "bus/message.h"

typedef struct JobBatch JobBatch;

typedef struct {
    JobItem item;       /* views into the batch */
    JobBatch *batch;
    uint32_t next;
    bool cancelled;     /* nobody waits for it any more */
} Job;

#define JOB_NONE UINT32_MAX

typedef struct {
    Job *jobs;
    uint32_t window, held;             /* places; micro-jobs in them */
    uint32_t free_first;
    uint32_t first, last, waiting;     /* the queue */
} JobTable;

MUST_USE Err jobs_new(JobTable *t, uint32_t window);
void jobs_free(JobTable *t);

/** A batch to put micro-jobs into: owned by the caller until jobs_batch_done. */
MUST_USE Err jobs_batch_new(View message, JobBatch **ret_batch);
View jobs_batch_message(const JobBatch *b);
void jobs_batch_done(JobBatch *b);

/** Gives a micro-job whose views lie in the batch a place, and does not queue it yet. errors: ERR_LIMIT when the window is full */
MUST_USE Err jobs_hold(JobTable *t, JobBatch *b, const JobItem *item, uint32_t *ret_job);
/** To the end of the queue. */
void jobs_queue(JobTable *t, uint32_t job);
/** Both at once: queues a micro-job whose views lie in the batch. errors: ERR_LIMIT when the window is full */
MUST_USE Err jobs_add(JobTable *t, JobBatch *b, const JobItem *item);
static inline Job *jobs_get(const JobTable *t, uint32_t job) { return &t->jobs[job]; }
/** The next one that waits, or JOB_NONE; it stays in the queue. */
static inline uint32_t jobs_first(const JobTable *t) { return t->first; }
/** Takes the first one out of the queue; it keeps its place until it is released or put back. */
uint32_t jobs_take(JobTable *t);
/** To the front of the queue: it was taken and did not run. */
void jobs_put_back(JobTable *t, uint32_t job);
/** By the numbers that its manager gave it; JOB_NONE. Looks at all places: not for the common way. */
uint32_t jobs_find(const JobTable *t, uint64_t number, uint32_t attempt);
/** Out of the queue, wherever it stands there; false: it does not. It keeps its place. */
bool jobs_remove(JobTable *t, uint32_t job);
/** Answered: frees its place. */
void jobs_release(JobTable *t, uint32_t job);
