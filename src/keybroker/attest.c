/*
 * Attestation at the key broker: from evidence and footer to a session. Every step can refuse; a key leaves only after the last,
 * when the run is counted and the release stands in the audit log, both on the disk.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>

#include "keybroker/broker_parts.h"
#include "keybroker/columns.h"
#include "sys/entropy.h"

typedef struct {
    const AttestRequest *request;
    Footer footer;
    Policy policy;
    Evidence evidence;
    Sha256 evidence_hash;
    bool is_private;
    PrivacyRequest privacy; /* of a private task */
} Case;

/* --- the evidence --- */

static bool names_key(const PublicKey *keys, size_t count, const PublicKey *key)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(keys[i].bytes, key->bytes, sizeof key->bytes) == 0) return true;
    return false;
}

/* The nodes that appraisal shall accept: the one at hand, if the policy (or, where it names none, the broker) knows it. */
static TrustedKeys accepted_node(const Broker *b, const Policy *p, const PublicKey *node)
{
    const TrustedKeys *others = b->config.nodes;
    bool known =
        p->node_count > 0 ? names_key(p->nodes, p->node_count, node) : others && names_key(others->keys, others->count, node);
    TrustedKeys accepted = {.count = known};
    if (known) accepted.keys[0] = *node;
    return accepted;
}

static void judge_revocations(const Broker *b, uint64_t now_s, const Case *c, Verdict *v)
{
    char text[PUBLIC_KEY_TEXT_MAX];
    public_key_print(&c->evidence.node, text);
    const bool node = is_revoked(b, c->evidence.node.bytes, now_s), signer = is_revoked(b, c->evidence.image_signer.bytes, now_s);
    verdict_add(v, "node not revoked", !node, "%s %s", text, node ? "is revoked" : "is not revoked");
    public_key_print(&c->evidence.image_signer, text);
    verdict_add(v, "image signer not revoked", !signer, "%s %s", text, signer ? "is revoked" : "is not revoked");
}

static Err refuse_by_verdict(const Verdict *v, Diag *diag)
{
    for (size_t i = 0; i < v->count; i++)
        if (!v->claims[i].passed)
            return FAIL_WHY(diag, ERR_DENIED, "the evidence is refused: %s: %s", v->claims[i].claim, v->claims[i].reason);
    return FAIL_WHY(diag, ERR_DENIED, "the evidence is refused");
}

/* The nonce is used up first, whatever becomes of the rest. */
static Err take_evidence(Broker *b, uint64_t now_s, Case *c, Diag *diag)
{
    TRY_WHY(diag, evidence_decode(c->request->evidence, &c->evidence, diag), "the evidence");
    TRY(nonces_use(&b->nonces, now_s, c->evidence.nonce, diag));
    sha256_of(c->request->evidence, &c->evidence_hash);
    return OK;
}

/* What the zygote is for, by the stage that it says and what the task asks for; the built-in image keeps to it. */
static PrivateRole role_of(const Case *c)
{
    if (!c->is_private) return ROLE_PLAIN;
    if (c->request->stage > 0) return ROLE_COMBINE;
    return request_reads_records(&c->privacy) ? ROLE_RECORDS : ROLE_VALUES;
}

static Err appraise_case(Broker *b, uint64_t now_s, Case *c, Verdict *ret_verdict, Diag *diag)
{
    const Policy *p = &c->policy;
    const TrustedKeys nodes = accepted_node(b, p, &c->evidence.node);
    const Evidence decoded = c->evidence;
    const bool built_in = role_of(c) == ROLE_RECORDS || role_of(c) == ROLE_COMBINE;
    const AppraisalPolicy policy = {
        .nonce = decoded.nonce,
        .task_id = c->request->task_id,
        .kinds = p->evidence,
        .level = c->is_private && p->level < LEVEL_PROCESS ? LEVEL_PROCESS : p->level,
        .nodes = &nodes,
        .images = built_in ? b->config.aggregate : p->images, .image_count = built_in ? 1 : p->image_count,
        .signers = p->signers, .signer_count = built_in ? 0 : p->signer_count,
        .now = now_s,
    };
    appraise(c->request->evidence, &policy, b->collateral, ret_verdict, &c->evidence);
    if (ret_verdict->accepted) judge_revocations(b, now_s, c, ret_verdict);
    record_verdict(&b->record, now_s, c->request->task_id, c->request->node_id, ret_verdict);
    return ret_verdict->accepted ? OK : refuse_by_verdict(ret_verdict, diag);
}

