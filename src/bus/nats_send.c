/*
 * What is published. Subjects of streams: kept in order in a list until the server has acknowledged every fragment, with so many bytes sent
 * ahead; sent again when nothing moves, and after a reconnect. Other subjects: sent once, lost when there is no connection.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/nats_internal.h"
#include "sys/clock.h"

enum { JS_MESSAGE_TOO_LARGE = 10054 };

static bool starts(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }
static uint32_t tokens(const char *subject)
{
    uint32_t count = 1;
    for (; *subject; subject++) count += *subject == '.';
    return count;
}

static bool is_work(const char *subject)
{
    return (starts(subject, "covey.node.") && tokens(subject) == 3) || (starts(subject, "covey.manager.") && tokens(subject) == 4);
}

/* --- frames out --- */

static size_t bytes_of(const Outgoing *o, uint32_t index)
{
    const size_t left = o->message.size - (size_t)index * o->chunk;
    return left < o->chunk ? left : o->chunk;
}

static Err send_frame(Nats *n, const char *subject, const char *answer, const uint8_t id[FRAME_ID_BYTES], View message, uint32_t chunk,
                      uint32_t index, bool once)
{
    AUTO_BUFFER frame = buffer_limited(2 * (size_t)NATS_CHUNK_MAX);
    char text[2 * FRAME_ID_BYTES + 16];
    natsMsg *m = NULL;
    TRY(nats_frame_put(&frame, subject, id, message, chunk, index));
    natsStatus s = natsMsg_Create(&m, subject, answer, (const char *)frame.data, (int)frame.size);
    if (s == NATS_OK && once) {
        for (int i = 0; i < FRAME_ID_BYTES; i++) snprintf(text + 2 * i, 3, "%02x", id[i]);
        snprintf(text + 2 * FRAME_ID_BYTES, sizeof text - 2 * FRAME_ID_BYTES, ".%u", index);
        s = natsMsgHeader_Set(m, "Nats-Msg-Id", text);
    }
    if (s == NATS_OK) s = natsConnection_PublishMsg(n->connection, m);
    natsMsg_Destroy(m);
    return s == NATS_OK ? OK : FAIL(s == NATS_NO_MEMORY ? ENOMEM : ERR_BUSY);
}

static Err send_outgoing(Nats *n, Outgoing *o)
{
    char answer[NATS_INBOX_MAX + 64];
    snprintf(answer, sizeof answer, "%sa.%" PRIu64 ".%u", n->inbox, o->number, o->sent);
    return send_frame(n, o->subject, answer, o->id, view_buffer(&o->message), o->chunk, o->sent, true);
}

void nats_send_more(Nats *n)
{
    if (!n->connected || n->hold_ns) return;
    for (Outgoing *o = n->outgoing; o; o = o->next) {
        for (; o->sent < o->count; o->sent++) {
            if (o->taken[o->sent]) continue;
            if (n->flight_bytes && n->flight_bytes + bytes_of(o, o->sent) > NATS_FLIGHT_BYTES_MAX) return;
            if (send_outgoing(n, o).code) return; /* the tick tries again */
            if (n->flight_bytes == 0) n->progress_ns = clock_monotonic_ns();
            n->flight_bytes += bytes_of(o, o->sent) + 1;
        }
    }
}

static void ensure_consumer(Nats *n, const char *subject)
{
    if (n->role == BUS_MANAGER && starts(subject, "covey.node.")) nats_ensure_consumer(n, subject + strlen("covey.node."));
}

void nats_send_again(Nats *n)
{
    for (Outgoing *o = n->outgoing; o; o = o->next) {
        ensure_consumer(n, o->subject);
        n->status.resent += o->sent > 0;
        o->sent = 0;
    }
    n->flight_bytes = 0;
    n->hold_ns = 0;
    n->progress_ns = clock_monotonic_ns();
    nats_send_more(n);
}

/* --- answers --- */

