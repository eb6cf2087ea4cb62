/* AES-256-GCM: the way that is the faster one on this processor, and keys that are used once. */
#include "crypto/aead.h"

#include <sodium.h>

#include "crypto/aead_parts.h"

Err aead_begin(const AeadKey *key, AeadCipher *ret_cipher)
{
    if (!aead_processor_is_wide()) return aead_narrow_begin(key, ret_cipher);
    aead_wide_begin(key, ret_cipher);
    return OK;
}

void aead_end(AeadCipher *cipher)
{
    if (!cipher->is_wide) aead_narrow_end(cipher);
    sodium_memzero(cipher, sizeof *cipher);
}

Err aead_seal_with(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES])
{
    if (!cipher->is_wide) return aead_narrow_seal(cipher, nonce, aad, in, out, ret_tag);
    aead_wide_seal(cipher, nonce, aad, in, out, ret_tag);
    return OK;
}

static Err open_wide(AeadCipher *cipher, const uint8_t *nonce, View aad, View in, const uint8_t *tag, uint8_t *out)
{
    uint8_t found[AEAD_TAG_BYTES];
    aead_wide_open(cipher, nonce, aad, in, out, found);
    return sodium_memcmp(found, tag, sizeof found) == 0 ? OK : FAIL(ERR_CORRUPT);
}

Err aead_open_with(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, const uint8_t tag[AEAD_TAG_BYTES], uint8_t *out)
{
    Err e = cipher->is_wide ? open_wide(cipher, nonce, aad, in, tag, out) : aead_narrow_open(cipher, nonce, aad, in, tag, out);
    if (e.code == ERR_CORRUPT && in.size) memset(out, 0, in.size);
    return e;
}

Err aead_seal(const AeadKey *key, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES])
{
    AeadCipher cipher;
    TRY(aead_begin(key, &cipher));
    Err e = aead_seal_with(&cipher, nonce, aad, in, out, ret_tag);
    aead_end(&cipher);
    return e;
}

Err aead_open(const AeadKey *key, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, const uint8_t tag[AEAD_TAG_BYTES], uint8_t *out)
{
    AeadCipher cipher;
    TRY(aead_begin(key, &cipher));
    Err e = aead_open_with(&cipher, nonce, aad, in, tag, out);
    aead_end(&cipher);
    return e;
}
