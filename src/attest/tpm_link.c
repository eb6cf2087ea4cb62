/* The link to this node's TPM; the attestation key is derived anew for each use and flushed, so that nothing stays in the TPM or on disk. */
#include <stdlib.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "attest/tpm.h"
#include "attest/tpm_link.h"

#define DEVICE "/dev/tpmrm0"
#define KEY_LABEL "covey attestation key v1" /* another label is another key */

void esys_free(void *place) /* the address of a pointer of any kind */
{
    void *taken;
    memcpy(&taken, place, sizeof taken);
    Esys_Free(taken);
}

void tpm_close(Tpm *t)
{
    Esys_Free(t->public);
    if (t->key != ESYS_TR_NONE) Esys_FlushContext(t->esys, t->key);
    if (t->esys) Esys_Finalize(&t->esys);
    if (t->link) Tss2_TctiLdr_Finalize(&t->link);
}

/* The environment of a set-user-ID caller may not choose what library is loaded. */
const char *tpm_link_name(void)
{
    const char *named = secure_getenv("COVEY_TCTI");
    return named && *named ? named : "device:" DEVICE;
}

bool tpm_present(void)
{
    const char *named = secure_getenv("COVEY_TCTI");
    return (named && *named) || access(DEVICE, R_OK | W_OK) == 0;
}

Err tpm_refused(Diag *diag, const char *what, TSS2_RC code)
{
    return FAIL_WHY(diag, ERR_LEVEL, "TPM at %.200s: %s: %.200s (%#x)", tpm_link_name(), what, Tss2_RC_Decode(code), code);
}

Err tpm_open(Tpm *t, Diag *diag)
{
    TSS2_RC code = Tss2_TctiLdr_Initialize(tpm_link_name(), &t->link);
    if (code) return tpm_refused(diag, "can't be reached; set COVEY_TCTI to where it is", code);
    code = Esys_Initialize(&t->esys, t->link, NULL);
    return code ? tpm_refused(diag, "does not answer as a TPM 2.0", code) : OK;
}

/* The same bytes as TEMPLATE in tpm.c, by which every verifier knows the key's kind. */
static TPM2B_PUBLIC key_template(void)
{
    TPM2B_PUBLIC p = {.publicArea = {
        .type = TPM2_ALG_ECC,
        .nameAlg = TPM2_ALG_SHA256,
        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                            TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT,
        .parameters.eccDetail = {.symmetric.algorithm = TPM2_ALG_NULL, .curveID = TPM2_ECC_NIST_P256, .kdf.scheme = TPM2_ALG_NULL,
                                 .scheme = {.scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256}},
        .unique.ecc.x = {.size = sizeof KEY_LABEL - 1, .buffer = KEY_LABEL},
    }};
    return p;
}

Err tpm_key_make(Tpm *t, Diag *diag)
{
    const TPM2B_PUBLIC template = key_template();
    const TPM2B_SENSITIVE_CREATE no_secret = {0};
    const TPM2B_DATA no_info = {0};
    const TPML_PCR_SELECTION no_pcrs = {0};
    TSS2_RC code = Esys_CreatePrimary(t->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_secret, &template, &no_info,
                                      &no_pcrs, &t->key, &t->public, NULL, NULL, NULL);
    return code ? tpm_refused(diag, "makes no attestation key under the endorsement hierarchy", code) : OK;
}

Err tpm_put_key(const Tpm *t, Buffer *ret_bytes, Diag *diag)
{
    uint8_t bytes[sizeof(TPM2B_PUBLIC)];
    size_t size = 0;
    TSS2_RC code = Tss2_MU_TPM2B_PUBLIC_Marshal(t->public, bytes, sizeof bytes, &size);
    if (code) return tpm_refused(diag, "gives an odd key", code);
    return buffer_append(ret_bytes, view_of(bytes, size));
}