static void outgoing_free(Outgoing **outgoing)
{
    Outgoing *o = *outgoing;
    if (!o) return;
    *outgoing = NULL;
    buffer_free(&o->message);
    free(o->taken);
    free(o);
}

static void remove_outgoing(Nats *n, Outgoing **at, Outgoing *before)
{
    Outgoing *o = *at;
    for (uint32_t i = 0; i < o->sent; i++)
        if (!o->taken[i]) n->flight_bytes -= bytes_of(o, i) + 1;
    *at = o->next;
    if (n->last_outgoing == o) n->last_outgoing = before;
    n->outgoing_bytes -= o->message.size;
    n->outgoing_count--;
    outgoing_free(&o);
}

static void taken(Nats *n, Outgoing **at, Outgoing *before, uint32_t index)
{
    Outgoing *o = *at;
    if (index >= o->count || o->taken[index]) return;
    if (index < o->sent) n->flight_bytes -= bytes_of(o, index) + 1;
    o->taken[index] = true;
    n->progress_ns = clock_monotonic_ns();
    if (++o->have == o->count) remove_outgoing(n, at, before);
}

/* 0: the server has it. Otherwise its error code, or the status of an answer that came from no stream (503). */
static int refusal_of(natsMsg *message, char ret_text[NATS_PROBLEM_MAX])
{
    const int status = nats_status_of(message);
    snprintf(ret_text, NATS_PROBLEM_MAX, "status %d of a publication", status);
    if (status) return status;
    json_t *answer = json_loadb(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message), 0, NULL);
    json_t *error = json_object_get(answer, "error");
    const char *why = json_string_value(json_object_get(error, "description"));
    int code = answer ? 0 : -1;
    if (error) code = (int)json_integer_value(json_object_get(error, "err_code"));
    if (error && !code) code = -1;
    if (why) snprintf(ret_text, NATS_PROBLEM_MAX, "%s", why);
    json_decref(answer);
    return code;
}

void nats_send_answer(Nats *n, const char *what, natsMsg *message)
{
    uint64_t number = 0;
    uint32_t index = 0;
    char why[NATS_PROBLEM_MAX];
    if (sscanf(what, "%" SCNu64 ".%" SCNu32, &number, &index) != 2) return;
    Outgoing *before = NULL, **at = &n->outgoing;
    for (; *at && (*at)->number != number; at = &(*at)->next) before = *at;
    if (!*at) return; /* it was sent twice and taken before */
    const int refusal = refusal_of(message, why);
    if (refusal == 0) {
        taken(n, at, before, index);
    } else {
        nats_shared_problem(n->shared, "%s: %s", (*at)->subject, why);
        if (refusal == JS_MESSAGE_TOO_LARGE) remove_outgoing(n, at, before);
        else if (!n->hold_ns) n->hold_ns = clock_monotonic_ns() + NATS_REFUSED_MS * NS_PER_MS;
    }
    nats_send_more(n);
}

void nats_send_tick(Nats *n, uint64_t now_ns)
{
    if (n->record_retry_ns && now_ns >= n->record_retry_ns) nats_send_record(n);
    if (!n->connected || !n->outgoing) return;
    const bool stuck = n->flight_bytes && now_ns - n->progress_ns > NATS_RESEND_MS * NS_PER_MS;
    if (n->hold_ns ? now_ns >= n->hold_ns : stuck) nats_send_again(n);
    else nats_send_more(n);
}

/* --- publishing --- */

static void new_id(Nats *n, uint8_t ret_id[FRAME_ID_BYTES])
{
    n->next_number++;
    memcpy(ret_id, n->id_prefix, 8);
    memcpy(ret_id + 8, &n->next_number, 8);
}

static void taken_over(Buffer *message)
{
    const size_t limit = message->limit;
    buffer_free(message);
    *message = buffer_limited(limit);
}

