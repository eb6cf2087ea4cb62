/**
 * What a Collateral holds, for the back ends. Read once from a folder; parts are told apart by their content, so that files may be called as
 * their makers call them. A part that is absent is no error here: the claim that needs it fails and says what to put where.
 *
 *   DIR/amd/       ARK, ASK or ASVK, VCEK or VLEK; optional revocation lists           PEM or DER
 *   DIR/intel/     SGX Root CA, SGX TCB Signing; root CA and PCK revocation lists       PEM or DER
 *                  TCB info and TD_QE identity, exactly as Intel's service answers      JSON
 *   DIR/tpm/       attestation keys of enrolled TPMs                                    TPM2B_PUBLIC
 *   DIR/tpm-makers/ who certifies TPMs (only for enrolling them)                        PEM or DER
 *   DIR/reference/  NAME.yaml: what is accepted, see attest/reference.h
 */
#pragma once
#include "attest/appraise.h"
#include "attest/reference.h"
#include "attest/x509.h"
#include "base/limits.h"

enum { COLLATERAL_FILES_MAX = 64, COLLATERAL_FILE_BYTES_MAX = 1 << 20, COLLATERAL_NAME_MAX = 256 };

/** A file kept as it is: Intel's JSON, the TPMs' keys. */
typedef struct { char name[COLLATERAL_NAME_MAX]; Buffer content; } CollateralFile;
typedef struct { CollateralFile items[COLLATERAL_FILES_MAX]; size_t count; } CollateralFiles;

struct Collateral {
    char directory[PATH_BYTES_MAX]; /* for messages */
    CertificateList amd, intel, tpm_makers;
    RevocationList amd_revoked, intel_revoked, tpm_makers_revoked;
    CollateralFiles intel_json, tpm;
    Reference reference;
};
