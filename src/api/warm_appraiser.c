/* Verdicts on zygotes of staged images. */
#include "api/warm_appraiser.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "attest/collateral.h"
#include "keybroker/nonces.h"
#include "sys/clock.h"

struct WarmAppraiser {
    char config_dir[PATH_BYTES_MAX];
    Collateral *collateral;       /* NULL: there is no folder */
    uint32_t kinds;
    Nonces nonces;
};

static uint64_t now_s(void) { return clock_wall_ns() / NS_PER_S; }

static Err make_nonce(void *context, uint8_t *ret_nonce)
{
    WarmAppraiser *a = context;
    return nonces_make(&a->nonces, now_s(), ret_nonce);
}

static Err load_lists(const WarmAppraiser *a, TrustedKeys *ret_nodes, RevokedKeys *ret_revoked, Diag *diag)
{
    char directory[PATH_BYTES_MAX];
    *ret_nodes = (TrustedKeys){.count = 1};
    TRY_WHY(diag, path_format(directory, "%s/node", a->config_dir), "this node's key");
    TRY_WHY(diag, keyring_public(directory, &ret_nodes->keys[0], NULL, diag), "this node's key");
    TRY_WHY(diag, revoked_load(a->config_dir, ret_revoked, diag), "revoked keys");
    return OK;
}

static Err refuse(const Verdict *v, Diag *diag)
{
    for (size_t i = 0; i < v->count; i++)
        if (!v->claims[i].passed) return FAIL_WHY(diag, ERR_DENIED, "%s: %s", v->claims[i].claim, v->claims[i].reason);
    return FAIL_WHY(diag, ERR_DENIED, "there are no claims");
}

static Err judge(const WarmAppraiser *a, const StageEvidence *x, const TrustedKeys *nodes, const RevokedKeys *revoked, Diag *diag)
{
    static const Sha256 NO_TASK;
    Sha256 measurement;
    Verdict verdict;
    Evidence e;
    memcpy(measurement.bytes, x->measurement, sizeof measurement.bytes);
    const AppraisalPolicy policy = {.nonce = x->nonce, .task_id = NO_TASK.bytes, .task_policy = &NO_TASK, .kinds = a->kinds,
                                    .level = x->level, .nodes = nodes, .images = &measurement, .image_count = 1, .revoked = revoked, .now = now_s()};
    appraise(x->cose, &policy, a->collateral, &verdict, &e);
    if (!verdict.accepted) return refuse(&verdict, diag);
    if (sodium_is_zero(e.see_key.bytes, sizeof e.see_key.bytes)) return FAIL_WHY(diag, ERR_DENIED, "see-key: the zygote has none");
    return OK;
}

static Err appraise_zygote(void *context, const StageEvidence *x, Diag *diag)
{
    WarmAppraiser *a = context;
    TrustedKeys nodes;
    RevokedKeys revoked = {0};
    TRY(nonces_use(&a->nonces, now_s(), x->nonce, diag));
    Err e = load_lists(a, &nodes, &revoked, diag);
    if (!e.code) e = judge(a, x, &nodes, &revoked, diag);
    revoked_free(&revoked);
    return e;
}

/* Where TPMs were enrolled, one of them has to vouch; where nothing was set up, the node's key is all there is. */
static uint32_t wanted_kinds(const Collateral *c)
{
    if (!c) return EVIDENCE_NODE_KEY;
    const uint32_t hardware = EVIDENCE_TPM2 | EVIDENCE_SEV_SNP | EVIDENCE_TDX;
    return c->tpm.count ? hardware : EVIDENCE_NODE_KEY | hardware;
}

Err warm_appraiser_open(const char *config_dir, WarmAppraiser **ret_appraiser, Diag *diag)
{
    char folder[PATH_BYTES_MAX];
    WarmAppraiser *a = calloc(1, sizeof *a);
    if (!a) return FAIL_WHY(diag, ENOMEM, "no memory for appraising");
    Err e = path_format(a->config_dir, "%s", config_dir);
    if (!e.code) e = path_format(folder, "%s/collateral", config_dir);
    if (!e.code && access(folder, F_OK) == 0) e = collateral_load(folder, &a->collateral, diag);
    if (!e.code) e = nonces_begin(&a->nonces);
    a->kinds = wanted_kinds(a->collateral);
    if (e.code) warm_appraiser_close(&a);
    else *ret_appraiser = a;
    return e;
}

StageAppraiser warm_appraiser_hooks(WarmAppraiser *a)
{
    return (StageAppraiser){.context = a, .kinds = a->kinds, .nonce = make_nonce, .appraise = appraise_zygote};
}

void warm_appraiser_close(WarmAppraiser **appraiser)
{
    WarmAppraiser *a = *appraiser;
    if (!a) return;
    collateral_free(&a->collateral);
    free(a);
    *appraiser = NULL;
}
