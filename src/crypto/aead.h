/**
 * AEAD of sealed data: AES-256-GCM (NIST SP 800-38D), 96-bit nonces, 128-bit tags. Fastest of what Debian packages on this kind of machine
 * (bench/). Pure: compiled for the host and into libcovey-see.a, in place allowed (out == in).
 *
 * A key is used for one segment or one result; the nonce is the chunk's number, so a (key, nonce) pair is never used twice.
 */
#pragma once
#include "base/bytes.h"

enum { AEAD_KEY_BYTES = 32, AEAD_NONCE_BYTES = 12, AEAD_TAG_BYTES = 16 };
typedef struct { uint8_t bytes[AEAD_KEY_BYTES]; } AeadKey;

/** Writes `in.size` bytes of ciphertext to out and the tag to ret_tag. */
MUST_USE Err aead_seal(const AeadKey *key, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES]);
/** errors: ERR_CORRUPT, and then out holds zeros. */
MUST_USE Err aead_open(const AeadKey *key, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, const uint8_t tag[AEAD_TAG_BYTES], uint8_t *out);
