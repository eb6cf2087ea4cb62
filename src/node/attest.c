/*
 * Sealed data: what must happen before a zygote may be given work. The agent only carries messages: the nonce from the key broker to the
 * warden, the warden's evidence to the broker, the broker's grant to the zygote, and later the wrapped keys of micro-jobs to their slots.
 */
#include "node/task.h"
#include "node/text.h"
#include "sys/clock.h"

enum {
    HELD_S = 40,                  /* a nonce is good for 60 s: after so long the evidence that is held is made anew */
    CHALLENGE_BYTES_MAX = 1024,
    ATTEST_BYTES_MAX = BROKER_FOOTER_MAX + BROKER_EVIDENCE_MAX + PRIVACY_REQUEST_BYTES + 4096,
};

/* --- what is asked, step by step --- */

static Err challenge(Post *p, bool at_once, uint64_t now_ns)
{
    BrokerLink *broker = &p->task->node->broker;
    const BrokerChallenge request = {.head = broker_link_head(broker)};
    AUTO_BUFFER message = buffer_limited(CHALLENGE_BYTES_MAX);
    TRY(broker_put_challenge(&message, &request));
    p->attest.step = ATTEST_NONCE;
    if (at_once) return broker_link_ask(broker, &p->attest.ask, request.head.token, &message, now_ns);
    broker_link_ask_later(&p->attest.ask, request.head.token, &message, now_ns);
    return OK;
}

Err attest_begin(Post *p, uint64_t now_ns)
{
    p->attest.rounds = 0;
    p->attest.begun_ns = now_ns;
    return challenge(p, true, now_ns);
}

static Err hear_nonce(Post *p, const BrokerNonce *nonce)
{
    Node *node = p->task->node;
    broker_ask_end(&p->attest.ask);
    p->attest.step = ATTEST_EVIDENCE;
    p->zygote.since_ns = clock_monotonic_ns();
    Err e = warden_link_evidence(&node->warden, p->zygote.id, nonce->nonce, 0);
    if (e.code == 0) return OK;
    node->warden_lost = true;
    loop_defer(node->work);
    return OK;
}

/* Opened ahead of time: everything but the key. The broker says what it thinks of the evidence, and the rest waits. */
static Err hold(Post *p, BrokerAttest *request, Buffer *message)
{
    BrokerLink *broker = &p->task->node->broker;
    const uint64_t token = request->head.token;
    AUTO_BUFFER question = buffer_limited(ATTEST_BYTES_MAX);
    request->ahead = true;
    request->head = broker_link_head(broker);
    TRY(broker_put_attest(&question, request));
    buffer_free(&p->attest.held);
    p->attest.held = *message;
    *message = buffer_limited(0);
    p->attest.held_token = token;
    p->attest.held_ns = clock_monotonic_ns();
    p->attest.step = ATTEST_VERDICT;
    return broker_link_ask(broker, &p->attest.ask, request->head.token, &question, p->attest.held_ns);
}

static Err ask_grant(Post *p, uint64_t now_ns)
{
    p->attest.step = ATTEST_GRANT;
    return broker_link_ask(&p->task->node->broker, &p->attest.ask, p->attest.held_token, &p->attest.held, now_ns);
}

/* Good evidence waits for a micro-job, which the manager hears that it may send; or there is one by now. */
static Err hear_verdict(Post *p)
{
    const uint64_t now = clock_monotonic_ns();
    broker_ask_end(&p->attest.ask);
    if (!p->task->is_ready) p->zygote.attest_ns = now - p->attest.begun_ns;
    if (p->task->wanted) return ask_grant(p, now);
    p->attest.step = ATTEST_HELD;
    return task_say_ready(p->task, &p->zygote);
}

Err attest_hear_evidence(Post *p, const WardenReport *report)
{
    Task *t = p->task;
    BrokerLink *broker = &t->node->broker;
    if (p->attest.step != ATTEST_EVIDENCE) return OK;
    if (report->code) {
        if (!t->is_ready) task_doom(t, report->code, "%s", report->text[0] ? report->text : err_text(report->code));
        return post_lose(p, OUTCOME_LOST);
    }
    BrokerAttest request = {.head = broker_link_head(broker), .stage = t->open.stage, .node_id = view_text(t->node->node_id),
                            .footer = t->open.footer, .evidence = report->evidence, .privacy = t->open.privacy};
    memcpy(request.task_id, t->open.id.bytes, sizeof request.task_id);
    AUTO_BUFFER message = buffer_limited(ATTEST_BYTES_MAX);
    TRY(broker_put_attest(&message, &request));
    sha256_of(report->evidence, &p->attest.evidence_hash);
    if (t->open.ahead && !t->wanted) return hold(p, &request, &message);
    p->attest.step = ATTEST_GRANT;
    return broker_link_ask(broker, &p->attest.ask, request.head.token, &message, clock_monotonic_ns());
}

Err attest_want(Task *t, uint64_t now_ns)
{
    for (uint32_t i = 0; i < t->post_count; i++) {
        Post *p = &t->posts[i];
        if (p->zygote.state != ZYGOTE_ATTESTING || p->attest.step != ATTEST_HELD) continue;
        TRY(ask_grant(p, now_ns));
    }
    return OK;
}

/* The session is over: no zygote's is good any more, and no key that was wrapped under it. */
static Err renew_session(Task *t)
{
    t->has_session = false;
    for (uint32_t i = 0; i < t->post_count; i++) TRY(post_lose(&t->posts[i], OUTCOME_NONE));
    if (!t->wraps) return OK;
    wraps_restart(t->wraps);
    for (uint32_t job = jobs_take(&t->jobs); job != JOB_NONE; job = jobs_take(&t->jobs)) wraps_add(t->wraps, job);
    return OK;
}

