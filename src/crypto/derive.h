/**
 * Key derivation: HKDF-SHA256 (RFC 5869). Every derived key names its purpose. Pure; host and SEE.
 *
 *   segment key  expand(dataset key, "covey segment v1" | dataset id (16) | dataset version (u64 le) | segment index (u64 le))
 *   result key   expand(result key of the task, "covey result v1" | SHA-256 of the result's head (see/sealed_result.h), so that the head is bound)
 *   digest keys  expand(result key of the task, "covey result digest v1" | stage and job (u64 le) | first (u64 le) | end (u64 le)), 64 bytes
 *   wrap key     expand(session key, "covey wrap v1")
 */
#pragma once
#include "crypto/aead.h"

void hkdf_extract(View salt, View secret, uint8_t ret_prk[32]);
/** size <= 255 * 32 */
void hkdf_expand(const uint8_t prk[32], View info, uint8_t *ret_key, size_t size);

void derive_segment_key(const AeadKey *dataset_key, const uint8_t dataset_id[16], uint64_t version, uint64_t segment, AeadKey *ret_key);
void derive_result_key(const AeadKey *result_key, const uint8_t head_hash[32], AeadKey *ret_key);
void derive_digest_keys(const AeadKey *result_key, uint64_t stage_and_job, uint64_t first, uint64_t end, uint8_t ret_keys[64]);
void derive_wrap_key(const uint8_t session_key[32], AeadKey *ret_key);
