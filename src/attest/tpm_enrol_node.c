/* The node's part of enrolment: its endorsement certificate from the TPM's own memory, and TPM2_ActivateCredential. */
#include <sodium.h>
#include <tss2/tss2_mu.h>

#include "attest/tpm_enrol.h"
#include "attest/tpm_link.h"

enum { CERTIFICATE_INDEX = 0x01c00002 /* TCG EK Credential Profile 2.2.1.4: RSA 2048 */, READ_AT_ONCE = 512, DER_HEAD_BYTES = 4 };

/* What PolicySecret of the endorsement hierarchy leads to; template L-1 of the same profile. */
static const uint8_t POLICY[] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
                                 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};

static TPM2B_PUBLIC endorsement_template(void)
{
    TPM2B_PUBLIC p = {.publicArea = {
        .type = TPM2_ALG_RSA,
        .nameAlg = TPM2_ALG_SHA256,
        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
                            TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
        .authPolicy = {.size = sizeof POLICY},
        .parameters.rsaDetail = {.symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB},
                                 .scheme.scheme = TPM2_ALG_NULL, .keyBits = 2048},
        .unique.rsa.size = 256,
    }};
    memcpy(p.publicArea.authPolicy.buffer, POLICY, sizeof POLICY);
    return p;
}

/* An index may be longer than the certificate in it. */
static View certificate_in(const Buffer *content)
{
    const uint8_t *d = content->data;
    if (content->size < DER_HEAD_BYTES || d[0] != 0x30 || d[1] != 0x82) return (View){0};
    size_t size = DER_HEAD_BYTES + (size_t)(d[2] << 8 | d[3]);
    return size <= content->size ? view_of(d, size) : (View){0};
}

static Err certificate_read(const Tpm *t, Buffer *ret_content, Diag *diag)
{
    ESYS_TR index = ESYS_TR_NONE;
    AUTO_ESYS TPM2B_NV_PUBLIC *about = NULL;
    AUTO_ESYS TPM2B_NAME *name = NULL;
    TSS2_RC code = Esys_TR_FromTPMPublic(t->esys, CERTIFICATE_INDEX, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &index);
    if (code == 0) code = Esys_NV_ReadPublic(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &about, &name);
    if (code) return tpm_refused(diag, "holds no RSA endorsement certificate; enrol its key by hand", code);
    size_t total = about->nvPublic.dataSize;
    for (size_t at = 0; at < total;) {
        AUTO_ESYS TPM2B_MAX_NV_BUFFER *part = NULL;
        size_t wanted = total - at < READ_AT_ONCE ? total - at : READ_AT_ONCE;
        code = Esys_NV_Read(t->esys, index, index, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, (UINT16)wanted, (UINT16)at, &part);
        if (code || part->size == 0) return tpm_refused(diag, "does not give its endorsement certificate", code);
        TRY(buffer_append(ret_content, view_of(part->buffer, part->size)));
        at += part->size;
    }
    return OK;
}

Err tpm_enrol_ask(Buffer *ret_request, Diag *diag)
{
    AUTO_TPM tpm = TPM_CLOSED;
    TRY(tpm_open(&tpm, diag));
    AUTO_BUFFER content = buffer_limited(UINT16_MAX), request = buffer_limited(TPM_ENROL_BYTES_MAX);
    TRY(certificate_read(&tpm, &content, diag));
    View certificate = certificate_in(&content);
    if (certificate.size == 0) return FAIL_WHY(diag, ERR_LEVEL, "TPM at %.200s: its endorsement certificate is malformed", tpm_link_name());
    TRY(tpm_key_make(&tpm, diag));
    TRY(buffer_put_u8(&request, (uint8_t)(certificate.size >> 8)));
    TRY(buffer_put_u8(&request, (uint8_t)certificate.size));
    TRY(buffer_append(&request, certificate));
    TRY(tpm_put_key(&tpm, &request, diag));
    return buffer_append(ret_request, view_buffer(&request));
}

typedef struct { TPM2B_ID_OBJECT identity; TPM2B_ENCRYPTED_SECRET seed; } Challenge;

static Err challenge_parse(View bytes, Challenge *ret_challenge, Diag *diag)
{
    size_t at = 0;
    bool ok = bytes.size <= TPM_ENROL_BYTES_MAX && Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(bytes.data, bytes.size, &at, &ret_challenge->identity) == 0 &&
              Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(bytes.data, bytes.size, &at, &ret_challenge->seed) == 0 && at == bytes.size;
    return ok ? OK : FAIL_WHY(diag, ERR_BAD_INPUT, "not a challenge to a TPM");
}

static TSS2_RC endorsement_make(const Tpm *t, ESYS_TR *ret_key)
{
    const TPM2B_PUBLIC template = endorsement_template();
    const TPM2B_SENSITIVE_CREATE no_secret = {0};
    const TPM2B_DATA no_info = {0};
    const TPML_PCR_SELECTION no_pcrs = {0};
    return Esys_CreatePrimary(t->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_secret, &template, &no_info,
                              &no_pcrs, ret_key, NULL, NULL, NULL, NULL);
}

/* The endorsement key is used by its policy: whoever may use the hierarchy. */
static TSS2_RC session_start(const Tpm *t, ESYS_TR *ret_session)
{
    const TPMT_SYM_DEF none = {.algorithm = TPM2_ALG_NULL};
    TSS2_RC code = Esys_StartAuthSession(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, TPM2_SE_POLICY, &none,
                                         TPM2_ALG_SHA256, ret_session);
    if (code) return code;
    return Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, *ret_session, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0,
                             NULL, NULL);
}

static Err activate(const Tpm *t, const Challenge *c, uint8_t ret_secret[TPM_SECRET_BYTES], Diag *diag)
{
    ESYS_TR endorsement = ESYS_TR_NONE, session = ESYS_TR_NONE;
    TPM2B_DIGEST *secret = NULL;
    const char *what = "makes no endorsement key";
    TSS2_RC code = endorsement_make(t, &endorsement);
    if (code == 0) {
        what = "lets nobody use its endorsement key";
        code = session_start(t, &session);
    }
    if (code == 0) {
        what = "the challenge is for another TPM or another key";
        code = Esys_ActivateCredential(t->esys, t->key, endorsement, ESYS_TR_PASSWORD, session, ESYS_TR_NONE, &c->identity, &c->seed, &secret);
        if (code == 0) session = ESYS_TR_NONE; /* ended by being used */
    }
    if (session != ESYS_TR_NONE) Esys_FlushContext(t->esys, session);
    if (endorsement != ESYS_TR_NONE) Esys_FlushContext(t->esys, endorsement);
    Err e = code ? tpm_refused(diag, what, code) : secret->size == TPM_SECRET_BYTES ? OK : FAIL_WHY(diag, ERR_BAD_INPUT, "not a challenge to a TPM");
    if (e.code == 0) memcpy(ret_secret, secret->buffer, TPM_SECRET_BYTES);
    if (secret) sodium_memzero(secret, sizeof *secret);
    Esys_Free(secret);
    return e;
}

Err tpm_enrol_answer(View challenge, uint8_t ret_secret[TPM_SECRET_BYTES], Diag *diag)
{
    Challenge c = {0};
    TRY(challenge_parse(challenge, &c, diag));
    AUTO_TPM tpm = TPM_CLOSED;
    TRY(tpm_open(&tpm, diag));
    TRY(tpm_key_make(&tpm, diag));
    return activate(&tpm, &c, ret_secret, diag);
}
