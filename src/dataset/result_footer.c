/* The footer of a result file, which the key broker signs on the manager's word about the index: a lie there only makes the file fail to open. */
#include "crypto/cbor.h"
#include "dataset/footer.h"

Err result_claims_encode(const ResultClaims *c, Buffer *ret_bytes)
{
    TRY(cbor_put_array(ret_bytes, c->is_answer ? 4 : 3));
    TRY(cbor_put_uint(ret_bytes, c->results));
    TRY(cbor_put_uint(ret_bytes, c->plain_bytes));
    TRY(cbor_put_bytes(ret_bytes, view_of(c->index_hash.bytes, sizeof c->index_hash.bytes)));
    return c->is_answer ? cbor_put_bytes(ret_bytes, view_of(c->head.bytes, sizeof c->head.bytes)) : OK;
}

Err result_claims_decode(View bytes, ResultClaims *ret_claims)
{
    ResultClaims c = {.results = 0};
    CborReader r = cbor_reader(bytes);
    uint64_t fields = cbor_get_array(&r, 4);
    c.results = cbor_get_uint(&r);
    c.plain_bytes = cbor_get_uint(&r);
    cbor_get_fixed(&r, c.index_hash.bytes, sizeof c.index_hash.bytes);
    c.is_answer = fields == 4;
    if (c.is_answer) cbor_get_fixed(&r, c.head.bytes, sizeof c.head.bytes);
    if (!cbor_done(&r) || fields < 3 || (c.is_answer && c.results != 1)) return FAIL(ERR_BAD_INPUT);
    *ret_claims = c;
    return OK;
}

static Err sign_for(const ResultFooterRequest *r, const Policy *policy, Buffer *ret_cose, Diag *diag)
{
    Footer f = {
        .is_result = true,
        .is_answer = r->claims.is_answer,
        .segments = r->claims.results,
        .plain_bytes = r->claims.plain_bytes,
        .index_hash = r->claims.index_hash,
        .policy = r->dataset->policy,
        .source = r->dataset->name,
        .source_segments = r->dataset->segments,
    };
    memcpy(f.name.id, r->task_id, sizeof f.name.id);
    for (size_t i = 0; i < policy->recipient_count; i++)
        TRY_WHY(diag, footer_add_key(&f, &policy->recipients[i], r->result_key), "recipient %zu of the policy", i + 1);
    return footer_sign(&f, r->secret, r->signer, ret_cose);
}

Err result_footer_sign(const ResultFooterRequest *r, Buffer *ret_cose, Diag *diag)
{
    Policy policy;
    TRY(policy_decode(r->dataset->policy, &policy, diag));
    Err e = sign_for(r, &policy, ret_cose, diag);
    policy_free(&policy);
    return e;
}
