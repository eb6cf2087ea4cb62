/*
 * Any bytes as a statement about a resource, and as the fields of one that is soundly signed, which most inputs would never get to. What decodes
 * is in range, and encodes to the very bytes that were read.
 */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "bus/resource.h"
#include "crypto/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(View cose, const SecretKey *secret)
{
    Resource r;
    AUTO_BUFFER again = buffer_limited(RESOURCE_BYTES_MAX);
    Diag why = {{0}};
    Err e = resource_decode(cose, &r, &why);
    if (e.code) {
        assert((e.code == ERR_BAD_INPUT || e.code == ERR_BAD_SIGNATURE) && why.text[0]);
        return;
    }
    assert(resource_name_valid(view_text(r.name)) && r.task_count >= 1 && r.task_count <= RESOURCE_ACCESS_MAX);
    assert(r.image_count <= RESOURCE_ACCESS_MAX && r.size >= 1 && r.size <= RESOURCE_SIZE_MAX);
    Err encoded = resource_encode(&r, secret, &again);
    assert(encoded.code == 0 && view_equal(view_buffer(&again), cose));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static SecretKey secret;
    static PublicKey public_key;
    const uint8_t seed[crypto_sign_SEEDBYTES] = {1};
    if (sodium_is_zero(secret.bytes, sizeof secret.bytes)) crypto_sign_seed_keypair(public_key.bytes, secret.bytes, seed);
    AUTO_BUFFER cose = buffer_limited(2 * RESOURCE_BYTES_MAX);
    Resource r;
    Err e = resource_decode(view_of(data, size), &r, NULL);
    assert(e.code == 0 || e.code == ERR_BAD_INPUT || e.code == ERR_BAD_SIGNATURE);
    if (cose_sign1(&secret, &public_key, VIEW(RESOURCE_CONTEXT), view_of(data, size), &cose).code == 0) check(view_buffer(&cose), &secret);
    return 0;
}
