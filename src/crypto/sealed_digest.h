/**
 * A keyed digest of a sealed result's plaintext, made in the SEE: copies of one micro-job have equal digests exactly when their plaintexts are
 * equal, although each is sealed under a salt of its own; without the key it says nothing. Pure; host and SEE. docs/formats/result.md
 *
 * The keys are those of one micro-job of one task, so that equal results of different micro-jobs do not show. Each chunk is hashed by GCM's
 * universal hash, whose values never leave here, and they by HMAC-SHA256: a hash of that kind under a pseudorandom function is one itself
 * (Wegman, Carter 1981; Shoup 1996), at the speed of the AEAD instead of SHA-256's.
 */
#pragma once
#include <sodium.h>

#include "crypto/stream.h"

enum { SEALED_DIGEST_BYTES = 16 };
/** Which micro-job a result is of, and of which segments; as in its head (see/sealed_result.h). */
typedef struct { uint64_t stage_and_job, first, end; } SealedDigestPlace;
typedef struct { AeadCipher hash; crypto_auth_hmacsha256_state mac; } SealedDigest; /* secret; all zeros: not begun */

/** result_key: of the task. errors: ENOMEM */
MUST_USE Err sealed_digest_begin(const AeadKey *result_key, const SealedDigestPlace *place, SealedDigest *ret_digest);
/** The chunks of the plaintext in order, as stream_seal_chunk takes them. */
MUST_USE Err sealed_digest_chunk(SealedDigest *d, uint32_t number, bool last, View plain);
/** Wipes the state. */
void sealed_digest_end(SealedDigest *d, uint8_t ret_digest[SEALED_DIGEST_BYTES]);
/** Wipes the state without a digest; harmless on zeros and afterwards. */
void sealed_digest_forget(SealedDigest *d);
