/*
 * The oracle: books of its own about who is who and what was granted, against which everything that the broker gives is held; and
 * a look at every byte that the world between sees. It knows what is true from the honest parties and decodes no evidence.
 */
#include "keybroker/malice.h"

void book_wrong(Stage *s, const char *what)
{
    if (!s->books.wrong[0]) snprintf(s->books.wrong, sizeof s->books.wrong, "%s", what);
}

static bool same(const void *a, const void *b, size_t size) { return memcmp(a, b, size) == 0; }

/* --- what nobody may see --- */

static uint32_t bloom_bit(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return (uint32_t)(v * UINT64_C(0x9e3779b97f4a7c15) >> 48);
}

static void mark(Books *b, size_t needle)
{
    const uint32_t bit = bloom_bit(b->needles[needle].bytes);
    b->bloom[bit / 8] |= (uint8_t)(1u << bit % 8);
}

void book_needle(Stage *s, const void *bytes, size_t size)
{
    Books *b = &s->books;
    ck_assert_uint_lt(b->needle_count, NEEDLES_MAX);
    ck_assert(size >= 8 && size <= sizeof b->needles[0].bytes);
    memcpy(b->needles[b->needle_count].bytes, bytes, size);
    b->needles[b->needle_count].size = size;
    mark(b, b->needle_count++);
}

void book_run_begins(Stage *s)
{
    Books *b = &s->books;
    b->needle_count = b->fixed_needles;
    memset(b->bloom, 0, sizeof b->bloom);
    for (size_t i = 0; i < b->needle_count; i++) mark(b, i);
}

void book_seen(Stage *s, View bytes)
{
    const Books *b = &s->books;
    for (size_t at = 0; at + 8 <= bytes.size; at++) {
        const uint32_t bit = bloom_bit(bytes.data + at);
        if (!(b->bloom[bit / 8] >> bit % 8 & 1)) continue;
        for (size_t i = 0; i < b->needle_count; i++)
            if (b->needles[i].size <= bytes.size - at && same(b->needles[i].bytes, bytes.data + at, b->needles[i].size))
                book_wrong(s, "the world between holds plaintext or a key");
    }
}

/* --- what is true --- */

void book_evidence(Stage *s, View cose, const Evidence *e, Party node)
{
    BookedEvidence *b = &s->books.evidence[s->books.evidence_count++ % BOOKED_EVIDENCE];
    *b = (BookedEvidence){.evidence = *e, .node = node};
    sha256_of(cose, &b->hash);
}

void book_restart(Stage *s) { s->books.nonce_count = 0; }

static void book_nonce(Stage *s, View answer)
{
    BrokerNonce m;
    BookedNonce *n = &s->books.nonces[s->books.nonce_count++ % BOOKED_NONCES];
    ck_assert_ok(broker_get_nonce(answer, &m));
    *n = (BookedNonce){.made = s->now};
    memcpy(n->bytes, m.nonce, sizeof n->bytes);
}

static const BookedEvidence *evidence_of(const Books *b, View cose)
{
    Sha256 hash;
    sha256_of(cose, &hash);
    for (size_t i = 0; i < BOOKED_EVIDENCE && i < b->evidence_count; i++)
        if (same(&b->evidence[i].hash, &hash, sizeof hash)) return &b->evidence[i];
    return NULL;
}

static Sealed *dataset_of(Stage *s, View footer)
{
    for (size_t i = 0; i < DATASETS; i++)
        if (view_equal(view_buffer(&s->datasets[i].footer), footer)) return &s->datasets[i];
    return NULL;
}

static bool is_revoked_party(const Stage *s, Party node)
{
    return s->revoked.count > 0 && same(s->revoked_keys[0], s->node[node].public_key.bytes, 32);
}

/* --- grants --- */

static void check_nonce(Stage *s, const uint8_t nonce[32])
{
    for (size_t i = 0; i < BOOKED_NONCES && i < s->books.nonce_count; i++) {
        BookedNonce *n = &s->books.nonces[i];
        if (!same(n->bytes, nonce, 32)) continue;
        if (n->used) book_wrong(s, "a grant over a nonce that was used before");
        if (n->made + NONCE_LIFETIME_S <= s->now) book_wrong(s, "a grant over a stale nonce");
        n->used = true;
        return;
    }
    book_wrong(s, "a grant over a nonce that the broker did not make");
}

