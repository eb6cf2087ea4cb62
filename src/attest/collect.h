/**
 * Collecting this node's own evidence: configfs-tsm (SEV-SNP, TDX) where the kernel has it, TPM 2.0 through tpm2-tss where there is one
 * ($COVEY_TCTI names another, for swtpm), otherwise none: kind node-key. What is there is found by looking, and said.
 */
#pragma once
#include "attest/evidence.h"

/** The best kind that this machine gives, of those asked for (EvidenceKind bits; 0: any). Appends to ret_evidence.
 *  errors: ERR_LEVEL with the reason */
MUST_USE Err collect_node_evidence(uint32_t wish, const uint8_t report_data[64], uint32_t *ret_kind, Buffer *ret_evidence, Diag *diag);
/** report_data = SHA-512("covey node v1" | node key | nonce) */
void node_report_data(const PublicKey *node, const uint8_t nonce[EVIDENCE_NONCE_BYTES], uint8_t ret_report_data[64]);
