/**
 * TPM 2.0 evidence: a quote over PCRs by a restricted P-256 key of that TPM, and what is needed to check it. docs/formats/tpm.md
 *
 * The attestation key is the primary key that the TPM derives from its endorsement seed and one fixed template: it is the same after every start, is
 * never stored, and can sign nothing but what the TPM itself says. The operator enrols it once, as DIR/tpm/ak-NAME.pub (attest/tpm_enrol.h).
 *
 * Collecting needs tpm2-tss; parsing and appraising need neither that nor a TPM.
 * Source: TCG, Trusted Platform Module Library, part 2: Structures, revision 1.59.
 */
#pragma once
#include "attest/reference.h"

enum { TPM_EVIDENCE_BYTES_MAX = 4096, TPM_NUMBER_BYTES = 32, TPM_NAME_BYTES = 34, TPM_PCR_BYTES = 32, TPM_PCRS_DEFAULT = 0xff /* 0 to 7 */ };

/** The node's TPM: $COVEY_TCTI ("swtpm:host=127.0.0.1,port=2321") where it is set, otherwise /dev/tpmrm0. Says only whether there is one to ask. */
bool tpm_present(void);
/** Appends evidence whose extra data is SHA-256 of report_data. PCRs 0 to 7, or those of $COVEY_TPM_PCRS ("0,1,2,7"), SHA-256 bank.
 *  errors: ERR_LEVEL (no TPM, or it refuses; the diag says why), ERR_USAGE ($COVEY_TPM_PCRS) */
MUST_USE Err collect_tpm(const uint8_t report_data[64], Buffer *ret_evidence, Diag *diag);
/** Appends the attestation key as a TPM2B_PUBLIC: the content of DIR/tpm/ak-NAME.pub. errors: as above */
MUST_USE Err collect_tpm_key(Buffer *ret_public, Diag *diag);

typedef struct {
    View area;                         /* TPMT_PUBLIC, borrowed */
    uint8_t point[2 * TPM_NUMBER_BYTES];
} TpmKey;
/** A TPM2B_PUBLIC that is a key of our template, and nothing else. errors: ERR_BAD_INPUT */
MUST_USE Err tpm_key_parse(View bytes, TpmKey *ret_key, Diag *diag);
/** The TPM's name of the key: algorithm and digest of its public area. */
void tpm_key_name(const TpmKey *key, uint8_t ret_name[TPM_NAME_BYTES]);
/** The name that a quote gives its signer when the key is a primary one under the endorsement hierarchy. */
void tpm_key_qualified_name(const TpmKey *key, uint8_t ret_name[TPM_NAME_BYTES]);

typedef struct {
    TpmKey key;
    View quoted;                                       /* TPMS_ATTEST: what is signed; borrowed */
    uint8_t signer[TPM_NAME_BYTES];                    /* qualified name */
    uint8_t extra_data[32], pcr_digest[32];
    uint32_t pcrs;                                     /* bit i: PCR i is quoted */
    uint8_t values[TPM_PCRS][TPM_PCR_BYTES];           /* of those */
    uint8_t r[TPM_NUMBER_BYTES], s[TPM_NUMBER_BYTES];  /* big-endian */
} TpmEvidence;
/** Structure only. errors: ERR_BAD_INPUT, the diag says what */
MUST_USE Err tpm_evidence_parse(View bytes, TpmEvidence *ret_evidence, Diag *diag);
/** Whether the values are those whose digest is quoted. */
bool tpm_values_match(const TpmEvidence *evidence);
