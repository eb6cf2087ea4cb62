/* A policy as deterministic CBOR: a map with every field, in the order of its numbers. docs/formats/policy.md */
#include "dataset/policy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "crypto/cbor.h"

enum {
    FIELD_FORMAT, FIELD_NAME, FIELD_IMAGES, FIELD_SIGNERS, FIELD_LEVEL, FIELD_EVIDENCE, FIELD_NODES, FIELD_RECIPIENTS, FIELD_EXPIRES,
    FIELD_RUNS, FIELDS
};
enum { POLICY_FORMAT = 1, EVIDENCE_ALL = EVIDENCE_NODE_KEY | EVIDENCE_TPM2 | EVIDENCE_SEV_SNP | EVIDENCE_TDX, HASH_BYTES = 32 };

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
    return OK;
}

static Err put_list(Buffer *b, uint64_t field, const void *items, size_t count)
{
    TRY(cbor_put_uint(b, field));
    TRY(cbor_put_array(b, count));
    for (size_t i = 0; i < count; i++) TRY(cbor_put_bytes(b, view_of((const uint8_t *)items + i * HASH_BYTES, HASH_BYTES)));
    return OK;
}

static Err put_number(Buffer *b, uint64_t field, uint64_t value)
{
    TRY(cbor_put_uint(b, field));
    return cbor_put_uint(b, value);
}

static Err put_fields(const Policy *p, Buffer *b)
{
    TRY(cbor_put_map(b, FIELDS));
    TRY(put_number(b, FIELD_FORMAT, POLICY_FORMAT));
    TRY(cbor_put_uint(b, FIELD_NAME));
    TRY(cbor_put_text(b, view_text(p->name)));
    TRY(put_list(b, FIELD_IMAGES, p->images, p->image_count));
    TRY(put_list(b, FIELD_SIGNERS, p->signers, p->signer_count));
    TRY(put_number(b, FIELD_LEVEL, (uint64_t)p->level));
    TRY(put_number(b, FIELD_EVIDENCE, p->evidence));
    TRY(put_list(b, FIELD_NODES, p->nodes, p->node_count));
    TRY(put_list(b, FIELD_RECIPIENTS, p->recipients, p->recipient_count));
    TRY(put_number(b, FIELD_EXPIRES, p->expires));
    return put_number(b, FIELD_RUNS, p->runs_max);
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

static void get_name(CborReader *r, Policy *p)
{
    expect(r, FIELD_NAME);
    View name = cbor_get_text(r, POLICY_NAME_MAX);
    if (name.size && memchr(name.data, 0, name.size)) r->reader.bad = true;
    else if (name.size) memcpy(p->name, name.data, name.size);
}

static Err get_fields(CborReader *r, Policy *p)
{
    if (cbor_get_map(r, FIELDS) != FIELDS || get_number(r, FIELD_FORMAT) != POLICY_FORMAT) r->reader.bad = true;
    get_name(r, p);
    TRY(get_list(r, FIELD_IMAGES, POLICY_IMAGES_MAX, &p->images, &p->image_count));
    TRY(get_list(r, FIELD_SIGNERS, POLICY_SIGNERS_MAX, &p->signers, &p->signer_count));
    uint64_t level = get_number(r, FIELD_LEVEL), evidence = get_number(r, FIELD_EVIDENCE);
    TRY(get_list(r, FIELD_NODES, POLICY_NODES_MAX, &p->nodes, &p->node_count));
    TRY(get_list(r, FIELD_RECIPIENTS, POLICY_RECIPIENTS_MAX, &p->recipients, &p->recipient_count));
    p->expires = get_number(r, FIELD_EXPIRES);
    p->runs_max = get_number(r, FIELD_RUNS);
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