/* --- the dataset --- */

static Err check_policy(const Broker *b, uint64_t now_s, const Policy *p, Diag *diag)
{
    if (p->expires != 0 && p->expires <= now_s)
        return FAIL_WHY(diag, ERR_DENIED, "the policy of the dataset has expired: seal it again");
    for (size_t i = 0; i < p->recipient_count; i++)
        if (is_revoked(b, p->recipients[i].bytes, now_s))
            return FAIL_WHY(diag, ERR_DENIED, "recipient %zu of the policy is revoked: seal the dataset again without it", i + 1);
    return OK;
}

static Err take_dataset(Broker *b, uint64_t now_s, Case *c, Diag *diag)
{
    TRY_WHY(diag, owned_footer(b, c->request->footer, &c->footer, diag), "the dataset's footer");
    TRY_WHY(diag, policy_decode(c->footer.policy, &c->policy, diag), "the dataset's policy");
    TRY_WHY(diag, state_pin(b->state, c->footer.name.id, c->footer.name.version, c->request->footer, diag), "the broker's state");
    return check_policy(b, now_s, &c->policy, diag);
}

/* --- what a private task asks for --- */

static Err check_unit(const Case *c, Diag *diag)
{
    const char *asked = request_string(&c->privacy, PRIVACY_PERSON), *person = c->policy.budget.person;
    if (strcmp(asked, person) == 0) return OK;
    if (!person[0]) return FAIL_WHY(diag, ERR_DENIED, "the budget of this dataset is by record, and the task asks by person");
    return FAIL_WHY(diag, ERR_DENIED, "the budget of this dataset is by person, as column '%s' says, and the task asks by another unit", person);
}

static Err take_privacy(Broker *b, Case *c, Diag *diag)
{
    const View privacy = c->request->privacy;
    const bool budget = c->policy.budget.is_set;
    if (!budget && privacy.size == 0) return OK;
    if (!budget) return FAIL_WHY(diag, ERR_DENIED, "the dataset has no privacy budget to charge: its owner gives it one in the policy, under 'budget'");
    if (privacy.size == 0)
        return FAIL_WHY(diag, ERR_DENIED, "the dataset opens only under its privacy budget: the task must say what it asks for, under 'privacy'");
    if (privacy.size != sizeof c->privacy) return FAIL_WHY(diag, ERR_BAD_INPUT, "the privacy request is not one that this version can read");
    if (!b->config.aggregate)
        return FAIL_WHY(diag, ERR_DENIED, "this key broker has no built-in image of private tasks (aggregate.see): install Covey again where it runs");
    TRY(budget_check(b, diag));
    memcpy(&c->privacy, privacy.data, sizeof c->privacy);
    TRY_WHY(diag, request_query(&c->privacy, c->footer.segments, &b->query, diag), "what the task asks for");
    c->is_private = true;
    TRY(check_unit(c, diag));
    return columns_check(c->footer.columns, &c->privacy, diag);
}

/* --- the session --- */

static Err new_session_id(uint64_t *ret_id)
{
    uint64_t id;
    TRY(random_bytes(&id, sizeof id));
    *ret_id = (id >> 1) | 1; /* positive in SQLite and JSON, never 0 */
    return OK;
}

