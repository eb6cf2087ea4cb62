/* One task in the malicious world: zygotes attest, are granted sessions and wraps, and run micro-jobs in slots. */
#include <sodium.h>

#include "keybroker/malice.h"

enum { ATTEMPTS = 3, INPUT_AT = 20 << 10, OUTPUT_AT = 44 << 10, OUTPUT_ROOM = 20 << 10 };

/* What a micro-job of every task here does: its argument and a digest of what it read, so that any change of the input shows in the output. */
size_t task_module(const char *argument, View input, uint8_t *ret_output)
{
    Sha256 hash;
    char hex[65];
    sha256_of(input, &hash);
    sha256_hex(&hash, hex);
    return (size_t)sprintf((char *)ret_output, "RESULT-IN-THE-OPEN %s %s %zu\n", argument, hex, input.size);
}

/* --- attestation --- */

static Err get_nonce(Stage *s, bool first, uint8_t ret_nonce[32])
{
    AUTO_BUFFER request = buffer_limited(MESSAGE_MAX);
    AUTO_BUFFER answer = buffer_limited(MESSAGE_MAX);
    BrokerNonce m;
    ck_assert_ok(broker_put_challenge(&request, &(BrokerChallenge){.head = {.token = ++s->token, .reply_to = VIEW("world")}}));
    TRY(ask_broker(s, &request, BROKER_NONCE, &answer));
    TRY(broker_get_nonce(view_buffer(&answer), &m));
    memcpy(ret_nonce, m.nonce, 32);
    if (first && scheme_is(s, OLD_NONCE)) memcpy(ret_nonce, s->spent_nonce, 32);
    if (!first && scheme_is(s, SPENT_NONCE)) memcpy(ret_nonce, s->spent_nonce, 32);
    if (first && scheme_is(s, OWN_NONCE)) ret_nonce[31] ^= 1;
    if (first && scheme_is(s, STALE_NONCE)) s->now += NONCE_LIFETIME_S;
    memcpy(s->spent_nonce, ret_nonce, 32);
    return OK;
}

/* What the warden of that node found to be true. */
static Evidence truth(const Stage *s, const Actor *a)
{
    const ZygoteReport *r = &a->zygote.report;
    Evidence e = {.measurement = a->image,
                  .level = r->level,
                  .issued = s->now,
                  .expires = s->now + 300,
                  .node = s->node[a->node].public_key,
                  .image_signer =
                      memcmp(&a->image, &IMAGE, sizeof IMAGE) == 0 ? s->image_signer.public_key : s->node[ATTACKER].public_key,
                  .kind = EVIDENCE_NODE_KEY};
    memcpy(e.task_policy.bytes, r->task_policy, 32);
    memcpy(e.task_id, r->task_id, 16);
    memcpy(e.see_key.bytes, r->see_key, 32);
    return e;
}

/* The evidence of an honest warden, booked; or a forged one. */
static void make_evidence(Stage *s, const Actor *a, const uint8_t nonce[32], Buffer *ret_cose)
{
    Evidence e = truth(s, a);
    const bool see_key = scheme_is(s, OWN_SEE_KEY), node = scheme_is(s, OWN_NODE);
    const bool forged = see_key || node || scheme_is(s, FORGED_SIGNATURE);
    memcpy(e.nonce, nonce, 32);
    if (see_key) e.see_key = s->attacker.public_key;
    if (node) e.node = s->node[ATTACKER].public_key;
    ck_assert_ok(evidence_encode(&e, &s->node[forged ? ATTACKER : a->node].secret, ret_cose));
    if (!forged) book_evidence(s, view_buffer(ret_cose), &e, a->node);
}

