/** A link to this node's TPM through tpm2-tss, for those who ask it: tpm_collect.c and tpm_enrol_node.c. Nothing else knows tpm2-tss. */
#pragma once
#include <tss2/tss2_esys.h>

#include "base/bytes.h"

/** Begins as TPM_CLOSED. */
typedef struct { TSS2_TCTI_CONTEXT *link; ESYS_CONTEXT *esys; ESYS_TR key; TPM2B_PUBLIC *public; } Tpm;
#define TPM_CLOSED ((Tpm){.key = ESYS_TR_NONE})
#define AUTO_TPM __attribute__((cleanup(tpm_close))) Tpm

/** What ESYS_CONTEXT calls hand out. */
#define AUTO_ESYS __attribute__((cleanup(esys_free)))
void esys_free(void *place /* the address of a pointer of any kind */);

/** Where the TPM is, for messages. */
const char *tpm_link_name(void);
/** ERR_LEVEL with what the TPM, or what leads to it, said. */
Err tpm_refused(Diag *diag, const char *what, TSS2_RC code);
MUST_USE Err tpm_open(Tpm *t, Diag *diag);
void tpm_close(Tpm *t);
/** Derives the attestation key: t->key and t->public. */
MUST_USE Err tpm_key_make(Tpm *t, Diag *diag);
/** Appends it as a TPM2B_PUBLIC. */
MUST_USE Err tpm_put_key(const Tpm *t, Buffer *ret_bytes, Diag *diag);
