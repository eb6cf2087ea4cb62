/*
 * A TPM quote, claim by claim: a key that the operator enrolled, of that TPM's endorsement hierarchy, signed PCR values that the operator accepts,
 * for this node key and nonce.
 */
#include <sodium.h>
#include <stdio.h>

#include "attest/collateral.h"
#include "attest/tpm.h"
#include "crypto/sign.h"

typedef struct { const TpmEvidence *e; const Collateral *c; Verdict *verdict; } Case;

/* The file that holds that key, or NULL. */
static const char *enrolled_as(const TpmKey *key, const CollateralFiles *files)
{
    for (size_t i = 0; i < files->count; i++) {
        TpmKey accepted;
        bool is_key = tpm_key_parse(view_buffer(&files->items[i].content), &accepted, NULL).code == 0;
        if (is_key && view_equal(accepted.area, key->area)) return files->items[i].name;
    }
    return NULL;
}

static void judge_key(const Case *k)
{
    uint8_t name[TPM_NAME_BYTES];
    char text[2 * TPM_NAME_BYTES + 1];
    tpm_key_name(&k->e->key, name);
    sodium_bin2hex(text, sizeof text, name, sizeof name);
    const char *file = enrolled_as(&k->e->key, &k->c->tpm);
    if (file) verdict_add(k->verdict, "tpm-key", true, "enrolled as %.100s", file);
    else verdict_add(k->verdict, "tpm-key", false, "%s is not enrolled: put that node's key into tpm/ak-NAME.pub if you trust its TPM", text);
}

static void judge_signer(const Case *k)
{
    uint8_t name[TPM_NAME_BYTES];
    tpm_key_qualified_name(&k->e->key, name);
    bool ok = memcmp(name, k->e->signer, sizeof name) == 0;
    verdict_add(k->verdict, "tpm-signer", ok, "%s", ok ? "the key is a primary one under the TPM's endorsement hierarchy"
                                                       : "the quote names another signer than this key under the endorsement hierarchy");
}

static void judge_signature(const Case *k)
{
    EVP_PKEY *key = NULL;
    bool is_key = ecdsa_p256_key(k->e->key.point, &key).code == 0;
    bool ok = is_key && ecdsa_verify(key, EVP_sha256(), k->e->quoted, k->e->r, k->e->s, TPM_NUMBER_BYTES).code == 0;
    EVP_PKEY_free(key);
    verdict_add(k->verdict, "tpm-signature", ok, "%s", ok ? "the quote is signed by the key"
                                                      : is_key ? "the quote is not signed by the key" : "the key is no point of P-256");
}

static void judge_report_data(const Case *k, const uint8_t *report_data)
{
    Sha256 expected;
    if (report_data) sha256_of(view_of(report_data, 64), &expected);
    bool ok = !report_data || sodium_memcmp(expected.bytes, k->e->extra_data, sizeof expected.bytes) == 0;
    verdict_add(k->verdict, "tpm-report-data", ok, "%s", !report_data ? "a quote on its own: bound to no node key and no nonce"
                                                        : ok ? "bound to the node key and the nonce" : "made for another node key or another nonce");
}

static void judge_digest(const Case *k)
{
    bool ok = tpm_values_match(k->e);
    verdict_add(k->verdict, "tpm-pcr-digest", ok, "the PCR values are %sthose that the TPM signed", ok ? "" : "not ");
}

/* One claim for each register that reference/ names; what it does not name may have any value. */
static void judge_registers(const Case *k)
{
    size_t judged = 0;
    for (size_t i = 0; i < TPM_PCRS; i++) {
        const ReferenceValues *accepted = &k->c->reference.tpm_pcrs[i];
        if (accepted->count == 0) continue;
        judged++;
        char claim[16], value[2 * TPM_PCR_BYTES + 1];
        snprintf(claim, sizeof claim, "tpm-pcr%zu", i);
        sodium_bin2hex(value, sizeof value, k->e->values[i], TPM_PCR_BYTES);
        bool quoted = k->e->pcrs & 1u << i;
        bool ok = quoted && reference_has(accepted, k->e->values[i], TPM_PCR_BYTES);
        if (!quoted) verdict_add(k->verdict, claim, false, "not quoted; that node sets COVEY_TPM_PCRS to quote it");
        else if (ok) verdict_add(k->verdict, claim, true, "%s", value);
        else verdict_add(k->verdict, claim, false, "%s is not in reference/*.yaml (tpm: pcr%zu); add it if you know that software", value, i);
    }
    if (judged) return;
    verdict_add(k->verdict, "tpm-pcrs", false, "no accepted PCR values in reference/*.yaml (tpm: pcr0: [...]); what booted there is unknown");
}

void appraise_tpm(View evidence, const uint8_t *report_data, const Collateral *c, uint64_t now, Verdict *verdict)
{
    (void)now; /* an enrolled key has no end; taking its file away is how it is revoked */
    TpmEvidence e;
    Diag why = {0};
    Err parsed = tpm_evidence_parse(evidence, &e, &why);
    verdict_add(verdict, "tpm-format", parsed.code == 0, "%s", parsed.code ? why.text : "a TPM 2.0 quote");
    if (parsed.code) return;

    const Case k = {&e, c, verdict};
    judge_key(&k);
    judge_signer(&k);
    judge_signature(&k);
    judge_report_data(&k, report_data);
    judge_digest(&k);
    judge_registers(&k);
}
