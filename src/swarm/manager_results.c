/* RESULTS: what counts, what is tried again, what has failed for good; and taking results in input order as they become whole. */
#include <stdlib.h>

#include "see/sealed_result.h"
#include "swarm/manager_parts.h"

static bool combines_as_it_goes(const Manager *m) { return m->combiner != NULL; }

static void job_ended(Manager *m, WindowJob *job, JobState state)
{
    if (m->stage == 0) m->progress.bytes_done += is_sealed(m) ? job->plain_size : job->size;
    objects_job_ended(m, job);
    window_release(&m->window, job);
    job->state = (uint8_t)state;
}

void copy_ended(Manager *m, Member *member, const Copy *copy, PlacementEnd end, double measured_s)
{
    if (member->placed) placement_end(m->placement, member->ref, m->task, copy->charge_s, end, measured_s);
    member->outstanding--;
}

static ManagerFailure failure_of(const Manager *m, uint64_t index, const WindowJob *job, const ResultItem *r)
{
    return (ManagerFailure){.job = index, .stage = m->stage, .outcome = r->outcome, .exit_code = r->exit_code, .attempts = job->tries, .log = r->log};
}

static Err failed_for_good(Manager *m, uint64_t index, WindowJob *job, const ResultItem *r)
{
    JournalRow row = {.stage = m->stage, .job = index, .outcome = r->outcome, .exit_code = r->exit_code, .attempts = job->tries};
    if (m->keeps_rows) {
        TRY(journal_add(m->journal, &row, (View){0}, r->log));
        manager_commit_soon(m);
    }
    job_ended(m, job, JOB_FAILED);
    m->progress.failed++;
    ManagerFailure failure = failure_of(m, index, job, r);
    if (!m->has_failure) {
        m->has_failure = true;
        m->first_failure = failure;
        m->first_failure.log = (View){0};
    }
    if (m->request.events.failure) m->request.events.failure(m->request.events.context, &failure);
    return OK;
}

/* Whether another attempt is worth it: the table of outcomes, the task's limit for each copy, and a lifetime is exceeded twice at most. */
static bool worth_another(const Manager *m, WindowJob *job, uint32_t outcome)
{
    const TaskSpec *t = m->request.task;
    bool again = outcome_may_retry(outcome) && job->tries < t->attempts * t->redundancy.copies && !(outcome == OUTCOME_LIFETIME && job->outlived);
    job->outlived |= outcome == OUTCOME_LIFETIME;
    return again;
}

Err result_needs(Manager *m, uint64_t index, CopyWhy why)
{
    WindowJob *job = window_at(&m->window, index);
    uint32_t more = copies_out(job) + job->wanted == 0;
    if (copies_voting(job) && !votes_more(job, &more)) return result_decided(m, job, &(ResultItem){.job = index, .outcome = OUTCOME_DISAGREED});
    for (uint32_t i = 0; i < more; i++) TRY(window_want(&m->window, index, (uint8_t)why));
    loop_defer(m->work);
    return OK;
}

Err result_returned(Manager *m, uint64_t index)
{
    WindowJob *job = window_at(&m->window, index);
    if (job->returns++ < MANAGER_RETURNS_MAX) return result_needs(m, index, COPY_FIRST);
    return result_decided(m, job, &(ResultItem){.job = index, .outcome = OUTCOME_LOST});
}

/* A result whose turn it is goes to the combiner from where it lies; one without a journal then need not be kept at all. */
static Err keep_result(Manager *m, WindowJob *job, const ResultItem *r)
{
    bool its_turn = combines_as_it_goes(m) && r->job == m->window.base;
    JournalRow row = {.stage = m->stage, .job = r->job, .outcome = OUTCOME_OK, .attempts = job->tries, .digest = r->digest};
    if (m->keeps_rows || !its_turn) TRY(journal_add(m->journal, &row, r->output, (View){0}));
    if (m->keeps_rows) manager_commit_soon(m);
    else if (!its_turn) m->spooled++;
    job_ended(m, job, JOB_DONE);
    job->offset = row.offset;
    job->size = r->output.size;
    if (!its_turn) return OK;
    TRY(combiner_add(m->combiner, r->job, r->output, &m->diag));
    window_pop(&m->window);
    return OK;
}

static Err succeeded(Manager *m, WindowJob *job, const ResultItem *r)
{
    job->tries++;
    TRY(keep_result(m, job, r));
    m->stage_succeeded++;
    m->last_done = r->job;
    if (m->stage > 0) return OK;
    m->progress.succeeded++;
    if (m->request.events.result) m->request.events.result(m->request.events.context, r->job, r->output);
    return OK;
}

Err result_decided(Manager *m, WindowJob *job, const ResultItem *r)
{
    TRY(late_add(&m->late, r->job, job));
    m->undecided -= copies_voting(job);
    return r->outcome == OUTCOME_OK ? succeeded(m, job, r) : failed_for_good(m, r->job, job, r);
}