/* The attacker's own word about the dataset: a policy that lets in anything and anybody. */
static void forge_footer(Stage *s, const Sealed *d, Buffer *ret_footer)
{
    static Footer f;
    AUTO_BUFFER policy = buffer_limited(POLICY_BYTES_MAX);
    Policy lax = d->policy;
    lax.level = LEVEL_SHARED;
    lax.runs_max = lax.expires = 0;
    lax.recipients = &s->attacker.public_key;
    ck_assert_ok(policy_encode(&lax, &policy));
    f = (Footer){.name.version = d->version, .segments = d->count, .policy = view_buffer(&policy)};
    memcpy(f.name.id, d->id, 16);
    ck_assert_ok(footer_add_key(&f, &s->owner_sealing.public_key, &d->key));
    buffer_free(ret_footer);
    *ret_footer = buffer_limited(FOOTER_BYTES_MAX);
    ck_assert_ok(footer_sign(&f, &s->node[ATTACKER].secret, &s->node[ATTACKER].public_key, ret_footer));
}

static void choose_footer(const Task *t, Buffer *ret_footer)
{
    Stage *s = t->s;
    const size_t number = (size_t)(t->dataset - s->datasets);
    buffer_set(ret_footer, view_buffer(&t->dataset->footer));
    if (scheme_is(s, OWN_FOOTER)) forge_footer(s, t->dataset, ret_footer);
    if (scheme_is(s, OTHER_FOOTER)) buffer_set(ret_footer, view_buffer(&s->datasets[(number + 1) % DATASETS].footer));
    if (number == 1 && scheme_is(s, OLD_VERSION)) buffer_set(ret_footer, view_buffer(&s->datasets[0].footer));
    if (s->last_footer.size && scheme_is(s, RESULT_AS_FOOTER)) buffer_set(ret_footer, view_buffer(&s->last_footer));
}

static Err ask_grant(Task *t, const Actor *a, View evidence, BrokerGrant *ret_grant)
{
    Stage *s = t->s;
    AUTO_BUFFER footer = buffer_limited(MESSAGE_MAX);
    AUTO_BUFFER shown = buffer_limited(MESSAGE_MAX);
    AUTO_BUFFER request = buffer_limited(4 * MESSAGE_MAX);
    AUTO_BUFFER answer = buffer_limited(MESSAGE_MAX);
    choose_footer(t, &footer);
    ck_assert_ok(buffer_append(&shown, evidence));
    if (!pass(s, &shown) || shown.size == 0 || footer.size == 0) return FAIL(ERR_CLOSED);
    BrokerAttest m = {.head = {.token = ++s->token, .reply_to = VIEW("world")},
                      .stage = a->stage,
                      .node_id = VIEW("node"),
                      .footer = view_buffer(&footer),
                      .evidence = view_buffer(&shown)};
    if (scheme_is(s, OTHER_STAGE)) m.stage ^= 1;
    if (is_private(t->dataset) && !scheme_is(s, NO_REQUEST)) m.privacy = private_request(t, a);
    memcpy(m.task_id, scheme_is(s, OTHER_TASK) ? s->last_task : t->task, 16);
    Err e = broker_put_attest(&request, &m);
    if (e.code) return FAIL(ERR_PROTOCOL);
    TRY(ask_broker(s, &request, BROKER_GRANT, &answer));
    return broker_get_grant(view_buffer(&answer), ret_grant);
}

/* The agent hands the grant on; the zygote opens it or ends. */
static Err hand_over(Stage *s, Actor *a, const BrokerGrant *g, View evidence)
{
    AUTO_BUFFER packet = buffer_limited(MESSAGE_MAX);
    AeadKey wrap, result, answer;
    Sha256 hash;
    ChannelSession p = {.type = CHANNEL_SESSION};
    sha256_of(evidence, &hash);
    memcpy(p.evidence_hash, hash.bytes, 32);
    memcpy(p.encapsulated, g->encapsulated, sizeof p.encapsulated);
    memcpy(p.sealed, g->sealed, sizeof p.sealed);
    const ChannelSession own = p;
    if (scheme_is(s, OTHER_GRANT)) p = s->last_grant;
    s->last_grant = own;
    ck_assert_ok(buffer_append(&packet, view_of(&p, sizeof p)));
    if (!pass(s, &packet) || !in_process_grant(&a->zygote, view_buffer(&packet))) return FAIL(ERR_CLOSED);
    in_process_keys(&a->zygote, &wrap, &result, &answer);
    book_needle(s, wrap.bytes, sizeof wrap.bytes);
    book_needle(s, result.bytes, sizeof result.bytes);
    book_needle(s, answer.bytes, sizeof answer.bytes);
    a->session_id = scheme_is(s, OTHER_SESSION) ? s->last_session : g->session_id;
    s->last_session = g->session_id;
    a->ready = true;
    return OK;
}

