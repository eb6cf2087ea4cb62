/* A key broker for tests; see the header. */
#include "node/fake_broker.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/test.h"
#include "crypto/sign.h"

enum { MESSAGE_BYTES_MAX = 1 << 20 };

void fake_grant(const uint8_t evidence_hash[32], uint8_t ret_encapsulated[32], uint8_t ret_sealed[BROKER_GRANT_SEALED])
{
    memcpy(ret_encapsulated, evidence_hash, 32);
    for (uint32_t i = 0; i < BROKER_GRANT_SEALED; i++) ret_sealed[i] = (uint8_t)(evidence_hash[i % 32] ^ i);
}

void fake_wrap(uint64_t job, uint64_t plain_size, uint8_t ret_wrap[BROKER_WRAP_BYTES])
{
    memset(ret_wrap, 0x5e, BROKER_WRAP_BYTES);
    memcpy(ret_wrap, &job, sizeof job);
    memcpy(ret_wrap + 8, &plain_size, sizeof plain_size);
}

static bool is(const FakeBroker *b, const char *behaviour) { return b->behaviour && strcmp(b->behaviour, behaviour) == 0; }

static bool once(FakeBroker *b, const char *behaviour)
{
    if (b->told || !is(b, behaviour)) return false;
    b->told = true;
    return true;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(FakeBroker *b)
{
    uint64_t z = b->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* --- the way to the agent --- */

static void publish(FakeBroker *b, View answer)
{
    AUTO_BUFFER copy = buffer_limited(MESSAGE_BYTES_MAX);
    ck_assert_ok(buffer_append(&copy, answer));
    Err e = bus_publish(b->bus, "covey.node.test.broker", &copy);
    ck_assert(e.code == 0 || e.code == ERR_NO_ENTRY || e.code == ERR_BUSY);
}

static void publish_changed(FakeBroker *b, View answer)
{
    AUTO_BUFFER copy = buffer_limited(MESSAGE_BYTES_MAX);
    ck_assert_ok(buffer_append(&copy, answer));
    copy.data[next_random(b) % copy.size] ^= (uint8_t)(1u << next_random(b) % 8);
    publish(b, view_buffer(&copy));
}

/* Drops, repeats, changes, cuts, replays and delays; about two in three answers arrive in the end. */
static void publish_somehow(FakeBroker *b, View answer)
{
    switch (next_random(b) % 12) {
    case 0: return;
    case 1: publish(b, answer); break;
    case 2: publish_changed(b, answer); return;
    case 3: publish(b, view_of(answer.data, next_random(b) % answer.size)); return;
    case 4: publish(b, view_buffer(&b->kept[next_random(b) % (b->kept_count < FAKE_ANSWERS_KEPT ? b->kept_count : FAKE_ANSWERS_KEPT)])); break;
    default: break;
    }
    publish(b, answer);
}

static void replay_all(FakeBroker *b)
{
    for (uint32_t i = 0; i < b->kept_count && i < FAKE_ANSWERS_KEPT; i++) publish(b, view_buffer(&b->kept[i]));
}

static void keep(FakeBroker *b, View answer)
{
    Buffer *place = &b->kept[b->kept_count++ % FAKE_ANSWERS_KEPT];
    buffer_free(place);
    *place = buffer_limited(MESSAGE_BYTES_MAX);
    ck_assert_ok(buffer_append(place, answer));
}

static void answer_with(FakeBroker *b, View answer)
{
    if (is(b, "replay")) replay_all(b);
    if (is(b, "garbage")) publish(b, VIEW("\x43\x01garbage"));
    keep(b, answer);
    if (is(b, "chaos")) {
        publish_somehow(b, answer);
        return;
    }
    publish(b, answer);
    if (is(b, "twice")) publish(b, answer);
}

static void refuse(FakeBroker *b, uint64_t token, int32_t code, const char *text)
{
    AUTO_BUFFER message = buffer_limited(MESSAGE_BYTES_MAX);
    ck_assert_ok(broker_put_refused(&message, &(BrokerRefused){.token = token, .code = code, .text = view_text(text)}));
    answer_with(b, view_buffer(&message));
}

/* True when there is nothing more to say to this request. */
static bool evades(FakeBroker *b, uint64_t token, uint32_t heard, const char *refusal)
{
    if (is(b, "silent") || (is(b, "deaf-at-first") && heard < 3)) return true;
    if (is(b, "busy") || (is(b, "busy-at-first") && heard < 3)) return refuse(b, token, ERR_BUSY, "later"), true;
    if (is(b, refusal)) return refuse(b, token, ERR_DENIED, "the claim 'image' failed"), true;
    if (is(b, "unknown-code")) return refuse(b, token, ERR_UNTRUSTED, ""), true;
    if (is(b, "refuse-others")) refuse(b, token + 1000, ERR_DENIED, "not yours");
    return false;
}

/* --- requests --- */

static void put_nonce(FakeBroker *b, uint64_t token, Buffer *message)
{
    BrokerNonce nonce = {.token = token};
    b->nonces++;
    memcpy(nonce.nonce, &b->nonces, sizeof b->nonces);
    ck_assert_ok(broker_put_nonce(message, &nonce));
}

static void hear_challenge(FakeBroker *b, const BrokerChallenge *m)
{
    AUTO_BUFFER message = buffer_limited(MESSAGE_BYTES_MAX);
    if (evades(b, m->head.token, ++b->challenges, "refuse-challenge")) return;
    put_nonce(b, m->head.token, &message);
    answer_with(b, view_buffer(&message));
}

/* Whether evidence, of the fake warden or of a real one, answers a nonce that was given out. */
static bool answers_nonce(const FakeBroker *b, View evidence)
{
    for (uint64_t n = 1; n <= b->nonces; n++) {
        uint8_t nonce[sizeof((BrokerNonce *)NULL)->nonce] = {0};
        memcpy(nonce, &n, sizeof n);
        if (memmem(evidence.data, evidence.size, nonce, sizeof nonce)) return true;
    }
    return false;
}

static void check_attest(const FakeBroker *b, const BrokerAttest *m)
{
    static const uint8_t TASK[16] = {7};
    ck_assert_mem_eq(m->task_id, TASK, sizeof TASK);
    ck_assert_uint_eq(m->stage, b->stage);
    ck_assert(view_equal(m->node_id, VIEW("test")) && view_equal(m->footer, VIEW(FAKE_FOOTER)));
    if (!is(b, "chaos")) ck_assert(answers_nonce(b, m->evidence)); /* else it may have been changed on the way */
}

static void hear_attest(FakeBroker *b, const BrokerAttest *m)
{
    Sha256 hash;
    BrokerGrant grant = {.token = m->head.token, .session_id = b->session_id};
    AUTO_BUFFER message = buffer_limited(MESSAGE_BYTES_MAX);
    check_attest(b, m);
    if (evades(b, m->head.token, ++b->attests, "refuse-attest")) return;
    if (is(b, "wrong-type")) { /* another nonce where a grant is due */
        put_nonce(b, m->head.token, &message);
        publish(b, view_buffer(&message));
        message.size = 0;
    }
    sha256_of(m->evidence, &hash);
    fake_grant(hash.bytes, grant.encapsulated, grant.sealed);
    if (is(b, "forge-grants") || once(b, "forge-grant-once")) grant.sealed[50] ^= 1;
    ck_assert_ok(broker_put_grant(&message, &grant));
    answer_with(b, view_buffer(&message));
}

static void hear_appraise(FakeBroker *b, const BrokerAttest *m)
{
    AUTO_BUFFER message = buffer_limited(MESSAGE_BYTES_MAX);
    check_attest(b, m);
    if (evades(b, m->head.token, ++b->appraised, "refuse-appraise")) return;
    ck_assert_ok(broker_put_appraised(&message, &(BrokerAppraised){.token = m->head.token}));
    answer_with(b, view_buffer(&message));
}

static void hear_wrap(FakeBroker *b, const BrokerWrap *m)
{
    static uint8_t wraps[BROKER_WRAP_JOBS_MAX][BROKER_WRAP_BYTES];
    BrokerWraps answer = {.token = m->head.token, .count = m->count, .wraps = view_of(wraps, m->count * sizeof wraps[0])};
    AUTO_BUFFER message = buffer_limited(MESSAGE_BYTES_MAX);
    if (!is(b, "chaos")) ck_assert_uint_eq(m->session_id, b->session_id);
    if (evades(b, m->head.token, ++b->wraps, "refuse-wrap")) return;
    if (is(b, "session-over") || once(b, "session-over-once") || (b->wraps == 2 && is(b, "session-over-later"))) b->session_id++;
    if (m->session_id != b->session_id) {
        refuse(b, m->head.token, ERR_NO_ENTRY, "the session is over");
        return;
    }
    for (uint32_t i = 0; i < m->count; i++) fake_wrap(m->jobs[i], m->plain_sizes[i], wraps[i]);
    if (once(b, "forge-wraps-once")) for (uint32_t i = 0; i < m->count; i++) wraps[i][20] ^= 1;
    if (is(b, "forge-wraps")) for (uint32_t i = 0; i < m->count; i++) wraps[i][0] ^= 1;
    if (m->count > 1 && once(b, "too-few")) answer.count--, answer.wraps.size -= BROKER_WRAP_BYTES;
    b->wrapped += answer.count;
    ck_assert_ok(broker_put_wraps(&message, &answer));
    answer_with(b, view_buffer(&message));
}

static Err on_request(void *context, const char *subject, View message)
{
    (void)subject;
    static union { BrokerChallenge challenge; BrokerAttest attest; BrokerWrap wrap; } m;
    FakeBroker *b = context;
    switch (message.size ? message.data[0] : 0) {
    case BROKER_CHALLENGE:
        ck_assert_ok(broker_get_challenge(message, &m.challenge));
        ck_assert(view_equal(m.challenge.head.reply_to, VIEW("covey.node.test.broker")));
        hear_challenge(b, &m.challenge);
        return OK;
    case BROKER_APPRAISE:
    case BROKER_ATTEST:
        ck_assert_ok(broker_get_attest(message, &m.attest));
        if (m.attest.ahead) hear_appraise(b, &m.attest);
        else hear_attest(b, &m.attest);
        return OK;
    default:
        ck_assert_ok(broker_get_wrap(message, &m.wrap));
        hear_wrap(b, &m.wrap);
        return OK;
    }
}

void fake_broker_open(FakeBroker *b, Bus *bus, const char *behaviour)
{
    *b = (FakeBroker){.bus = bus, .behaviour = behaviour, .session_id = FAKE_SESSION};
    ck_assert_ok(bus_subscribe(bus, "covey.keybroker", on_request, b, &b->subscription));
}

void fake_broker_close(FakeBroker *b)
{
    bus_unsubscribe(&b->subscription);
    for (uint32_t i = 0; i < FAKE_ANSWERS_KEPT; i++) buffer_free(&b->kept[i]);
}
