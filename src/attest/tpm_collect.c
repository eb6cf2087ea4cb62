/* Asking this node's TPM, through tpm2-tss: the attestation key is derived anew, quotes, and is flushed; nothing stays in the TPM or on disk. */
#include <stdio.h>
#include <stdlib.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "attest/tpm.h"
#include "crypto/sign.h"

#define DEVICE "/dev/tpmrm0"
#define KEY_LABEL "covey attestation key v1" /* another label is another key */
enum { QUOTE_TRIES_MAX = 8, PUBLIC_ROOM = sizeof(TPM2B_PUBLIC), QUOTED_ROOM = sizeof(TPM2B_ATTEST), SIGNATURE_ROOM = sizeof(TPMT_SIGNATURE) };

typedef struct { TSS2_TCTI_CONTEXT *link; ESYS_CONTEXT *esys; ESYS_TR key; TPM2B_PUBLIC *public; } Tpm;

#define AUTO_TPM __attribute__((cleanup(tpm_close))) Tpm
#define AUTO_ESYS __attribute__((cleanup(esys_free)))

static void esys_free(void *place) /* the address of a pointer of any kind */
{
    void *taken;
    memcpy(&taken, place, sizeof taken);
    Esys_Free(taken);
}

static void tpm_close(Tpm *t)
{
    Esys_Free(t->public);
    if (t->key != ESYS_TR_NONE) Esys_FlushContext(t->esys, t->key);
    if (t->esys) Esys_Finalize(&t->esys);
    if (t->link) Tss2_TctiLdr_Finalize(&t->link);
}

/* The environment of a set-user-ID caller may not choose what library is loaded. */
static const char *link_name(void)
{
    const char *named = secure_getenv("COVEY_TCTI");
    return named && *named ? named : "device:" DEVICE;
}

bool tpm_present(void)
{
    const char *named = secure_getenv("COVEY_TCTI");
    return (named && *named) || access(DEVICE, R_OK | W_OK) == 0;
}

static Err refused(Diag *diag, const char *what, TSS2_RC code)
{
    return FAIL_WHY(diag, ERR_LEVEL, "TPM at %.200s: %s: %.200s (%#x)", link_name(), what, Tss2_RC_Decode(code), code);
}

