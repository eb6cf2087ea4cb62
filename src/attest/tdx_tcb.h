/**
 * What Intel states about platforms and its quoting enclave: TCB info (version 3, id TDX) and enclave identity (version 2, id TD_QE), as JSON whose
 * exact bytes are signed. Source: Intel, Provisioning Certification Service API 4.0, "Get TDX TCB Info" and "Get TDX QE Identity"; the order in
 * which levels are compared is that of its "TCB info appraisal" section.
 */
#pragma once
#include <jansson.h>

#include "attest/tdx.h"

/** {"<name>":BODY,"signature":"<128 hex digits>"} and nothing else; signed_text is BODY as it stands. */
typedef struct { json_t *body; View signed_text; uint8_t signature[P256_BYTES]; } IntelStatement;

/** errors: ERR_BAD_INPUT */
MUST_USE Err intel_statement_parse(View file, const char *name, IntelStatement *ret_statement);
void intel_statement_free(IntelStatement *s);
bool intel_statement_is_fresh(const IntelStatement *s, uint64_t now);
/** Whether a TCB info is for TDX on platforms of that kind. */
bool tcb_info_is_for(const IntelStatement *s, const PckPlatform *platform);
bool qe_identity_is_for_tdx(const IntelStatement *s);

/** "UpToDate", ...; NULL: below every level that Intel names. Borrowed from the statement. */
const char *tcb_info_status(const IntelStatement *tcb_info, const PckPlatform *platform, const TdxQuote *quote);
/** The TDX module; NULL: its signer, attributes or version are none that Intel names. */
const char *tcb_info_module_status(const IntelStatement *tcb_info, const TdxQuote *quote);
/** The quoting enclave; NULL as above. */
const char *qe_identity_status(const IntelStatement *identity, const QeReport *report);
