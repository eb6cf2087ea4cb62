/**
 * Sealed datasets: a file of segments, each a sealed stream (crypto/stream.h) under a key of its own, then an index, then a signed footer.
 * docs/formats/sealed.md
 *
 *   header   "COVEYDS1", u32 format, dataset id (16), dataset version u64
 *   segments one after another
 *   index    one entry of 56 bytes a segment: offset u64, sealed size u64, plain size u64, SHA-256 of the ciphertext
 *   footer   COSE_Sign1 by the owner, external_aad "covey-dataset-v1", over CBOR {id, version, kind, segments, index hash, plain bytes, policy, dataset key sealed to the owner}
 *   end      u64 index offset, u64 footer offset, u64 footer size, "COVEYEND"
 *
 * kind `input`: made by covey seal. kind `result`: what a task gave; its segments are results in input order, each under derive_result_key; the footer
 * holds the result key sealed (HPKE) to each recipient and is signed by the key broker.
 * Reading is streaming, memory constant; nobody who lacks the key learns more than sizes.
 */
#pragma once
#include "dataset/policy.h"
#include "crypto/stream.h"

enum { DATASET_ID_BYTES = 16, SEALED_SEGMENTS_MAX = 64 << 20 };
typedef struct { uint64_t offset, sealed_size, plain_size; Sha256 digest; } SealedSegment;

typedef struct SealedWriter SealedWriter;
typedef struct { const SecretKey *owner_secret; const PublicKey *owner; const SealPublicKey *owner_sealing; const Policy *policy; uint64_t version; uint8_t id[16]; /* zeros: a new one */ } SealRequest;
/** Written beside `path` and renamed when finished. */
MUST_USE Err sealed_writer_open(const char *path, const SealRequest *request, SealedWriter **ret_writer, Diag *diag);
/** A segment is begun, fed in pieces of any size, and ended. */
MUST_USE Err sealed_writer_begin(SealedWriter *w);
MUST_USE Err sealed_writer_feed(SealedWriter *w, View plain);
MUST_USE Err sealed_writer_end(SealedWriter *w);
MUST_USE Err sealed_writer_finish(SealedWriter *w, Diag *diag);
void sealed_writer_free(SealedWriter **writer);

typedef struct SealedFile SealedFile;
/** Opens and checks header, footer signature (by `owner`, or by any of `trusted` when owner is NULL), index hash. Each fault is an error of its own:
 *  ERR_BAD_INPUT (not a sealed file), ERR_CORRUPT (truncated; index changed), ERR_BAD_SIGNATURE, ERR_UNTRUSTED */
MUST_USE Err sealed_open(const char *path, const TrustedKeys *trusted, SealedFile **ret_file, Diag *diag);
void sealed_close(SealedFile **file);
typedef struct { uint8_t id[16]; uint64_t version, segments, plain_bytes; PublicKey signer; bool is_result; View policy_cbor; Sha256 footer_hash; } SealedFacts;
void sealed_facts(const SealedFile *f, SealedFacts *ret_facts);
MUST_USE Err sealed_segment(SealedFile *f, uint64_t index, SealedSegment *ret_segment);
/** The dataset key (input) or result key (result), opened with the owner's or a recipient's sealing key. errors: ERR_DENIED (not for this key) */
MUST_USE Err sealed_key(const SealedFile *f, const SealSecretKey *secret, AeadKey *ret_key);
/** Opens one segment and gives its plaintext in pieces. errors: ERR_CORRUPT naming the segment */
typedef Err (*SealedSink)(void *context, View plain);
MUST_USE Err sealed_unseal(SealedFile *f, const AeadKey *key, uint64_t index, SealedSink sink, void *context, Diag *diag);

/** Whether a file begins like a sealed dataset; for the task file's `input:`. */
bool sealed_probe(const char *path);
