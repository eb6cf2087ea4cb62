/*
 * The end of a stage, when nothing waits any more: nodes without work take copies of what waits in the queues of slow ones, and of stragglers
 * when the task allows it. The first right answer counts (manager_results.c), the others are late.
 */
#include <errno.h>
#include <stdlib.h>

#include "placement/speculate.h"
#include "swarm/manager_parts.h"
#include "sys/clock.h"

enum { LOOK_MAX = 1 << 14, MOVES_MAX = 256 }; /* micro-jobs looked at, and copied, at one time */

/* Alone at one node, and not copied before. */
static Member *only_member(Manager *m, WindowJob *job)
{
    if (job->state != JOB_OPEN || job->copied || job->wanted > 0 || copies_out(job) != 1) return NULL;
    Member *member = member_by_number(m, job->first.member);
    return member && member->placed ? member : NULL;
}

/* It runs at most since the node's last answer: before that, the node was busy with others. */
static double running_since_s(const Manager *m, const Member *member, const WindowJob *job)
{
    double sent_s = job->first.sent_ms / 1000.0, answered_s = ((double)member->answered_ns - (double)m->started_ns) / (double)NS_PER_S;
    return sent_s > answered_s ? sent_s : answered_s;
}

static Err speculate(Manager *m, uint64_t index, WindowJob *job, const Member *member)
{
    PlacementWho avoid[PLACEMENT_AVOID_MAX];
    PlacementChoice choice;
    bool worth;
    JobNeed need = facts_of_job(m, job);
    size_t avoid_count = dispatch_avoid(m, job, avoid);
    TRY(placement_speculate(m->placement, m->task, &need, member->ref, running_since_s(m, member, job), 1, avoid, avoid_count, &worth, &choice));
    if (!worth) return OK;
    job->copied = true;
    return dispatch_give(m, index, COPY_SPECULATIVE, &choice);
}

static Err copy_stragglers(Manager *m)
{
    uint32_t looked = 0;
    for (uint64_t i = m->window.base; i < m->window.next && looked < LOOK_MAX && m->room > 0; i++) {
        WindowJob *job = window_at(&m->window, i);
        Member *member = only_member(m, job);
        if (!member) continue;
        looked++;
        TRY(speculate(m, i, job, member));
    }
    return OK;
}

typedef struct {
    PlacementQueued *queued;
    PlacementWho (*avoid)[PLACEMENT_AVOID_MAX];
    size_t count;
    uint32_t *seen;                   /* by place in the table of members: micro-jobs of it so far */
} Queues;

/* What waits: of each node all but as many as it has cores, in the order in which they were sent. */
static void find_queued(Manager *m, Queues *q)
{
    for (uint64_t i = m->window.base; i < m->window.next && q->count < MOVES_MAX; i++) {
        WindowJob *job = window_at(&m->window, i);
        const Member *member = only_member(m, job);
        if (!member || q->seen[member - m->members]++ < member->cores) continue;
        size_t avoid_count = dispatch_avoid(m, job, q->avoid[q->count]);
        q->queued[q->count] = (PlacementQueued){.id = i, .node = member->ref, .task = m->task, .job = facts_of_job(m, job),
                                                .charge_s = job->first.charge_s, .avoid = q->avoid[q->count], .avoid_count = avoid_count};
        q->count++;
    }
}

/* Placement has credited the old node: the copy that stays there is no longer charged to it. */
static Err carry_out(Manager *m, const Queues *q)
{
    PlacementMove moves[MOVES_MAX];
    size_t count;
    TRY(placement_steal(m->placement, q->queued, q->count, moves, MOVES_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        uint64_t index = q->queued[moves[i].queued].id;
        WindowJob *job = window_at(&m->window, index);
        job->first.charge_s = 0;
        job->copied = true;
        TRY(dispatch_give(m, index, COPY_MOVED, &moves[i].to));
    }
    return OK;
}

static Err move_queued(Manager *m)
{
    Queues q = {.queued = calloc(MOVES_MAX, sizeof *q.queued), .avoid = calloc(MOVES_MAX, sizeof *q.avoid),
                .seen = calloc(MANAGER_MEMBERS_MAX, sizeof *q.seen)};
    Err e = q.queued && q.avoid && q.seen ? OK : FAIL(ENOMEM);
    if (!e.code) find_queued(m, &q);
    if (!e.code && q.count > 0) e = carry_out(m, &q);
    free(q.queued);
    free(q.avoid);
    free(q.seen);
    return e;
}

Err tail(Manager *m)
{
    if (!m->request.remote || !m->cut || m->window.wanted_count > 0 || m->room == 0 || m->window.base == m->window.next) return OK;
    placement_tick(m->placement, manager_now_s(m));
    placement_set_left(m->placement, m->task, 0);
    TRY(move_queued(m));
    if (m->request.task->redundancy.speculate) TRY(copy_stragglers(m));
    return send_all(m);
}