static Err admit(Broker *b, uint64_t now_s, const Case *c, Admitted *ret_admitted, Diag *diag)
{
    Admission a = {.version = c->footer.name.version,
                   .measurement = c->evidence.measurement,
                   .setup = c->evidence.task_policy,
                   .node = c->evidence.node,
                   .stage = c->request->stage,
                   .runs_max = c->policy.runs_max,
                   .now = now_s,
                   .expires = session_end(&c->policy, now_s)};
    char what[REQUEST_TEXT_MAX];
    Charge charge = {.budget = &c->policy.budget, .what = what};
    if (c->is_private) {
        request_print(&c->privacy, what);
        sha256_of(view_of(&c->privacy, sizeof c->privacy), &charge.request);
        charge.loss = b->query.plan.loss;
        a.charge = &charge;
    }
    memcpy(a.task, c->request->task_id, sizeof a.task);
    memcpy(a.dataset, c->footer.name.id, sizeof a.dataset);
    TRY(new_session_id(&a.new_session));
    if (!sessions_have_room(&b->sessions, 0, now_s))
        return FAIL_WHY(diag, ERR_BUSY, "as many sessions as the key broker can hold: try again later");
    TRY_WHY(diag, state_admit(b->state, &a, ret_admitted, diag), "the broker's state");
    return c->is_private ? budget_note(b, now_s, diag) : OK;
}

static Err begin_session(Broker *b, uint64_t now_s, const Case *c, uint64_t id, Diag *diag)
{
    Session s = {.id = id, .expires = session_end(&c->policy, now_s), .node = c->evidence.node, .stage = c->request->stage};
    memcpy(s.task_id, c->request->task_id, sizeof s.task_id);
    Err e = session_revive(b, now_s, &s, &c->footer, diag);
    sodium_memzero(&s, sizeof s);
    return e;
}

static Err record_session(Broker *b, uint64_t now_s, const Case *c, const Admitted *admitted)
{
    Release r = {.session_id = admitted->session_id,
                 .dataset_version = c->footer.name.version,
                 .runs = admitted->runs,
                 .stage = c->request->stage,
                 .node = c->evidence.node,
                 .node_id = c->request->node_id,
                 .evidence = c->evidence_hash,
                 .measurement = c->evidence.measurement};
    memcpy(r.task_id, c->request->task_id, sizeof r.task_id);
    memcpy(r.dataset_id, c->footer.name.id, sizeof r.dataset_id);
    return record_grant(&b->record, now_s, &r);
}

static void make_payload(const Broker *b, const Case *c, uint64_t session_id, SessionPayload *ret_payload)
{
    const BrokerRoot *root = &b->sessions.secrets->root;
    AeadKey result;
    *ret_payload =
        (SessionPayload){.dataset_version = c->footer.name.version, .segments = c->footer.segments, .session_id = session_id,
                         .prefix_bytes = (uint32_t)c->footer.prefix_bytes};
    derive_session_key(root, c->request->task_id, &c->footer.name, &c->evidence.node, c->request->stage,
                       ret_payload->session_key);
    derive_task_result_key(root, c->request->task_id, &c->footer.name, &result);
    memcpy(ret_payload->result_key, result.bytes, sizeof ret_payload->result_key);
    memcpy(ret_payload->dataset_id, c->footer.name.id, sizeof ret_payload->dataset_id);
    ret_payload->role = role_of(c);
    ret_payload->privacy = c->privacy;
    if (ret_payload->role == ROLE_COMBINE) derive_task_answer_key(root, c->request->task_id, &c->footer.name, &result);
    memcpy(ret_payload->answer_key, result.bytes, sizeof ret_payload->answer_key);
    sodium_memzero(&result, sizeof result);
}

static Err seal_grant(const Broker *b, const Case *c, uint64_t session_id, SessionGrant *ret_grant)
{
    uint8_t seed[32], info[sizeof SESSION_INFO - 1 + SHA256_BYTES];
    SessionPayload payload;
    SessionGrant grant = {.session_id = session_id};
    memcpy(info, SESSION_INFO, sizeof SESSION_INFO - 1);
    memcpy(info + sizeof SESSION_INFO - 1, c->evidence_hash.bytes, SHA256_BYTES);
    TRY(random_bytes(seed, sizeof seed));
    make_payload(b, c, session_id, &payload);
    Err e = hpke_seal(&c->evidence.see_key, NULL, seed, view_of(info, sizeof info), view_of(c->request->task_id, 16),
                      view_of(&payload, sizeof payload), grant.encapsulated, grant.sealed);
    sodium_memzero(&payload, sizeof payload);
    sodium_memzero(seed, sizeof seed);
    if (!e.code) *ret_grant = grant;
    return e;
}