static Err tpm_open(Tpm *t, Diag *diag)
{
    TSS2_RC code = Tss2_TctiLdr_Initialize(link_name(), &t->link);
    if (code) return refused(diag, "can't be reached; set COVEY_TCTI to where it is", code);
    code = Esys_Initialize(&t->esys, t->link, NULL);
    return code ? refused(diag, "does not answer as a TPM 2.0", code) : OK;
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

static Err key_make(Tpm *t, Diag *diag)
{
    const TPM2B_PUBLIC template = key_template();
    const TPM2B_SENSITIVE_CREATE no_secret = {0};
    const TPM2B_DATA no_info = {0};
    const TPML_PCR_SELECTION no_pcrs = {0};
    TSS2_RC code = Esys_CreatePrimary(t->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_secret, &template, &no_info,
                                      &no_pcrs, &t->key, &t->public, NULL, NULL, NULL);
    return code ? refused(diag, "makes no attestation key under the endorsement hierarchy", code) : OK;
}

static Err put_public(const Tpm *t, Buffer *ret_bytes, Diag *diag)
{
    uint8_t bytes[PUBLIC_ROOM];
    size_t size = 0;
    TSS2_RC code = Tss2_MU_TPM2B_PUBLIC_Marshal(t->public, bytes, sizeof bytes, &size);
    if (code) return refused(diag, "gives an odd key", code);
    return buffer_append(ret_bytes, view_of(bytes, size));
}

static TPML_PCR_SELECTION selection_of(uint32_t pcrs)
{
    TPML_PCR_SELECTION s = {.count = 1, .pcrSelections = {{.hash = TPM2_ALG_SHA256, .sizeofSelect = 3}}};
    for (size_t i = 0; i < 3; i++) s.pcrSelections[0].pcrSelect[i] = (uint8_t)(pcrs >> 8 * i);
    return s;
}

static uint32_t pcrs_of(const TPML_PCR_SELECTION *s)
{
    uint32_t pcrs = 0;
    if (s->count != 1 || s->pcrSelections[0].hash != TPM2_ALG_SHA256) return 0;
    for (size_t i = 0; i < 3 && i < s->pcrSelections[0].sizeofSelect; i++) pcrs |= (uint32_t)s->pcrSelections[0].pcrSelect[i] << 8 * i;
    return pcrs;
}

/* A TPM gives at most 8 values at a time, lowest first, and says which. */
static Err put_values(const Tpm *t, uint32_t pcrs, Buffer *ret_bytes, Diag *diag)
{
    while (pcrs) {
        const TPML_PCR_SELECTION wanted = selection_of(pcrs);
        AUTO_ESYS TPML_PCR_SELECTION *got = NULL;
        AUTO_ESYS TPML_DIGEST *values = NULL;
        TSS2_RC code = Esys_PCR_Read(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &wanted, NULL, &got, &values);
        if (code) return refused(diag, "does not read PCRs", code);
        uint32_t now = pcrs_of(got);
        if (now == 0 || (now & ~pcrs) || values->count != (uint32_t)__builtin_popcount(now))
            return FAIL_WHY(diag, ERR_LEVEL, "TPM at %.200s: has no SHA-256 bank of these PCRs", link_name());
        for (size_t i = 0; i < values->count; i++) TRY(buffer_append(ret_bytes, view_of(values->digests[i].buffer, values->digests[i].size)));
        pcrs &= ~now;
    }
    return OK;
}

static Err put_quote(const Tpm *t, uint32_t pcrs, const Sha256 *extra, Buffer *ret_bytes, Diag *diag)
{
    TPM2B_DATA extra_data = {.size = sizeof extra->bytes};
    memcpy(extra_data.buffer, extra->bytes, sizeof extra->bytes);
    const TPML_PCR_SELECTION selection = selection_of(pcrs);
    const TPMT_SIG_SCHEME keys_own = {.scheme = TPM2_ALG_NULL};
    AUTO_ESYS TPM2B_ATTEST *quoted = NULL;
    AUTO_ESYS TPMT_SIGNATURE *signature = NULL;
    TSS2_RC code = Esys_Quote(t->esys, t->key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &extra_data, &keys_own, &selection, &quoted, &signature);
    if (code) return refused(diag, "does not quote", code);

    uint8_t bytes[QUOTED_ROOM + SIGNATURE_ROOM];
    size_t size = 0;
    code = Tss2_MU_TPM2B_ATTEST_Marshal(quoted, bytes, sizeof bytes, &size);
    if (code == 0) code = Tss2_MU_TPMT_SIGNATURE_Marshal(signature, bytes, sizeof bytes, &size);
    if (code) return refused(diag, "gives an odd quote", code);
    return buffer_append(ret_bytes, view_of(bytes, size));
}

/* Anybody on this machine may extend a PCR between the quote and the reading of its values: then once more. */
static Err collect(const Tpm *t, uint32_t pcrs, const Sha256 *extra, Buffer *ret_evidence, Diag *diag)
{
    for (int i = 0; i < QUOTE_TRIES_MAX; i++) {
        AUTO_BUFFER bytes = buffer_limited(TPM_EVIDENCE_BYTES_MAX);
        TRY(put_public(t, &bytes, diag));
        TRY(put_quote(t, pcrs, extra, &bytes, diag));
        TRY(put_values(t, pcrs, &bytes, diag));
        TpmEvidence e;
        Diag why;
        if (tpm_evidence_parse(view_buffer(&bytes), &e, &why).code) return FAIL_WHY(diag, ERR_LEVEL, "TPM at %.200s: %.500s", link_name(), why.text);
        if (tpm_values_match(&e)) return buffer_append(ret_evidence, view_buffer(&bytes));
    }
    return FAIL_WHY(diag, ERR_LEVEL, "TPM at %.200s: its PCRs change all the time; leave out those that do with COVEY_TPM_PCRS", link_name());
}

/* "0,1,2,7" */
static Err wanted_pcrs(uint32_t *ret_pcrs, Diag *diag)
{
    const char *text = secure_getenv("COVEY_TPM_PCRS");
    uint32_t pcrs = text && *text ? 0 : TPM_PCRS_DEFAULT;
    for (const char *at = text; at && *at;) {
        char *end;
        unsigned long pcr = strtoul(at, &end, 10);
        bool ok = *at >= '0' && *at <= '9' && pcr < TPM_PCRS && (*end == '\0' || (*end == ',' && end[1]));
        if (!ok) return FAIL_WHY(diag, ERR_USAGE, "COVEY_TPM_PCRS=%.100s: takes PCR numbers from 0 to %d, as in 0,1,2,7", text, TPM_PCRS - 1);
        pcrs |= 1u << pcr;
        at = *end ? end + 1 : end;
    }
    *ret_pcrs = pcrs;
    return OK;
}

Err collect_tpm(const uint8_t report_data[64], Buffer *ret_evidence, Diag *diag)
{
    uint32_t pcrs = 0;
    TRY(wanted_pcrs(&pcrs, diag));
    Sha256 extra;
    sha256_of(view_of(report_data, 64), &extra);
    AUTO_TPM tpm = {.key = ESYS_TR_NONE};
    TRY(tpm_open(&tpm, diag));
    TRY(key_make(&tpm, diag));
    return collect(&tpm, pcrs, &extra, ret_evidence, diag);
}

Err collect_tpm_key(Buffer *ret_public, Diag *diag)
{
    AUTO_TPM tpm = {.key = ESYS_TR_NONE};
    TRY(tpm_open(&tpm, diag));
    TRY(key_make(&tpm, diag));
    AUTO_BUFFER bytes = buffer_limited(PUBLIC_ROOM);
    TRY(put_public(&tpm, &bytes, diag));
    TpmKey key;
    Diag why;
    if (tpm_key_parse(view_buffer(&bytes), &key, &why).code) return FAIL_WHY(diag, ERR_LEVEL, "TPM at %.200s: %.500s", link_name(), why.text);
    return buffer_append(ret_public, view_buffer(&bytes));
}
