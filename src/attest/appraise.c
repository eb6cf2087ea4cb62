/* Evidence against what a relying party accepts, claim by claim; what hardware says is appraised by the back ends. */
#include <sodium.h>

#include "attest/appraise.h"
#include "attest/collect.h"
#include "crypto/cose.h"

enum { CLOCK_SKEW_S = 60 }; /* how far a node's clock may be ahead */

typedef struct { const Evidence *e; const AppraisalPolicy *p; Verdict *verdict; } Case;

static const char *kind_name(uint32_t kind)
{
    switch (kind) {
    case EVIDENCE_NODE_KEY: return "node-key";
    case EVIDENCE_TPM2: return "tpm2";
    case EVIDENCE_SEV_SNP: return "sev-snp";
    case EVIDENCE_TDX: return "tdx";
    default: return "unknown";
    }
}

static void judge_binding(const Case *k)
{
    const Evidence *e = k->e;
    const AppraisalPolicy *p = k->p;
    bool nonce = !p->nonce || sodium_memcmp(p->nonce, e->nonce, sizeof e->nonce) == 0;
    verdict_add(k->verdict, "nonce", nonce, "%s", !p->nonce ? "any" : nonce ? "the one that was asked with"
                                                  : "another than was asked with: replayed, or for somebody else");
    bool task = !p->task_id || memcmp(p->task_id, e->task_id, sizeof e->task_id) == 0;
    verdict_add(k->verdict, "task", task, "%s", !p->task_id ? "any" : task ? "this one" : "evidence for another task");
    bool policy = !p->task_policy || memcmp(p->task_policy->bytes, e->task_policy.bytes, sizeof e->task_policy.bytes) == 0;
    verdict_add(k->verdict, "task-policy", policy, "%s", !p->task_policy ? "any" : policy ? "the SEE was set up as the task says"
                                                         : "the SEE was set up otherwise");
}

static void judge_time(const Case *k)
{
    const Evidence *e = k->e;
    bool early = e->issued > k->p->now && e->issued - k->p->now > CLOCK_SKEW_S, late = k->p->now >= e->expires;
    verdict_add(k->verdict, "fresh", !early && !late, "%s", early ? "made in the future: set that node's clock" : late ? "expired" : "valid now");
}

static void judge_strength(const Case *k)
{
    const Evidence *e = k->e;
    bool kind = (k->p->kinds & e->kind) != 0;
    verdict_add(k->verdict, "evidence-kind", kind, "%s%s", kind_name(e->kind), kind ? "" : " is not among the accepted kinds");
    bool hardware = e->kind == EVIDENCE_SEV_SNP || e->kind == EVIDENCE_TDX, backed = e->level < LEVEL_CONFIDENTIAL || hardware;
    bool level = e->level >= k->p->level && backed;
    verdict_add(k->verdict, "level", level, "%s%s", level_name(e->level),
                level ? "" : backed ? " is lower than is asked for" : " without evidence by the processor");
}

static bool is_revoked(const Case *k, const uint8_t key[32]) { return k->p->revoked && revoked_has(k->p->revoked, key, k->p->now); }

static bool image_listed(const AppraisalPolicy *p, const Evidence *e, const char **ret_how)
{
    *ret_how = "measurement accepted";
    for (size_t i = 0; i < p->image_count; i++)
        if (memcmp(p->images[i].bytes, e->measurement.bytes, sizeof e->measurement.bytes) == 0) return true;
    *ret_how = "signer accepted";
    for (size_t i = 0; i < p->signer_count; i++)
        if (memcmp(p->signers[i].bytes, e->image_signer.bytes, sizeof e->image_signer.bytes) == 0) return true;
    *ret_how = "neither its measurement nor its signer is accepted";
    return false;
}

static void judge_image(const Case *k)
{
    char measurement[65];
    const char *how = "any";
    sha256_hex(&k->e->measurement, measurement);
    bool ok = k->p->any_image || image_listed(k->p, k->e, &how);
    if (is_revoked(k, k->e->image_signer.bytes)) {
        ok = false;
        how = "its signer is revoked";
    }
    if (k->p->any_image && sodium_is_zero(k->e->measurement.bytes, sizeof k->e->measurement.bytes)) how = "none: the node on its own";
    verdict_add(k->verdict, "image", ok, "sha256:%s: %s", measurement, how);
}

/* Where the processor does not vouch for the node's key, somebody has to. */
static void judge_node(const Case *k)
{
    char text[PUBLIC_KEY_TEXT_MAX];
    const Evidence *e = k->e;
    public_key_print(&e->node, text);
    if (is_revoked(k, e->node.bytes)) {
        verdict_add(k->verdict, "node", false, "%s is revoked", text);
        return;
    }
    if (e->kind == EVIDENCE_SEV_SNP || e->kind == EVIDENCE_TDX) {
        verdict_add(k->verdict, "node", true, "%s: the processor vouches for it", text);
        return;
    }
    bool trusted = false;
    for (size_t i = 0; k->p->nodes && i < k->p->nodes->count && !trusted; i++)
        trusted = memcmp(k->p->nodes->keys[i].bytes, e->node.bytes, sizeof e->node.bytes) == 0;
    verdict_add(k->verdict, "node", trusted, "%s: %s", text,
                trusted ? "a node that is trusted" : "nobody trusts this node; add its key to the trusted ones if you do");
}

static void judge_hardware(const Case *k, const Collateral *collateral)
{
    const Evidence *e = k->e;
    if (e->kind == EVIDENCE_NODE_KEY) return;
    uint8_t report_data[64];
    node_report_data(&e->node, e->nonce, report_data);
    if (!collateral) verdict_add(k->verdict, "collateral", false, "no collateral folder, so that %s can't be appraised", kind_name(e->kind));
    else if (e->kind == EVIDENCE_SEV_SNP) appraise_snp(e->node_evidence, report_data, collateral, k->p->now, k->verdict);
    else if (e->kind == EVIDENCE_TDX) appraise_tdx(e->node_evidence, report_data, collateral, k->p->now, k->verdict);
    else appraise_tpm(e->node_evidence, report_data, collateral, k->p->now, k->verdict);
}

void appraise(View cose, const AppraisalPolicy *policy, const Collateral *collateral, Verdict *ret_verdict, Evidence *ret_evidence)
{
    Verdict verdict = {0};
    Evidence e = {0};
    Diag why = {0};
    Err decoded = evidence_decode(cose, &e, &why);
    verdict_add(&verdict, "evidence", decoded.code == 0, "%s", decoded.code ? why.text : "well formed, signed by the node's key");
    if (decoded.code == 0) {
        const Case k = {&e, policy, &verdict};
        judge_binding(&k);
        judge_time(&k);
        judge_strength(&k);
        judge_image(&k);
        judge_node(&k);
        judge_hardware(&k, collateral);
    }
    *ret_verdict = verdict;
    *ret_evidence = e;
}
