/*
 * Signatures and hashes.
 *
 * A signature is Ed25519ph (RFC 8032 section 5.1, prehash with SHA-512) over the context, a NUL, and the message: messages of any
 * size are signed without a copy, and no context is the beginning of another.
 */
#include "crypto/sign.h"

#include <assert.h>
#include <sodium.h>

_Static_assert(SIGN_PUBLIC_BYTES == crypto_sign_PUBLICKEYBYTES && SIGN_SECRET_BYTES == crypto_sign_SECRETKEYBYTES &&
               SIGNATURE_BYTES == crypto_sign_BYTES && SHA256_BYTES == crypto_hash_sha256_BYTES, "as libsodium has them");

void sha256_of(View bytes, Sha256 *ret_hash)
{
    crypto_hash_sha256(ret_hash->bytes, bytes.data, bytes.size);
}

void sha256_hex(const Sha256 *hash, char ret_text[65])
{
    sodium_bin2hex(ret_text, 65, hash->bytes, sizeof hash->bytes);
}

static crypto_sign_state prehash(const char *context, View message)
{
    crypto_sign_state state;
    crypto_sign_init(&state);
    crypto_sign_update(&state, (const uint8_t *)context, strlen(context) + 1);
    crypto_sign_update(&state, message.data, message.size);
    return state;
}

void sign_message(const SecretKey *key, const char *context, View message, uint8_t ret_signature[SIGNATURE_BYTES])
{
    assert(key && context);

    crypto_sign_state state = prehash(context, message);
    crypto_sign_final_create(&state, ret_signature, NULL, key->bytes);
}

Err sign_verify(const PublicKey *key, const char *context, View message, const uint8_t signature[SIGNATURE_BYTES])
{
    assert(key && context && signature);

    crypto_sign_state state = prehash(context, message);
    return crypto_sign_final_verify(&state, signature, key->bytes) == 0 ? OK : FAIL(ERR_BAD_SIGNATURE);
}

void secret_key_wipe(SecretKey *key)
{
    sodium_memzero(key->bytes, sizeof key->bytes);
}
