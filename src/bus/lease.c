/*
 * Leases over NATS: a key each, read now and then by who waits, renewed by who holds. In one process: held, from the loop's next turn.
 *
 *   WAITING --(key free, or unchanged for ttl; compare-and-set went through)--> HELD --(no renewal went through for ttl; key changed)--> LOST
 *   LOST is WAITING for those who had it before.
 */
#include "bus/lease.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/nats_internal.h"
#include "sys/clock.h"

enum { JS_NO_MESSAGE = 10037, JS_WRONG_SEQUENCE = 10071, RENEWALS_A_TTL = 3, READS_A_TTL = 4 };

typedef struct { uint64_t number, expected, sent_ns; char kind; /* 'r' read, 'w' write; 0: none */ } Request;

struct BusLease {
    BusLease *next;
    Nats *nats;              /* NULL: in one process */
    LoopSource *deferred;
    char name[SUBJECT_TOKEN_MAX + 1];
    BusLeaseHandler handler;
    void *context;
    LeaseState state;
    uint64_t number, ttl_ns, fence;
    uint64_t revision;       /* HELD: ours; otherwise as last seen */
    uint64_t seen_ns;        /* when that was seen first; 0: not yet */
    uint64_t until_ns, next_ns;
    Request request;
};

static Err become(BusLease *l, LeaseState state, uint64_t fence)
{
    l->state = state;
    l->fence = fence;
    l->seen_ns = 0;
    return l->handler(l->context, state, fence);
}

static Err on_next_turn(void *context, uint32_t events)
{
    (void)events;
    return become(context, LEASE_HELD, 1);
}

/* --- requests --- */

static void begin_request(BusLease *l, char kind, uint64_t expected)
{
    l->request = (Request){++l->nats->next_number, expected, clock_monotonic_ns(), kind};
}

static void read_key(BusLease *l)
{
    char body[NATS_BODY_MAX], answer[64];
    begin_request(l, 'r', 0);
    snprintf(body, sizeof body, "{\"last_by_subj\":\"%s%s\"}", LEASE_SUBJECT, l->name);
    snprintf(answer, sizeof answer, "l.%" PRIu64 ".%" PRIu64, l->number, l->request.number);
    nats_request(l->nats, "$JS.API.STREAM.MSG.GET." STREAM_LEASES, body, answer);
}

/* value empty: free again */
static void write_key(BusLease *l, uint64_t expected, const char *value)
{
    char subject[NATS_API_SUBJECT_MAX], answer[NATS_INBOX_MAX + 64], sequence[24];
    natsMsg *m = NULL;
    begin_request(l, 'w', expected);
    snprintf(subject, sizeof subject, "%s%s", LEASE_SUBJECT, l->name);
    snprintf(answer, sizeof answer, "%sl.%" PRIu64 ".%" PRIu64, l->nats->inbox, l->number, l->request.number);
    snprintf(sequence, sizeof sequence, "%" PRIu64, expected);
    natsStatus s = natsMsg_Create(&m, subject, answer, value, (int)strlen(value));
    if (s == NATS_OK) s = natsMsgHeader_Set(m, "Nats-Expected-Last-Subject-Sequence", sequence);
    if (s == NATS_OK && l->nats->connected) s = natsConnection_PublishMsg(l->nats->connection, m);
    natsMsg_Destroy(m);
    if (s != NATS_OK) nats_shared_problem(l->nats->shared, "%s: %s", subject, natsStatus_GetText(s));
}

/* --- answers --- */

static int code_of(const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");
    return error ? (int)json_integer_value(json_object_get(error, "err_code")) : 0;
}

static void on_read(BusLease *l, const json_t *answer, uint64_t now_ns)
{
    const json_t *message = json_object_get(answer, "message");
    const uint64_t revision = (uint64_t)json_integer_value(json_object_get(message, "seq"));
    const char *value = json_string_value(json_object_get(message, "data"));
    const int code = code_of(answer);
    if (code ? code != JS_NO_MESSAGE : !message) return; /* not to be read now */
    const bool is_free = !value || !*value;
    if (!l->seen_ns || revision != l->revision) l->seen_ns = now_ns;
    l->revision = revision;
    if (is_free || now_ns - l->seen_ns >= l->ttl_ns) write_key(l, revision, l->nats->id);
}

