/* RESULTS: what counts, what is tried again, what has failed for good; and taking results in input order as they become whole. */
#include <stdlib.h>

#include "see/sealed_result.h"
#include "swarm/manager_parts.h"

static bool combines_as_it_goes(const Manager *m) { return m->combiner != NULL; }

static void job_ended(Manager *m, WindowJob *job, JobState state)
{
    if (m->stage == 0) m->progress.bytes_done += is_sealed(m) ? job->plain_size : job->size;
    window_release(&m->window, job);
    job->state = (uint8_t)state;
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

/* Whether another attempt is worth it: the table of outcomes, the task's limit, and a lifetime is exceeded twice at most. */
static bool worth_another(const Manager *m, WindowJob *job, uint32_t outcome)
{
    bool again = outcome_may_retry(outcome) && job->tries < m->request.task->attempts && !(outcome == OUTCOME_LIFETIME && job->outlived);
    job->outlived |= outcome == OUTCOME_LIFETIME;
    return again;
}

void result_returned(Manager *m, uint64_t index)
{
    WindowJob *job = window_at(&m->window, index);
    if (job->returns++ < MANAGER_RETURNS_MAX) {
        window_send_again(&m->window, index);
        return;
    }
    ResultItem lost = {.job = index, .outcome = OUTCOME_LOST};
    Err e = failed_for_good(m, index, job, &lost);
    if (e.code) manager_fail(m, e, "journal");
}

static Err not_ok(Manager *m, WindowJob *job, const ResultItem *r)
{
    if (r->outcome == OUTCOME_NONE) {
        result_returned(m, r->job);
        return OK;
    }
    job->tries++;
    if (!worth_another(m, job, r->outcome)) return failed_for_good(m, r->job, job, r);
    m->progress.retried++;
    window_send_again(&m->window, r->job);
    return OK;
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

/* The node has no reason to send a result that does not match its own digest or is larger than allowed: what it says counts as lost. */
static bool trustworthy(const Manager *m, const ResultItem *r)
{
    uint64_t output_max = m->request.task->output_max;
    if (r->output.size > (is_sealed(m) ? SEALED_RESULT_AROUND_BYTES + stream_sealed_size(output_max) : output_max)) return false;
    ResultDigest digest;
    result_digest(m->ids.digest_key, r->output, &digest);
    return memcmp(&digest, &r->digest, sizeof digest) == 0;
}

static Err one_result(Manager *m, Member *member, ResultItem *r)
{
    WindowJob *job = window_at(&m->window, r->job);
    if (!job || job->state != JOB_OUTSTANDING || job->member != member->number || job->attempt != r->attempt) {
        m->progress.dropped++;
        return OK;
    }
    member->outstanding--;
    if (r->outcome == OUTCOME_OK && !trustworthy(m, r)) *r = (ResultItem){.job = r->job, .attempt = r->attempt, .outcome = OUTCOME_LOST};
    return r->outcome == OUTCOME_OK ? succeeded(m, job, r) : not_ok(m, job, r);
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

void results_hear(Manager *m, View message, const char *speaker, uint64_t now_ns)
{
    BatchReader reader;
    Err e = message_open_batch(message, MESSAGE_RESULTS, &reader);
    Member *member = e.code ? NULL : member_of(m, &reader.head.id, reader.head.stage, reader.head.node, speaker);
    if (!member || member->state != MEMBER_READY) {
        m->progress.dropped++;
        return;
    }
    member->heard_ns = now_ns;
    m->progress.sees_started += reader.sees_started;
    bool more = true;
    while (more && !m->done) {
        ResultItem item;
        e = message_next_result(&reader, &item, &more);
        if (e.code) { /* it does not speak our language: whatever else it owes goes to others */
            m->progress.dropped++;
            member_gone(m, member);
            break;
        }
        if (!more) break;
        e = one_result(m, member, &item);
        if (e.code) manager_fail(m, e, "taking a result");
    }
    e = m->done ? OK : results_take(m);
    if (e.code) manager_fail(m, e, "combining the results");
    loop_defer(m->work);
}
