/*
 * Micro-jobs that nobody waits for any more. One that runs ends with its zygote, which is replaced as if it had died, and is not held against the
 * task; one that waits is given back; one that was handed to a zygote behind others ends when its turn comes.
 */
#include "node/task.h"
#include "sys/clock.h"

static bool is_running(const Task *t, const ZygoteLink *z, uint32_t job)
{
    if (z->state != ZYGOTE_READY || z->told_count == 0) return false;
    const Slot *s = &z->slots[z->told[0]];
    uint32_t at = t->plan.is_process ? 0 : slot_count_answered(s); /* the SEE's word, at `shared`: it costs that SEE, or a little time */
    return at < s->job_count && s->places[at].job == job;
}

static Err end_running(Post *p)
{
    Task *t = p->task;
    const uint32_t failures = p->failures, deaths = t->deaths;
    TRY(post_lose(p, OUTCOME_LIFETIME));
    p->failures = failures;
    t->deaths = deaths;
    p->retry_ns = 0;
    return OK;
}

Err task_cancel(Task *t, uint64_t number, uint32_t attempt)
{
    const uint32_t job = jobs_find(&t->jobs, number, attempt);
    if (job == JOB_NONE) return OK; /* answered, and the answer is on its way */
    jobs_get(&t->jobs, job)->cancelled = true;
    for (uint32_t i = 0; i < t->post_count; i++)
        if (is_running(t, &t->posts[i].zygote, job)) return end_running(&t->posts[i]);
    return jobs_remove(&t->jobs, job) ? task_answer_unrun(t, job, OUTCOME_NONE, (View){0}) : OK;
}

Err task_drop_cancelled(Task *t)
{
    while (t->jobs.waiting && jobs_get(&t->jobs, jobs_first(&t->jobs))->cancelled)
        TRY(task_answer_unrun(t, jobs_take(&t->jobs), OUTCOME_NONE, (View){0}));
    return OK;
}

Err post_end_cancelled(Post *p)
{
    const ZygoteLink *z = &p->zygote;
    if (z->state != ZYGOTE_READY || z->told_count == 0) return OK;
    const uint32_t job = z->slots[z->told[0]].places[0].job;
    return p->task->plan.is_process && jobs_get(&p->task->jobs, job)->cancelled ? end_running(p) : OK;
}
