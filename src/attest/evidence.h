/**
 * Evidence: an EAT (RFC 9711) claims set in COSE_Sign1 by the node's attestation key, made by the warden for one zygote. docs/formats/evidence.md
 * Node evidence (TPM quote, SNP report, TDX quote) is a submodule and binds the node key: its report data is SHA-512 over
 * "covey node v1" | node key (32) | nonce (32); evidence of kind node-key has none.
 */
#pragma once
#include "base/level.h"
#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "crypto/evidence_kind.h"

#define EVIDENCE_CONTEXT "covey-evidence-v1"
enum { EVIDENCE_NONCE_BYTES = 32, EVIDENCE_BYTES_MAX = 64 << 10, NODE_EVIDENCE_BYTES_MAX = 48 << 10 };

typedef struct {
    uint8_t nonce[EVIDENCE_NONCE_BYTES];       /* EAT nonce (10) */
    Sha256 measurement;                        /* of the SEE image */
    PublicKey image_signer;
    SecurityLevel level;
    Sha256
        task_policy; /* hash of what the zygote was set up with (see/channel.h: ChannelSetup and its strings) and the task id */
    uint8_t task_id[16];
    SealPublicKey see_key;                     /* X25519, made inside the zygote */
    uint64_t issued, expires;                  /* unix seconds (iat 6, exp 4) */
    PublicKey node;
    uint32_t kind;                             /* EvidenceKind of the node's own evidence */
    View node_evidence;                        /* borrowed; empty for node-key */
} Evidence;

MUST_USE Err evidence_encode(const Evidence *e, const SecretKey *node_secret, Buffer *ret_cose);
/** Structure and signature by the key it names; whether that key counts is appraisal's business. Strict, bounded. errors:
 * ERR_BAD_INPUT, ERR_BAD_SIGNATURE */
MUST_USE Err evidence_decode(View cose, Evidence *ret_evidence, Diag *diag);
