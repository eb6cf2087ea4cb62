/* This node's evidence, and a verdict on anybody's, claim by claim. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/hex_file.h"
#include "api/internal.h"
#include "attest/appraise.h"
#include "attest/collect.h"
#include "base/rfc3339.h"
#include "crypto/keyring.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/fd.h"
#include "warden/identity.h"

enum {
    FILE_BYTES_MAX = 4 * EVIDENCE_BYTES_MAX /* as hex, in lines */,
    COSE_TAG_BYTE = 0xd2,
    SNP_FILE_BYTES = 1184,
    TDX_TYPE_AT = 4,
    TDX_TYPE = 0x81
};

static const struct { const char *name; uint32_t kind; } KINDS[] = {
    {"node-key", EVIDENCE_NODE_KEY}, {"tpm2", EVIDENCE_TPM2}, {"sev-snp", EVIDENCE_SEV_SNP}, {"tdx", EVIDENCE_TDX}};
enum { KIND_COUNT = sizeof KINDS / sizeof KINDS[0] };

static uint64_t now_s(void) { return clock_wall_ns() / NS_PER_S; }

static Err kind_parse(const char *name, uint32_t *ret_kind, Diag *diag)
{
    *ret_kind = 0;
    for (size_t i = 0; name && i < KIND_COUNT; i++)
        if (strcmp(name, KINDS[i].name) == 0) *ret_kind = KINDS[i].kind;
    return !name || *ret_kind ? OK : FAIL_WHY(diag, ERR_USAGE, "no kind of evidence is called %.32s; there are node-key, tpm2, sev-snp and tdx", name);
}

static Err nonce_parse(const char *text, uint8_t ret_nonce[EVIDENCE_NONCE_BYTES], Diag *diag)
{
    if (!text) return random_bytes(ret_nonce, EVIDENCE_NONCE_BYTES);
    if (strlen(text) != 2 * EVIDENCE_NONCE_BYTES || sodium_hex2bin(ret_nonce, EVIDENCE_NONCE_BYTES, text, strlen(text), NULL, NULL, NULL) != 0)
        return FAIL_WHY(diag, ERR_USAGE, "a nonce is %d hex digits", 2 * EVIDENCE_NONCE_BYTES);
    return OK;
}

/* There is no SEE: what only one has is 0, and the level is the lowest. */
static Err attest(covey *c, uint32_t wish, Evidence *e, Buffer *ret_cose, Diag *diag)
{
    char directory[PATH_BYTES_MAX];
    uint8_t report_data[64];
    SecretKey secret;
    AUTO_BUFFER node_evidence = buffer_limited(NODE_EVIDENCE_BYTES_MAX);
    TRY(path_format(directory, "%s/node", c->config_dir));
    TRY(signing_key_open(directory, &secret, &e->node, diag));
    e->level = LEVEL_SHARED;
    e->issued = now_s();
    e->expires = e->issued + EVIDENCE_LIFETIME_S;
    node_report_data(&e->node, e->nonce, report_data);
    Err collected = collect_node_evidence(wish, report_data, &e->kind, &node_evidence, diag);
    e->node_evidence = view_buffer(&node_evidence);
    if (collected.code == 0) collected = evidence_encode(e, &secret, ret_cose);
    secret_key_wipe(&secret);
    e->node_evidence = (View){0};
    return collected;
}

covey_code covey_attest(covey *c, const char *kind, const char *nonce, covey_evidence *ret, covey_error *error)
{
    Diag diag = {0};
    Evidence e = {0};
    uint32_t wish = 0;
    Buffer cose = buffer_limited(EVIDENCE_BYTES_MAX);
    Err done = kind_parse(kind, &wish, &diag);
    if (done.code == 0) done = nonce_parse(nonce, e.nonce, &diag);
    if (done.code == 0) done = attest(c, wish, &e, &cose, &diag);
    if (done.code) {
        buffer_free(&cose);
        return api_result(done, &diag, error);
    }
    *ret = (covey_evidence){.data = cose.data, .size = cose.size};
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (e.kind == KINDS[i].kind) ret->kind = KINDS[i].name;
    return api_result(OK, NULL, error);
}

void covey_evidence_free(covey_evidence *e)
{
    free(e->data);
    *e = (covey_evidence){0};
}

