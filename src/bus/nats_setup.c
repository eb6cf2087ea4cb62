/*
 * Streams and consumers: made by managers alone, also on behalf of nodes. A node may not make its consumer itself, because who makes one says
 * where the server delivers, and the server may publish anywhere.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/nats_internal.h"
#include "sys/clock.h"

enum { JS_STREAM_EXISTS = 10058, JS_NO_CONSUMER = 10014, SETUP_RETRY_MS = 500, DEDUP_S = 120, SUBJECT_MESSAGES_MAX = 8192, ENSURED_MAX = 1 << 17,
       LEADER_PATIENCE = 12 /* times connect_ms: a cluster that has lost a server first finds new leaders, and takes up to half a minute for it */ };

/* --- streams --- */

typedef enum { SETUP_NODE, SETUP_MANAGER, SETUP_NODES, SETUP_LEASES, SETUPS } Setup;
static const char *const NAMES[SETUPS] = {STREAM_NODE, STREAM_MANAGER, STREAM_NODES, STREAM_LEASES};

static void work_stream(const Nats *n, const char *name, const char *subjects, char ret_body[NATS_BODY_MAX])
{
    snprintf(ret_body, NATS_BODY_MAX,
             "{\"name\":\"%s\",\"subjects\":[\"%s\"],\"retention\":\"workqueue\",\"storage\":\"file\",\"discard\":\"new\",\"num_replicas\":%u,"
             "\"max_age\":%" PRIu64 ",\"max_bytes\":%" PRIu64 ",\"max_msgs\":-1,\"max_msgs_per_subject\":%d,\"discard_new_per_subject\":true,"
             "\"max_msg_size\":-1,\"max_consumers\":-1,\"duplicate_window\":%" PRIu64 "}",
             name, subjects, n->replicas, NATS_AGE_S * NS_PER_S, n->stream_bytes, SUBJECT_MESSAGES_MAX, DEDUP_S * NS_PER_S);
}

static void stream_body(const Nats *n, Setup which, char ret_body[NATS_BODY_MAX])
{
    const uint64_t ttl = n->record_ttl_ms * NS_PER_MS;
    switch (which) {
    case SETUP_NODE: work_stream(n, STREAM_NODE, "covey.node.*", ret_body); break;
    case SETUP_MANAGER: work_stream(n, STREAM_MANAGER, "covey.manager.*.*", ret_body); break;
    case SETUP_NODES:
        snprintf(ret_body, NATS_BODY_MAX,
                 "{\"name\":\"%s\",\"subjects\":[\"covey.nodes.*\"],\"retention\":\"limits\",\"storage\":\"memory\",\"discard\":\"old\",\"num_replicas\":%u,"
                 "\"max_age\":%" PRIu64 ",\"max_bytes\":-1,\"max_msgs\":-1,\"max_msgs_per_subject\":1,\"max_msg_size\":-1,\"max_consumers\":-1,"
                 "\"duplicate_window\":%" PRIu64 "}",
                 STREAM_NODES, n->replicas, ttl, ttl);
        break;
    default:
        snprintf(ret_body, NATS_BODY_MAX,
                 "{\"name\":\"%s\",\"subjects\":[\"%s>\"],\"retention\":\"limits\",\"storage\":\"file\",\"discard\":\"new\",\"num_replicas\":%u,"
                 "\"max_age\":%" PRIu64 ",\"max_bytes\":-1,\"max_msgs\":-1,\"max_msgs_per_subject\":1,\"max_msg_size\":4096,\"max_consumers\":-1,"
                 "\"deny_delete\":true,\"duplicate_window\":%" PRIu64 "}",
                 STREAM_LEASES, LEASE_SUBJECT, n->replicas, 24 * 3600 * NS_PER_S, DEDUP_S * NS_PER_S);
    }
}

/* 0: done. -1: no answer that could be read. */
static int error_of(natsMsg *message, char ret_text[NATS_PROBLEM_MAX])
{
    json_t *answer = json_loadb(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message), 0, NULL);
    json_t *error = json_object_get(answer, "error");
    const char *why = json_string_value(json_object_get(error, "description"));
    const int code = !answer ? -1 : error ? (int)json_integer_value(json_object_get(error, "err_code")) : 0;
    snprintf(ret_text, NATS_PROBLEM_MAX, "%s", why ? why : "no JetStream here at the moment");
    json_decref(answer);
    return error && !code ? -1 : code;
}