static Err publish_work(Nats *n, const char *subject, Buffer *message)
{
    if (message->size > n->stream_bytes / 2) return FAIL(ERR_LIMIT);
    if (n->outgoing_count == NATS_OUTGOING_MAX) return FAIL(ERR_BUSY);
    if (n->outgoing && n->outgoing_bytes + message->size > NATS_QUEUE_BYTES_MAX) return FAIL(ERR_BUSY);
    Outgoing *o = calloc(1, sizeof *o);
    if (!o) return FAIL(ENOMEM);
    o->chunk = n->chunk;
    o->count = nats_frame_count((uint32_t)message->size, o->chunk);
    o->taken = calloc(o->count, sizeof *o->taken);
    if (!o->taken) {
        free(o);
        return FAIL(ENOMEM);
    }
    new_id(n, o->id);
    o->number = n->next_number;
    snprintf(o->subject, sizeof o->subject, "%s", subject);
    o->message = *message;
    *message = buffer_limited(message->limit);
    if (n->last_outgoing) n->last_outgoing->next = o;
    else n->outgoing = o;
    n->last_outgoing = o;
    n->outgoing_count++;
    n->outgoing_bytes += o->message.size;
    nats_send_more(n);
    return OK;
}

static Err publish_once(Nats *n, const char *wire, View message)
{
    uint8_t id[FRAME_ID_BYTES];
    if (!n->connected) return OK; /* lossy: as if the server had lost it */
    new_id(n, id);
    const uint32_t count = nats_frame_count((uint32_t)message.size, n->chunk);
    for (uint32_t i = 0; i < count; i++) {
        Err e = send_frame(n, wire, NULL, id, message, n->chunk, i, false);
        if (e.code) return e;
    }
    return OK;
}

/* Managers hear it as it goes by; those that come later find it in its stream, so it is said again until that has it. */
void nats_send_record(Nats *n)
{
    uint8_t id[FRAME_ID_BYTES];
    char answer[NATS_INBOX_MAX + 32];
    if (!n->record_subject[0] || !n->connected) return;
    new_id(n, id);
    n->record_number = n->next_number;
    n->record_retry_ns = clock_monotonic_ns() + NATS_RECORD_RETRY_MS * NS_PER_MS;
    snprintf(answer, sizeof answer, "%sr.%" PRIu64, n->inbox, n->record_number);
    Err e = send_frame(n, n->record_subject, answer, id, view_buffer(&n->record), n->chunk, 0, false);
    (void)e; /* the tick tries again */
}

void nats_record_answer(Nats *n, const char *what, natsMsg *message)
{
    char why[NATS_PROBLEM_MAX];
    if (strtoull(what, NULL, 10) == n->record_number && refusal_of(message, why) == 0) n->record_retry_ns = 0;
}

static Err publish_record(Nats *n, const char *subject, Buffer *message)
{
    if (message->size > n->chunk) return FAIL(ERR_LIMIT);
    buffer_free(&n->record);
    n->record = *message;
    *message = buffer_limited(message->limit);
    snprintf(n->record_subject, sizeof n->record_subject, "%s", subject);
    nats_send_record(n);
    return OK;
}

Err nats_publish(void *nats, const char *subject, Buffer *message)
{
    Nats *n = nats;
    char wire[FRAME_SUBJECT_MAX];
    if (strlen(subject) >= BUS_SUBJECT_MAX || strpbrk(subject, " \t\r\n*>")) return FAIL(ERR_USAGE);
    n->status.published++;
    if (starts(subject, "covey.nodes.")) return publish_record(n, subject, message);
    if (is_work(subject)) {
        ensure_consumer(n, subject);
        return publish_work(n, subject, message);
    }
    TRY(publish_once(n, nats_wire(n, subject, wire), view_buffer(message)));
    taken_over(message);
    return OK;
}

void nats_send_free(Nats *n)
{
    while (n->outgoing) {
        Outgoing *o = n->outgoing;
        n->outgoing = o->next;
        outgoing_free(&o);
    }
    buffer_free(&n->record);
}
