/* A policy as deterministic CBOR: a map with every field, in the order of its numbers. docs/formats/policy.md */
#include "dataset/policy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "crypto/cbor.h"

enum {
    FIELD_FORMAT, FIELD_NAME, FIELD_IMAGES, FIELD_SIGNERS, FIELD_LEVEL, FIELD_EVIDENCE, FIELD_NODES, FIELD_RECIPIENTS, FIELD_EXPIRES,
    FIELD_RUNS, FIELD_BUDGET, FIELDS
};
/* Format 1 is without a budget, and every policy without one is written in it. */
enum { POLICY_FORMAT = 1, POLICY_FORMAT_BUDGET = 2, BUDGET_FIELDS = 5 };
enum { EVIDENCE_ALL = EVIDENCE_NODE_KEY | EVIDENCE_TPM2 | EVIDENCE_SEV_SNP | EVIDENCE_TDX, HASH_BYTES = 32 };

/* All four lists are of 32 bytes each, so one reader and one writer serve them. */
_Static_assert(sizeof(Sha256) == HASH_BYTES && sizeof(PublicKey) == HASH_BYTES && sizeof(SealPublicKey) == HASH_BYTES, "see above");

void policy_free(Policy *p)
{
    free(p->images);
    free(p->signers);
    free(p->nodes);
    free(p->recipients);
    *p = (Policy){.name = ""};
}

Err policy_check(const Policy *p, Diag *diag)
{
    if (!p->name[0]) return FAIL_WHY(diag, ERR_BAD_INPUT, "the policy has no name; begin it with 'policy: my-data'");
    if (p->image_count + p->signer_count == 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "no image may open the data; give 'images' (covey image inspect prints a measurement) or 'signers'");
    if (p->recipient_count == 0) return FAIL_WHY(diag, ERR_BAD_INPUT, "nobody may receive results; give 'recipients' (covey key show --sealing)");
    if (p->level < LEVEL_SHARED || p->level > LEVEL_CONFIDENTIAL) return FAIL_WHY(diag, ERR_BAD_INPUT, "no such security level");
    if (p->evidence == 0 || p->evidence & ~(uint32_t)EVIDENCE_ALL)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "no kind of evidence is accepted; give 'evidence', such as [tpm2, sev-snp, tdx]");
    return p->budget.is_set ? policy_budget_check(&p->budget, diag) : OK;
}

static Err put_list(Buffer *b, uint64_t field, const void *items, size_t count)
{
    TRY(cbor_put_uint(b, field));
    TRY(cbor_put_array(b, count));
    for (size_t i = 0; i < count; i++) TRY(cbor_put_bytes(b, view_of((const uint8_t *)items + i * HASH_BYTES, HASH_BYTES)));
    return OK;
}

static Err put_budget(Buffer *b, const PolicyBudget *budget)
{
    TRY(cbor_put_uint(b, FIELD_BUDGET));
    TRY(cbor_put_array(b, BUDGET_FIELDS));
    TRY(cbor_put_text(b, view_text(budget->epsilon)));
    TRY(cbor_put_text(b, view_text(budget->delta)));
    TRY(cbor_put_text(b, view_text(budget->rho)));
    TRY(cbor_put_uint(b, budget->zcdp));
    return cbor_put_text(b, view_text(budget->person));
}

static Err put_fields(const Policy *p, Buffer *b)
{
    const bool budget = p->budget.is_set;
    TRY(cbor_put_map(b, budget ? FIELDS : FIELD_BUDGET));
    TRY(cbor_put_pair(b, FIELD_FORMAT, budget ? POLICY_FORMAT_BUDGET : POLICY_FORMAT));
    TRY(cbor_put_uint(b, FIELD_NAME));
    TRY(cbor_put_text(b, view_text(p->name)));
    TRY(put_list(b, FIELD_IMAGES, p->images, p->image_count));
    TRY(put_list(b, FIELD_SIGNERS, p->signers, p->signer_count));
    TRY(cbor_put_pair(b, FIELD_LEVEL, (uint64_t)p->level));
    TRY(cbor_put_pair(b, FIELD_EVIDENCE, p->evidence));
    TRY(put_list(b, FIELD_NODES, p->nodes, p->node_count));
    TRY(put_list(b, FIELD_RECIPIENTS, p->recipients, p->recipient_count));
    TRY(cbor_put_pair(b, FIELD_EXPIRES, p->expires));
    TRY(cbor_put_pair(b, FIELD_RUNS, p->runs_max));
    return budget ? put_budget(b, &p->budget) : OK;
}

