/* What time brings: leases that run out, nodes that owe and say nothing, nobody left, nobody who may have what waits. */
#include <stdio.h>

#include "bus/message_subject.h"
#include "swarm/manager_parts.h"
#include "sys/clock.h"

#define WATCH_EVERY_NS NS_PER_S
#define WATCH_REMOTE_NS (100 * NS_PER_MS)
#define LEASE_DEFAULT_NS (5 * NS_PER_S)
#define STUCK_NOTICE_NS NS_PER_S
enum { REMOTE_GRACES = 4, REMOTE_OPENING_GRACES = 20, HELD_UP_PART = 4 };

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static uint64_t lease_ns(const Manager *m) { return m->request.lease_ns ? m->request.lease_ns : LEASE_DEFAULT_NS; }

/* A member is given up after three quarters of its lease. The last quarter is for what it had said and was still under way when it was lost, and
 * for giving its micro-jobs to others: so that they have them within one lease, and not just after. */
static uint64_t patience_ns(const Manager *m, const Member *member)
{
    const bool works = member->state == MEMBER_OPENING || member->state == MEMBER_READY; /* then it speaks four times a second */
    return works ? lease_ns(m) - lease_ns(m) / 4 : lease_ns(m);
}

static uint64_t watch_every_ns(const Manager *m)
{
    uint64_t every = least(least(manager_grace_ns(m), manager_wait_ns(m)), WATCH_EVERY_NS);
    return m->request.remote ? least(every, WATCH_REMOTE_NS) : every;
}

uint64_t watch_next_ns(const Manager *m, uint64_t now_ns)
{
    uint64_t next = now_ns + watch_every_ns(m);
    for (uint32_t i = 0; m->request.remote && i < m->member_count; i++) {
        const Member *member = &m->members[i];
        const uint64_t ends = member->heard_ns + patience_ns(m, member) + 1;
        if (member->state != MEMBER_FREE && ends > now_ns) next = least(next, ends);
    }
    return next;
}

static bool silent_for(uint64_t since_ns, uint64_t now_ns, uint64_t patience) { return now_ns > since_ns && now_ns - since_ns > patience; }

/* In one process tree, where nobody is cut off: a live node answers something within the lifetime of what it runs; the grace is for the way
 * there and for starting SEEs. Elsewhere a node that lives says so every second, and its answers may wait for images and data to arrive. */
static bool is_gone(const Manager *m, const Member *member, uint64_t now_ns)
{
    bool opening = member->state == MEMBER_OPENING, remote = m->request.remote;
    if (remote && silent_for(member->heard_ns, now_ns, patience_ns(m, member))) return true;
    if (!opening && (member->state != MEMBER_READY || member->outstanding == 0)) return false;
    uint64_t grace = manager_grace_ns(m) * (!remote ? 1 : opening ? REMOTE_OPENING_GRACES : REMOTE_GRACES);
    return silent_for(member->answered_ns, now_ns, opening ? grace : grace + m->request.task->lifetime_ns);
}

static void give_up(Manager *m, Member *member, uint64_t now_ns)
{
    char why[64];
    if (!silent_for(member->heard_ns, now_ns, patience_ns(m, member))) {
        member_gone(m, member, "it owes answers and gives none");
        return;
    }
    snprintf(why, sizeof why, "silent for its lease: %.2f s of %.2f s", (double)(now_ns - member->heard_ns) / (double)NS_PER_S,
             (double)lease_ns(m) / (double)NS_PER_S);
    member_gone(m, member, why);
}

/* A manager that was held up itself has not heard yet what lies there for it: nobody is lost before it has. */
static bool was_held_up(Manager *m, uint64_t now_ns)
{
    const uint64_t before = m->watched_ns;
    m->watched_ns = now_ns;
    return m->request.remote && now_ns > before && now_ns - before > lease_ns(m) / HELD_UP_PART;
}

static bool anybody_left(Manager *m, uint64_t now_ns)
{
    bool anybody = false, held_up = was_held_up(m, now_ns);
    for (uint32_t i = 0; i < m->member_count && !m->done; i++) {
        Member *member = &m->members[i];
        if (member->state == MEMBER_FREE) continue;
        if (!held_up && is_gone(m, member, now_ns)) give_up(m, member, now_ns);
        anybody |= member->state == MEMBER_ASKED || member->state == MEMBER_OPENING || member->state == MEMBER_READY;
    }
    return anybody;
}

static void end_without_nodes(Manager *m)
{
    members_end_when_all_refused(m);
    if (m->done) return;
    manager_end(m, FAIL_WHY(&m->diag, ERR_CLOSED, "no node has offered itself for %llu s; start one, then run again with --resume",
                            (unsigned long long)(manager_wait_ns(m) / NS_PER_S)));
}

/* Something waits for a node that is not there. It is said once, and waited for no longer than for nodes at all. */
static void watch_stuck(Manager *m, uint64_t now_ns)
{
    if (m->stuck_since_ns == 0) return;
    char why[DIAG_TEXT_MAX];
    bool over = silent_for(m->stuck_since_ns, now_ns, manager_wait_ns(m));
    bool tell = !m->told_stuck && silent_for(m->stuck_since_ns, now_ns, STUCK_NOTICE_NS);
    if (over || tell) explain_stuck(m, m->stuck_job, why, sizeof why);
    if (over) {
        manager_end(m, FAIL_WHY(&m->diag, ERR_CLOSED, "%s; start such a node, then run again with --resume", why));
        return;
    }
    if (!tell) return;
    m->told_stuck = true;
    manager_notice(m, "%s", why);
}

/* A node that hears nothing of a task for long gives it up. */
static void say_alive(Manager *m, uint64_t now_ns)
{
    if (!m->request.remote || now_ns - m->alive_sent_ns < TASK_ALIVE_S * NS_PER_S) return;
    m->alive_sent_ns = now_ns;
    for (uint32_t i = 0; i < m->member_count; i++) {
        const Member *member = &m->members[i];
        if (member->state != MEMBER_OPENING && member->state != MEMBER_READY) continue;
        AUTO_BUFFER message = buffer_limited(BUS_MESSAGE_BYTES_MAX);
        TaskAlive alive = {.id = m->ids.id, .stage = m->stage, .node = member->number, .manager = m->id};
        Err e = message_put_task_alive(&message, &alive);
        if (!e.code) e = bus_publish(m->bus, subject_node(member->node_id).text, &message);
        (void)e; /* the next one comes in time, or its lease ends */
    }
}

void watch(Manager *m, uint64_t now_ns)
{
    members_watch_evidence(m, now_ns);
    bool anybody = anybody_left(m, now_ns);
    if (m->done) return;
    if (!anybody && silent_for(m->no_member_since_ns, now_ns, manager_wait_ns(m))) {
        end_without_nodes(m);
        return;
    }
    watch_stuck(m, now_ns);
    if (m->done) return;
    say_alive(m, now_ns);
    Err e = tail(m);
    if (e.code) manager_fail(m, e, "the end of the stage");
    loop_defer(m->work); /* placement may hold micro-jobs back until time has passed */
}
