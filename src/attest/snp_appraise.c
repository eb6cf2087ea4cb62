/*
 * A SEV-SNP report, claim by claim: the signature by the chip's (VCEK) or the operator's (VLEK) endorsement key, that key's chain to AMD's root,
 * and that report, key and policy belong together.
 */
#include <sodium.h>
#include <stdio.h>

#include "attest/collateral.h"
#include "attest/snp.h"

#define OID_TCB "1.3.6.1.4.1.3704.1.3."
#define OID_HARDWARE_ID "1.3.6.1.4.1.3704.1.4"
enum { POLICY_RESERVED_ONE = 1 << 17, POLICY_MIGRATION_AGENT = 1 << 18, POLICY_DEBUG = 1 << 19, VMPL_MAX = 3, CHIP_BYTES_TURIN = 8 };

typedef struct { const SnpReport *report; const Collateral *c; uint64_t now; Verdict *verdict; } Case;

/* The extension holds a DER INTEGER of 0 to 255. */
static bool svn_of(X509 *certificate, const char *oid, uint8_t *ret_svn)
{
    View v;
    if (certificate_extension(certificate, oid, &v).code != 0 || v.size < 3 || v.data[0] != 0x02) return false;
    bool one = v.size == 3 && v.data[1] == 1 && v.data[2] < 0x80;
    bool two = v.size == 4 && v.data[1] == 2 && v.data[2] == 0 && v.data[3] >= 0x80;
    if (!one && !two) return false;
    *ret_svn = v.data[v.size - 1];
    return true;
}

static bool tcb_of(X509 *certificate, bool is_turin, SnpTcb *ret_tcb)
{
    SnpTcb t = {0};
    bool ok = svn_of(certificate, OID_TCB "1", &t.bootloader) && svn_of(certificate, OID_TCB "2", &t.tee) && svn_of(certificate, OID_TCB "3", &t.snp) &&
              svn_of(certificate, OID_TCB "8", &t.microcode) && (!is_turin || svn_of(certificate, OID_TCB "9", &t.fmc));
    if (ok) *ret_tcb = t;
    return ok;
}

static bool tcb_at_least(const SnpTcb *have, const SnpTcb *wanted)
{
    return have->fmc >= wanted->fmc && have->bootloader >= wanted->bootloader && have->tee >= wanted->tee && have->snp >= wanted->snp &&
           have->microcode >= wanted->microcode;
}

static bool tcb_same(const SnpTcb *a, const SnpTcb *b) { return tcb_at_least(a, b) && tcb_at_least(b, a); }

typedef struct { char text[64]; } TcbText;

static TcbText tcb_text(const SnpTcb *t)
{
    TcbText r;
    snprintf(r.text, sizeof r.text, "fmc %u bootloader %u tee %u snp %u microcode %u", t->fmc, t->bootloader, t->tee, t->snp, t->microcode);
    return r;
}

static size_t chip_bytes(const SnpReport *r) { return r->is_turin ? CHIP_BYTES_TURIN : SNP_CHIP_BYTES; }

/* A VLEK belongs to an operator and names no chip. The identifier stands in the extension as it is. */
static bool chip_fits(X509 *certificate, const SnpReport *r)
{
    if (r->signer == SNP_BY_VLEK) return true;
    View v;
    size_t size = chip_bytes(r);
    if (certificate_extension(certificate, OID_HARDWARE_ID, &v).code != 0 || v.size != size || memcmp(v.data, r->chip_id, size) != 0) return false;
    for (size_t i = size; i < SNP_CHIP_BYTES; i++)
        if (r->chip_id[i]) return false;
    return true;
}

static bool tcb_fits(X509 *certificate, const SnpReport *r)
{
    SnpTcb t;
    return tcb_of(certificate, r->is_turin, &t) && tcb_same(&t, &r->reported);
}

static bool signature_fits(X509 *certificate, const SnpReport *r)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    return key_is_on_curve(key, "secp384r1") && ecdsa_verify(key, EVP_sha384(), r->signed_bytes, r->r, r->s, SNP_NUMBER_BYTES).code == 0;
}

