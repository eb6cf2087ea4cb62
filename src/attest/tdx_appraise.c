/*
 * A TDX quote, claim by claim: Intel's root vouches for the platform's PCK, that for the quoting enclave, that for the attestation key, that for the
 * TD's report; and Intel's present statements say what platform, module and enclave are worth.
 */
#include <sodium.h>
#include <stdio.h>

#include "attest/collateral.h"
#include "attest/tdx_tcb.h"

enum {
    PCK_CHAIN_COUNT = 3,
    TD_UNTRUSTED_ATTRIBUTES = 0xff, /* byte 0: debugging and what else leaves the TD open */
    TD_MIGRATABLE = 1 << 5,         /* byte 3: bit 29 */
};

typedef struct {
    const TdxQuote *quote;
    const Collateral *c;
    uint64_t now;
    Verdict *verdict;
    CertificateList chain; /* as the quote brings it: PCK, its authority, root */
    PckPlatform platform;
    bool has_platform;
} Case;

static X509 *pck(const Case *k) { return k->chain.count ? k->chain.items[0] : NULL; }

static void judge_signature(const Case *k)
{
    EVP_PKEY *key = NULL;
    const TdxQuote *q = k->quote;
    bool ok = ecdsa_p256_key(q->attestation_key.data, &key).code == 0 &&
              ecdsa_verify(key, EVP_sha256(), q->signed_bytes, q->signature.data, q->signature.data + 32, 32).code == 0;
    EVP_PKEY_free(key);
    verdict_add(k->verdict, "tdx-signature", ok, "%s by the attestation key (ECDSA P-256)", ok ? "signed" : "not signed");
}

/* The enclave's report names the key and its own authentication data. */
static void judge_binding(const Case *k)
{
    uint8_t expected[64] = {0};
    crypto_hash_sha256_state state;
    const TdxQuote *q = k->quote;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, q->attestation_key.data, q->attestation_key.size);
    crypto_hash_sha256_update(&state, q->qe_authentication.data, q->qe_authentication.size);
    crypto_hash_sha256_final(&state, expected);
    QeReport report;
    qe_report_parse(q->qe_report, &report);
    bool ok = memcmp(expected, report.report_data, sizeof expected) == 0;
    verdict_add(k->verdict, "tdx-attestation-key", ok, "%s", ok ? "made by the quoting enclave" : "the quoting enclave's report is about another key");
}

static void judge_enclave_signature(const Case *k)
{
    EVP_PKEY *key = pck(k) ? X509_get0_pubkey(pck(k)) : NULL;
    const View signature = k->quote->qe_signature;
    bool ok = key_is_on_curve(key, "prime256v1") && ecdsa_verify(key, EVP_sha256(), k->quote->qe_report, signature.data, signature.data + 32, 32).code == 0;
    verdict_add(k->verdict, "tdx-qe-signature", ok, "the quoting enclave's report is %ssigned by the platform's PCK", ok ? "" : "not ");
}

static bool is_trusted_root(const CertificateList *trusted, X509 *root)
{
    for (size_t i = 0; i < trusted->count; i++)
        if (certificate_is_self_issued(trusted->items[i]) && certificate_same(trusted->items[i], root)) return true;
    return false;
}

static void judge_chain(const Case *k)
{
    Diag why = {0};
    Err e = OK;
    if (k->chain.count != PCK_CHAIN_COUNT)
        e = FAIL_WHY(&why, ERR_UNTRUSTED, "the quote brings no PCK certificate chain that can be read");
    else if (!is_trusted_root(&k->c->intel, k->chain.items[PCK_CHAIN_COUNT - 1]))
        e = FAIL_WHY(&why, ERR_UNTRUSTED, "its root is not in %.100s/intel; put Intel's SGX Root CA there "
                     "(https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.cer)", k->c->directory);
    else
        e = chain_verify(k->chain.items, PCK_CHAIN_COUNT, k->now, &why);
    char root[CERTIFICATE_NAME_MAX] = "";
    if (e.code == 0) certificate_name(k->chain.items[PCK_CHAIN_COUNT - 1], root);
    verdict_add(k->verdict, "tdx-pck-chain", e.code == 0, "%s%s", e.code ? why.text : "to ", root);
}