/* The node has no reason to send a result that does not match its own digest or is larger than allowed: what it says counts as lost. */
static bool trustworthy(const Manager *m, const ResultItem *r)
{
    uint64_t output_max = m->request.task->output_max;
    if (r->output.size > (is_sealed(m) ? SEALED_RESULT_AROUND_BYTES + stream_sealed_size(output_max) : output_max)) return false;
    if (is_sealed(m) && r->output.size < SEALED_RESULT_AROUND_BYTES) return false;
    ResultDigest digest;
    result_digest(m->ids.digest_key, r->output, &digest);
    return memcmp(&digest, &r->digest, sizeof digest) == 0;
}

/* The copy has been taken out of the micro-job. */
static Err answered(Manager *m, const Member *member, WindowJob *job, const Copy *copy, const ResultItem *r)
{
    if (r->outcome == OUTCOME_NONE) return result_returned(m, r->job);
    if (r->outcome != OUTCOME_OK) {
        job->tries++;
        if (worth_another(m, job, r->outcome)) {
            m->progress.retried++;
            return result_needs(m, r->job, COPY_FIRST);
        }
    }
    if (copies_voting(job) && !outcome_may_retry(r->outcome)) return votes_hear(m, job, member, r);
    m->progress.speculative_won += copy->why == COPY_SPECULATIVE && r->outcome == OUTCOME_OK;
    return result_decided(m, job, r);
}

static PlacementEnd end_of(uint32_t outcome)
{
    return outcome == OUTCOME_NONE ? PLACEMENT_BACK : outcome == OUTCOME_LOST ? PLACEMENT_BAD : PLACEMENT_DONE;
}

/* measured_s: how long the member's cores took for one; 0: not known. */
static Err one_result(Manager *m, Member *member, ResultItem *r, double measured_s)
{
    WindowJob *job = window_at(&m->window, r->job);
    const Copy *out = job && job->state == JOB_OPEN ? copies_find(job, member->number, r->attempt) : NULL;
    LateJob late;
    Copy copy;
    if (out) copy = *out;
    else if (!late_take(&m->late, r->job, member->number, r->attempt, &copy, &late)) {
        m->progress.dropped++;
        return OK;
    }
    if (r->outcome == OUTCOME_OK && !trustworthy(m, r)) *r = (ResultItem){.job = r->job, .attempt = r->attempt, .outcome = OUTCOME_LOST};
    copy_ended(m, member, &copy, end_of(r->outcome), measured_s);
    member->answers += r->outcome != OUTCOME_NONE && r->outcome != OUTCOME_LOST;
    if (!out) {
        m->progress.dropped++;
        votes_judge_late(m, &late, member, r);
        return OK;
    }
    copies_remove(job, &copy);
    return answered(m, member, job, &copy, r);
}

Err results_take(Manager *m)
{
    for (;;) {
        const WindowJob *job = window_at(&m->window, m->window.base);
        if (!job || (job->state != JOB_DONE && job->state != JOB_FAILED)) break;
        if (job->state == JOB_DONE && combines_as_it_goes(m)) {
            View result;
            TRY(journal_read(m->journal, job->offset, job->size, &result));
            TRY(combiner_add(m->combiner, m->window.base, result, &m->diag));
            if (!m->keeps_rows && --m->spooled == 0) TRY(journal_forget_results(m->journal));
        }
        window_pop(&m->window);
    }
    return OK;
}

/* Core time since the last look, for price and speed: measured here, because a node could say anything. At most the time that has passed on as many
 * cores as it had micro-jobs for. */
static double account(Manager *m, Member *member, uint64_t now_ns)
{
    uint32_t busy = member->outstanding < member->cores ? member->outstanding : member->cores;
    double used_s = now_ns > member->busy_since_ns ? (double)(now_ns - member->busy_since_ns) / (double)NS_PER_S * busy : 0;
    member->busy_since_ns = now_ns;
    m->progress.cost += used_s * member->price / 3600;
    return used_s;
}

static Err take_items(Manager *m, Member *member, BatchReader *reader, double used_s)
{
    uint32_t number = member->number;
    for (bool more = true; !m->done;) {
        ResultItem item;
        Err e = message_next_result(reader, &item, &more);
        if (e.code) { /* it does not speak our language: whatever else it owes goes to others */
            m->progress.dropped++;
            if (member->number == number) member_gone(m, member, "what it sends cannot be read");
            break;
        }
        if (!more) break;
        TRY(one_result(m, member, &item, used_s));
    }
    return OK;
}

void results_hear(Manager *m, View message, const char *speaker, uint64_t now_ns)
{
    BatchReader reader;
    Err e = message_open_batch(message, MESSAGE_RESULTS, &reader);
    Member *member = e.code ? NULL : member_of(m, &reader.head.id, reader.head.stage, reader.head.node, speaker);
    if (!member || member->state != MEMBER_READY) {
        m->progress.dropped++;
        return;
    }
    placement_tick(m->placement, manager_now_s(m));
    uint32_t before = member->outstanding;
    double used_s = account(m, member, now_ns);
    member->heard_ns = member->answered_ns = now_ns;
    m->progress.sees_started += reader.sees_started;
    e = take_items(m, member, &reader, member->one_s);
    if (before > member->outstanding) member->one_s = used_s / (before - member->outstanding);
    if (!e.code && !m->done) e = results_take(m);
    if (e.code) manager_fail(m, e, "taking results");
    if (!m->done && member->state == MEMBER_READY) member_look(m, member);
    loop_defer(m->work);
}
