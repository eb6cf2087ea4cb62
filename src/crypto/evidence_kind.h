/** Kinds of node evidence, as bits. The same numbers as in dataset/policy.h and in the formats. */
#pragma once
typedef enum { EVIDENCE_NODE_KEY = 1, EVIDENCE_TPM2 = 2, EVIDENCE_SEV_SNP = 4, EVIDENCE_TDX = 8 } EvidenceKind;