static int ask_and_wait(const Nats *n, const char *verb, const char *name, const char *body, char ret_text[NATS_PROBLEM_MAX])
{
    char subject[NATS_API_SUBJECT_MAX];
    natsMsg *answer = NULL;
    snprintf(subject, sizeof subject, "$JS.API.STREAM.%s.%s", verb, name);
    const natsStatus s = natsConnection_RequestString(&answer, n->connection, subject, body, n->connect_ms / 2);
    int code = -1;
    if (s == NATS_OK) code = error_of(answer, ret_text);
    else snprintf(ret_text, NATS_PROBLEM_MAX, "%s", natsStatus_GetText(s));
    natsMsg_Destroy(answer);
    return code;
}

/* A cluster whose servers have just started has no leader yet: asked again for a while. */
static Err setup_stream(Nats *n, Setup which, uint64_t until_ns, Diag *diag)
{
    char body[NATS_BODY_MAX], why[NATS_PROBLEM_MAX];
    stream_body(n, which, body);
    for (;;) {
        int code = ask_and_wait(n, "CREATE", NAMES[which], body, why);
        if (code == JS_STREAM_EXISTS) code = ask_and_wait(n, "UPDATE", NAMES[which], body, why);
        if (code == 0) return OK;
        if (code != -1)
            return FAIL_WHY(diag, ERR_DENIED, "%s: cannot make the stream %s: %s; give the server room (max_file_store), or remove an older stream of that name",
                            n->url, NAMES[which], why);
        if (clock_monotonic_ns() > until_ns)
            return FAIL_WHY(diag, ERR_DENIED, "%s: no answer about the stream %s (%s); is this key a manager's there (covey bus config --manager), and is JetStream up?",
                            n->url, NAMES[which], why);
        nats_Sleep(100);
    }
}

Err nats_setup_streams(Nats *n, Diag *diag)
{
    const uint64_t until = clock_monotonic_ns() + (n->replicas > 1 ? LEADER_PATIENCE : 2) * (uint64_t)n->connect_ms * NS_PER_MS;
    for (Setup s = 0; s < SETUPS; s++) TRY(setup_stream(n, s, until, diag));
    return OK;
}

static void ask_for_missing(Nats *n)
{
    char subject[NATS_API_SUBJECT_MAX], body[NATS_BODY_MAX], answer[16];
    for (Setup s = 0; s < SETUPS; s++) {
        if (!(n->streams_missing & 1U << s)) continue;
        stream_body(n, s, body);
        snprintf(subject, sizeof subject, "$JS.API.STREAM.CREATE.%s", NAMES[s]);
        snprintf(answer, sizeof answer, "c.s%d", (int)s);
        nats_request(n, subject, body, answer);
    }
    n->streams_retry_ns = clock_monotonic_ns() + SETUP_RETRY_MS * NS_PER_MS;
}

void nats_setup_again(Nats *n)
{
    if (n->role != BUS_MANAGER) return;
    n->streams_missing = (1U << SETUPS) - 1;
    nats_forget_ensured(n);
    ask_for_missing(n);
}

void nats_setup_tick(Nats *n, uint64_t now_ns)
{
    if (n->connected && n->streams_missing && now_ns >= n->streams_retry_ns) ask_for_missing(n);
}

void nats_setup_answer(Nats *n, const char *what, natsMsg *message)
{
    char why[NATS_PROBLEM_MAX];
    const int code = error_of(message, why);
    const unsigned which = *what == 's' ? (unsigned)atoi(what + 1) : SETUPS;
    if (which < SETUPS && (code == 0 || code == JS_STREAM_EXISTS)) n->streams_missing &= ~(1U << which);
    else if (code && code != JS_NO_CONSUMER) nats_shared_problem(n->shared, "%s: %s", what, why);
    if (*what == 'n' && code && code != JS_NO_CONSUMER) nats_forget_ensured(n); /* again with the next message for it */
}

/* --- consumers --- */

