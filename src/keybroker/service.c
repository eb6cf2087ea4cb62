/* The key broker's bus side: one request in, one answer out. */
#include "keybroker/service.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "bus/broker_message.h"
#include "sys/clock.h"

_Static_assert((int)BROKER_WRAP_BYTES == (int)WRAP_BYTES && (int)BROKER_WRAP_JOBS_MAX == (int)WRAP_BATCH_MAX,
               "as the broker makes them");
_Static_assert(BROKER_GRANT_SEALED == sizeof((SessionGrant *)0)->sealed &&
                   BROKER_NODE_ID_MAX + 1 == sizeof((AttestRequest *)0)->node_id,
               "as the broker has them");

/* An attestation that was answered lately. */
typedef struct { Sha256 request; uint64_t forget_at; Buffer answer; } Answered;

struct BrokerService {
    Bus *bus;
    Broker *broker;
    ServiceClock clock;
    BusSubscription *subscription;
    LoopSource *timer;
    uint32_t next;                         /* place of the oldest */
    Answered answered[SERVICE_ANSWERS_MAX];
    BrokerWrap wrap;                       /* too large for a stack */
    uint8_t wraps[WRAP_BATCH_MAX][WRAP_BYTES];
};

static uint64_t system_seconds(void) { return clock_wall_ns() / NS_PER_S; }

/* --- answers --- */

/* Diags are one line of text; whatever a hostile file has put into one is made printable. */
static View printable(Diag *why)
{
    char *c = why->text;
    for (; *c && c < why->text + BROKER_TEXT_MAX; c++)
        if ((uint8_t)*c < ' ' || *c == 0x7f) *c = '?';
    return view_of(why->text, (size_t)(c - why->text));
}

static Err put_refusal(Buffer *b, uint64_t token, Err e, Diag *why)
{
    if (!why->text[0]) snprintf(why->text, sizeof why->text, "%s", err_text(e.code));
    const BrokerRefused m = {.token = token, .code = e.code, .text = printable(why)};
    return broker_put_refused(b, &m);
}

static Err answer_challenge(BrokerService *s, View message, Buffer *b, uint64_t now, Diag *why)
{
    BrokerChallenge m;
    TRY(broker_get_challenge(message, &m));
    BrokerNonce answer = {.token = m.head.token};
    TRY(broker_challenge(s->broker, now, answer.nonce, why));
    return broker_put_nonce(b, &answer);
}

static Err answer_attest(BrokerService *s, View message, Buffer *b, uint64_t now, Diag *why)
{
    BrokerAttest m;
    Verdict verdict;
    SessionGrant grant;
    TRY(broker_get_attest(message, &m));
    AttestRequest request = {.stage = m.stage, .footer = m.footer, .evidence = m.evidence, .privacy = m.privacy};
    memcpy(request.task_id, m.task_id, sizeof request.task_id);
    memcpy(request.node_id, m.node_id.data, m.node_id.size);
    if (m.ahead) {
        TRY(broker_appraise(s->broker, now, &request, &verdict, why));
        return broker_put_appraised(b, &(BrokerAppraised){.token = m.head.token});
    }
    TRY(broker_attest(s->broker, now, &request, &grant, &verdict, why));
    BrokerGrant answer = {.token = m.head.token, .session_id = grant.session_id};
    memcpy(answer.encapsulated, grant.encapsulated, sizeof answer.encapsulated);
    memcpy(answer.sealed, grant.sealed, sizeof answer.sealed);
    return broker_put_grant(b, &answer);
}

static Err answer_wrap(BrokerService *s, View message, Buffer *b, uint64_t now, Diag *why)
{
    BrokerWrap *m = &s->wrap;
    TRY(broker_get_wrap(message, m));
    TRY(broker_wrap(s->broker, now, m->session_id, m->jobs, m->plain_sizes, m->count, s->wraps, why));
    const BrokerWraps answer = {
        .token = m->head.token, .count = m->count, .wraps = view_of(s->wraps, m->count * sizeof s->wraps[0])};
    return broker_put_wraps(b, &answer);
}

static Err answer_result(BrokerService *s, View message, Buffer *b, uint64_t now, Diag *why)
{
    BrokerResult m;
    AUTO_BUFFER footer = buffer_limited(BROKER_FOOTER_MAX);
    TRY(broker_get_result(message, &m));
    TRY(broker_result_footer(s->broker, now, m.task_id, m.claims, &footer, why));
    const BrokerFooter answer = {.token = m.head.token, .footer = view_buffer(&footer)};
    return broker_put_footer(b, &answer);
}

