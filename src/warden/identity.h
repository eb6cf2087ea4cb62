/**
 * The node's own key, and evidence signed with it for a zygote. The key lies in <config>/node and is loaded when evidence is first asked for.
 */
#pragma once
#include "attest/evidence.h"
#include "warden/zygote.h"

typedef struct { const char *config_dir; bool loaded; SecretKey secret; PublicKey public_key; } NodeIdentity;

enum { EVIDENCE_LIFETIME_S = 300 };

/** errors: ERR_BUSY (the zygote has not reported), ERR_LEVEL (this node has not the kind of evidence that is wished for) */
MUST_USE Err identity_evidence(NodeIdentity *n, Zygote *z, const WardenEvidence *wish, uint64_t now_s, Buffer *ret_cose, Diag *diag);
/** The same for the node alone, as for a manager that wants to know whom it speaks with: without image, task and SEE key; the level is the lowest. */
MUST_USE Err identity_node_evidence(NodeIdentity *n, const WardenEvidence *wish, uint64_t now_s, Buffer *ret_cose, Diag *diag);
void identity_wipe(NodeIdentity *n);
