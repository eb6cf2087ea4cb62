/*
 * Signatures and hashes, and public keys as text.
 *
 * A signature is Ed25519ph (RFC 8032 section 5.1, prehash with SHA-512) over the context, a NUL, and the message: messages of any
 * size are signed without a copy, and no context is the beginning of another.
 */
#include "crypto/sign.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>

#define PUBLIC_KEY_PREFIX "covey-ed25519:"
#define BASE64 sodium_base64_VARIANT_ORIGINAL_NO_PADDING

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

void public_key_print(const PublicKey *key, char ret_text[PUBLIC_KEY_TEXT_MAX])
{
    char encoded[sodium_base64_ENCODED_LEN(SIGN_PUBLIC_BYTES, BASE64)];
    sodium_bin2base64(encoded, sizeof encoded, key->bytes, sizeof key->bytes, BASE64);
    snprintf(ret_text, PUBLIC_KEY_TEXT_MAX, PUBLIC_KEY_PREFIX "%s", encoded);
}

Err public_key_parse(const char *text, PublicKey *ret_key)
{
    assert(text && ret_key);

    size_t prefix = strlen(PUBLIC_KEY_PREFIX);
    if (strncmp(text, PUBLIC_KEY_PREFIX, prefix) != 0) return FAIL(ERR_BAD_INPUT);

    PublicKey key;
    size_t size = 0;
    const char *encoded = text + prefix;
    if (sodium_base642bin(key.bytes, sizeof key.bytes, encoded, strlen(encoded), NULL, &size, NULL, BASE64) != 0 ||
        size != sizeof key.bytes)
        return FAIL(ERR_BAD_INPUT);
    *ret_key = key;
    return OK;
}

void secret_key_wipe(SecretKey *key)
{
    sodium_memzero(key->bytes, sizeof key->bytes);
}