static Err answer_any(BrokerService *s, View message, Buffer *b, uint64_t now, Diag *why)
{
    switch (broker_message_type(message)) {
    case BROKER_CHALLENGE: return answer_challenge(s, message, b, now, why);
    case BROKER_APPRAISE:
    case BROKER_ATTEST: return answer_attest(s, message, b, now, why);
    case BROKER_WRAP: return answer_wrap(s, message, b, now, why);
    case BROKER_RESULT: return answer_result(s, message, b, now, why);
    default: return FAIL(ERR_PROTOCOL);
    }
}

/* --- second copies --- */

static const Answered *find_answered(const BrokerService *s, const Sha256 *request, uint64_t now)
{
    for (int i = 0; i < SERVICE_ANSWERS_MAX; i++) {
        const Answered *a = &s->answered[i];
        if (a->answer.size > 0 && a->forget_at > now && memcmp(a->request.bytes, request->bytes, sizeof request->bytes) == 0)
            return a;
    }
    return NULL;
}

/* When there is no memory to keep it, a second copy is refused as a replay: no harm. */
static void keep_answer(BrokerService *s, const Sha256 *request, View answer, uint64_t now)
{
    Answered *a = &s->answered[s->next];
    buffer_free(&a->answer);
    a->answer = buffer_limited(answer.size);
    if (buffer_append(&a->answer, answer).code) return;
    a->request = *request;
    a->forget_at = now + SERVICE_ANSWER_LIFETIME_S;
    s->next = (s->next + 1) % SERVICE_ANSWERS_MAX;
}

static bool is_refusal_for_now(View answer)
{
    BrokerRefused refused;
    return broker_get_refused(answer, &refused).code == 0 && refused.code == ERR_BUSY;
}

/* --- requests --- */

static Err make_answer(BrokerService *s, View message, uint64_t token, Buffer *b, uint64_t now)
{
    Diag why = {{0}};
    Sha256 hash;
    const bool once = broker_message_type(message) == BROKER_ATTEST;
    if (once) {
        sha256_of(message, &hash);
        const Answered *before = find_answered(s, &hash, now);
        if (before) return buffer_append(b, view_buffer(&before->answer));
    }
    Err e = answer_any(s, message, b, now, &why);
    if (e.code) {
        buffer_free(b);
        *b = buffer_limited(2 * BROKER_FOOTER_MAX);
        TRY(put_refusal(b, token, e, &why));
    }
    if (once && !is_refusal_for_now(view_buffer(b))) keep_answer(s, &hash, view_buffer(b), now);
    return OK;
}

/* Nothing that comes over the bus ends the broker: what fails is one answer. */
static Err on_request(void *context, const char *subject, View message)
{
    (void)subject;
    BrokerService *s = context;
    BrokerHead head;
    char reply_to[BUS_SUBJECT_MAX] = "";
    if (broker_get_head(message, &head).code) return OK;
    memcpy(reply_to, head.reply_to.data, head.reply_to.size);
    if (strcmp(reply_to, BROKER_SUBJECT) == 0) return OK;
    AUTO_BUFFER answer = buffer_limited(2 * BROKER_FOOTER_MAX);
    Err e = make_answer(s, message, head.token, &answer, s->clock());
    if (!e.code) e = bus_publish(s->bus, reply_to, &answer);
    (void)e; /* nobody there, or no room: the asker asks again */
    return OK;
}

/* --- life --- */

static Err on_timer(void *context, uint32_t events)
{
    (void)events;
    BrokerService *s = context;
    loop_set_timer(s->timer, clock_monotonic_ns() + SERVICE_SWEEP_EVERY_S * NS_PER_S);
    Err e = broker_sweep(s->broker, s->clock());
    (void)e; /* tried again in a minute; what has expired counts for nothing meanwhile */
    return OK;
}

Err broker_service_new(Loop *loop, Bus *bus, Broker *broker, ServiceClock clock, BrokerService **ret_service)
{
    assert(loop && bus && broker && ret_service);

    BrokerService *s = calloc(1, sizeof *s);
    if (!s) return FAIL(ENOMEM);
    *s = (BrokerService){.bus = bus, .broker = broker, .clock = clock ? clock : system_seconds};
    Err e = bus_subscribe(bus, BROKER_SUBJECT, on_request, s, &s->subscription);
    if (!e.code) e = loop_add_timer(loop, clock_monotonic_ns() + SERVICE_SWEEP_EVERY_S * NS_PER_S, on_timer, s, &s->timer);
    if (e.code) broker_service_free(&s);
    else *ret_service = s;
    return e;
}

void broker_service_free(BrokerService **service)
{
    BrokerService *s = *service;
    if (!s) return;
    loop_remove(&s->timer);
    bus_unsubscribe(&s->subscription);
    for (int i = 0; i < SERVICE_ANSWERS_MAX; i++) buffer_free(&s->answered[i].answer);
    free(s);
    *service = NULL;
}