static Err on_written(BusLease *l, const Request *r, const json_t *answer)
{
    const uint64_t revision = (uint64_t)json_integer_value(json_object_get(answer, "seq"));
    if (code_of(answer) == JS_WRONG_SEQUENCE && l->state == LEASE_HELD && r->expected == l->revision) return become(l, LEASE_LOST, 0);
    if (code_of(answer) || !revision) return OK;
    l->revision = revision;
    l->until_ns = r->sent_ns + l->ttl_ns;
    l->next_ns = r->sent_ns + l->ttl_ns / RENEWALS_A_TTL;
    return l->state == LEASE_HELD ? OK : become(l, LEASE_HELD, revision);
}

Err nats_lease_answer(Nats *n, const char *what, natsMsg *message)
{
    uint64_t number = 0, request = 0;
    if (sscanf(what, "%" SCNu64 ".%" SCNu64, &number, &request) != 2) return OK;
    BusLease *l = n->leases;
    while (l && l->number != number) l = l->next;
    if (!l || l->request.number != request || !l->request.kind) return OK;
    const Request r = l->request;
    const uint64_t now = clock_monotonic_ns();
    l->request.kind = 0;
    if (now - r.sent_ns >= l->ttl_ns) return OK; /* too old to build on */
    json_t *answer = json_loadb(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message), 0, NULL);
    Err e = OK;
    if (answer && r.kind == 'w') e = on_written(l, &r, answer);
    else if (answer && l->state != LEASE_HELD) on_read(l, answer, now);
    json_decref(answer);
    return e;
}

/* A renewal that got no answer is not repeated with the old revision before its time: the next one would contradict it. */
static Err lease_tick(BusLease *l, uint64_t now_ns)
{
    if (l->state == LEASE_HELD && now_ns >= l->until_ns) return become(l, LEASE_LOST, 0);
    if (now_ns < l->next_ns || !l->nats->connected) return OK;
    if (l->state == LEASE_HELD) {
        l->next_ns = now_ns + l->ttl_ns / RENEWALS_A_TTL;
        write_key(l, l->revision, l->nats->id);
    } else {
        l->next_ns = now_ns + l->ttl_ns / READS_A_TTL;
        read_key(l);
    }
    return OK;
}

Err nats_lease_tick(Nats *n, uint64_t now_ns)
{
    for (BusLease *l = n->leases, *next; l; l = next) {
        const LeaseState before = l->state;
        next = l->next;
        const bool ends = before == LEASE_HELD && now_ns >= l->until_ns;
        TRY(lease_tick(l, now_ns));
        if (ends) return OK; /* its handler may have closed any of them */
    }
    return OK;
}

/* --- the interface --- */

Err bus_lease_take(Bus *bus, const char *name, uint32_t ttl_ms, BusLeaseHandler handler, void *context, BusLease **ret_lease)
{
    assert(bus && handler && ret_lease);

    if (!subject_is_token(name) || ttl_ms < LEASE_TTL_MS_MIN || ttl_ms > LEASE_TTL_MS_MAX) return FAIL(ERR_USAGE);
    BusLease *l = calloc(1, sizeof *l);
    if (!l) return FAIL(ENOMEM);
    snprintf(l->name, sizeof l->name, "%s", name);
    l->handler = handler;
    l->context = context;
    l->ttl_ns = ttl_ms * NS_PER_MS;
    l->nats = nats_of(bus);
    if (l->nats) {
        l->number = ++l->nats->next_number;
        l->next = l->nats->leases;
        l->nats->leases = l;
    } else {
        Err e = loop_add_deferred(bus_loop(bus), on_next_turn, l, &l->deferred);
        if (e.code) {
            free(l);
            return e;
        }
        loop_defer(l->deferred);
    }
    *ret_lease = l;
    return OK;
}

LeaseState bus_lease_state(const BusLease *l, uint64_t *ret_fence)
{
    *ret_fence = l->fence;
    return l->state;
}

void bus_lease_release(BusLease **lease)
{
    BusLease *l = *lease;
    if (!l) return;
    *lease = NULL;
    loop_remove(&l->deferred);
    if (l->nats) {
        BusLease **at = &l->nats->leases;
        while (*at != l) at = &(*at)->next;
        *at = l->next;
        if (l->state == LEASE_HELD) write_key(l, l->revision, "");
    }
    free(l);
}