/* The certificate of the key that signed; if none did, the one that comes nearest, so that every claim can be judged. */
static X509 *signer_find(const SnpReport *r, const CertificateList *list, bool *ret_signed)
{
    const char *wanted = r->signer == SNP_BY_VLEK ? "SEV-VLEK" : "SEV-VCEK";
    X509 *nearest = NULL;
    bool nearest_fits = false;
    for (size_t i = 0; i < list->count; i++) {
        X509 *candidate = list->items[i];
        char name[CERTIFICATE_NAME_MAX];
        certificate_name(candidate, name);
        if (strcmp(name, wanted) != 0) continue;
        bool fits = chip_fits(candidate, r) && tcb_fits(candidate, r);
        if (fits && signature_fits(candidate, r)) {
            *ret_signed = true;
            return candidate;
        }
        if (!nearest || (fits && !nearest_fits)) nearest = candidate;
        nearest_fits |= fits;
    }
    *ret_signed = nearest && !nearest_fits && signature_fits(nearest, r);
    return nearest;
}

static void claim_no_key(const Case *k)
{
    const SnpReport *r = k->report;
    if (r->signer == SNP_BY_VLEK) {
        verdict_add(k->verdict, "snp-signature", false, "no VLEK certificate in %s/amd; ask the operator of the machine for it", k->c->directory);
        return;
    }
    char chip[2 * SNP_CHIP_BYTES + 1], fmc[16] = "";
    if (r->is_turin) snprintf(fmc, sizeof fmc, "fmcSPL=%u&", r->reported.fmc);
    sodium_bin2hex(chip, sizeof chip, r->chip_id, chip_bytes(r));
    verdict_add(k->verdict, "snp-signature", false, "no VCEK in amd/; get https://kdsintf.amd.com/vcek/v1/%s/%s?%sblSPL=%u&teeSPL=%u&snpSPL=%u&ucodeSPL=%u",
                r->product ? r->product : "Milan", chip, fmc, r->reported.bootloader, r->reported.tee, r->reported.snp,
                r->reported.microcode);
}

static void judge_signature(const Case *k, X509 *signer, bool is_signed)
{
    char name[CERTIFICATE_NAME_MAX];
    certificate_name(signer, name);
    verdict_add(k->verdict, "snp-signature", is_signed, "%s %s (ECDSA P-384)", is_signed ? "signed by" : "not signed by", name);
}

static void judge_chain(const Case *k, X509 *signer)
{
    X509 *chain[CHAIN_MAX];
    size_t count = 0;
    Diag why = {0};
    Err e = chain_build(&k->c->amd, signer, chain, &count, &why);
    if (e.code) {
        verdict_add(k->verdict, "snp-chain", false, "%s; put ARK and ASK (https://kdsintf.amd.com/vcek/v1/%s/cert_chain) into %.100s/amd", why.text,
                    k->report->product ? k->report->product : "Milan", k->c->directory);
        return;
    }
    e = count >= 2 ? chain_verify(chain, count, k->now, &why) : FAIL_WHY(&why, ERR_UNTRUSTED, "the key is its own authority");
    char root[CERTIFICATE_NAME_MAX];
    certificate_name(chain[count - 1], root);
    verdict_add(k->verdict, "snp-chain", e.code == 0, "%s%s", e.code ? why.text : "to ", e.code ? "" : root);

    for (size_t i = 0; i + 1 < count && e.code == 0; i++) e = revocation_check(&k->c->amd_revoked, chain[i], chain[i + 1], k->now, false, &why);
    bool checked = k->c->amd_revoked.count > 0;
    verdict_add(k->verdict, "snp-revocation", e.code == 0, "%s", e.code ? why.text : checked ? "not revoked" : "no revocation list in amd/ (optional)");
}

