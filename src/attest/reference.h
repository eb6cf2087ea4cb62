/**
 * Reference values: what the operator accepts, from DIR/reference/NAME.yaml. Several files add up. docs/operations.md
 *
 *   snp:
 *     measurements: [<96 hex digits>, ...]
 *     minimum_tcb: {bootloader: 3, tee: 0, snp: 8, microcode: 115, fmc: 0}
 *   tdx:
 *     mrtd: [<96 hex digits>, ...]
 *     rtmr0: [...]    # and rtmr1, rtmr2, rtmr3; a register that is not named may have any value
 *     tcb_status: [UpToDate, SWHardeningNeeded]    # without it: UpToDate alone
 *   tpm:
 *     pcr0: [<64 hex digits>, ...]                 # pcr0 to pcr23, SHA-256 bank
 */
#pragma once
#include "base/bytes.h"

enum { REFERENCE_VALUES_MAX = 64, REFERENCE_STATUS_MAX = 8, MEASUREMENT_BYTES_MAX = 48, TDX_REGISTERS = 5, TPM_PCRS = 24 };

/** Accepted values of one register, each of the register's own size. */
typedef struct { uint8_t values[REFERENCE_VALUES_MAX][MEASUREMENT_BYTES_MAX]; size_t count; } ReferenceValues;

/** The parts of an AMD TCB version that AMD's certificates name; unused parts are 0. */
typedef struct { uint8_t fmc, bootloader, tee, snp, microcode; } SnpTcb;

typedef struct {
    ReferenceValues snp_measurements;
    SnpTcb snp_minimum;
    ReferenceValues tdx[TDX_REGISTERS];                     /* MRTD, RTMR0 to RTMR3 */
    char tdx_status[REFERENCE_STATUS_MAX][40];
    size_t tdx_status_count;
    ReferenceValues tpm_pcrs[TPM_PCRS];
} Reference;

/** Adds one file's values. file: for messages. errors: ERR_BAD_INPUT with file:line, ERR_LIMIT */
MUST_USE Err reference_parse(View yaml, const char *file, Reference *reference, Diag *diag);
/** Whether a value is among the accepted ones. */
bool reference_has(const ReferenceValues *values, const uint8_t *value, size_t size);
