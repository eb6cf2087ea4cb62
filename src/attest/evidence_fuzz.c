/*
 * Any bytes as evidence, and as the claims in evidence that is soundly signed, which most inputs would never get to. What decodes is in range, and
 * encodes to the very bytes that were read.
 */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "attest/appraise.h"
#include "crypto/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct { SecretKey secret; PublicKey public_key; } Key;

static Key key_of_the_node(void)
{
    Key k;
    uint8_t seed[crypto_sign_SEEDBYTES] = {1};
    crypto_sign_seed_keypair(k.public_key.bytes, k.secret.bytes, seed);
    return k;
}

static void check_appraisal(View cose)
{
    const AppraisalPolicy policy = {.kinds = 15, .level = LEVEL_SHARED, .any_image = true, .now = 1800000000};
    Verdict v;
    Evidence e;
    appraise(cose, &policy, NULL, &v, &e);
    assert(v.count > 0 && v.count <= VERDICT_CLAIMS_MAX);
    assert(!v.accepted); /* no node is trusted and there is no collateral */
}

static void check_signed(View claims)
{
    static Key key;
    if (sodium_is_zero(key.secret.bytes, sizeof key.secret.bytes)) key = key_of_the_node();
    AUTO_BUFFER cose = buffer_limited(2 * EVIDENCE_BYTES_MAX), again = buffer_limited(EVIDENCE_BYTES_MAX);
    if (cose_sign1(&key.secret, &key.public_key, VIEW(EVIDENCE_CONTEXT), claims, &cose).code) return;
    Evidence e;
    Diag why = {0};
    Err decoded = evidence_decode(view_buffer(&cose), &e, &why);
    check_appraisal(view_buffer(&cose));
    if (decoded.code) {
        assert(decoded.code == ERR_BAD_INPUT && why.text[0]);
        return;
    }
    assert(e.issued < e.expires && e.level >= LEVEL_SHARED && e.level <= LEVEL_CONFIDENTIAL && (e.kind & (e.kind - 1)) == 0);
    Err encoded = evidence_encode(&e, &key.secret, &again);
    assert(encoded.code == 0 && view_equal(view_buffer(&again), view_buffer(&cose)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_appraisal(view_of(data, size));
    check_signed(view_of(data, size));
    return 0;
}
