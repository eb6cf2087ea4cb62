/**
 * Sealed datasets: a file of segments, each a sealed stream (crypto/stream.h) under a key of its own, then an index, then a signed footer.
 * docs/formats/sealed.md
 *
 *   header   "COVEYDS1", u32 format, dataset id (16), dataset version u64
 *   segments one after another
 *   index    one entry of 56 bytes a segment: offset u64, sealed size u64, plain size u64, SHA-256 of its chunks' tags (of a result: of head,
 *            tags and end)
 *   footer   COSE_Sign1 by the owner (dataset/footer.h)
 *   end      u64 index offset, u64 footer offset, u64 footer size, "COVEYEND"
 *
 * kind `input`: made by covey seal. kind `result`: what a task gave; its segments are results (see/sealed_result.h) in input order, each under
 * derive_result_key; the footer holds the result key sealed (HPKE) to each recipient and is signed by the key broker.
 * Reading and writing are streaming, memory constant; nobody who lacks the key learns more than sizes.
 *
 * The index hashes tags, not ciphertext: with the key, tags hold every byte in place at the AEAD's speed, where a hash over everything would cost
 * several times as much as the sealing; without the key they still tell segments apart and show one that was moved.
 */
#pragma once
#include "dataset/footer.h"
#include "dataset/policy.h"
#include "crypto/stream.h"

enum { SEALED_SEGMENTS_MAX = 64 << 20 };
typedef struct { uint64_t offset, sealed_size, plain_size; Sha256 digest; } SealedSegment;

typedef struct SealedWriter SealedWriter;
/** What is pointed to is borrowed until the writer is freed. id zeros: a new dataset; otherwise the next version of one. */
typedef struct {
    const SecretKey *owner_secret;
    const PublicKey *owner;
    const SealPublicKey *owner_sealing;
    const Policy *policy;
    uint64_t version;
    uint8_t id[DATASET_ID_BYTES];
} SealRequest;
/** Written beside `path` and renamed when finished. A call that failed makes the writer good for nothing but sealed_writer_free. */
MUST_USE Err sealed_writer_open(const char *path, const SealRequest *request, SealedWriter **ret_writer, Diag *diag);
/** Every segment begins with the same `bytes` (a CSV header), which sealed_unseal_all takes off again but for the first. */
void sealed_writer_set_prefix(SealedWriter *w, uint64_t bytes);
/** What the footer discloses of a dataset with a budget: the CSV header (empty: nothing), which is borrowed; and how many records there are, not more
 *  exactly than to a power of two (0: not counted). */
void sealed_writer_set_columns(SealedWriter *w, View header, uint64_t records);
/** A segment is begun, fed in pieces of any size, and ended. errors: ERR_LIMIT (a segment beyond SEGMENT_BYTES_MAX, too many segments) */
MUST_USE Err sealed_writer_begin(SealedWriter *w);
MUST_USE Err sealed_writer_feed(SealedWriter *w, View plain);
MUST_USE Err sealed_writer_end(SealedWriter *w);
/** How many have been ended. */
uint64_t sealed_writer_segments(const SealedWriter *w);
MUST_USE Err sealed_writer_finish(SealedWriter *w, Diag *diag);
/** Leaves nothing behind unless the writer was finished. */
void sealed_writer_free(SealedWriter **writer);

/** A result file: sealed results in input order, as they left their SEEs. */
MUST_USE Err result_writer_open(const char *path, const uint8_t task_id[16], SealedWriter **ret_writer, Diag *diag);
/** errors: ERR_PROTOCOL (no sealed result), ERR_FOREIGN (of another task) */
MUST_USE Err result_writer_add(SealedWriter *w, View result);
/** What the key broker must sign, when all results are added; then the footer that it made (dataset/footer.h). */
void result_writer_claims(SealedWriter *w, ResultClaims *ret_claims);
MUST_USE Err result_writer_finish(SealedWriter *w, View footer, Diag *diag);

typedef struct SealedFile SealedFile;
/**
 * Opens and checks header, end, footer signature and index.
 * trusted  who may have signed; NULL: anybody, and sealed_facts tells who it was
 * errors   ERR_NO_ENTRY, ERR_BAD_INPUT (not a sealed file), ERR_TRUNCATED, ERR_CORRUPT (header, index or end changed), ERR_BAD_SIGNATURE,
 *          ERR_UNTRUSTED
 */
MUST_USE Err sealed_open(const char *path, const TrustedKeys *trusted, SealedFile **ret_file, Diag *diag);
void sealed_close(SealedFile **file);
/** Views borrow from the file. A result's source is the dataset that it was made from. */
typedef struct {
    uint8_t id[DATASET_ID_BYTES];
    uint64_t version, segments, plain_bytes;
    View columns;             /* the CSV header, where the footer discloses it */
    uint64_t records_about;   /* a power of two; 0: not said */
    PublicKey signer;
    bool is_result;
    View policy_cbor;
    Sha256 footer_hash;
    DatasetName source;
    uint64_t source_segments;
} SealedFacts;
void sealed_facts(const SealedFile *f, SealedFacts *ret_facts);
/** The signed footer as it stands in the file: what the key broker is shown. */
View sealed_footer(const SealedFile *f);
/** To whom the key is sealed, one after another; false: no more. */
bool sealed_recipient(const SealedFile *f, size_t index, SealPublicKey *ret_recipient);
/** Holds the file to a pinned dataset and its lowest version. errors: ERR_FOREIGN, ERR_STALE */
MUST_USE Err sealed_expect(const SealedFile *f, const uint8_t id[DATASET_ID_BYTES], uint64_t version_min, Diag *diag);
/** One entry of the index, read anew. errors: ERR_NO_ENTRY, ERR_CORRUPT */
MUST_USE Err sealed_segment(SealedFile *f, uint64_t index, SealedSegment *ret_segment);
/** The dataset key (input) or result key (result), opened with the owner's or a recipient's sealing key. errors: ERR_DENIED (not for this key) */
MUST_USE Err sealed_key(const SealedFile *f, const SealSecretKey *secret, AeadKey *ret_key, Diag *diag);

/** Opens one segment and gives its plaintext in pieces, each genuine.
 *  errors: naming the segment, ERR_CORRUPT (changed bytes), ERR_MISPLACED (another segment of this dataset is there), ERR_FOREIGN (one of another
 *  dataset, or of another version; or the key is another's), ERR_TRUNCATED (the file became shorter) */
typedef Err (*SealedSink)(void *context, View plain);
MUST_USE Err sealed_unseal(SealedFile *f, const AeadKey *key, uint64_t index, SealedSink sink, void *context, Diag *diag);
/** All segments in order, as they were before they were cut: what every segment begins with comes once. Of a result file: checks too that the
 *  results cover every segment of the dataset once.
 *  errors: also ERR_MISPLACED (a result is repeated, left out or out of order), ERR_TRUNCATED (the last are missing), ERR_FOREIGN (another task's) */
MUST_USE Err sealed_unseal_all(SealedFile *f, const AeadKey *key, SealedSink sink, void *context, Diag *diag);

/** Whether there is a file that begins like a sealed dataset; for the task file's `input:`. errors: it can't be read */
MUST_USE Err sealed_recognise(const char *path, bool *ret_sealed);
/** The same where one that can't be read need not be told from one that is not sealed. */
bool sealed_probe(const char *path);
