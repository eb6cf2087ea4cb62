/**
 * Appraisal (RFC 9334): evidence against reference values and endorsements from a local folder; nothing is fetched. The verdict is a list of
 * claims, each passed or not with its reason, so that a person sees why a node was refused.
 *
 * Collateral folder: amd/ (ARK, ASK, VCEK or VLEK certificates), intel/ (root CA, PCK chain, TCB info, QE identity, CRLs), tpm/ (attestation keys
 * or their CA), reference/NAME.yaml (accepted PCRs, SNP and TDX measurements, minimum TCBs). docs/operations.md
 */
#pragma once
#include "attest/evidence.h"
#include "crypto/keyring.h"

enum { VERDICT_CLAIMS_MAX = 64 };
typedef struct { char claim[48]; bool passed; char reason[384]; } VerdictClaim;
typedef struct { bool accepted; size_t count; VerdictClaim claims[VERDICT_CLAIMS_MAX]; } Verdict;

typedef struct Collateral Collateral;
/** directory NULL: an empty one. What is absent or stale is named by the claim that needs it.
 *  errors: ERR_NO_ENTRY (no folder), ERR_BAD_INPUT (names the file) */
MUST_USE Err collateral_load(const char *directory, Collateral **ret_collateral, Diag *diag);
void collateral_free(Collateral **collateral);

typedef struct {
    const uint8_t *nonce;          /* EVIDENCE_NONCE_BYTES; NULL: any */
    const uint8_t *task_id;        /* NULL: any */
    const Sha256 *task_policy;     /* NULL: any */
    uint32_t kinds;                /* accepted EvidenceKind bits */
    SecurityLevel level;           /* the lowest */
    const TrustedKeys *nodes;      /* accepted node keys for node-key and tpm2 evidence; NULL: none */
    const Sha256 *images; size_t image_count;
    const PublicKey *signers; size_t signer_count;
    const RevokedKeys *revoked;    /* neither node nor image signer may be among them, whatever vouches for it; NULL: none */
    bool any_image;                /* for people who look: without it an image must be among the above */
    uint64_t now;                  /* unix seconds: pure, no clock of its own */
} AppraisalPolicy;

/** Every claim is judged even after one has failed. Never fails itself: malformed evidence is a verdict with that claim.
 *  collateral NULL: none, then only node-key evidence can pass. *ret_evidence borrows from cose. */
void appraise(View cose, const AppraisalPolicy *policy, const Collateral *collateral, Verdict *ret_verdict, Evidence *ret_evidence);

/** The back ends add claims to a verdict, which begins zeroed: raw node evidence against the node key and nonce, or (report_data NULL) on its own,
 *  as `covey attest --appraise` does with a bare report. report_data: 64 bytes; a TPM quote's extra data is their SHA-256. */
void appraise_snp(View report, const uint8_t *report_data, const Collateral *c, uint64_t now, Verdict *ret_verdict);
void appraise_tdx(View quote, const uint8_t *report_data, const Collateral *c, uint64_t now, Verdict *ret_verdict);
void appraise_tpm(View evidence, const uint8_t *report_data, const Collateral *c, uint64_t now, Verdict *ret_verdict);

/** A verdict is accepted when it has claims and all have passed. */
void verdict_add(Verdict *v, const char *claim, bool passed, const char *format, ...) __attribute__((format(printf, 4, 5)));
