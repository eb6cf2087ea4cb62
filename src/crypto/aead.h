/**
 * AEAD of sealed data: AES-256-GCM (NIST SP 800-38D), 96-bit nonces, 128-bit tags. Fastest of what Debian packages on this kind of machine
 * (bench/); by which code, the processor decides (aead_parts.h). Pure: for the host and in libcovey-see.a, in place allowed (out == in).
 *
 * A key is used for one segment or one result; the nonce is the chunk's number, so a (key, nonce) pair is never used twice.
 */
#pragma once
#include "base/bytes.h"

enum { AEAD_KEY_BYTES = 32, AEAD_NONCE_BYTES = 12, AEAD_TAG_BYTES = 16 };
typedef struct { uint8_t bytes[AEAD_KEY_BYTES]; } AeadKey;
enum { AEAD_STATE_BYTES = 1280 }; /* aead_see.c and aead_wide.c say what of */

/**
 * A key made ready: its schedule is computed once for all chunks that are sealed or opened with it. Holds secrets: aead_end wipes them, may be
 * called again, and is harmless on one that is all zeros. Not copied: what it points to is its own.
 */
typedef struct {
    void *context; /* host, not wide: OpenSSL's; NULL: not begun */
    bool is_wide;
    _Alignas(16) uint8_t state[AEAD_STATE_BYTES]; /* wide; and SEE, where nothing is allocated */
} AeadCipher;
/** errors: ENOMEM */
MUST_USE Err aead_begin(const AeadKey *key, AeadCipher *ret_cipher);
void aead_end(AeadCipher *cipher);

/** Writes `in.size` bytes of ciphertext to out and the tag to ret_tag. */
MUST_USE Err aead_seal_with(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out,
                            uint8_t ret_tag[AEAD_TAG_BYTES]);
/** errors: ERR_CORRUPT, and then out holds zeros. */
MUST_USE Err aead_open_with(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in,
                            const uint8_t tag[AEAD_TAG_BYTES], uint8_t *out);

/** The same for a key that is used once. */
MUST_USE Err aead_seal(const AeadKey *key, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES]);
MUST_USE Err aead_open(const AeadKey *key, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, const uint8_t tag[AEAD_TAG_BYTES], uint8_t *out);