Err policy_encode(const Policy *p, Buffer *ret_cbor)
{
    assert(p && ret_cbor);

    size_t before = ret_cbor->size;
    Err e = put_fields(p, ret_cbor);
    if (e.code) ret_cbor->size = before;
    return e;
}

static void expect(CborReader *r, uint64_t field)
{
    if (cbor_get_uint(r) != field) r->reader.bad = true;
}

static uint64_t get_number(CborReader *r, uint64_t field)
{
    expect(r, field);
    return cbor_get_uint(r);
}

static Err get_list(CborReader *r, uint64_t field, size_t max, void *ret_items, size_t *ret_count)
{
    expect(r, field);
    size_t count = (size_t)cbor_get_array(r, max);
    if (count == 0) return OK;
    uint8_t *items = calloc(count, HASH_BYTES);
    if (!items) return FAIL(ENOMEM);
    for (size_t i = 0; i < count; i++) cbor_get_fixed(r, items + i * HASH_BYTES, HASH_BYTES);
    memcpy(ret_items, &items, sizeof items);
    *ret_count = count;
    return OK;
}

/* `ret_text` has room for `max` and a NUL, and is empty. */
static void get_text(CborReader *r, size_t max, char *ret_text)
{
    View text = cbor_get_text(r, max);
    if (text.size && memchr(text.data, 0, text.size)) r->reader.bad = true;
    else if (text.size) memcpy(ret_text, text.data, text.size);
}

static void get_name(CborReader *r, Policy *p)
{
    expect(r, FIELD_NAME);
    get_text(r, POLICY_NAME_MAX, p->name);
}

static void get_budget(CborReader *r, PolicyBudget *b)
{
    expect(r, FIELD_BUDGET);
    if (cbor_get_array(r, BUDGET_FIELDS) != BUDGET_FIELDS) r->reader.bad = true;
    get_text(r, POLICY_NUMBER_MAX, b->epsilon);
    get_text(r, POLICY_NUMBER_MAX, b->delta);
    get_text(r, POLICY_NUMBER_MAX, b->rho);
    uint64_t zcdp = cbor_get_uint(r);
    get_text(r, POLICY_NAME_MAX, b->person);
    if (zcdp > 1) r->reader.bad = true;
    b->zcdp = zcdp == 1;
    b->is_set = true;
}

static Err get_fields(CborReader *r, Policy *p)
{
    const uint64_t fields = cbor_get_map(r, FIELDS), format = get_number(r, FIELD_FORMAT);
    const bool budget = fields == FIELDS;
    if (fields < FIELD_BUDGET || format != (budget ? POLICY_FORMAT_BUDGET : POLICY_FORMAT)) r->reader.bad = true;
    get_name(r, p);
    TRY(get_list(r, FIELD_IMAGES, POLICY_IMAGES_MAX, &p->images, &p->image_count));
    TRY(get_list(r, FIELD_SIGNERS, POLICY_SIGNERS_MAX, &p->signers, &p->signer_count));
    uint64_t level = get_number(r, FIELD_LEVEL), evidence = get_number(r, FIELD_EVIDENCE);
    TRY(get_list(r, FIELD_NODES, POLICY_NODES_MAX, &p->nodes, &p->node_count));
    TRY(get_list(r, FIELD_RECIPIENTS, POLICY_RECIPIENTS_MAX, &p->recipients, &p->recipient_count));
    p->expires = get_number(r, FIELD_EXPIRES);
    p->runs_max = get_number(r, FIELD_RUNS);
    if (budget) get_budget(r, &p->budget);
    if (level > LEVEL_CONFIDENTIAL || evidence > EVIDENCE_ALL) r->reader.bad = true;
    p->level = (SecurityLevel)level;
    p->evidence = (uint32_t)evidence;
    return OK;
}

static Err decode(View cbor, Policy *p, Diag *diag)
{
    CborReader r = cbor_reader(cbor);
    bool sound = cbor.size <= POLICY_BYTES_MAX && cbor_check(cbor);
    if (sound) TRY(get_fields(&r, p));
    if (!sound || !cbor_done(&r)) return FAIL_WHY(diag, ERR_BAD_INPUT, "the policy is not one that this version can read");
    return policy_check(p, diag);
}

Err policy_decode(View cbor, Policy *ret_policy, Diag *diag)
{
    assert(ret_policy);

    Policy p = {.name = ""};
    Err e = decode(cbor, &p, diag);
    if (e.code) {
        policy_free(&p);
        return e;
    }
    *ret_policy = p;
    return OK;
}