static void check_policy(Stage *s, const Sealed *d, const BookedEvidence *b, uint32_t stage)
{
    const Evidence *e = &b->evidence;
    const Policy *p = &d->policy;
    const bool image = p->image_count > 0 && same(&e->measurement, &d->image, sizeof d->image);
    const bool signer = p->signer_count > 0 && same(&e->image_signer, &d->signer, sizeof d->signer);
    const bool built_in = is_private(d) && private_image(d, stage) != &d->image;
    if (built_in && !same(&e->measurement, &BUILT_IN, sizeof BUILT_IN)) book_wrong(s, "a grant behind the noise to another image than the built-in one");
    if (!built_in && !image && !signer) book_wrong(s, "a grant to an image that the policy does not name");
    if (e->level < p->level) book_wrong(s, "a grant below the policy's level");
    if (!(e->kind & p->evidence)) book_wrong(s, "a grant for a kind of evidence that the policy does not accept");
    if (b->node == ATTACKER || is_revoked_party(s, b->node)) book_wrong(s, "a grant to a node that nobody trusts");
    if (p->expires != 0 && p->expires <= s->now) book_wrong(s, "a grant after the policy's end");
    if (e->expires <= s->now || e->issued > s->now) book_wrong(s, "a grant for evidence out of its time");
    for (size_t i = 0; i < DATASETS; i++)
        if (same(s->datasets[i].id, d->id, 16) && s->datasets[i].newest_granted > d->version)
            book_wrong(s, "a grant for an older version");
}

/* A task id stands for one program at each stage, and is a run of the dataset; what combines uses none up. */
static void count_run(Stage *s, Sealed *d, const BrokerAttest *m, const Evidence *e)
{
    for (uint64_t i = 0; i < s->books.run_count; i++) {
        const BookedRun *r = &s->books.runs[i];
        if (r->stage != m->stage || !same(r->task, m->task_id, 16)) continue;
        if (r->dataset != d || !same(&r->image, &e->measurement, 32) || !same(&r->setup, &e->task_policy, 32))
            book_wrong(s, "a grant to a second program, set-up or dataset under one task id");
        return;
    }
    BookedRun *r = &s->books.runs[s->books.run_count++];
    *r = (BookedRun){.dataset = d, .image = e->measurement, .setup = e->task_policy, .stage = m->stage};
    memcpy(r->task, m->task_id, 16);
    d->runs_booked += m->stage == 0;
    if (d->policy.runs_max > 0 && d->runs_booked > d->policy.runs_max) book_wrong(s, "more runs than the policy allows");
}

static void book_session(Stage *s, const Sealed *d, const BrokerAttest *m, uint64_t id, Party node)
{
    const uint64_t end = s->now + SESSION_LIFETIME_S, expires = d->policy.expires;
    BookedSession *b = &s->books.sessions[s->books.session_count++ % BOOKED_SESSIONS];
    *b = (BookedSession){
        .id = id, .dataset = d, .stage = m->stage, .node = node, .expires = expires != 0 && expires < end ? expires : end};
    memcpy(b->task, m->task_id, sizeof b->task);
}

/* The broker gives a second copy of a request the first answer again. */
static bool was_given_before(Stage *s, View request, View answer)
{
    Sha256 asked, given;
    Books *b = &s->books;
    sha256_of(request, &asked);
    sha256_of(answer, &given);
    for (size_t i = 0; i < KEPT && i < b->grant_count; i++)
        if (same(&b->grants[i].request, &asked, 32) && same(&b->grants[i].answer, &given, 32)) return true;
    b->grants[b->grant_count % KEPT].request = asked;
    b->grants[b->grant_count++ % KEPT].answer = given;
    return false;
}

