/**
 * The two ways of AES-256-GCM behind aead.h: for processors that have AES and carry-less products on whole 512-bit registers (VAES, VPCLMULQDQ,
 * AVX-512), and for all others. Same bytes. What makes up the second one, and how the processor is asked, differs between host and SEE.
 */
#pragma once
#include "crypto/aead.h"

/** aead_wide.c: Intel's multi-buffer library. */
void aead_wide_begin(const AeadKey *key, AeadCipher *ret_cipher);
void aead_wide_seal(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES]);
/** The tag that would be right; what is in `out` counts only if it is. */
void aead_wide_open(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES]);

/** aead_host.c or aead_see.c: OpenSSL. */
bool aead_processor_is_wide(void);
MUST_USE Err aead_narrow_begin(const AeadKey *key, AeadCipher *ret_cipher);
void aead_narrow_end(AeadCipher *cipher);
MUST_USE Err aead_narrow_seal(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out,
                              uint8_t ret_tag[AEAD_TAG_BYTES]);
/** errors: ERR_CORRUPT */
MUST_USE Err aead_narrow_open(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, const uint8_t tag[AEAD_TAG_BYTES],
                              uint8_t *out);