static void judge_revocation(const Case *k)
{
    Diag why = {0};
    Err e = k->chain.count == PCK_CHAIN_COUNT ? OK : FAIL_WHY(&why, ERR_UNTRUSTED, "no chain");
    for (size_t i = 0; i + 1 < PCK_CHAIN_COUNT && e.code == 0; i++)
        e = revocation_check(&k->c->intel_revoked, k->chain.items[i], k->chain.items[i + 1], k->now, true, &why);
    verdict_add(k->verdict, "tdx-revocation", e.code == 0, "%s%s", e.code ? why.text : "neither the PCK nor its authority is revoked",
                e.code == ERR_NO_ENTRY ? "; put it into intel/ (https://certificates.trustedservices.intel.com/IntelSGXRootCA.der; "
                                         "https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=platform&encoding=der)" : "");
}

/* The certificate that signs Intel's statements, of the same root as the PCK's. */
static Err statement_signer(const Case *k, X509 **ret_signer, Diag *diag)
{
    for (size_t i = 0; i < k->c->intel.count; i++) {
        X509 *candidate = k->c->intel.items[i], *chain[CHAIN_MAX];
        size_t count = 0;
        char name[CERTIFICATE_NAME_MAX];
        certificate_name(candidate, name);
        if (strcmp(name, "Intel SGX TCB Signing") != 0) continue;
        TRY(chain_build(&k->c->intel, candidate, chain, &count, diag));
        if (count != 2) return FAIL_WHY(diag, ERR_UNTRUSTED, "%s was not issued by the root", name);
        TRY(chain_verify(chain, count, k->now, diag));
        TRY(revocation_check(&k->c->intel_revoked, chain[0], chain[1], k->now, true, diag));
        *ret_signer = candidate;
        return OK;
    }
    return FAIL_WHY(diag, ERR_NO_ENTRY, "no certificate 'Intel SGX TCB Signing' in intel/; it comes in the header TCB-Info-Issuer-Chain with the statement");
}

static Err statement_check(const Case *k, const IntelStatement *s, Diag *diag)
{
    X509 *signer = NULL;
    TRY(statement_signer(k, &signer, diag));
    EVP_PKEY *key = X509_get0_pubkey(signer);
    if (!key_is_on_curve(key, "prime256v1") || ecdsa_verify(key, EVP_sha256(), s->signed_text, s->signature, s->signature + 32, 32).code)
        return FAIL_WHY(diag, ERR_BAD_SIGNATURE, "not signed by Intel SGX TCB Signing; get it again");
    if (!intel_statement_is_fresh(s, k->now)) return FAIL_WHY(diag, ERR_DENIED, "stale or not valid yet at that time; get the present one");
    return OK;
}

static bool status_accepted(const Reference *r, const char *status)
{
    if (!status) return false;
    if (r->tdx_status_count == 0) return strcmp(status, "UpToDate") == 0;
    for (size_t i = 0; i < r->tdx_status_count; i++)
        if (strcmp(status, r->tdx_status[i]) == 0) return true;
    return false;
}

static void judge_status(const Case *k, const char *claim, const char *status, const char *subject)
{
    bool ok = status_accepted(&k->c->reference, status);
    verdict_add(k->verdict, claim, ok, "%s: %.64s%s", subject, status ? status : "nothing that Intel's statement knows",
                ok ? "" : status ? "; accepted is what reference/*.yaml names (tdx: tcb_status), or UpToDate" : "");
}

static const CollateralFile *statement_find(const Case *k, const char *name, IntelStatement *ret_statement)
{
    for (size_t i = 0; i < k->c->intel_json.count; i++) {
        const CollateralFile *f = &k->c->intel_json.items[i];
        IntelStatement s;
        if (intel_statement_parse(view_buffer(&f->content), name, &s).code) continue;
        if (strcmp(name, "tcbInfo") == 0 ? tcb_info_is_for(&s, &k->platform) : qe_identity_is_for_tdx(&s)) {
            *ret_statement = s;
            return f;
        }
        intel_statement_free(&s);
    }
    return NULL;
}

