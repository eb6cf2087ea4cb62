/* Who a node of another machine is: it is opened nothing before its evidence was appraised (manager_evidence.h). */
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include "swarm/manager_parts.h"
#include "sys/clock.h"

void members_ask_who(Manager *m, Member *member)
{
    member->state = MEMBER_ASKED;
    member->evidence = (MemberEvidence){0};
    Err e = member_evidence_ask(m->bus, &m->id, member->node_id, &member->evidence, clock_monotonic_ns());
    if (e.code) manager_fail(m, e, "asking a node who it is");
}

/* What cannot be put on record is not decided. */
static Err put_on_record(Manager *m, const Member *member, Err e, Diag *why)
{
    const ManagerEvents *events = &m->request.events;
    const bool named = !sodium_is_zero(member->evidence.node.bytes, sizeof member->evidence.node.bytes);
    const ManagerVerdict verdict = {.node_id = member->node_id, .reason = e.code ? why->text : "", .node = named ? &member->evidence.node : NULL,
                                    .accepted = e.code == 0};
    if (!events->verdict) return e;
    Err recorded = events->verdict(events->context, &verdict);
    if (e.code || recorded.code == 0) return e;
    return FAIL_WHY(why, recorded.code, "the verdict on its evidence cannot be put on record: %s", err_text(recorded.code));
}

static void not_believed(Manager *m, Member *member, const char *why)
{
    char text[REFUSED_TEXT_MAX];
    snprintf(text, sizeof text, "node %s is not given anything: %s", member->node_id, why);
    manager_notice(m, "%s", text);
    member_refuse(m, member, ERR_DENIED, text);
}

/* Two names for one machine would be two votes. */
static const Member *same_machine(const Manager *m, const Member *member)
{
    for (uint32_t i = 0; i < m->member_count; i++) {
        const Member *other = &m->members[i];
        if (other == member || other->state == MEMBER_FREE || other->evidence.state != EVIDENCE_ACCEPTED) continue;
        if (memcmp(&other->evidence.node, &member->evidence.node, sizeof member->evidence.node) == 0) return other;
    }
    return NULL;
}

void members_hear_evidence(Manager *m, View message, const char *speaker)
{
    Member *member = member_named(m, speaker);
    if (!member || !m->trust) {
        m->progress.dropped++;
        return;
    }
    Diag why = {{0}};
    bool waited_for = member->evidence.state == EVIDENCE_ASKED;
    Err e = member_evidence_take(m->trust, &member->evidence, message, (uint64_t)time(NULL), &why);
    if (!waited_for || (e.code && member->evidence.state == EVIDENCE_ASKED)) {
        m->progress.dropped += e.code != 0;
        return;
    }
    const Member *other = e.code ? NULL : same_machine(m, member);
    if (other) {
        member->evidence.state = EVIDENCE_REFUSED;
        e = FAIL_WHY(&why, ERR_DENIED, "its key is that of node %s, which is here already", other->node_id);
    }
    e = put_on_record(m, member, e.code && !why.text[0] ? diag_complete(&why, e, "its evidence") : e, &why);
    if (e.code) member->evidence.state = EVIDENCE_REFUSED;
    if (e.code) not_believed(m, member, why.text[0] ? why.text : err_text(e.code));
    else member_open(m, member);
}

void members_watch_evidence(Manager *m, uint64_t now_ns)
{
    for (uint32_t i = 0; m->trust && i < m->member_count && !m->done; i++) {
        Member *member = &m->members[i];
        if (member->state != MEMBER_ASKED) continue;
        Err e = member_evidence_watch(m->bus, &m->id, member->node_id, &member->evidence, now_ns);
        if (e.code) manager_fail(m, e, "asking a node who it is");
        else if (member->evidence.state == EVIDENCE_REFUSED) not_believed(m, member, "it does not answer when it is asked for evidence");
    }
}