static void judge_key(const Case *k, X509 *signer)
{
    const SnpReport *r = k->report;
    SnpTcb t = {0};
    bool known = tcb_of(signer, r->is_turin, &t), same = known && tcb_same(&t, &r->reported);
    verdict_add(k->verdict, "snp-key-tcb", same, same ? "key and report: %s" : known ? "the key is for another TCB: %s" : "the certificate names no TCB (%s)",
                tcb_text(&t).text);
    bool fits = chip_fits(signer, r) && !r->chip_masked;
    verdict_add(k->verdict, "snp-chip", fits, "%s", !fits ? r->chip_masked ? "the report hides its chip" : "the key is another chip's"
                                                 : r->signer == SNP_BY_VLEK ? "an operator's key (VLEK): any of its chips" : "the key is this chip's");
}

static void judge_tcb(const Case *k)
{
    const SnpReport *r = k->report;
    bool ordered = tcb_at_least(&r->current, &r->committed) && tcb_at_least(&r->current, &r->reported);
    bool enough = tcb_at_least(&r->reported, &k->c->reference.snp_minimum) && tcb_at_least(&r->launch, &k->c->reference.snp_minimum);
    const SnpTcb *shown = enough ? &r->reported : &k->c->reference.snp_minimum;
    verdict_add(k->verdict, "snp-tcb", ordered && enough, "%s%s",
                !ordered ? "firmware reports more than it runs: " : enough ? "" : "below the minimum of reference/: ", tcb_text(shown).text);
}

static void judge_policy(const Case *k)
{
    uint64_t p = k->report->policy;
    bool ok = (p & POLICY_RESERVED_ONE) && !(p & (POLICY_MIGRATION_AGENT | POLICY_DEBUG));
    verdict_add(k->verdict, "snp-policy", ok, "%#llx: %s%s%s%s", (unsigned long long)p,
                p & POLICY_DEBUG ? "the host may debug, that is read, the guest; " : "",
                p & POLICY_MIGRATION_AGENT ? "a migration agent may move the guest; " : "", p & POLICY_RESERVED_ONE ? "" : "not a policy; ",
                ok ? "no debugging, no migration agent" : "start the guest with another policy");
    uint32_t v = k->report->vmpl;
    verdict_add(k->verdict, "snp-vmpl", v <= VMPL_MAX, v <= VMPL_MAX ? "asked for by the guest, privilege level %u" : "asked for by the host (%#x)", v);
}

static void judge_measurement(const Case *k)
{
    const ReferenceValues *accepted = &k->c->reference.snp_measurements;
    char text[2 * 48 + 1];
    sodium_bin2hex(text, sizeof text, k->report->measurement, 48);
    bool ok = reference_has(accepted, k->report->measurement, 48);
    verdict_add(k->verdict, "snp-measurement", ok, ok ? "%s" : "%s is not in reference/*.yaml (snp: measurements); add it if you know that guest", text);
}

static void judge_report_data(const Case *k, const uint8_t *report_data)
{
    bool ok = !report_data || sodium_memcmp(report_data, k->report->report_data, 64) == 0;
    verdict_add(k->verdict, "snp-report-data", ok, "%s", !report_data ? "a report on its own: bound to no node key and no nonce"
                                                        : ok ? "bound to the node key and the nonce" : "made for another node key or another nonce");
}

void appraise_snp(View report, const uint8_t *report_data, const Collateral *c, uint64_t now, Verdict *verdict)
{
    SnpReport r;
    Diag why = {0};
    Err e = snp_report_parse(report, &r, &why);
    verdict_add(verdict, "snp-format", e.code == 0, "%s", e.code ? why.text : "a report of a known version");
    if (e.code) return;

    const Case k = {&r, c, now, verdict};
    bool is_signed = false;
    X509 *signer = signer_find(&r, &c->amd, &is_signed);
    if (signer) {
        judge_signature(&k, signer, is_signed);
        judge_chain(&k, signer);
        judge_key(&k, signer);
    } else {
        claim_no_key(&k);
    }
    judge_tcb(&k);
    judge_policy(&k);
    judge_measurement(&k);
    judge_report_data(&k, report_data);
}