static void make_consumer(Nats *n, const char *stream, const char *name, const char *filter, bool work, const char *answer)
{
    char subject[NATS_API_SUBJECT_MAX], body[NATS_BODY_MAX];
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.CREATE.%s.%s.%s", stream, name, filter);
    if (work)
        snprintf(body, sizeof body,
                 "{\"stream_name\":\"%s\",\"config\":{\"durable_name\":\"%s\",\"name\":\"%s\",\"deliver_policy\":\"all\",\"ack_policy\":\"explicit\",\"ack_wait\":%" PRIu64
                 ",\"max_deliver\":-1,\"filter_subject\":\"%s\",\"replay_policy\":\"instant\",\"max_ack_pending\":%d,\"max_waiting\":16,\"inactive_threshold\":%" PRIu64 "}}",
                 stream, name, name, n->ack_wait_ms * NS_PER_MS, filter, SUBJECT_MESSAGES_MAX, NATS_IDLE_S * NS_PER_S);
    else
        snprintf(body, sizeof body,
                 "{\"stream_name\":\"%s\",\"config\":{\"name\":\"%s\",\"deliver_policy\":\"last_per_subject\",\"ack_policy\":\"none\",\"filter_subject\":\"%s\","
                 "\"replay_policy\":\"instant\",\"mem_storage\":true,\"num_replicas\":1,\"inactive_threshold\":%" PRIu64 "}}",
                 stream, name, filter, 10 * NS_PER_S);
    nats_request(n, subject, body, answer);
}

void nats_make_consumer(Nats *n, const NatsPull *p) { make_consumer(n, p->stream, p->consumer, p->filter, !p->until_empty, "c.p"); }

typedef struct { char id[SUBJECT_TOKEN_MAX + 1]; uint64_t made_ns; } Ensured;

static int by_id(const void *a, const void *b) { return strcmp(((const Ensured *)a)->id, ((const Ensured *)b)->id); }

/* NULL: no memory; then it is made each time. */
static Ensured *ensured_of(Nats *n, const char *node)
{
    Ensured *wanted = calloc(1, sizeof *wanted);
    if (!wanted) return NULL;
    snprintf(wanted->id, sizeof wanted->id, "%s", node);
    Ensured **found = tsearch(wanted, &n->ensured, by_id);
    if (!found || *found != wanted) free(wanted);
    else n->ensured_count++;
    return found ? *found : NULL;
}

void nats_forget_ensured(Nats *n)
{
    tdestroy(n->ensured, free);
    n->ensured = NULL;
    n->ensured_count = 0;
}

void nats_ensure_consumer(Nats *n, const char *node)
{
    char filter[BUS_SUBJECT_MAX], answer[SUBJECT_TOKEN_MAX + 8];
    if (!subject_is_token(node) || !n->connected) return;
    if (n->ensured_count > ENSURED_MAX) nats_forget_ensured(n);
    Ensured *e = ensured_of(n, node);
    const uint64_t now = clock_monotonic_ns();
    if (e && e->made_ns && now - e->made_ns < NATS_ENSURE_S * NS_PER_S) return;
    if (e) e->made_ns = now;
    snprintf(filter, sizeof filter, "covey.node.%s", node);
    snprintf(answer, sizeof answer, "c.n%s", node);
    make_consumer(n, STREAM_NODE, node, filter, true, answer);
}

/* --- leaving --- */

static void remove_queue(Nats *n, const char *stream, const char *consumer, const char *filter)
{
    char subject[NATS_API_SUBJECT_MAX], body[NATS_BODY_MAX];
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.DELETE.%s.%s", stream, consumer);
    nats_request(n, subject, "", "c.d");
    snprintf(subject, sizeof subject, "$JS.API.STREAM.PURGE.%s", stream);
    snprintf(body, sizeof body, "{\"filter\":\"%s\"}", filter);
    nats_request(n, subject, body, "c.d");
}

Err nats_forget(Nats *n, const char *node)
{
    char filter[BUS_SUBJECT_MAX], body[NATS_BODY_MAX];
    if (!subject_is_token(node)) return FAIL(ERR_USAGE);
    if (!n->connected) return FAIL(ERR_BUSY);
    snprintf(filter, sizeof filter, "covey.node.%s", node);
    remove_queue(n, STREAM_NODE, node, filter);
    snprintf(body, sizeof body, "{\"filter\":\"covey.nodes.%s\"}", node);
    nats_request(n, "$JS.API.STREAM.PURGE." STREAM_NODES, body, "c.d");
    Ensured *e = ensured_of(n, node);
    if (e) e->made_ns = 0;
    return OK;
}

void nats_leave(Nats *n)
{
    const NatsPull *p = &n->pulls[PULL_WORK];
    if (n->role == BUS_MANAGER && p->stream[0]) remove_queue(n, p->stream, p->consumer, p->filter);
}
