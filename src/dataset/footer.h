/**
 * The signed footer of a sealed file: COSE_Sign1 (crypto/cose.h), external_aad "covey-dataset-v1", over this CBOR map; docs/formats/sealed.md.
 *
 *   1 id (16 bytes)   2 version   3 kind: 0 input, 1 result, 2 answer   4 segments   5 SHA-256 of the index   6 plain bytes   7 policy (CBOR)
 *   8 keys: [[recipient (32), encapsulated (32), sealed key (48)], ...]
 *   9 of an input: bytes that every segment begins with (a CSV header); of a result: the source [dataset id, version, segments]
 *   10, 11 only of an input whose policy has a budget: the CSV header itself (empty: it is not disclosed); how many records there are, about: a power
 *   of two, or 0 where nobody counted
 *
 * An answer is a result file of one result, whose own key the footer has in place of its task's: what else that task made opens to nobody.
 *
 * The key is sealed by HPKE base mode, info FOOTER_KEY_INFO, aad id | version u64 le. A result's id is its task's, its version 0.
 */
#pragma once
#include "base/limits.h"
#include "crypto/aead.h"
#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "dataset/policy.h"

enum { DATASET_ID_BYTES = 16, FOOTER_KEYS_MAX = POLICY_RECIPIENTS_MAX, FOOTER_BYTES_MAX = POLICY_BYTES_MAX + (16 << 10) + HEADER_BYTES_MAX };
#define FOOTER_CONTEXT "covey-dataset-v1"
#define FOOTER_KEY_INFO "covey dataset key v1"

typedef struct { uint8_t id[DATASET_ID_BYTES]; uint64_t version; } DatasetName;

typedef struct { SealPublicKey recipient; uint8_t encapsulated[HPKE_PUBLIC_BYTES], sealed[AEAD_KEY_BYTES + HPKE_TAG_BYTES]; } FooterKey;

typedef struct {
    DatasetName name;
    bool is_result, is_answer;       /* an answer is a result too */
    uint64_t segments, plain_bytes;
    Sha256 index_hash;
    View policy;                     /* CBOR; borrowed */
    FooterKey keys[FOOTER_KEYS_MAX];
    size_t key_count;
    uint64_t prefix_bytes;           /* of an input: each segment begins with the same; taken off again when all is unsealed */
    bool has_columns;                /* of an input: with the next two */
    View columns;                    /* its CSV header, borrowed; or empty */
    uint64_t records_about;          /* a power of two, or 0 */
    DatasetName source;              /* of a result */
    uint64_t source_segments;
} Footer;

/** Fills the next of `keys`: the secret sealed to one recipient. The name must stand already. errors: ERR_LIMIT, ERR_BAD_INPUT (no usable key) */
MUST_USE Err footer_add_key(Footer *f, const SealPublicKey *recipient, const AeadKey *secret);
MUST_USE Err footer_sign(const Footer *f, const SecretKey *secret, const PublicKey *signer, Buffer *ret_cose);

/** Checks the signature and takes the footer apart; views borrow from `cose`. trusted NULL: anybody may have signed.
 *  errors: ERR_BAD_INPUT (no footer), ERR_BAD_SIGNATURE, ERR_UNTRUSTED */
MUST_USE Err footer_open(View cose, const TrustedKeys *trusted, Footer *ret_footer, PublicKey *ret_signer, Diag *diag);
/** errors: ERR_DENIED (sealed for others), ERR_CORRUPT */
MUST_USE Err footer_key(const Footer *f, const SealSecretKey *secret, AeadKey *ret_key, Diag *diag);

/** What the writer of a result file (the manager) tells the key broker, who signs it into the footer; as bytes for the bus. */
/** An answer's claims name the one result by the SHA-256 of its head (see/sealed_result.h). */
typedef struct { uint64_t results, plain_bytes; Sha256 index_hash; bool is_answer; Sha256 head; } ResultClaims;
MUST_USE Err result_claims_encode(const ResultClaims *c, Buffer *ret_bytes);
MUST_USE Err result_claims_decode(View bytes, ResultClaims *ret_claims);

/** The footer of a result file, for the key broker: the task's result key (of an answer: that of the one result) sealed to each recipient of the
 *  dataset's policy. */
typedef struct {
    const SecretKey *secret; const PublicKey *signer;
    uint8_t task_id[16];
    const AeadKey *result_key;
    const Footer *dataset;           /* of the dataset that was read */
    ResultClaims claims;
} ResultFooterRequest;
MUST_USE Err result_footer_sign(const ResultFooterRequest *r, Buffer *ret_cose, Diag *diag);