static void judge_platform(const Case *k)
{
    char fmspc[2 * FMSPC_BYTES + 1];
    sodium_bin2hex(fmspc, sizeof fmspc, k->platform.fmspc, FMSPC_BYTES);
    if (!k->has_platform) {
        verdict_add(k->verdict, "tdx-tcb-info", false, "the PCK certificate does not say what platform it is for");
        return;
    }
    IntelStatement s;
    Diag why = {0};
    const CollateralFile *file = statement_find(k, "tcbInfo", &s);
    if (!file) {
        verdict_add(k->verdict, "tdx-tcb-info", false, "none for platforms %s in intel/; get "
                    "https://api.trustedservices.intel.com/tdx/certification/v4/tcb?fmspc=%s", fmspc, fmspc);
        return;
    }
    Err e = statement_check(k, &s, &why);
    verdict_add(k->verdict, "tdx-tcb-info", e.code == 0, "%.100s: %s", file->name, e.code ? why.text : "Intel's, and fresh");
    judge_status(k, "tdx-tcb", tcb_info_status(&s, &k->platform, k->quote), "platform");
    judge_status(k, "tdx-module", tcb_info_module_status(&s, k->quote), "TDX module");
    intel_statement_free(&s);
}

static void judge_enclave(const Case *k)
{
    IntelStatement s;
    Diag why = {0};
    const CollateralFile *file = statement_find(k, "enclaveIdentity", &s);
    if (!file) {
        verdict_add(k->verdict, "tdx-qe-identity", false, "none in intel/; get https://api.trustedservices.intel.com/tdx/certification/v4/qe/identity");
        return;
    }
    Err e = statement_check(k, &s, &why);
    verdict_add(k->verdict, "tdx-qe-identity", e.code == 0, "%.100s: %s", file->name, e.code ? why.text : "Intel's, and fresh");
    QeReport report;
    qe_report_parse(k->quote->qe_report, &report);
    judge_status(k, "tdx-qe", qe_identity_status(&s, &report), "quoting enclave");
    intel_statement_free(&s);
}

static void judge_attributes(const Case *k)
{
    const uint8_t *a = k->quote->attributes;
    const bool debugged = (a[0] & TD_UNTRUSTED_ATTRIBUTES) != 0, moved = (a[3] & TD_MIGRATABLE) != 0;
    verdict_add(k->verdict, "tdx-attributes", !debugged && !moved, "%s%s%s", debugged ? "the host may debug, that is read, the TD; start it without" : "",
                moved ? "a migration TD of the host's choice may move the TD; start it without" : "", debugged || moved ? "" : "no debugging, no migration");
}

static void judge_registers(const Case *k)
{
    static const char *const NAMES[TDX_REGISTERS] = {"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"};
    for (size_t i = 0; i < TDX_REGISTERS; i++) {
        const ReferenceValues *accepted = &k->c->reference.tdx[i];
        if (i > 0 && accepted->count == 0) continue;
        char claim[32], text[2 * 48 + 1];
        snprintf(claim, sizeof claim, "tdx-%s", NAMES[i]);
        sodium_bin2hex(text, sizeof text, k->quote->registers[i], 48);
        bool ok = reference_has(accepted, k->quote->registers[i], 48);
        verdict_add(k->verdict, claim, ok, "%s%s%s", text, ok ? "" : " is not in reference/*.yaml; add it if you know that guest: tdx: ", ok ? "" : NAMES[i]);
    }
}

static void judge_report_data(const Case *k, const uint8_t *report_data)
{
    bool ok = !report_data || sodium_memcmp(report_data, k->quote->report_data, 64) == 0;
    verdict_add(k->verdict, "tdx-report-data", ok, "%s", !report_data ? "a quote on its own: bound to no node key and no nonce"
                                                        : ok ? "bound to the node key and the nonce" : "made for another node key or another nonce");
}

void appraise_tdx(View quote, const uint8_t *report_data, const Collateral *c, uint64_t now, Verdict *verdict)
{
    TdxQuote q;
    Diag why = {0};
    Err e = tdx_quote_parse(quote, &q, &why);
    verdict_add(verdict, "tdx-format", e.code == 0, "%s", e.code ? why.text : "a quote");
    if (e.code) return;

    Case k = {.quote = &q, .c = c, .now = now, .verdict = verdict};
    if (certificates_add(q.pck_chain, &k.chain, &why).code == 0) k.has_platform = pck_platform_parse(pck(&k), &k.platform).code == 0;
    judge_signature(&k);
    judge_binding(&k);
    judge_enclave_signature(&k);
    judge_chain(&k);
    judge_revocation(&k);
    judge_platform(&k);
    judge_enclave(&k);
    judge_attributes(&k);
    judge_registers(&k);
    judge_report_data(&k, report_data);
    certificates_free(&k.chain);
}
