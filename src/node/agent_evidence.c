/* Evidence for managers: the warden makes it with the node's own key, over the manager's nonce; the agent only carries it. */
#include "bus/message_subject.h"
#include "node/agent_parts.h"

enum { ZYGOTE_NOBODY = 0, EVIDENCE_MESSAGE_MAX = BROKER_EVIDENCE_MAX + 4096 };

static Err answer(Agent *a, const NodeChallenge *asked, View evidence, const char *why)
{
    AUTO_BUFFER message = buffer_limited(EVIDENCE_MESSAGE_MAX);
    NodeEvidence m = {.evidence = evidence, .text = evidence.size ? (View){0} : view_text(why)};
    memcpy(m.nonce, asked->nonce, sizeof m.nonce);
    TRY(message_put_node_evidence(&message, &m));
    return outbox_send(&a->node.outbox, &asked->manager, &message);
}

Err evidence_challenged(Agent *a, View message)
{
    NodeChallenge asked;
    if (message_get_node_challenge(message, &asked).code) return OK;
    if (a->challenge_count == CHALLENGES_MAX) return OK;
    if (!a->config_dir) return answer(a, &asked, (View){0}, "this node has no key of its own");
    if (warden_link_evidence(&a->node.warden, ZYGOTE_NOBODY, asked.nonce, 0).code) return OK; /* no warden now: the manager asks again */
    a->challenges[a->challenge_count++] = asked;
    return OK;
}

/* The warden answers in the order in which it was asked. */
Err evidence_hear(Agent *a, const WardenReport *report)
{
    if (report->type != WARDEN_EVIDENCE_READY || report->zygote != ZYGOTE_NOBODY || a->challenge_count == 0) return OK;
    const NodeChallenge asked = a->challenges[0];
    memmove(a->challenges, a->challenges + 1, --a->challenge_count * sizeof a->challenges[0]);
    return answer(a, &asked, report->evidence, report->text[0] ? report->text : "the warden gives no evidence");
}

void evidence_forget(Agent *a) { a->challenge_count = 0; }
