/* What a session is good for: wraps of segment keys; and at the end the footer of the result file. */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>

#include "base/limits.h"
#include "keybroker/broker_parts.h"

/* --- wraps --- */

static Err check_jobs(const Session *s, const uint64_t *jobs, const uint64_t *plain_sizes, size_t count, Diag *diag)
{
    if (count == 0 || count > WRAP_BATCH_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%zu wraps at once: it must be 1 to %d", count, WRAP_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        if (jobs[i] >= s->segments)
            return FAIL_WHY(diag, ERR_BAD_INPUT, "the dataset has %" PRIu64 " segments: there is no segment %" PRIu64,
                            s->segments, jobs[i]);
        if (plain_sizes[i] > SEGMENT_BYTES_MAX)
            return FAIL_WHY(diag, ERR_BAD_INPUT, "segment %" PRIu64 ": no segment is that large", jobs[i]);
    }
    return OK;
}

static Err wrap_one(const Session *s, uint64_t job, uint64_t plain_size, uint8_t ret_wrap[WRAP_BYTES])
{
    AeadKey key;
    derive_segment_key(&s->dataset_key, s->dataset.id, s->dataset.version, job, &key);
    Err e = derive_wrap(&s->wrap_key, s->task_id, job, &key, plain_size, ret_wrap);
    sodium_memzero(&key, sizeof key);
    return e;
}

static Err decide_wrap(Broker *b, uint64_t now_s, uint64_t session_id, const uint64_t *jobs, const uint64_t *plain_sizes,
                       size_t count, uint8_t (*ret_wraps)[WRAP_BYTES], const Session **ret_session, Diag *diag)
{
    TRY(trust_refresh(b, now_s, diag));
    const Session *s = *ret_session = broker_session(b, now_s, session_id);
    if (!s) return FAIL_WHY(diag, ERR_NO_ENTRY, "the session is over: attest again");
    if (s->stage != 0) return FAIL_WHY(diag, ERR_DENIED, "a combining stage is given no segments");
    if (is_revoked(b, s->node.bytes, now_s)) return FAIL_WHY(diag, ERR_DENIED, "the node's key is revoked");
    TRY(check_jobs(s, jobs, plain_sizes, count, diag));
    TRY_WHY(diag, record_wraps(&b->record, now_s, s->id, s->task_id, &s->node, jobs, count),
            "the audit log: no key leaves without an entry in it");
    for (size_t i = 0; i < count; i++) TRY(wrap_one(s, jobs[i], plain_sizes[i], ret_wraps[i]));
    return OK;
}

Err broker_wrap(Broker *b, uint64_t now_s, uint64_t session_id, const uint64_t *jobs, const uint64_t *plain_sizes, size_t count,
                uint8_t (*ret_wraps)[WRAP_BYTES], Diag *diag)
{
    Diag why = {{0}};
    const Session *s = NULL;
    Err e = decide_wrap(b, now_s, session_id, jobs, plain_sizes, count, ret_wraps, &s, &why);
    if (!e.code) return OK;
    e = diag_complete(&why, e, "wrap");
    record_refusal(&b->record, now_s, "wrap", s ? s->task_id : NULL, e, &why);
    if (diag) *diag = why;
    return e;
}

/* --- the result file --- */

static Err check_recipients(const Broker *b, uint64_t now_s, const Footer *dataset, Diag *diag)
{
    Policy policy = {0};
    Err e = policy_decode(dataset->policy, &policy, diag);
    for (size_t i = 0; i < policy.recipient_count && !e.code; i++)
        if (is_revoked(b, policy.recipients[i].bytes, now_s))
            e = FAIL_WHY(diag, ERR_DENIED, "recipient %zu of the policy is revoked", i + 1);
    policy_free(&policy);
    return e;
}

/* Of that one answer alone: not the task's. */
static void key_of_answer(const Broker *b, const uint8_t task_id[16], const Footer *dataset, const Sha256 *head, AeadKey *ret_key)
{
    AeadKey answers;
    derive_task_answer_key(&b->sessions.secrets->root, task_id, &dataset->name, &answers);
    derive_result_key(&answers, head->bytes, ret_key);
    sodium_memzero(&answers, sizeof answers);
}

/* Of a charged task nothing opens but one answer, whatever else it made. */
static Err check_answer(Broker *b, const uint8_t task_id[16], const ResultClaims *c, Diag *diag)
{
    bool charged = false;
    TRY_WHY(diag, state_is_charged(b->state, task_id, &charged), "the broker's ledger");
    if (!charged && c->is_answer) return FAIL_WHY(diag, ERR_DENIED, "an answer is asked for, and nothing was charged for this task");
    if (charged && !c->is_answer) return FAIL_WHY(diag, ERR_DENIED, "of a private task nothing opens but its answer, behind the noise");
    if (!charged) return OK;
    TRY(budget_check(b, diag));
    TRY_WHY(diag, state_open_answer(b->state, task_id, &c->head, diag), "the broker's state");
    return OK;
}

static Err sign_result(Broker *b, const uint8_t task_id[16], const Footer *dataset, const ResultClaims *claims, Buffer *ret_cose,
                       Diag *diag)
{
    AeadKey key;
    ResultFooterRequest request = {
        .secret = b->config.signing, .signer = b->config.owner, .result_key = &key, .dataset = dataset, .claims = *claims};
    memcpy(request.task_id, task_id, sizeof request.task_id);
    if (claims->is_answer) key_of_answer(b, task_id, dataset, &claims->head, &key);
    else derive_task_result_key(&b->sessions.secrets->root, task_id, &dataset->name, &key);
    Err e = result_footer_sign(&request, ret_cose, diag);
    sodium_memzero(&key, sizeof key);
    return e;
}

static Err decide_result(Broker *b, uint64_t now_s, const uint8_t task_id[16], View claims, Buffer *ret_cose, Diag *diag)
{
    Footer dataset;
    ResultClaims c;
    AUTO_BUFFER stored = buffer_limited(FOOTER_BYTES_MAX);
    TRY(rate_take(&b->results, now_s, RESULTS_PER_MINUTE_MAX, diag));
    TRY(trust_refresh(b, now_s, diag));
    TRY_WHY(diag, result_claims_decode(claims, &c), "what is said about the result file");
    TRY_WHY(diag, state_task_footer(b->state, task_id, &stored), "no key was released to this task");
    TRY(owned_footer(b, view_buffer(&stored), &dataset, diag));
    TRY(check_recipients(b, now_s, &dataset, diag));
    TRY(check_answer(b, task_id, &c, diag));
    TRY_WHY(diag, record_result(&b->record, now_s, task_id, c.results), "the audit log: no key leaves without an entry in it");
    return sign_result(b, task_id, &dataset, &c, ret_cose, diag);
}

Err broker_result_footer(Broker *b, uint64_t now_s, const uint8_t task_id[16], View claims, Buffer *ret_cose, Diag *diag)
{
    Diag why = {{0}};
    Err e = decide_result(b, now_s, task_id, claims, ret_cose, &why);
    if (!e.code) return OK;
    e = diag_complete(&why, e, "result file");
    record_refusal(&b->record, now_s, "result", task_id, e, &why);
    if (diag) *diag = why;
    return e;
}
