/* Digests of sealed results: GCM's hash over each chunk, HMAC-SHA256 over the hashes. */
#include "crypto/sealed_digest.h"

#include "crypto/derive.h"

Err sealed_digest_begin(const AeadKey *result_key, const SealedDigestPlace *place, SealedDigest *ret_digest)
{
    struct { AeadKey hash; uint8_t mac[32]; } keys;
    derive_digest_keys(result_key, place->stage_and_job, place->first, place->end, (uint8_t *)&keys);
    Err e = aead_begin(&keys.hash, &ret_digest->hash);
    if (!e.code) crypto_auth_hmacsha256_init(&ret_digest->mac, keys.mac, sizeof keys.mac);
    sodium_memzero(&keys, sizeof keys);
    return e;
}

Err sealed_digest_chunk(SealedDigest *d, uint32_t number, bool last, View plain)
{
    uint8_t nonce[AEAD_NONCE_BYTES], nothing[1], tag[AEAD_TAG_BYTES];
    stream_nonce(number, last ? STREAM_LAST : STREAM_INNER, nonce);
    TRY(aead_seal_with(&d->hash, nonce, plain, view_of(nothing, 0), nothing, tag));
    crypto_auth_hmacsha256_update(&d->mac, tag, sizeof tag);
    sodium_memzero(tag, sizeof tag);
    return OK;
}

void sealed_digest_end(SealedDigest *d, uint8_t ret_digest[SEALED_DIGEST_BYTES])
{
    uint8_t whole[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_final(&d->mac, whole);
    memcpy(ret_digest, whole, SEALED_DIGEST_BYTES);
    sodium_memzero(whole, sizeof whole);
    sealed_digest_forget(d);
}

void sealed_digest_forget(SealedDigest *d)
{
    aead_end(&d->hash);
    sodium_memzero(&d->mac, sizeof d->mac);
}