static void check_grant(Stage *s, View request, View answer)
{
    BrokerAttest m;
    BrokerGrant grant;
    ck_assert_ok(broker_get_grant(answer, &grant));
    if (was_given_before(s, request, answer)) return;
    if (broker_get_attest(request, &m).code) {
        book_wrong(s, "a grant for what cannot be read");
        return;
    }
    const BookedEvidence *b = evidence_of(&s->books, m.evidence);
    Sealed *d = dataset_of(s, m.footer);
    if (!b) {
        book_wrong(s, "a grant for evidence that no honest warden signed");
        return;
    }
    if (!d) {
        book_wrong(s, "a grant for a footer that the owner did not sign");
        return;
    }
    if (!same(b->evidence.task_id, m.task_id, 16)) book_wrong(s, "a grant for another task than the evidence's");
    check_nonce(s, b->evidence.nonce);
    check_policy(s, d, b, m.stage);
    private_granted(s, d, &m);
    count_run(s, d, &m, &b->evidence);
    if (d->newest_granted < d->version) d->newest_granted = d->version;
    book_session(s, d, &m, grant.session_id, b->node);
}

/* --- wraps and result footers --- */

static const BookedSession *find_session(const Books *b, uint64_t id, const uint8_t *task)
{
    for (uint64_t i = b->session_count; i-- > 0 && i + BOOKED_SESSIONS >= b->session_count;) {
        const BookedSession *x = &b->sessions[i % BOOKED_SESSIONS];
        if (task ? same(x->task, task, 16) : x->id == id) return x;
    }
    return NULL;
}

static void check_wraps(Stage *s, View request, View answer)
{
    static BrokerWrap m;
    BrokerWraps wraps;
    ck_assert_ok(broker_get_wraps(answer, &wraps));
    if (broker_get_wrap(request, &m).code) {
        book_wrong(s, "wraps for what cannot be read");
        return;
    }
    const BookedSession *x = find_session(&s->books, m.session_id, NULL);
    if (!x) {
        book_wrong(s, "wraps without a session");
        return;
    }
    if (x->stage > 0) book_wrong(s, "wraps for a combining stage");
    if (x->expires <= s->now) book_wrong(s, "wraps after the session's end");
    if (is_revoked_party(s, x->node)) book_wrong(s, "wraps for a revoked node");
    if (wraps.count != m.count) book_wrong(s, "another number of wraps than was asked for");
    for (uint32_t i = 0; i < m.count; i++)
        if (m.jobs[i] >= x->dataset->count) book_wrong(s, "a wrap for a segment that the dataset does not have");
}

static void check_footer(Stage *s, View request, View answer)
{
    static Footer f;
    BrokerResult m;
    BrokerFooter footer;
    PublicKey signer;
    const TrustedKeys owner = {.count = 1, .keys = {s->owner.public_key}};
    ck_assert_ok(broker_get_footer(answer, &footer));
    if (broker_get_result(request, &m).code) {
        book_wrong(s, "a footer for what cannot be read");
        return;
    }
    const BookedSession *x = find_session(&s->books, 0, m.task_id);
    if (!x) {
        book_wrong(s, "a result key of a task that was granted nothing");
        return;
    }
    if (footer_open(footer.footer, &owner, &f, &signer, NULL).code) {
        book_wrong(s, "a result footer that is not signed by the owner");
        return;
    }
    if (!f.is_result || !same(f.name.id, m.task_id, 16) || !same(f.source.id, x->dataset->id, 16) ||
        f.source.version != x->dataset->version)
        book_wrong(s, "a result footer about something else");
    if (f.key_count != 1 || !same(&f.keys[0].recipient, &x->dataset->recipient, 32))
        book_wrong(s, "a result key for somebody else than the recipient");
    private_opened(s, &m, &f);
}

void book_answer(Stage *s, View request, View answer)
{
    switch (broker_message_type(answer)) {
    case BROKER_NONCE: book_nonce(s, answer); return;
    case BROKER_GRANT: check_grant(s, request, answer); return;
    case BROKER_WRAPS: check_wraps(s, request, answer); return;
    case BROKER_FOOTER: check_footer(s, request, answer); return;
    case BROKER_REFUSED: return;
    default: book_wrong(s, "the broker says something that is no answer");
    }
}
