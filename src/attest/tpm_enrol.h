/**
 * Enrolling a node's attestation key by credential activation (TCG, part 1, Credential Protection): instead of taking somebody's word that a
 * key lives in a TPM, the TPM maker's certificate of the endorsement key is checked, and a secret sent that only a TPM which holds both keys
 * gives back. docs/formats/tpm.md
 *
 *   node      tpm_enrol_ask        -> request: endorsement certificate and attestation key
 *   operator  tpm_enrol_challenge  -> challenge, and the secret to expect
 *   node      tpm_enrol_answer     -> the secret
 *   operator  the same secret came back: the key of the request becomes DIR/tpm/ak-NAME.pub
 *
 * The operator's part needs neither a TPM nor tpm2-tss.
 */
#pragma once
#include "attest/tpm.h"
#include "attest/x509.h"

enum { TPM_SECRET_BYTES = 32, TPM_ENROL_BYTES_MAX = 8192 };

/** Appends the request. errors: ERR_LEVEL (no TPM, or none with an RSA endorsement certificate) */
MUST_USE Err tpm_enrol_ask(Buffer *ret_request, Diag *diag);

/** makers: roots, and whatever lies between, of the TPM makers that the operator trusts. *ret_key borrows from request: the TPM2B_PUBLIC to keep.
 *  errors: ERR_BAD_INPUT (malformed), ERR_NO_ENTRY (an issuer is missing), ERR_UNTRUSTED (the certificate, at that time) */
MUST_USE Err tpm_enrol_challenge(View request, const CertificateList *makers, uint64_t now, Buffer *ret_challenge,
                                 uint8_t ret_secret[TPM_SECRET_BYTES], View *ret_key, Diag *diag);

/** errors: ERR_BAD_INPUT (malformed), ERR_LEVEL (no TPM; or the challenge is for another TPM or another key) */
MUST_USE Err tpm_enrol_answer(View challenge, uint8_t ret_secret[TPM_SECRET_BYTES], Diag *diag);
