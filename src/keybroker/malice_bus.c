/* The world between: what it does to any bytes that pass, and the way to the broker and back through it. */
#include "keybroker/malice.h"

enum { TRIES = 3 };

bool scheme_is(Stage *s, Malice m)
{
    if (s->scheme != m) return false;
    s->done[m]++;
    return true;
}

/* --- any bytes --- */

static void keep(Stage *s, View bytes) { buffer_set(&s->kept[s->kept_count++ % KEPT], bytes); }

static void spoil(Stage *s, Malice how, Buffer *b)
{
    static const uint8_t MORE[] = "and more of it";
    switch (how) {
    case FLIP:
        if (b->size) b->data[stage_pick(s, b->size)] ^= (uint8_t)(1u << stage_pick(s, 8));
        return;
    case CUT: b->size = b->size ? stage_pick(s, b->size) : 0; return;
    case EXTEND: ck_assert_ok(buffer_append(b, view_of(MORE, 1 + stage_pick(s, sizeof MORE - 1)))); return;
    case GARBAGE:
        for (size_t i = 0; i < b->size; i++) b->data[i] = (uint8_t)stage_random(s);
        return;
    default: return;
    }
}

/* The held one goes in its place, and it is held. */
static bool exchange_with_held(Stage *s, Buffer *b)
{
    const Buffer held = s->held;
    s->held = *b;
    *b = held;
    if (!b->limit) *b = buffer_limited(4 * MESSAGE_MAX);
    return b->size > 0;
}

bool pass(Stage *s, Buffer *message)
{
    book_seen(s, view_buffer(message));
    keep(s, view_buffer(message));
    if (s->mischief == 0 || stage_pick(s, 16) > 0) return true;
    static const Malice KINDS[] = {DROP, REPLAY, FLIP, FLIP, CUT, EXTEND, GARBAGE, REORDER};
    const Malice how = KINDS[stage_pick(s, sizeof KINDS / sizeof KINDS[0])];
    s->mischief--;
    s->done[how]++;
    if (how == DROP) return false;
    if (how == REORDER) return exchange_with_held(s, message);
    if (how == REPLAY) buffer_set(message, view_buffer(&s->kept[stage_pick(s, s->kept_count < KEPT ? s->kept_count : KEPT)]));
    spoil(s, how, message);
    return true;
}

/* --- planted mistakes --- */

static int party_of(const Stage *s, const PublicKey *node)
{
    for (int i = 0; i < PARTIES; i++)
        if (memcmp(s->node[i].public_key.bytes, node->bytes, sizeof node->bytes) == 0) return i;
    return -1;
}

/* What the broker would have to overlook is made good under its nose. */
static void overlook(const Stage *s, const BrokerAttest *m, Evidence *e)
{
    if (s->plant == BROKER_TAKES_ANY_NONCE) ck_assert_ok(broker_challenge(s->broker, s->now, e->nonce, NULL));
    if (s->plant == BROKER_TAKES_ANY_LEVEL) e->level = LEVEL_PROCESS;
    if (s->plant == BROKER_TAKES_ANY_IMAGE) e->measurement = IMAGE;
    if (s->plant == BROKER_TAKES_ANY_TASK) memcpy(e->task_id, m->task_id, sizeof e->task_id);
}

static void plant_mistake(const Stage *s, Buffer *message)
{
    BrokerAttest m;
    Evidence e;
    AUTO_BUFFER cose = buffer_limited(EVIDENCE_BYTES_MAX);
    if (s->plant < BROKER_TAKES_ANY_NONCE || s->plant > BROKER_TAKES_ANY_TASK ||
        broker_get_attest(view_buffer(message), &m).code || evidence_decode(m.evidence, &e, NULL).code ||
        party_of(s, &e.node) < 0)
        return;
    overlook(s, &m, &e);
    ck_assert_ok(evidence_encode(&e, &s->node[party_of(s, &e.node)].secret, &cose));
    Buffer changed = buffer_limited(MESSAGE_MAX);
    m.evidence = view_buffer(&cose);
    ck_assert_ok(broker_put_attest(&changed, &m));
    buffer_free(message);
    *message = changed;
}

/* --- the broker --- */

static void deliver(Stage *s, View request)
{
    Buffer copy = buffer_limited(4 * MESSAGE_MAX);
    const size_t before = s->answer_count;
    ck_assert_ok(buffer_append(&copy, request));
    plant_mistake(s, &copy);
    ck_assert_ok(bus_publish(s->bus, BROKER_SUBJECT, &copy));
    buffer_free(&copy);
    for (int i = 0; i < WORLD_TURNS && s->answer_count == before; i++) ck_assert_ok(loop_turn(s->loop, 0));
    ck_assert_uint_le(s->answer_count, before + 1);
    if (s->answer_count > before) book_answer(s, request, view_buffer(&s->answers[before]));
}

bool is_clean(int code)
{
    static const int CODES[] = {ERR_BAD_INPUT,     ERR_LIMIT,     ERR_NO_ENTRY,  ERR_CORRUPT, ERR_DENIED,
                                ERR_BAD_SIGNATURE, ERR_UNTRUSTED, ERR_BUSY,      ERR_CLOSED,  ERR_PROTOCOL,
                                ERR_TASK_FAILED,   ERR_TRUNCATED, ERR_MISPLACED, ERR_FOREIGN, ERR_STALE};
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++)
        if (CODES[i] == code) return true;
    return false;
}

typedef struct {
    BrokerMessageType type;
    uint64_t token;
    Err refused;
    bool taken;
} Wanted;

static void take_answer(Stage *s, Wanted *w, Buffer *answer, Buffer *ret_answer)
{
    BrokerRefused refusal;
    uint64_t token;
    if (!pass(s, answer) || broker_get_token(view_buffer(answer), &token).code) return;
    /* A code that a flipped bit has made into none is a refusal all the same, as for an agent (node/attest.c). */
    if (broker_get_refused(view_buffer(answer), &refusal).code == 0) w->refused = FAIL(is_clean(refusal.code) ? refusal.code : ERR_DENIED);
    if (broker_message_type(view_buffer(answer)) != w->type || (token != w->token && stage_pick(s, 2))) return;
    w->taken = true;
    buffer_set(ret_answer, view_buffer(answer));
}

Err ask_broker(Stage *s, Buffer *request, BrokerMessageType type, Buffer *ret_answer)
{
    Wanted w = {.type = type, .token = s->token, .refused = FAIL(ERR_CLOSED)};
    for (int i = 0; i < TRIES && !w.taken; i++) {
        AUTO_BUFFER copy = buffer_limited(4 * MESSAGE_MAX);
        ck_assert_ok(buffer_append(&copy, view_buffer(request)));
        s->answer_count = 0;
        if (!pass(s, &copy)) continue;
        deliver(s, view_buffer(&copy));
        if (s->mischief > 0 && stage_pick(s, 12) == 0) {
            s->done[DUPLICATE]++;
            s->mischief--;
            deliver(s, view_buffer(&copy));
        }
        for (size_t k = 0; k < s->answer_count && !w.taken; k++) take_answer(s, &w, &s->answers[k], ret_answer);
        if (w.refused.code == ERR_DENIED) break;
    }
    s->answer_count = 0;
    return w.taken ? OK : w.refused;
}
