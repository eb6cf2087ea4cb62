/*
 * Subscriptions: to work, by asking a consumer for it a batch at a time, the next only when the last was handled; to node records, by a snapshot
 * of those that are there and then as they come; to all else, as core NATS does it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/broker_message.h"
#include "bus/nats_internal.h"
#include "sys/clock.h"

enum { PULL_HEARTBEAT = 100, PULL_NO_MESSAGES = 404, PULL_TIMEOUT = 408, PULL_ENDED = 409, BACKOFF_FIRST_MS = 20, BACKOFF_MAX_MS = 500 };

/* --- names --- */

static bool is_broker(const char *subject)
{
    const size_t size = strlen(BROKER_SUBJECT);
    return strncmp(subject, BROKER_SUBJECT, size) == 0 && (subject[size] == '\0' || subject[size] == '.');
}

const char *nats_wire(const Nats *n, const char *subject, char ret_wire[FRAME_SUBJECT_MAX])
{
    snprintf(ret_wire, FRAME_SUBJECT_MAX, is_broker(subject) ? "%s.%s" : "%s", subject, n->id);
    return ret_wire;
}

const char *nats_logical(const Nats *n, const char *wire, char ret_subject[FRAME_SUBJECT_MAX])
{
    (void)n;
    snprintf(ret_subject, FRAME_SUBJECT_MAX, "%s", wire);
    if (is_broker(wire) && strlen(wire) > strlen(BROKER_SUBJECT)) *strrchr(ret_subject, '.') = '\0';
    return ret_subject;
}

/* --- asking ---
 *
 * A server says nothing at all to who asks a consumer that is not there. So the first question is one that is answered at once if there is a
 * consumer, and is repeated until it is; then come questions that wait for work, each until it is answered or should have been.
 */

static uint64_t patience_of(NatsPull *p)
{
    if (p->confirmed) return (NATS_PULL_SECONDS + 2) * NS_PER_S;
    p->backoff_ns = p->backoff_ns ? 2 * p->backoff_ns : BACKOFF_FIRST_MS * NS_PER_MS;
    if (p->backoff_ns > BACKOFF_MAX_MS * NS_PER_MS) p->backoff_ns = BACKOFF_MAX_MS * NS_PER_MS;
    return p->backoff_ns;
}

static void ask(Nats *n, NatsPull *p)
{
    char subject[NATS_API_SUBJECT_MAX], body[NATS_BODY_MAX], answer[64];
    p->request = ++n->next_number;
    p->left = NATS_PULL_BATCH;
    p->got = 0;
    p->retry_ns = clock_monotonic_ns() + patience_of(p);
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", p->stream, p->consumer);
    snprintf(answer, sizeof answer, "p.%d.%" PRIu64, (int)(p - n->pulls), p->request);
    if (!p->confirmed) snprintf(body, sizeof body, "{\"batch\":%d,\"no_wait\":true}", NATS_PULL_BATCH);
    else snprintf(body, sizeof body, "{\"batch\":%d,\"max_bytes\":%d,\"expires\":%" PRIu64 "}", NATS_PULL_BATCH, NATS_PULL_BYTES, NATS_PULL_SECONDS * NS_PER_S);
    nats_request(n, subject, body, answer);
}

/* A snapshot goes on with questions that are answered at once, until there is nothing more. */
static void consumer_is_there(Nats *n, NatsPull *p)
{
    p->backoff_ns = 0;
    if (p->until_empty || p->confirmed) return;
    p->confirmed = true;
    ask(n, p);
}

void nats_pull_delivered(Nats *n, NatsPull *p)
{
    p->got++;
    if (!p->wanted) return;
    consumer_is_there(n, p);
    if (p->left && --p->left == 0) ask(n, p);
}

/* "<pull>.<request>": the server ends a request */
void nats_pull_answer(Nats *n, const char *what, natsMsg *message)
{
    unsigned which = PULLS;
    uint64_t request = 0;
    if (sscanf(what, "%u.%" SCNu64, &which, &request) != 2 || which >= PULLS) return;
    NatsPull *p = &n->pulls[which];
    const int status = nats_status_of(message);
    if (!p->wanted || request != p->request || status == PULL_HEARTBEAT) return;
    if (p->until_empty && (status == PULL_NO_MESSAGES || status == PULL_TIMEOUT)) {
        p->wanted = false;
    } else if (!p->confirmed && status == PULL_NO_MESSAGES) {
        consumer_is_there(n, p);
    } else if (status == PULL_TIMEOUT || (status == PULL_ENDED && p->got)) {
        ask(n, p);
    } else { /* gone, or another server's now */
        p->confirmed = false;
        p->retry_ns = clock_monotonic_ns() + patience_of(p);
    }
}

