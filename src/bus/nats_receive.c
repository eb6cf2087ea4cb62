/* What came: acknowledgements and answers on the inbox; frames, to the handlers of their subject and then acknowledged. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/nats_internal.h"
#include "sys/clock.h"

static bool starts(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

int nats_status_of(natsMsg *message)
{
    const char *status = NULL;
    if (natsMsg_GetDataLength(message) > 0 || natsMsgHeader_Get(message, "Status", &status) != NATS_OK || !status) return 0;
    return atoi(status);
}

/* --- streams --- */

/* "$JS.ACK.<stream>.<consumer>.<times delivered>.…": which of ours asked for it. NULL: none */
static NatsPull *pull_of(Nats *n, const char *reply, bool *ret_again)
{
    for (int i = 0; i < PULLS; i++) {
        char prefix[NATS_API_SUBJECT_MAX];
        NatsPull *p = &n->pulls[i];
        if (!p->stream[0]) continue;
        snprintf(prefix, sizeof prefix, "$JS.ACK.%s.%s.", p->stream, p->consumer);
        if (!starts(reply, prefix)) continue;
        *ret_again = atoi(reply + strlen(prefix)) > 1;
        return p;
    }
    return NULL;
}

static void acknowledge(Nats *n, const char *reply)
{
    if (*reply) natsConnection_PublishString(n->connection, reply, "+ACK");
}

/* --- frames --- */

static Err to_handlers(Nats *n, const char *wire, View message)
{
    char subject[FRAME_SUBJECT_MAX];
    n->status.delivered++;
    return bus_deliver_here(n->bus, nats_logical(n, wire, subject), message);
}

static Err on_fragment(Nats *n, const NatsFrame *f, const char *reply)
{
    Assembled *m = NULL;
    bool done = false;
    Err e = nats_assembly_add(n->assembly, f, reply, clock_monotonic_ns(), &m, &done);
    if (e.code == ENOMEM) return e;
    if (e.code) n->status.dropped++;
    if (e.code == ERR_PROTOCOL || done) acknowledge(n, reply); /* nobody will want it later either */
    if (!m) return OK;
    e = to_handlers(n, m->subject, view_of(m->bytes, m->total));
    for (uint32_t i = 0; i < m->count && !e.code; i++) acknowledge(n, m->replies[i]);
    assembled_free(&m);
    return e;
}

static Err on_frame(Nats *n, const char *subject, const char *reply, View bytes)
{
    NatsFrame f;
    if (nats_frame_get(bytes, subject, &f).code) {
        n->status.dropped++;
        acknowledge(n, reply);
        return OK;
    }
    if (f.total > f.chunk) return on_fragment(n, &f, reply);
    TRY(to_handlers(n, subject, f.bytes));
    acknowledge(n, reply);
    return OK;
}

static Err on_inbox(Nats *n, const char *what, natsMsg *message)
{
    if (starts(what, "a.")) nats_send_answer(n, what + 2, message);
    else if (starts(what, "p.")) nats_pull_answer(n, what + 2, message);
    else if (starts(what, "r.")) nats_record_answer(n, what + 2, message);
    else if (starts(what, "c.")) nats_setup_answer(n, what + 2, message);
    else if (starts(what, "l.")) return nats_lease_answer(n, what + 2, message);
    return OK;
}

static bool core_listens(const Nats *n, const char *subject)
{
    for (uint32_t i = 0; i < n->core_count; i++)
        if (subject_matches(n->core[i].wire, subject)) return true;
    return false;
}

static Err on_any(Nats *n, natsMsg *message)
{
    const char *subject = natsMsg_GetSubject(message), *reply = natsMsg_GetReply(message);
    const View bytes = view_of(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
    bool again = false;
    if (starts(subject, n->inbox)) return on_inbox(n, subject + strlen(n->inbox), message);
    NatsPull *p = reply ? pull_of(n, reply, &again) : NULL;
    if (!p) {
        if (core_listens(n, subject)) return on_frame(n, subject, "", bytes);
        n->status.dropped++; /* somebody had a server's answer sent here */
        return OK;
    }
    Err e = OK;
    n->status.redelivered += again;
    if (!bus_listens_here(n->bus, subject)) return OK; /* not any more: for the next one to come */
    if (subject_matches(p->filter, subject)) e = on_frame(n, subject, p->until_empty ? "" : reply, bytes);
    else n->status.dropped++;
    nats_pull_delivered(n, p);
    return e;
}

/* --- turns --- */

static void look_at_connection(Nats *n)
{
    const NatsNews news = nats_shared_news(n->shared);
    if (!news.changed) return;
    n->connected = news.connected;
    if (n->on_state) n->on_state(n->context, n->connected, n->connected ? "the bus is back" : "the bus is lost; trying to reach it again");
    if (!n->connected) return;
    nats_setup_again(n);
    nats_pull_again(n);
    nats_send_record(n);
    nats_send_again(n);
}

Err nats_receive(void *nats, uint32_t events)
{
    (void)events;
    Nats *n = nats;
    uint64_t count;
    const ssize_t ignored = read(n->shared->event_fd, &count, sizeof count);
    (void)ignored; /* it is armed again below while anything is left */
    look_at_connection(n);
    Err e = OK;
    natsMsg *message = NULL;
    int left = NATS_TURN_MESSAGES;
    while (!e.code && left-- > 0 && (message = nats_shared_take(n->shared))) {
        e = on_any(n, message);
        natsMsg_Destroy(message);
    }
    if (left < 0 || e.code) nats_shared_wake(n->shared);
    return e;
}
