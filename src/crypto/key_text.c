/* Public keys as one line of text: what the key is for, a colon, and base64. */
#include <assert.h>
#include <sodium.h>
#include <stdio.h>

#include "crypto/base64.h"
#include "crypto/keyring.h"

#define BASE64 sodium_base64_VARIANT_ORIGINAL_NO_PADDING
#define SIGNING_PREFIX "covey-ed25519:"
#define SEALING_PREFIX "covey-x25519:"

_Static_assert(sizeof SIGNING_PREFIX + sodium_base64_ENCODED_LEN(SIGN_PUBLIC_BYTES, BASE64) <= PUBLIC_KEY_TEXT_MAX, "the longer one fits");

static void print(const char *prefix, const uint8_t key[KEY_BYTES], char ret_text[PUBLIC_KEY_TEXT_MAX])
{
    char encoded[sodium_base64_ENCODED_LEN(KEY_BYTES, BASE64)];
    sodium_bin2base64(encoded, sizeof encoded, key, KEY_BYTES, BASE64);
    snprintf(ret_text, PUBLIC_KEY_TEXT_MAX, "%s%s", prefix, encoded);
}

static Err parse(const char *prefix, const char *text, uint8_t ret_key[KEY_BYTES])
{
    size_t length = strlen(prefix);
    if (strncmp(text, prefix, length) != 0) return FAIL(ERR_BAD_INPUT);
    return base64_decode(text + length, strlen(text + length), ret_key, KEY_BYTES) ? OK : FAIL(ERR_BAD_INPUT);
}

void public_key_print(const PublicKey *key, char ret_text[PUBLIC_KEY_TEXT_MAX]) { print(SIGNING_PREFIX, key->bytes, ret_text); }
void seal_public_print(const SealPublicKey *key, char ret_text[PUBLIC_KEY_TEXT_MAX]) { print(SEALING_PREFIX, key->bytes, ret_text); }

Err public_key_parse(const char *text, PublicKey *ret_key)
{
    assert(text && ret_key);
    return parse(SIGNING_PREFIX, text, ret_key->bytes);
}

Err seal_public_parse(const char *text, SealPublicKey *ret_key)
{
    assert(text && ret_key);
    return parse(SEALING_PREFIX, text, ret_key->bytes);
}
