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
    for (uint32_t i = 0; w->blocks && i < w->window; i++) free(w->blocks[i]);
    free(w->blocks);
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

/* Room for the keys of a block, where the one of a place that held another may be. */
static Err make_room(Wraps *w, uint32_t job, uint32_t pieces)
{
    if (pieces == 1) return OK;
    if (!w->blocks) w->blocks = calloc(w->window, sizeof *w->blocks);
    SlotKey *keys = w->blocks ? calloc(pieces, sizeof *keys) : NULL;
    if (!keys) return FAIL(ENOMEM);
    free(w->blocks[job]);
    w->blocks[job] = keys;
    return OK;
}

/* The next that waits, if the batch has room for all of its segments. */
static Err add_next(Wraps *w, WrapBatch *b, const JobTable *jobs, BrokerWrap *request, bool *ret_full)
{
    const uint32_t job = w->waiting[w->first];
    const JobItem *item = &jobs_get(jobs, job)->item;
    const uint32_t pieces = job_pieces(item);
    *ret_full = b->count + pieces > BROKER_WRAP_JOBS_MAX;
    if (*ret_full) return OK;
    TRY(make_room(w, job, pieces));
    take_waiting(w);
    for (uint32_t i = 0; i < pieces; i++) {
        b->jobs[b->count] = job;
        job_piece(item, i, &request->jobs[b->count], &request->plain_sizes[b->count]);
        b->count++;
    }
    return OK;
}

static Err ask(Wraps *w, WrapBatch *b, const JobTable *jobs, BrokerLink *broker, uint64_t session_id, uint64_t now_ns)
{
    BrokerWrap request = {.head = broker_link_head(broker), .session_id = session_id};
    b->count = 0;
    for (bool full = false; w->count && !full;) TRY(add_next(w, b, jobs, &request, &full));
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

/* Returns how many were the micro-job's. */
static uint32_t take_keys(Wraps *w, uint32_t job, const JobItem *item, const uint8_t *wraps)
{
    const uint32_t pieces = job_pieces(item);
    memcpy(w->keys[job], wraps, BROKER_WRAP_BYTES);
    for (uint32_t i = 0; pieces > 1 && i < pieces; i++) {
        SlotKey *key = &w->blocks[job][i];
        uint64_t segment;
        memcpy(key->wrap, wraps + (size_t)i * BROKER_WRAP_BYTES, sizeof key->wrap);
        job_piece(item, i, &segment, &key->plain_size);
    }
    return pieces;
}

void wraps_put(const Wraps *w, const JobTable *jobs, uint32_t job, Slot *slot)
{
    const JobItem *item = &jobs_get(jobs, job)->item;
    SlotKey one = {.plain_size = item->plain_size};
    memcpy(one.wrap, w->keys[job], sizeof one.wrap);
    const uint32_t pieces = job_pieces(item);
    slot_set_keys(slot, pieces > 1 ? w->blocks[job] : &one, pieces);
}

Err wraps_take(Wraps *w, WrapBatch *b, const BrokerWraps *answer, JobTable *jobs)
{
    if (answer->count != b->count || answer->wraps.size != (size_t)b->count * BROKER_WRAP_BYTES) return FAIL(ERR_PROTOCOL);
    for (uint32_t i = 0; i < b->count;) {
        const uint32_t job = b->jobs[i];
        i += take_keys(w, job, &jobs_get(jobs, job)->item, answer->wraps.data + (size_t)i * BROKER_WRAP_BYTES);
        jobs_queue(jobs, job);
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

/* The last micro-job of a batch, with all of its segments; JOB_NONE: there is none. */
static uint32_t take_back(WrapBatch *b)
{
    if (!b->count) return JOB_NONE;
    const uint32_t job = b->jobs[--b->count];
    while (b->count && b->jobs[b->count - 1] == job) b->count--;
    return job;
}

void wraps_restart(Wraps *w)
{
    for (uint32_t i = 0; i < WRAP_BATCHES_MAX; i++) {
        WrapBatch *b = &w->batches[i];
        for (uint32_t job = take_back(b); job != JOB_NONE; job = take_back(b)) wraps_add(w, job);
        broker_ask_end(&b->ask);
    }
}

uint32_t wraps_give_up(Wraps *w)
{
    for (uint32_t i = 0; i < WRAP_BATCHES_MAX; i++) {
        WrapBatch *b = &w->batches[i];
        const uint32_t job = take_back(b);
        if (job != JOB_NONE) return job;
        broker_ask_end(&b->ask);
    }
    return w->count ? take_waiting(w) : JOB_NONE;
}
