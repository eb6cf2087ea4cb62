/**
 * SEV-SNP attestation report, versions 2, 3 and 5. Source: AMD, SEV Secure Nested Paging Firmware ABI Specification (56860),
 * table ATTESTATION_REPORT;
 * Versioned Chip Endorsement Key Certificate and KDS Interface Specification (57230), for the certificates.
 */
#pragma once
#include "attest/reference.h"

enum { SNP_REPORT_BYTES = 1184, SNP_SIGNED_BYTES = 0x2a0, SNP_NUMBER_BYTES = 48, SNP_CHIP_BYTES = 64 };

typedef enum { SNP_BY_VCEK = 0, SNP_BY_VLEK = 1 } SnpSigner;

typedef struct {
    uint32_t version, vmpl;
    uint64_t policy;
    bool chip_masked, is_turin;
    SnpSigner signer;
    SnpTcb current, reported, committed, launch;
    uint8_t report_data[64], measurement[48], chip_id[SNP_CHIP_BYTES];
    uint8_t r[SNP_NUMBER_BYTES], s[SNP_NUMBER_BYTES]; /* big-endian */
    const char *product;                              /* "Milan"; NULL: version 2 does not say */
    View signed_bytes;                                /* borrowed */
} SnpReport;

/** Everything that is reserved must be 0, so that no byte can be changed unnoticed. errors: ERR_BAD_INPUT, the diag says what */
MUST_USE Err snp_report_parse(View bytes, SnpReport *ret_report, Diag *diag);
