/* The claims of evidence, in the order of deterministic CBOR. Registered keys are those of RFC 8392, 8747 and 9711; negative ones are our own. */
#include "attest/evidence.h"

#include "crypto/cose.h"

#define PROFILE "urn:covey:evidence:1"
enum {
    CLAIM_EXPIRES = 4, CLAIM_ISSUED = 6, CLAIM_CONFIRMATION = 8, CLAIM_NONCE = 10, CLAIM_PROFILE = 265, CLAIM_SUBMODULES = 266,
    CLAIM_MEASUREMENT = -65537, CLAIM_IMAGE_SIGNER = -65538, CLAIM_LEVEL = -65539, CLAIM_TASK_POLICY = -65540, CLAIM_TASK_ID = -65541,
    CLAIM_COUNT = 11,
};
enum { NODE_KIND = -65542, NODE_EVIDENCE = -65543 };                                    /* in the submodule "node" */
enum { CONFIRMATION_COSE_KEY = 1, KEY_TYPE = 1, KEY_OKP = 1, KEY_CURVE = -1, CURVE_X25519 = 4, KEY_X = -2, KEY_PARTS = 3 }; /* RFC 9053 section 7.2 */

static Err put_fixed(Buffer *b, int64_t key, const void *data, size_t size)
{
    TRY(cbor_put_int(b, key));
    return cbor_put_bytes(b, view_of(data, size));
}

static Err put_see_key(Buffer *b, const SealPublicKey *key)
{
    TRY(cbor_put_int(b, CLAIM_CONFIRMATION));
    TRY(cbor_put_map(b, 1));
    TRY(cbor_put_int(b, CONFIRMATION_COSE_KEY));
    TRY(cbor_put_map(b, KEY_PARTS));
    TRY(cbor_put_pair(b, KEY_TYPE, KEY_OKP));
    TRY(cbor_put_pair(b, KEY_CURVE, CURVE_X25519));
    return put_fixed(b, KEY_X, key->bytes, sizeof key->bytes);
}

static Err put_node(Buffer *b, uint32_t kind, View evidence)
{
    TRY(cbor_put_int(b, CLAIM_SUBMODULES));
    TRY(cbor_put_map(b, 1));
    TRY(cbor_put_text(b, VIEW("node")));
    TRY(cbor_put_map(b, evidence.size ? 2 : 1));
    TRY(cbor_put_pair(b, NODE_KIND, kind));
    return evidence.size ? put_fixed(b, NODE_EVIDENCE, evidence.data, evidence.size) : OK;
}

static Err put_claims(Buffer *b, const Evidence *e)
{
    TRY(cbor_put_map(b, CLAIM_COUNT));
    TRY(cbor_put_pair(b, CLAIM_EXPIRES, e->expires));
    TRY(cbor_put_pair(b, CLAIM_ISSUED, e->issued));
    TRY(put_see_key(b, &e->see_key));
    TRY(put_fixed(b, CLAIM_NONCE, e->nonce, sizeof e->nonce));
    TRY(cbor_put_int(b, CLAIM_PROFILE));
    TRY(cbor_put_text(b, VIEW(PROFILE)));
    TRY(put_node(b, e->kind, e->node_evidence));
    TRY(put_fixed(b, CLAIM_MEASUREMENT, e->measurement.bytes, sizeof e->measurement.bytes));
    TRY(put_fixed(b, CLAIM_IMAGE_SIGNER, e->image_signer.bytes, sizeof e->image_signer.bytes));
    TRY(cbor_put_pair(b, CLAIM_LEVEL, (uint64_t)e->level));
    TRY(put_fixed(b, CLAIM_TASK_POLICY, e->task_policy.bytes, sizeof e->task_policy.bytes));
    return put_fixed(b, CLAIM_TASK_ID, e->task_id, sizeof e->task_id);
}

Err evidence_encode(const Evidence *e, const SecretKey *node_secret, Buffer *ret_cose)
{
    AUTO_BUFFER claims = buffer_limited(EVIDENCE_BYTES_MAX);
    TRY(put_claims(&claims, e));
    return cose_sign1(node_secret, &e->node, VIEW(EVIDENCE_CONTEXT), view_buffer(&claims), ret_cose);
}

/* The claims are all there, in one order: a key that is not the next one is a fault. */
static void expect(CborReader *r, int64_t key)
{
    if (cbor_get_int(r) != key) r->reader.bad = true;
}