void nats_pull_tick(Nats *n, uint64_t now_ns)
{
    if (!n->connected) return;
    for (int i = 0; i < PULLS; i++) {
        NatsPull *p = &n->pulls[i];
        if (!p->wanted || now_ns < p->retry_ns) continue;
        if (n->role == BUS_MANAGER && (p->confirmed || p->backoff_ns > BACKOFF_MAX_MS * NS_PER_MS / 4)) nats_make_consumer(n, p); /* it went away */
        p->confirmed = false;
        ask(n, p);
    }
}

static void start(Nats *n, NatsPull *p)
{
    p->wanted = true;
    p->confirmed = false;
    p->backoff_ns = 0;
    if (!n->connected) return;
    if (n->role == BUS_MANAGER) nats_make_consumer(n, p);
    ask(n, p);
}

static void start_records(Nats *n)
{
    NatsPull *p = &n->pulls[PULL_RECORDS];
    *p = (NatsPull){.until_empty = true};
    snprintf(p->stream, sizeof p->stream, "%s", STREAM_NODES);
    snprintf(p->consumer, sizeof p->consumer, "s%016" PRIx64, ++n->next_number ^ *(const uint64_t *)(const void *)n->id_prefix);
    snprintf(p->filter, sizeof p->filter, "covey.nodes.*");
    start(n, p);
}

void nats_pull_again(Nats *n)
{
    for (uint32_t i = 0; i < n->core_count; i++)
        if (strcmp(n->core[i].subject, "covey.nodes.*") == 0) start_records(n);
    if (n->pulls[PULL_WORK].wanted) start(n, &n->pulls[PULL_WORK]);
}

/* --- subscriptions --- */

/* The one work queue that this client's permissions let it read. */
static bool own_work(const Nats *n, const char *subject)
{
    char own[BUS_SUBJECT_MAX];
    snprintf(own, sizeof own, n->role == BUS_MANAGER ? "covey.manager.%s.*" : "covey.node.%s", n->id);
    return n->role != BUS_BROKER && strcmp(own, subject) == 0;
}

static void start_work(Nats *n, const char *subject)
{
    NatsPull *p = &n->pulls[PULL_WORK];
    if (p->wanted) return;
    snprintf(p->stream, sizeof p->stream, "%s", n->role == BUS_MANAGER ? STREAM_MANAGER : STREAM_NODE);
    snprintf(p->consumer, sizeof p->consumer, "%s", n->id);
    snprintf(p->filter, sizeof p->filter, "%s", subject);
    start(n, p);
}

static uint32_t find_core(const Nats *n, const char *subject)
{
    uint32_t i = 0;
    while (i < n->core_count && strcmp(n->core[i].subject, subject) != 0) i++;
    return i;
}

static void start_core(Nats *n, const char *subject)
{
    if (find_core(n, subject) < n->core_count) return;
    if (n->core_count == NATS_SUBJECTS_MAX) {
        nats_shared_problem(n->shared, "%s: more than %d subscriptions; not heard", subject, NATS_SUBJECTS_MAX);
        return;
    }
    CoreSubscription *c = &n->core[n->core_count];
    *c = (CoreSubscription){0};
    snprintf(c->subject, sizeof c->subject, "%s", subject);
    snprintf(c->wire, sizeof c->wire, is_broker(subject) ? "%s.*" : "%s", subject);
    nats_shared_hold(n->shared);
    if (natsConnection_Subscribe(&c->subscription, n->connection, c->wire, nats_on_message, n->shared) != NATS_OK) {
        nats_shared_release(n->shared);
        nats_shared_problem(n->shared, "%s: cannot subscribe", c->wire);
        return;
    }
    if (natsSubscription_SetOnCompleteCB(c->subscription, nats_on_subscription_end, n->shared) != NATS_OK) nats_shared_release(n->shared);
    n->core_count++;
}

void nats_subscribed(void *nats, const char *subject)
{
    Nats *n = nats;
    if (own_work(n, subject)) {
        start_work(n, subject);
        return;
    }
    start_core(n, subject);
    if (strcmp(subject, "covey.nodes.*") == 0 && n->role == BUS_MANAGER) start_records(n);
}

void nats_unsubscribed(void *nats, const char *subject)
{
    Nats *n = nats;
    if (own_work(n, subject)) n->pulls[PULL_WORK].wanted = false;
    const uint32_t at = find_core(n, subject);
    if (at == n->core_count) return;
    natsSubscription_Destroy(n->core[at].subscription);
    n->core[at] = n->core[--n->core_count];
}

void nats_pull_free(Nats *n)
{
    while (n->core_count) natsSubscription_Destroy(n->core[--n->core_count].subscription);
}