/* The grant is sealed before the run is counted, so that a key which cannot be sealed to uses up no run; it leaves when all
 * is on the disk. */
static Err grant_session(Broker *b, uint64_t now_s, const Case *c, SessionGrant *ret_grant, Diag *diag)
{
    Admitted admitted;
    SessionGrant grant;
    AeadKey key;
    Err e = owned_key(b, &c->footer, &key, diag);
    sodium_memzero(&key, sizeof key);
    if (e.code) return e;
    TRY(seal_grant(b, c, 1, &grant));
    TRY(admit(b, now_s, c, &admitted, diag));
    TRY(begin_session(b, now_s, c, admitted.session_id, diag));
    TRY(seal_grant(b, c, admitted.session_id, &grant));
    TRY_WHY(diag, record_session(b, now_s, c, &admitted), "the audit log: no key leaves without an entry in it");
    *ret_grant = grant;
    return OK;
}

static Err decide(Broker *b, uint64_t now_s, Case *c, SessionGrant *ret_grant, Verdict *ret_verdict, Diag *diag)
{
    TRY(rate_take(&b->attests, now_s, ATTESTS_PER_MINUTE_MAX, diag));
    TRY(trust_refresh(b, now_s, diag));
    TRY(take_evidence(b, now_s, c, diag));
    TRY(take_dataset(b, now_s, c, diag));
    TRY(take_privacy(b, c, diag));
    TRY(appraise_case(b, now_s, c, ret_verdict, diag));
    return grant_session(b, now_s, c, ret_grant, diag);
}

static Err decide_ahead(Broker *b, uint64_t now_s, Case *c, Verdict *ret_verdict, Diag *diag)
{
    TRY(rate_take(&b->attests, now_s, ATTESTS_PER_MINUTE_MAX, diag));
    TRY(trust_refresh(b, now_s, diag));
    TRY_WHY(diag, evidence_decode(c->request->evidence, &c->evidence, diag), "the evidence");
    TRY(nonces_look(&b->nonces, now_s, c->evidence.nonce, diag));
    TRY(take_dataset(b, now_s, c, diag));
    if (c->request->privacy.size || c->policy.budget.is_set) return FAIL_WHY(diag, ERR_DENIED, "a private task is charged when it attests, and not ahead");
    return appraise_case(b, now_s, c, ret_verdict, diag);
}

Err broker_appraise(Broker *b, uint64_t now_s, const AttestRequest *request, Verdict *ret_verdict, Diag *diag)
{
    Diag why = {{0}};
    Case c = {.request = request};
    *ret_verdict = (Verdict){0};
    Err e = decide_ahead(b, now_s, &c, ret_verdict, &why);
    policy_free(&c.policy);
    if (!e.code) return OK;
    e = diag_complete(&why, e, "appraisal");
    record_refusal(&b->record, now_s, "appraise", request->task_id, e, &why);
    if (diag) *diag = why;
    return e;
}

Err broker_attest(Broker *b, uint64_t now_s, const AttestRequest *request, SessionGrant *ret_grant, Verdict *ret_verdict,
                  Diag *diag)
{
    Diag why = {{0}};
    Case c = {.request = request};
    *ret_verdict = (Verdict){0};
    Err e = decide(b, now_s, &c, ret_grant, ret_verdict, &why);
    policy_free(&c.policy);
    if (!e.code) return OK;
    e = diag_complete(&why, e, "attestation");
    record_refusal(&b->record, now_s, "attest", request->task_id, e, &why);
    if (diag) *diag = why;
    return e;
}
