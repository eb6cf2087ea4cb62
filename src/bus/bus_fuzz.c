/*
 * Bytes of any kind as a bus message: every reader either refuses them, or gives fields that a writer accepts and that come back the same
 * when written and read again. Nothing may be read outside the message (AddressSanitizer watches).
 */
#include <stdlib.h>

#include "bus/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(Err e)
{
    if (e.code) abort();
}

/* What was accepted must be written to the very bytes it came from: there is one way to say each thing. */
static void same(const Buffer *written, View read)
{
    if (!view_equal(view_buffer(written), read)) abort();
}

static void jobs(View v, Buffer *b)
{
    BatchReader r;
    if (message_open_batch(v, MESSAGE_JOBS, &r).code) return;
    must(message_begin_jobs(b, &r.head));
    JobItem item;
    bool more = true;
    while (message_next_job(&r, &item, &more).code == 0 && more) {
        if (item.kind == SEGMENT_RANGE && item.path.size == 0) abort();
        if (item.kind == SEGMENT_OBJECT && (item.object.size != OBJECT_ID_BYTES || item.offset > item.object_size - item.size)) abort();
        must(message_add_job(b, &item));
    }
}

static void results(View v, Buffer *b)
{
    BatchReader r;
    if (message_open_batch(v, MESSAGE_RESULTS, &r).code) return;
    must(message_begin_results(b, &r.head, r.sees_started));
    ResultItem item;
    bool more = true;
    while (message_next_result(&r, &item, &more).code == 0 && more) {
        if (item.outcome >= OUTCOME_COUNT || item.job > JOB_INDEX_MAX || item.log.size > SEE_LOG_MAX) abort();
        must(message_add_result(b, &item));
    }
    if (!more) same(b, v);
}

static void one(View v, Buffer *b)
{
    union {
        NodeMessage node; NodeChallenge challenge; NodeEvidence evidence; TaskOpen open; TaskReady ready; TaskRefused refused; TaskClose close;
        JobCancel cancel; TaskAlive alive; ObjectGet get; ObjectChunk chunk; ObjectNone none;
    } m;
    switch (message_type(v)) {
    case MESSAGE_NODE:
        if (message_get_node(v, &m.node).code) return;
        for (uint32_t i = 0; i < node_dataset_count(&m.node); i++) (void)node_dataset_at(&m.node, i);
        must(message_put_node(b, &m.node));
        break;
    case MESSAGE_TASK_OPEN:
        if (message_get_task_open(v, &m.open).code) return;
        must(message_put_task_open(b, &m.open));
        break;
    case MESSAGE_TASK_READY:
        if (message_get_task_ready(v, &m.ready).code) return;
        must(message_put_task_ready(b, &m.ready));
        break;
    case MESSAGE_TASK_REFUSED:
        if (message_get_task_refused(v, &m.refused).code) return;
        must(message_put_task_refused(b, &m.refused));
        break;
    case MESSAGE_TASK_CLOSE:
        if (message_get_task_close(v, &m.close).code) return;
        must(message_put_task_close(b, &m.close));
        break;
    case MESSAGE_JOB_CANCEL:
        if (message_get_job_cancel(v, &m.cancel).code) return;
        must(message_put_job_cancel(b, &m.cancel));
        break;
    case MESSAGE_TASK_ALIVE:
        if (message_get_task_alive(v, &m.alive).code) return;
        must(message_put_task_alive(b, &m.alive));
        break;
    case MESSAGE_NODE_CHALLENGE:
        if (message_get_node_challenge(v, &m.challenge).code) return;
        must(message_put_node_challenge(b, &m.challenge));
        break;
    case MESSAGE_NODE_EVIDENCE:
        if (message_get_node_evidence(v, &m.evidence).code) return;
        must(message_put_node_evidence(b, &m.evidence));
        break;
    case MESSAGE_OBJECT_GET:
        if (message_get_object_get(v, &m.get).code) return;
        must(message_put_object_get(b, &m.get));
        break;
    case MESSAGE_OBJECT_CHUNK:
        if (message_get_object_chunk(v, &m.chunk).code) return;
        must(message_put_object_chunk(b, &m.chunk));
        break;
    case MESSAGE_OBJECT_NONE:
        if (message_get_object_none(v, &m.none).code) return;
        must(message_put_object_none(b, &m.none));
        break;
    default: return;
    }
    same(b, v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    View v = view_of(data, size);
    AUTO_BUFFER b = buffer_limited(BUS_MESSAGE_BYTES_MAX);
    if (message_type(v) == MESSAGE_JOBS) jobs(v, &b);
    else if (message_type(v) == MESSAGE_RESULTS) results(v, &b);
    else one(v, &b);
    return 0;
}
