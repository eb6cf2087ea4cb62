/* Waiting for keys: a ring of micro-jobs, and the batches that are under way. */
#include "node/wraps.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"

enum { WRAP_MESSAGE_BYTES_MAX = 64 << 10 };

Err wraps_new(uint32_t window, Wraps **ret_wraps)
{
    Wraps *w = calloc(1, sizeof *w);
    if (!w) return FAIL(ENOMEM);
    w->window = window;
    w->keys = calloc(window, sizeof *w->keys);
    w->waiting = calloc(window, sizeof *w->waiting);
    if (!w->keys || !w->waiting) wraps_free(&w);
    if (!w) return FAIL(ENOMEM);
    *ret_wraps = w;
    return OK;
}

void wraps_free(Wraps **wraps)
{
    Wraps *w = *wraps;
    if (!w) return;
    for (uint32_t i = 0; i < WRAP_BATCHES_MAX; i++) broker_ask_end(&w->batches[i].ask);
    free(w->waiting);
    free(w->keys);
    free(w);
    *wraps = NULL;
}

void wraps_add(Wraps *w, uint32_t job)
{
    assert(job < w->window && w->count < w->window);

    w->waiting[(w->first + w->count++) % w->window] = job;
}

static uint32_t take_waiting(Wraps *w)
{
    uint32_t job = w->waiting[w->first];
    w->first = (w->first + 1) % w->window;
    w->count--;
    return job;
}

static Err ask(Wraps *w, WrapBatch *b, const JobTable *jobs, BrokerLink *broker, uint64_t session_id, uint64_t now_ns)
{
    BrokerWrap request = {.head = broker_link_head(broker), .session_id = session_id};
    for (b->count = 0; b->count < BROKER_WRAP_JOBS_MAX && w->count; b->count++) {
        uint32_t job = b->jobs[b->count] = take_waiting(w);
        const JobItem *item = &jobs_get(jobs, job)->item;
        request.jobs[b->count] = item->job;
        request.plain_sizes[b->count] = item->plain_size;
    }
    request.count = b->count;
    AUTO_BUFFER message = buffer_limited(WRAP_MESSAGE_BYTES_MAX);
    TRY(broker_put_wrap(&message, &request));
    return broker_link_ask(broker, &b->ask, request.head.token, &message, now_ns);
}

Err wraps_ask(Wraps *w, const JobTable *jobs, BrokerLink *broker, uint64_t session_id, uint64_t now_ns)
{
    for (uint32_t i = 0; i < WRAP_BATCHES_MAX && w->count; i++)
        if (w->batches[i].ask.token == 0) TRY(ask(w, &w->batches[i], jobs, broker, session_id, now_ns));
    return OK;
}

WrapBatch *wraps_batch(Wraps *w, uint64_t token)
{
    for (uint32_t i = 0; i < WRAP_BATCHES_MAX && token; i++)
        if (w->batches[i].ask.token == token) return &w->batches[i];
    return NULL;
}

Err wraps_take(Wraps *w, WrapBatch *b, const BrokerWraps *answer, JobTable *jobs)
{
    if (answer->count != b->count || answer->wraps.size != (size_t)b->count * BROKER_WRAP_BYTES) return FAIL(ERR_PROTOCOL);
    for (uint32_t i = 0; i < b->count; i++) {
        memcpy(w->keys[b->jobs[i]], answer->wraps.data + (size_t)i * BROKER_WRAP_BYTES, BROKER_WRAP_BYTES);
        jobs_queue(jobs, b->jobs[i]);
    }
    b->count = 0;
    broker_ask_end(&b->ask);
    return OK;
}

Err wraps_watch(Wraps *w, BrokerLink *broker, uint64_t now_ns, bool *ret_lost, bool *ret_put_off)
{
    *ret_lost = *ret_put_off = false;
    for (uint32_t i = 0; i < WRAP_BATCHES_MAX && !*ret_lost; i++) {
        bool put_off = w->batches[i].ask.put_off;
        TRY(broker_link_watch(broker, &w->batches[i].ask, now_ns, ret_lost));
        *ret_put_off = *ret_lost && put_off;
    }
    return OK;
}

void wraps_restart(Wraps *w)
{
    for (uint32_t i = 0; i < WRAP_BATCHES_MAX; i++) {
        WrapBatch *b = &w->batches[i];
        while (b->count) wraps_add(w, b->jobs[--b->count]);
        broker_ask_end(&b->ask);
    }
}

uint32_t wraps_give_up(Wraps *w)
{
    for (uint32_t i = 0; i < WRAP_BATCHES_MAX; i++) {
        WrapBatch *b = &w->batches[i];
        if (b->count) return b->jobs[--b->count];
        broker_ask_end(&b->ask);
    }
    return w->count ? take_waiting(w) : JOB_NONE;
}