/* The user's trusted keys, and this node's own if it has one. */
static Err load_nodes(covey *c, TrustedKeys *nodes, Diag *diag)
{
    char directory[PATH_BYTES_MAX];
    TrustedKeys own;
    TRY(trusted_keys_load(c->config_dir, nodes, diag));
    TRY(path_format(directory, "%s/node", c->config_dir));
    TRY(trusted_keys_load(directory, &own, diag));
    for (size_t i = 0; i < own.count && nodes->count < TRUSTED_KEYS_MAX; i++) nodes->keys[nodes->count++] = own.keys[i];
    return OK;
}

static Err appraise_evidence(covey *c, View bytes, const Collateral *collateral, uint64_t now, Verdict *verdict, Diag *diag)
{
    TrustedKeys nodes;
    RevokedKeys revoked = {0};
    Evidence ignored;
    TRY(load_nodes(c, &nodes, diag));
    TRY(revoked_load(c->config_dir, &revoked, diag));
    const AppraisalPolicy policy = {.kinds = EVIDENCE_NODE_KEY | EVIDENCE_TPM2 | EVIDENCE_SEV_SNP | EVIDENCE_TDX,
                                    .level = LEVEL_SHARED,
                                    .nodes = &nodes,
                                    .revoked = &revoked,
                                    .any_image = true,
                                    .now = now};
    appraise(bytes, &policy, collateral, verdict, &ignored);
    revoked_free(&revoked);
    return OK;
}

/* What it is, is seen at its first bytes. */
static Err appraise_any(covey *c, const char *path, View v, const Collateral *collateral, uint64_t now, Verdict *verdict, Diag *diag)
{
    if (v.size > 0 && v.data[0] == COSE_TAG_BYTE) return appraise_evidence(c, v, collateral, now, verdict, diag);
    if (v.size == SNP_FILE_BYTES) appraise_snp(v, NULL, collateral, now, verdict);
    else if (v.size > TDX_TYPE_AT && v.data[TDX_TYPE_AT] == TDX_TYPE) appraise_tdx(v, NULL, collateral, now, verdict);
    else return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: neither evidence of Covey, nor an SEV-SNP report (1184 bytes), nor a TDX quote; binary or hex", path);
    return OK;
}

/* A folder that is named must be there; the default one need not. */
static Err open_collateral(const covey *c, const char *wish, Collateral **ret_collateral, Diag *diag)
{
    char usual[PATH_BYTES_MAX];
    TRY(path_format(usual, "%s/collateral", c->config_dir));
    return collateral_load(wish ? wish : access(usual, F_OK) == 0 ? usual : NULL, ret_collateral, diag);
}

static Err appraise_file(covey *c, const char *path, const char *folder, const char *time, Verdict *verdict, Diag *diag)
{
    uint64_t now = now_s();
    if (time && rfc3339_parse(view_text(time), &now).code)
        return FAIL_WHY(diag, ERR_USAGE, "%.64s: a time is written like 2026-11-21T22:00:00Z", time);
    AUTO_BUFFER content = buffer_limited(FILE_BYTES_MAX);
    TRY(hex_file_read(path, &content, diag));
    Collateral *collateral = NULL;
    TRY(open_collateral(c, folder, &collateral, diag));
    Err e = appraise_any(c, path, view_buffer(&content), collateral, now, verdict, diag);
    collateral_free(&collateral);
    return e;
}

covey_code covey_appraise(covey *c, const char *path, const char *collateral, const char *time, covey_finding visit,
                          void *context, covey_error *error)
{
    Diag diag = {0};
    Verdict verdict = {0};
    Err e = appraise_file(c, path, collateral, time, &verdict, &diag);
    if (e.code) return api_result(e, &diag, error);
    size_t failed = 0;
    for (size_t i = 0; i < verdict.count; i++) {
        const VerdictClaim *claim = &verdict.claims[i];
        failed += !claim->passed;
        if (visit) visit(context, claim->claim, claim->passed, claim->reason);
    }
    if (!verdict.accepted) e = FAIL_WHY(&diag, ERR_DENIED, "%s: refused: %zu of %zu claims did not pass", path, failed, verdict.count);
    return api_result(e, &diag, error);
}