/* Whether it is genuine only the zygote can tell, and it ends when it is not. */
static Err hear_grant(Post *p, const BrokerGrant *grant)
{
    Task *t = p->task;
    ChannelSession session = {.type = CHANNEL_SESSION};
    memcpy(session.evidence_hash, p->attest.evidence_hash.bytes, sizeof session.evidence_hash);
    memcpy(session.encapsulated, grant->encapsulated, sizeof session.encapsulated);
    memcpy(session.sealed, grant->sealed, sizeof session.sealed);
    broker_ask_end(&p->attest.ask);
    if (t->has_session && t->session_id != grant->session_id) return renew_session(t);
    Err e = zygote_link_grant(&p->zygote, &session);
    if (e.code == ERR_CLOSED) return OK; /* its end is on the way */
    if (e.code) return post_lose(p, OUTCOME_LOST);
    t->session_id = grant->session_id;
    t->has_session = true;
    const uint64_t now = clock_monotonic_ns();
    if (!t->is_ready) p->zygote.attest_ns = now - p->attest.begun_ns; /* held until a key was wanted, it has said so */
    return post_ready(p, now);
}

/* --- what comes --- */

static void doom_unanswered(Task *t, bool put_off)
{
    if (put_off) task_doom(t, ERR_BUSY, "the key broker has more requests than it may answer; try again later");
    else task_doom(t, ERR_CLOSED, "the key broker did not answer %d times; the data are sealed, and only it can release their keys", BROKER_TRIES_MAX);
}

static void doom_refused(Task *t, const BrokerRefused *r)
{
    char text[REFUSED_TEXT_MAX];
    text_copy(text, sizeof text, r->text);
    bool known = r->code >= ERR_FIRST && r->code < ERR_LAST;
    task_doom(t, known ? r->code : ERR_DENIED, "%s", text[0] ? text : "the key broker refuses, and does not say why");
}

/* Too busy, or the nonce was too old when the evidence came: once more from the start, after a while. */
static Err refused_post(Post *p, const BrokerRefused *r)
{
    if (r->code == ERR_BUSY && ++p->attest.rounds < BROKER_TRIES_MAX) return challenge(p, false, clock_monotonic_ns());
    if (r->code == ERR_BUSY) doom_unanswered(p->task, true);
    else doom_refused(p->task, r);
    return OK;
}

static Err hear_for_post(Post *p, const BrokerAnswer *a)
{
    bool wants_nonce = p->attest.step == ATTEST_NONCE, wants_grant = p->attest.step == ATTEST_GRANT;
    if (a->type == BROKER_REFUSED) return refused_post(p, &a->is.refused);
    if (a->type == BROKER_NONCE && wants_nonce) return hear_nonce(p, &a->is.nonce);
    if (a->type == BROKER_APPRAISED && p->attest.step == ATTEST_VERDICT) return hear_verdict(p);
    if (a->type == BROKER_GRANT && wants_grant) return hear_grant(p, &a->is.grant);
    return OK;
}

static Err refused_batch(Task *t, WrapBatch *b, const BrokerRefused *r)
{
    if (r->code == ERR_NO_ENTRY) return renew_session(t);
    if (r->code == ERR_BUSY) b->ask.put_off = true; /* it is sent again after a while, like a lost one */
    else doom_refused(t, r);
    return OK;
}

static Err hear_for_batch(Task *t, WrapBatch *b, const BrokerAnswer *a)
{
    if (a->type == BROKER_REFUSED) return refused_batch(t, b, &a->is.refused);
    if (a->type != BROKER_WRAPS) return OK;
    Err e = wraps_take(t->wraps, b, &a->is.wraps, &t->jobs);
    (void)e; /* not the right number of keys: they are asked for again */
    return OK;
}

Err attest_hear(Task *t, const BrokerAnswer *answer, bool *ret_mine)
{
    *ret_mine = true;
    WrapBatch *b = t->wraps ? wraps_batch(t->wraps, answer->token) : NULL;
    if (b) return hear_for_batch(t, b, answer);
    for (uint32_t i = 0; i < t->post_count; i++) {
        Post *p = &t->posts[i];
        if (p->zygote.state == ZYGOTE_ATTESTING && p->attest.ask.token && p->attest.ask.token == answer->token) return hear_for_post(p, answer);
    }
    *ret_mine = false;
    return OK;
}

/* --- what does not come --- */

Err attest_watch(Post *p, uint64_t now_ns)
{
    Task *t = p->task;
    bool lost = false;
    if (p->attest.step == ATTEST_HELD) return now_ns > p->attest.held_ns + HELD_S * NS_PER_S ? challenge(p, true, now_ns) : OK;
    if (p->attest.step == ATTEST_EVIDENCE) {
        if (now_ns > p->zygote.since_ns + START_SECONDS_MAX * NS_PER_S) t->node->warden_lost = true; /* it is hung */
        return OK;
    }
    TRY(broker_link_watch(&t->node->broker, &p->attest.ask, now_ns, &lost));
    if (lost) doom_unanswered(t, false);
    return OK;
}

Err attest_watch_wraps(Task *t, uint64_t now_ns)
{
    bool lost, put_off;
    if (!t->wraps) return OK;
    TRY(wraps_watch(t->wraps, &t->node->broker, now_ns, &lost, &put_off));
    if (lost) doom_unanswered(t, put_off);
    return OK;
}

Err attest_ask_wraps(Task *t, uint64_t now_ns)
{
    if (!t->wraps || !t->has_session) return OK;
    return wraps_ask(t->wraps, &t->jobs, &t->node->broker, t->session_id, now_ns);
}