static void get_fixed(CborReader *r, int64_t key, void *ret_bytes, size_t size)
{
    expect(r, key);
    cbor_get_fixed(r, ret_bytes, size);
}

static uint64_t get_number(CborReader *r, int64_t key)
{
    expect(r, key);
    return cbor_get_uint(r);
}

static void expect_map(CborReader *r, uint64_t count)
{
    if (cbor_get_map(r, count) != count) r->reader.bad = true;
}

static void get_see_key(CborReader *r, SealPublicKey *ret_key)
{
    expect(r, CLAIM_CONFIRMATION);
    expect_map(r, 1);
    expect(r, CONFIRMATION_COSE_KEY);
    expect_map(r, KEY_PARTS);
    if (get_number(r, KEY_TYPE) != KEY_OKP || get_number(r, KEY_CURVE) != CURVE_X25519) r->reader.bad = true;
    get_fixed(r, KEY_X, ret_key->bytes, sizeof ret_key->bytes);
}

static void get_node(CborReader *r, Evidence *e)
{
    expect(r, CLAIM_SUBMODULES);
    expect_map(r, 1);
    if (!view_equal(cbor_get_text(r, 16), VIEW("node"))) r->reader.bad = true;
    uint64_t parts = cbor_get_map(r, 2), kind = get_number(r, NODE_KIND);
    bool known = kind == EVIDENCE_NODE_KEY || kind == EVIDENCE_TPM2 || kind == EVIDENCE_SEV_SNP || kind == EVIDENCE_TDX;
    if (!known || parts != (kind == EVIDENCE_NODE_KEY ? 1 : 2)) r->reader.bad = true;
    e->kind = (uint32_t)kind;
    if (parts < 2) return;
    expect(r, NODE_EVIDENCE);
    e->node_evidence = cbor_get_bytes(r, NODE_EVIDENCE_BYTES_MAX);
    if (e->node_evidence.size == 0) r->reader.bad = true;
}

static bool get_claims(View payload, Evidence *e)
{
    CborReader r = cbor_reader(payload);
    expect_map(&r, CLAIM_COUNT);
    e->expires = get_number(&r, CLAIM_EXPIRES);
    e->issued = get_number(&r, CLAIM_ISSUED);
    get_see_key(&r, &e->see_key);
    get_fixed(&r, CLAIM_NONCE, e->nonce, sizeof e->nonce);
    expect(&r, CLAIM_PROFILE);
    if (!view_equal(cbor_get_text(&r, 64), VIEW(PROFILE))) r.reader.bad = true;
    get_node(&r, e);
    get_fixed(&r, CLAIM_MEASUREMENT, e->measurement.bytes, sizeof e->measurement.bytes);
    get_fixed(&r, CLAIM_IMAGE_SIGNER, e->image_signer.bytes, sizeof e->image_signer.bytes);
    uint64_t level = get_number(&r, CLAIM_LEVEL);
    get_fixed(&r, CLAIM_TASK_POLICY, e->task_policy.bytes, sizeof e->task_policy.bytes);
    get_fixed(&r, CLAIM_TASK_ID, e->task_id, sizeof e->task_id);
    e->level = (SecurityLevel)level;
    return cbor_done(&r) && level >= LEVEL_SHARED && level <= LEVEL_CONFIDENTIAL && e->issued < e->expires;
}

Err evidence_decode(View cose, Evidence *ret_evidence, Diag *diag)
{
    Evidence e = {0};
    View payload;
    if (cose.size > EVIDENCE_BYTES_MAX) return FAIL_WHY(diag, ERR_BAD_INPUT, "evidence of %zu bytes; at most %d", cose.size, EVIDENCE_BYTES_MAX);
    if (!cbor_check(cose) || cose_sign1_kid(cose, &e.node).code) return FAIL_WHY(diag, ERR_BAD_INPUT, "not a COSE_Sign1 that names its key");
    Err verified = cose_sign1_verify(&e.node, VIEW(EVIDENCE_CONTEXT), cose, &payload);
    if (verified.code == ERR_BAD_SIGNATURE) return FAIL_WHY(diag, ERR_BAD_SIGNATURE, "the signature is not by the key that the evidence names");
    TRY_WHY(diag, verified, "not a COSE_Sign1 with Ed25519");
    if (!cbor_check(payload) || !get_claims(payload, &e)) return FAIL_WHY(diag, ERR_BAD_INPUT, "the claims are not those of " PROFILE);
    *ret_evidence = e;
    return OK;
}