static Err attest(Task *t, size_t index, Party node, uint32_t stage, const char *argument)
{
    Stage *s = t->s;
    Actor *a = &t->actors[index];
    BrokerGrant grant;
    uint8_t nonce[32];
    AUTO_BUFFER cose = buffer_limited(EVIDENCE_BYTES_MAX);
    *a = (Actor){.node = node, .stage = stage, .module = task_module, .image = IMAGE};
    if (is_private(t->dataset)) {
        a->module = private_module;
        if (stage == 0 || !scheme_is(s, OWN_COMBINER)) a->image = *private_image(t->dataset, stage);
    }
    if (scheme_is(s, OTHER_PROGRAM)) a->image = OTHER_IMAGE;
    in_process_start(&a->zygote, scheme_is(s, LOW_LEVEL) ? LEVEL_SHARED : LEVEL_PROCESS, t->task,
                     stage ? SEALED_RESULTS : SEALED_SEGMENTS, argument);
    TRY(get_nonce(s, index == 0, nonce));
    make_evidence(s, a, nonce, &cose);
    TRY(ask_grant(t, a, view_buffer(&cose), &grant));
    return hand_over(s, a, &grant, view_buffer(&cose));
}

/* --- wraps --- */

static BrokerWrap wrap_request(Task *t, const Actor *a)
{
    Stage *s = t->s;
    BrokerWrap m = {.head = {.token = ++s->token, .reply_to = VIEW("world")},
                    .session_id = a->session_id,
                    .count = (uint32_t)t->dataset->count};
    for (uint32_t i = 0; i < m.count; i++) {
        m.jobs[i] = i;
        m.plain_sizes[i] = t->dataset->segments[i].plain_size;
    }
    if (scheme_is(s, WRAPS_OTHER_SIZE)) m.plain_sizes[stage_pick(s, m.count)]++;
    if (scheme_is(s, WRAPS_BEYOND)) m.jobs[stage_pick(s, m.count)] = stage_pick(s, 2) ? m.count : stage_random(s);
    return m;
}

static Err ask_wraps(Task *t, const Actor *a, uint8_t (*ret_wraps)[WRAP_BYTES])
{
    Stage *s = t->s;
    AUTO_BUFFER request = buffer_limited(MESSAGE_MAX);
    AUTO_BUFFER answer = buffer_limited(MESSAGE_MAX);
    BrokerWraps m;
    const BrokerWrap asked = wrap_request(t, a);
    ck_assert_ok(broker_put_wrap(&request, &asked));
    if (scheme_is(s, WRAPS_TWICE)) TRY(ask_broker(s, &request, BROKER_WRAPS, &answer));
    TRY(ask_broker(s, &request, BROKER_WRAPS, &answer));
    TRY(broker_get_wraps(view_buffer(&answer), &m));
    if (m.count != asked.count) return FAIL(ERR_PROTOCOL);
    memcpy(ret_wraps, m.wraps.data, m.wraps.size);
    if (scheme_is(s, SWAPPED_WRAPS)) {
        uint8_t first[WRAP_BYTES];
        memcpy(first, ret_wraps[0], WRAP_BYTES);
        memcpy(ret_wraps[0], ret_wraps[1], WRAP_BYTES);
        memcpy(ret_wraps[1], first, WRAP_BYTES);
    }
    return OK;
}

/* --- micro-jobs --- */

