/* Gathering results into messages. */
#include "node/results.h"

#include "sys/clock.h"

Results results_new(Outbox *outbox, const BatchHead *head, const uint8_t digest_key[32])
{
    return (Results){.outbox = outbox, .head = *head, .digest_key = digest_key, .message = buffer_limited(BUS_MESSAGE_BYTES_MAX)};
}

void results_free(Results *r) { buffer_free(&r->message); }

/* How many SEEs were started is known only now, and stands in the head: the head is written a second time, over the first. */
static Err put_head(Results *r)
{
    AUTO_BUFFER head = buffer_limited(KIB);
    TRY(message_begin_results(&head, &r->head, r->sees_started));
    memcpy(r->message.data, head.data, head.size);
    r->sees_started = 0;
    return OK;
}

static Err begin(Results *r)
{
    TRY(buffer_reserve(&r->message, r->last_size));
    return message_begin_results(&r->message, &r->head, 0);
}

bool results_due(Results *r, uint64_t each_ns, bool last, uint64_t now_ns)
{
    if (last || r->count >= r->hold_count || r->message.size >= RESULTS_HOLD_BYTES) return true;
    if (r->count == 0) return false; /* SEEs that gave no result are told with the next one */
    if (r->since_ns == 0) r->since_ns = now_ns;
    return now_ns - r->since_ns >= RESULTS_HOLD_MS * NS_PER_MS || each_ns > RESULTS_HOLD_MS * NS_PER_MS / RESULTS_SOON;
}

Err results_flush(Results *r)
{
    if (r->message.size == 0 && r->sees_started == 0) return OK;
    if (r->message.size == 0) TRY(begin(r));
    TRY(put_head(r));
    r->last_size = r->message.size < RESULTS_BYTES_TARGET ? r->message.size : RESULTS_BYTES_TARGET;
    r->count = 0;
    r->since_ns = 0;
    return outbox_send(r->outbox, &r->head.manager, &r->message);
}

static Err add(Results *r, const ResultItem *item)
{
    if (r->message.size == 0) TRY(begin(r));
    return message_add_result_digested(&r->message, item, r->digest_key);
}

Err results_add(Results *r, const ResultItem *item)
{
    Err e = add(r, item);
    if (e.code == ERR_LIMIT && r->count > 0) {
        TRY(results_flush(r));
        e = add(r, item);
    }
    if (e.code == ERR_LIMIT) {
        ResultItem smaller = *item;
        smaller.outcome = OUTCOME_OUTPUT_LIMIT;
        smaller.output = (View){0};
        e = add(r, &smaller);
    }
    TRY(e);
    r->count++;
    return r->count == BUS_BATCH_JOBS_MAX || r->message.size > RESULTS_BYTES_TARGET ? results_flush(r) : OK;
}
