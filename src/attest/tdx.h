/**
 * TDX quotes, versions 4 and 5, with ECDSA P-256 attestation keys. Source: Intel TDX DCAP Quoting Library API, appendix A.3 (version 4) and A.4
 * (version 5); Intel SGX PCK Certificate and CRL Profile, section 1.3.5, for the certificate's extension.
 */
#pragma once
#include "attest/reference.h"
#include "attest/x509.h"

enum { QE_REPORT_BYTES = 384, P256_BYTES = 64, TCB_COMPONENTS = 16, FMSPC_BYTES = 6, TDX_QUOTE_BYTES_MAX = 32 << 10 };

typedef struct {
    uint16_t version;
    uint8_t tee_tcb_svn[TCB_COMPONENTS], module_signer[48], module_attributes[8], attributes[8], report_data[64];
    uint8_t registers[TDX_REGISTERS][48];                       /* MRTD, RTMR0 to RTMR3 */
    View signed_bytes, signature, attestation_key;              /* all borrowed */
    View qe_report, qe_signature, qe_authentication, pck_chain; /* what vouches for the attestation key */
} TdxQuote;

/** errors: ERR_BAD_INPUT, the diag says what. Zeros after the end are allowed: some hypervisors hand out a whole buffer. */
MUST_USE Err tdx_quote_parse(View bytes, TdxQuote *ret_quote, Diag *diag);

/** The quoting enclave's report: what QE identity speaks about. */
typedef struct { uint8_t miscselect[4], attributes[16], signer[32], report_data[64]; uint16_t product, svn; } QeReport;
void qe_report_parse(View report, QeReport *ret_report);

/** What Intel says in a PCK certificate about the platform that holds the key. */
typedef struct { uint8_t fmspc[FMSPC_BYTES], pce_id[2], components[TCB_COMPONENTS]; uint16_t pce_svn; } PckPlatform;
/** errors: ERR_BAD_INPUT (no such extension, or a part is missing) */
MUST_USE Err pck_platform_parse(X509 *certificate, PckPlatform *ret_platform);
