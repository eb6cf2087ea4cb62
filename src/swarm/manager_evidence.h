/**
 * Who a node is: the manager challenges it with a fresh nonce and appraises its evidence (attest/appraise.h) against the keys that its user trusts.
 * Until then, and after anything else than right evidence, a node of another machine is nobody: what its record says of levels and kinds does not
 * count.
 *
 * A nonce is good for one answer: a second one, one to an older challenge, and one by another node's key count for nothing.
 */
#pragma once
#include "attest/appraise.h"
#include "bus/bus.h"
#include "bus/message.h"

enum { EVIDENCE_ASK_AGAIN_S = 3, EVIDENCE_ASKED_MAX = 5 };

/** Whose evidence is believed: the user's trusted keys and this machine's own, what was revoked, and the folder `collateral` for TPM, SNP, TDX. */
typedef struct NodeTrust NodeTrust;
/** errors with the file's name */
MUST_USE Err node_trust_load(const char *config_dir, NodeTrust **ret_trust, Diag *diag);
void node_trust_free(NodeTrust **trust);

typedef enum { EVIDENCE_NONE, EVIDENCE_ASKED, EVIDENCE_ACCEPTED, EVIDENCE_REFUSED } EvidenceState;

/** Of one membership. {0} before the first challenge. */
typedef struct {
    EvidenceState state;
    uint8_t nonce[EVIDENCE_NONCE_BYTES];
    uint64_t asked_ns;
    uint32_t asked;
    uint32_t kind;                 /* EvidenceKind that was appraised; 0 until accepted */
    PublicKey node;                /* whose key signed it; two members with the same one are the same machine */
} MemberEvidence;

/** Sends a challenge with a fresh nonce. Nobody there: as if it were lost. errors: errno of getrandom, ENOMEM */
MUST_USE Err member_evidence_ask(Bus *bus, const ManagerId *manager, const char *node_id, MemberEvidence *e, uint64_t now_ns);
/** Asks again what was not answered; after EVIDENCE_ASKED_MAX times it is refused. errors: as above */
MUST_USE Err member_evidence_watch(Bus *bus, const ManagerId *manager, const char *node_id, MemberEvidence *e, uint64_t now_ns);
/** A NODE_EVIDENCE of this member. OK: accepted (also for a second copy of what was accepted).
 *  errors, with the reason for the user: ERR_PROTOCOL (no such message), ERR_DENIED (not the answer to what was asked, which changes nothing;
 *  refused by the appraisal or by the node itself, which ends it) */
MUST_USE Err member_evidence_take(const NodeTrust *trust, MemberEvidence *e, View message, uint64_t wall_s, Diag *diag);
