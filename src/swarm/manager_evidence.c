/* Challenging nodes, and believing them. */
#include "swarm/manager_evidence.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "bus/message_subject.h"
#include "crypto/keyring.h"
#include "sys/entropy.h"

struct NodeTrust {
    TrustedKeys nodes;
    RevokedKeys revoked;
    Collateral *collateral;
};

/* --- trust --- */

static Err load_own(const char *config_dir, TrustedKeys *nodes, Diag *diag)
{
    char folder[PATH_BYTES_MAX];
    TrustedKeys own;
    if (snprintf(folder, sizeof folder, "%s/node", config_dir) >= (int)sizeof folder) return FAIL(ERR_LIMIT);
    TRY(trusted_keys_load(folder, &own, diag));
    for (size_t i = 0; i < own.count && nodes->count < TRUSTED_KEYS_MAX; i++) nodes->keys[nodes->count++] = own.keys[i];
    return OK;
}

static Err load(NodeTrust *t, const char *config_dir, Diag *diag)
{
    char folder[PATH_BYTES_MAX];
    TRY(trusted_keys_load(config_dir, &t->nodes, diag));
    TRY(load_own(config_dir, &t->nodes, diag));
    TRY(revoked_load(config_dir, &t->revoked, diag));
    if (snprintf(folder, sizeof folder, "%s/collateral", config_dir) >= (int)sizeof folder) return FAIL(ERR_LIMIT);
    return collateral_load(access(folder, F_OK) == 0 ? folder : NULL, &t->collateral, diag);
}

Err node_trust_load(const char *config_dir, NodeTrust **ret_trust, Diag *diag)
{
    NodeTrust *t = calloc(1, sizeof *t);
    if (!t) return FAIL_WHY(diag, ENOMEM, "no memory for the trusted keys");
    Err e = load(t, config_dir, diag);
    if (e.code) {
        node_trust_free(&t);
        return diag_complete(diag, e, "%s: the keys of nodes that are trusted", config_dir);
    }
    *ret_trust = t;
    return OK;
}

void node_trust_free(NodeTrust **trust)
{
    NodeTrust *t = *trust;
    if (!t) return;
    *trust = NULL;
    collateral_free(&t->collateral);
    revoked_free(&t->revoked);
    free(t);
}

/* --- asking --- */

Err member_evidence_ask(Bus *bus, const ManagerId *manager, const char *node_id, MemberEvidence *e, uint64_t now_ns)
{
    AUTO_BUFFER message = buffer_limited(KIB);
    NodeChallenge challenge = {.manager = *manager};
    TRY(random_bytes(challenge.nonce, sizeof challenge.nonce));
    TRY(message_put_node_challenge(&message, &challenge));
    memcpy(e->nonce, challenge.nonce, sizeof e->nonce);
    e->state = EVIDENCE_ASKED;
    e->asked_ns = now_ns;
    e->asked++;
    Err sent = bus_publish(bus, subject_node(node_id).text, &message);
    return sent.code == ENOMEM ? sent : OK;
}

Err member_evidence_watch(Bus *bus, const ManagerId *manager, const char *node_id, MemberEvidence *e, uint64_t now_ns)
{
    if (e->state != EVIDENCE_ASKED || now_ns < e->asked_ns + EVIDENCE_ASK_AGAIN_S * NS_PER_S) return OK;
    if (e->asked < EVIDENCE_ASKED_MAX) return member_evidence_ask(bus, manager, node_id, e, now_ns);
    e->state = EVIDENCE_REFUSED;
    return OK;
}

/* --- believing --- */

static Err refuse_by_verdict(const Verdict *v, Diag *diag)
{
    for (size_t i = 0; i < v->count; i++)
        if (!v->claims[i].passed) return FAIL_WHY(diag, ERR_DENIED, "its evidence is refused: %s: %s", v->claims[i].claim, v->claims[i].reason);
    return FAIL_WHY(diag, ERR_DENIED, "its evidence is refused");
}

static Err judge(const NodeTrust *trust, MemberEvidence *e, View cose, uint64_t wall_s, Diag *diag)
{
    const AppraisalPolicy policy = {.nonce = e->nonce, .kinds = EVIDENCE_NODE_KEY | EVIDENCE_TPM2 | EVIDENCE_SEV_SNP | EVIDENCE_TDX,
                                    .level = LEVEL_SHARED, .nodes = &trust->nodes, .revoked = &trust->revoked, .any_image = true, .now = wall_s};
    Verdict verdict;
    Evidence evidence;
    appraise(cose, &policy, trust->collateral, &verdict, &evidence);
    if (!verdict.accepted) return refuse_by_verdict(&verdict, diag);
    e->kind = evidence.kind;
    e->node = evidence.node;
    return OK;
}

/* What a stranger's line does to a terminal, it does not do to ours. */
static void printable(View text, char *ret_text, size_t room)
{
    size_t size = text.size < room - 1 ? text.size : room - 1;
    for (size_t i = 0; i < size; i++) ret_text[i] = text.data[i] < ' ' || text.data[i] == 0x7f ? ' ' : (char)text.data[i];
    ret_text[size] = '\0';
}

Err member_evidence_take(const NodeTrust *trust, MemberEvidence *e, View message, uint64_t wall_s, Diag *diag)
{
    NodeEvidence m;
    TRY_WHY(diag, message_get_node_evidence(message, &m), "its evidence");
    bool asked = e->state != EVIDENCE_NONE && sodium_memcmp(m.nonce, e->nonce, sizeof e->nonce) == 0;
    if (asked && e->state == EVIDENCE_ACCEPTED) return OK;
    if (!asked || e->state != EVIDENCE_ASKED) return FAIL_WHY(diag, ERR_DENIED, "it sent evidence that nobody asked for, or asked for before");
    e->state = EVIDENCE_REFUSED; /* whatever comes of it: the nonce has been used */
    if (m.evidence.size == 0) {
        char why[256];
        printable(m.text, why, sizeof why);
        return FAIL_WHY(diag, ERR_DENIED, "it gives no evidence: %s", why);
    }
    TRY(judge(trust, e, m.evidence, wall_s, diag));
    e->state = EVIDENCE_ACCEPTED;
    return OK;
}
