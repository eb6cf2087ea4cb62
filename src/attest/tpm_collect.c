/* Asking this node's TPM for a quote, through tpm2-tss. */
#include <stdlib.h>
#include <tss2/tss2_mu.h>

#include "attest/tpm.h"
#include "attest/tpm_link.h"
#include "crypto/sign.h"

enum { QUOTE_TRIES_MAX = 8, QUOTED_ROOM = sizeof(TPM2B_ATTEST), SIGNATURE_ROOM = sizeof(TPMT_SIGNATURE) };

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
        if (code) return tpm_refused(diag, "does not read PCRs", code);
        uint32_t now = pcrs_of(got);
        if (now == 0 || (now & ~pcrs) || values->count != (uint32_t)__builtin_popcount(now))
            return FAIL_WHY(diag, ERR_LEVEL, "TPM at %.200s: has no SHA-256 bank of these PCRs", tpm_link_name());
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
    if (code) return tpm_refused(diag, "does not quote", code);

    uint8_t bytes[QUOTED_ROOM + SIGNATURE_ROOM];
    size_t size = 0;
    code = Tss2_MU_TPM2B_ATTEST_Marshal(quoted, bytes, sizeof bytes, &size);
    if (code == 0) code = Tss2_MU_TPMT_SIGNATURE_Marshal(signature, bytes, sizeof bytes, &size);
    if (code) return tpm_refused(diag, "gives an odd quote", code);
    return buffer_append(ret_bytes, view_of(bytes, size));
}

/* Anybody on this machine may extend a PCR between the quote and the reading of its values: then once more. */
static Err collect(const Tpm *t, uint32_t pcrs, const Sha256 *extra, Buffer *ret_evidence, Diag *diag)
{
    for (int i = 0; i < QUOTE_TRIES_MAX; i++) {
        AUTO_BUFFER bytes = buffer_limited(TPM_EVIDENCE_BYTES_MAX);
        TRY(tpm_put_key(t, &bytes, diag));
        TRY(put_quote(t, pcrs, extra, &bytes, diag));
        TRY(put_values(t, pcrs, &bytes, diag));
        TpmEvidence e;
        Diag why;
        if (tpm_evidence_parse(view_buffer(&bytes), &e, &why).code)
            return FAIL_WHY(diag, ERR_LEVEL, "TPM at %.200s: %.500s", tpm_link_name(), why.text);
        if (tpm_values_match(&e)) return buffer_append(ret_evidence, view_buffer(&bytes));
    }
    return FAIL_WHY(diag, ERR_LEVEL, "TPM at %.200s: its PCRs change all the time; leave out those that do with COVEY_TPM_PCRS", tpm_link_name());
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
    AUTO_TPM tpm = TPM_CLOSED;
    TRY(tpm_open(&tpm, diag));
    TRY(tpm_key_make(&tpm, diag));
    return collect(&tpm, pcrs, &extra, ret_evidence, diag);
}

Err collect_tpm_key(Buffer *ret_public, Diag *diag)
{
    AUTO_TPM tpm = TPM_CLOSED;
    TRY(tpm_open(&tpm, diag));
    TRY(tpm_key_make(&tpm, diag));
    AUTO_BUFFER bytes = buffer_limited(sizeof(TPM2B_PUBLIC));
    TRY(tpm_put_key(&tpm, &bytes, diag));
    TpmKey key;
    Diag why;
    if (tpm_key_parse(view_buffer(&bytes), &key, &why).code) return FAIL_WHY(diag, ERR_LEVEL, "TPM at %.200s: %.500s", tpm_link_name(), why.text);
    return buffer_append(ret_public, view_buffer(&bytes));
}