/* Ask, key and input go into the slot as the world between leaves them; what the SEE answers is checked as the agent does. */
static Err run_slot(Stage *s, Actor *a, const SlotJob *wish, const Buffer *input, Buffer *ret_result)
{
    static uint8_t slot[IN_PROCESS_SLOT_BYTES];
    SlotAnswer answer;
    AUTO_BUFFER head = buffer_limited(MESSAGE_MAX);
    ck_assert_ok(buffer_append(&head, view_of(wish, sizeof *wish)));
    if (!pass(s, &head)) return FAIL(ERR_CLOSED);
    memset(slot, 0, sizeof slot);
    memcpy(slot + SLOT_JOB_OFFSET(0), head.data, head.size < sizeof *wish ? head.size : sizeof *wish);
    memcpy(slot + INPUT_AT, input->data, input->size < OUTPUT_AT - INPUT_AT ? input->size : OUTPUT_AT - INPUT_AT);
    const Outcome outcome = in_process_run(&a->zygote, a->module, slot);
    book_seen(s, view_of(slot, sizeof slot));
    memcpy(&answer, slot + SLOT_JOB_OFFSET(0) + offsetof(SlotJob, answer), sizeof answer);
    if (outcome != OUTCOME_OK) return FAIL(ERR_TASK_FAILED);
    if (answer.output_size > wish->ask.output_max) return FAIL(ERR_PROTOCOL);
    buffer_set(ret_result, view_of(slot + wish->ask.output_offset, answer.output_size));
    return OK;
}

static SlotJob wish_of(uint64_t stage_and_job, uint64_t size)
{
    return (SlotJob){.ask = {.stage_and_job = stage_and_job,
                             .input_offset = INPUT_AT,
                             .input_size = size,
                             .output_offset = OUTPUT_AT,
                             .output_max = OUTPUT_ROOM}};
}

static View segment_bytes(const Sealed *d, size_t i)
{
    return buffer_piece(&d->bytes, d->segments[i].offset, d->segments[i].sealed_size);
}

static Err run_once(Task *t, Actor *a, size_t job, uint8_t (*wraps)[WRAP_BYTES])
{
    Stage *s = t->s;
    const Sealed *d = t->dataset;
    AUTO_BUFFER input = buffer_limited(MESSAGE_MAX);
    View bytes = segment_bytes(d, job);
    if (scheme_is(s, SWAPPED_SEGMENTS)) bytes = segment_bytes(d, (job + 1) % d->count);
    if (scheme_is(s, OTHER_SEGMENT)) bytes = segment_bytes(&s->datasets[stage_pick(s, DATASETS)], job % 3);
    ck_assert_ok(buffer_append(&input, bytes));
    if (!pass(s, &input)) return FAIL(ERR_CLOSED);
    SlotJob wish = wish_of(job, input.size);
    memcpy(wish.key.wrap, wraps[job], WRAP_BYTES);
    if (scheme_is(s, OTHER_JOB))
        wish.ask.stage_and_job = stage_pick(s, 2) ? (job + 1) % d->count : UINT64_C(1) << STAGE_SHIFT | job;
    TRY(run_slot(s, a, &wish, &input, &t->results[job]));
    if (s->plant == SEE_LEAKS) ck_assert_ok(buffer_append(&t->results[job], view_buffer(&d->plain[job])));
    return pass(s, &t->results[job]) ? OK : FAIL(ERR_CLOSED);
}

static Err run_job(Task *t, Actor *a, size_t job, uint8_t (*wraps)[WRAP_BYTES])
{
    Err e = FAIL(ERR_CLOSED);
    for (int i = 0; i < ATTEMPTS && e.code; i++) e = run_once(t, a, job, wraps);
    if (!e.code && scheme_is(t->s, NEW_ATTEMPT))
        e = run_once(t, a, job, wraps); /* a second result of the same micro-job takes its place */
    return e;
}

Err task_combine(Task *t, size_t first, size_t end, Buffer *ret_result)
{
    AUTO_BUFFER input = buffer_limited(MESSAGE_MAX);
    const bool gap = end - first > 2 && scheme_is(t->s, COMBINED_WITH_GAP);
    for (size_t i = first; i < end; i++) {
        const SealedResultFrame size = (SealedResultFrame)t->results[i].size;
        if (gap && i == first + 1) continue;
        ck_assert_ok(buffer_append(&input, view_of(&size, sizeof size)));
        ck_assert_ok(buffer_append(&input, view_buffer(&t->results[i])));
    }
    if (!pass(t->s, &input)) return FAIL(ERR_CLOSED);
    const SlotJob wish = wish_of(UINT64_C(1) << STAGE_SHIFT | first, input.size);
    TRY(run_slot(t->s, &t->actors[2], &wish, &input, ret_result));
    return pass(t->s, ret_result) ? OK : FAIL(ERR_CLOSED);
}

