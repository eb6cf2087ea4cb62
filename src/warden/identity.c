/* Evidence for a zygote: what the warden measured and what the zygote reported, signed with the node's key. */
#include "warden/identity.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "attest/collect.h"
#include "base/limits.h"

static Err load(NodeIdentity *n, Diag *diag)
{
    char directory[PATH_BYTES_MAX];
    if (n->loaded) return OK;
    if (!n->config_dir) return FAIL_WHY(diag, ERR_LEVEL, "this node has no key of its own: no configuration folder was named");
    if (snprintf(directory, sizeof directory, "%s/node", n->config_dir) >= (int)sizeof directory) return FAIL(ERR_LIMIT);
    (void)!sodium_mlock(&n->secret, sizeof n->secret); /* as far as RLIMIT_MEMLOCK allows */
    TRY(signing_key_open(directory, &n->secret, &n->public_key, diag));
    n->loaded = true;
    return OK;
}

/* Adds the machine's own evidence to what is known, and signs. */
static Err complete(NodeIdentity *n, Evidence *e, const WardenEvidence *wish, Buffer *ret_cose, Diag *diag)
{
    AUTO_BUFFER node_evidence = buffer_limited(NODE_EVIDENCE_BYTES_MAX);
    uint8_t report_data[64];
    node_report_data(&n->public_key, wish->nonce, report_data);
    TRY(collect_node_evidence(wish->wish, report_data, &e->kind, &node_evidence, diag));
    memcpy(e->nonce, wish->nonce, sizeof e->nonce);
    e->node = n->public_key;
    e->node_evidence = view_buffer(&node_evidence);
    return evidence_encode(e, &n->secret, ret_cose);
}

Err identity_node_evidence(NodeIdentity *n, const WardenEvidence *wish, uint64_t now_s, Buffer *ret_cose, Diag *diag)
{
    Evidence e = {.level = LEVEL_SHARED, .issued = now_s, .expires = now_s + EVIDENCE_LIFETIME_S};
    TRY(load(n, diag));
    return complete(n, &e, wish, ret_cose, diag);
}

Err identity_evidence(NodeIdentity *n, Zygote *z, const WardenEvidence *wish, uint64_t now_s, Buffer *ret_cose, Diag *diag)
{
    ZygoteReport report;
    Evidence e = {.level = (SecurityLevel)z->level, .image_signer = z->signer, .issued = now_s, .expires = now_s + EVIDENCE_LIFETIME_S};
    TRY(load(n, diag));
    TRY_WHY(diag, zygote_report(z, &report), "the zygote has not said who it is");

    memcpy(e.measurement.bytes, z->measurement, sizeof e.measurement.bytes);
    memcpy(e.task_policy.bytes, report.task_policy, sizeof e.task_policy.bytes);
    memcpy(e.task_id, report.task_id, sizeof e.task_id);
    memcpy(e.see_key.bytes, report.see_key, sizeof e.see_key.bytes);
    return complete(n, &e, wish, ret_cose, diag);
}

void identity_wipe(NodeIdentity *n)
{
    secret_key_wipe(&n->secret);
    n->loaded = false;
}