static Err run_segments(Task *t)
{
    uint8_t wraps[2][PIECES_MAX][WRAP_BYTES];
    for (size_t i = 0; i < 2; i++)
        if (t->actors[i].ready) TRY(ask_wraps(t, &t->actors[i], wraps[i]));
    for (size_t job = 0; job < t->dataset->count; job++) {
        const size_t i = t->actors[1].ready && (job % 2 == 1 || !t->actors[0].ready);
        TRY(run_job(t, &t->actors[i], job, wraps[i]));
    }
    return OK;
}

static Err run_task(Task *t)
{
    Stage *s = t->s;
    const bool two = stage_pick(s, 3) == 0 || s->scheme == TWO_SETUPS || s->scheme == SPENT_NONCE;
    Err e = attest(t, 0, NODE_A, 0, "a");
    if (e.code && !two) return e;
    if (scheme_is(s, RESTART)) stage_restart_broker(s, false);
    if (two) e = attest(t, 1, NODE_B, 0, scheme_is(s, TWO_SETUPS) ? "b" : "a");
    if (!t->actors[0].ready && !t->actors[1].ready) return e;
    TRY(run_segments(t));
    if (t->combines) TRY(attest(t, 2, stage_pick(s, 2) ? NODE_A : NODE_B, 1, "all"));
    if (t->combines && scheme_is(s, TWO_COMBINERS)) TRY(attest(t, 3, NODE_A, 1, "other"));
    return task_result(t);
}

/* A private task; perhaps the last one under its charge once more. */
static void begin_private(Task *t)
{
    Stage *s = t->s;
    t->combines = true;
    if (s->private_dataset && scheme_is(s, SAME_TASK_AGAIN)) {
        t->dataset = s->private_dataset;
        memcpy(t->task, s->private_task, sizeof t->task);
    }
    s->private_dataset = t->dataset;
    memcpy(s->private_task, t->task, sizeof t->task);
    if (s->plant == BROKER_CHARGES_NOTHING) stage_copy_broker(s, false);
}

static void end_private(Stage *s)
{
    if (s->plant == BROKER_CHARGES_NOTHING) stage_copy_broker(s, true);
    private_check_ledger(s);
}

Err task_run(Stage *s)
{
    static const size_t NUMBERS[] = {1, 1, 1, 2, 3, 4, 4, 1, 4, 5, 0, 3, 6, 7, 6};
    Task t = {.s = s, .dataset = &s->datasets[NUMBERS[stage_pick(s, 15)]]};
    if ((int)s->scheme >= FIRST_PRIVATE_SCHEME) t.dataset = &s->datasets[FIRST_PRIVATE + stage_pick(s, DATASETS - FIRST_PRIVATE)];
    t.combines = stage_pick(s, 3) == 0 || s->scheme == TWO_COMBINERS || s->scheme == MIXED_STAGES ||
                 s->scheme == PARTLY_COMBINED || s->scheme == COMBINED_WITH_GAP;
    if (s->scheme == OLD_VERSION) t.dataset = &s->datasets[1];
    for (int i = 0; i < 2; i++) memcpy(t.task + 8 * i, &(uint64_t){stage_random(s)}, 8);
    book_run_begins(s);
    if (is_private(t.dataset)) begin_private(&t);
    Err e = run_task(&t);
    if (is_private(t.dataset)) end_private(s);
    for (size_t i = 0; i < ZYGOTES; i++) in_process_end(&t.actors[i].zygote);
    for (size_t i = 0; i < PIECES_MAX + 2; i++) buffer_free(&t.results[i]);
    for (size_t i = 0; i < PIECES_MAX + 4; i++) buffer_free(&t.list[i]);
    memcpy(s->last_task, t.task, 16);
    return e;
}
