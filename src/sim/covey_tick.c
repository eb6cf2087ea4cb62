/* What the swarm's own policy does beside choosing nodes: second copies of stragglers, and micro-jobs moved from long queues to short ones. Both only
 * once nothing waits in line: before that, room is better given to what waits. */
#include <errno.h>
#include <stdlib.h>

#include "sim/covey.h"

enum { MOVES_MAX = 4096 };

typedef struct { PlacementQueued *queued; size_t count; PlacementWho *avoid; } Queues; /* avoid: of all, one behind the other */

static bool something_waits(const World *w)
{
    for (size_t t = 0; t < w->scenario->task_count; t++)
        if (w->tasks[t].copies_waiting) return true;
    return false;
}

static Err speculate_on(World *w, uint32_t attempt)
{
    const Attempt *a = &w->attempts[attempt];
    Job *j = &w->jobs[a->job];
    const Node *n = &w->nodes[a->node];
    bool theirs = a->state == ATTEMPT_RUNS && !a->abandoned && n->known && a->epoch == n->epoch;
    if (!theirs || j->speculated || j->out != 1 || j->wanted) return OK;
    PlacementWho avoid[PLACEMENT_AVOID_MAX];
    PlacementChoice choice;
    bool worth;
    uint32_t job = a->job;
    JobNeed need = manager_need(w, job);
    size_t avoid_count = manager_avoid(w, job, avoid);
    TRY(placement_speculate(w->placement, w->tasks[j->task].ref, &need, n->ref, seconds(a->started_ns), j->out, avoid, avoid_count, &worth, &choice));
    if (!worth) return OK;
    j->speculated = true;
    w->tally.speculated++;
    choice.node = w->of_ref[choice.node];
    return manager_give(w, job, &choice);
}

static Err speculate(World *w)
{
    for (uint32_t i = 0, end = w->attempt_count; i < end; i++)
        if (w->attempts[i].state == ATTEMPT_RUNS && task_of_job(w, w->attempts[i].job)->speculate) TRY(speculate_on(w, i));
    return OK;
}

static bool movable(const World *w, const Attempt *a)
{
    const Node *n = &w->nodes[a->node];
    return (a->state == ATTEMPT_TRAVELS || a->state == ATTEMPT_READY) && !a->abandoned && !a->moved && n->known && !n->cut && a->epoch == n->epoch;
}

/* In the order in which each node will run them: the newest was given last, and its list begins with it. */
static size_t queued_on(const World *w, uint32_t node, PlacementQueued *queued)
{
    size_t count = 0;
    for (uint32_t i = w->nodes[node].attempts; i != SIM_NONE; i = w->attempts[i].next_of_node) {
        const Attempt *a = &w->attempts[i];
        if (!movable(w, a) || w->jobs[a->job].out != 1) continue; /* of copies that are out together none is in a hurry */
        queued[count] = (PlacementQueued){.id = i, .node = w->nodes[node].ref, .task = w->tasks[w->jobs[a->job].task].ref,
            .job = manager_need(w, a->job), .charge_s = a->charge_s};
        count++;
    }
    for (size_t i = 0; i < count / 2; i++) {
        PlacementQueued q = queued[i];
        queued[i] = queued[count - 1 - i];
        queued[count - 1 - i] = q;
    }
    return count;
}

/* Where each must not go: the last copy of a vote neither to who has voted. */
static Err say_avoided(const World *w, Queues *q)
{
    PlacementWho avoid[PLACEMENT_AVOID_MAX];
    size_t total = 0;
    for (size_t i = 0; i < q->count; i++) {
        q->queued[i].avoid_count = manager_avoid(w, w->attempts[q->queued[i].id].job, avoid);
        total += q->queued[i].avoid_count;
    }
    q->avoid = malloc((total + 1) * sizeof *q->avoid);
    if (!q->avoid) return FAIL(ENOMEM);
    PlacementWho *next = q->avoid;
    for (size_t i = 0; i < q->count; next += q->queued[i++].avoid_count) {
        q->queued[i].avoid = next;
        manager_avoid(w, w->attempts[q->queued[i].id].job, avoid);
        memcpy(next, avoid, q->queued[i].avoid_count * sizeof *next);
    }
    return OK;
}

static Err carry_out(World *w, const PlacementQueued *queued, const PlacementMove *moves, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t attempt = (uint32_t)queued[moves[i].queued].id, job = w->attempts[attempt].job;
        PlacementChoice to = moves[i].to;
        to.node = w->of_ref[to.node];
        TRY(manager_recall(w, attempt, false));
        TRY(manager_give(w, job, &to));
        w->attempts[w->jobs[job].attempts].moved = true;
        w->tally.moved++;
        w->tally.copies--; /* one copy, on another node */
    }
    return OK;
}

static Err steal(World *w, Queues *q, PlacementMove *moves)
{
    size_t move_count;
    for (uint32_t n = 0; n < w->node_count; n++) q->count += queued_on(w, n, q->queued + q->count);
    if (q->count == 0) return OK;
    TRY(say_avoided(w, q));
    TRY(placement_steal(w->placement, q->queued, q->count, moves, MOVES_MAX, &move_count));
    return carry_out(w, q->queued, moves, move_count);
}

static Err move_queues(World *w)
{
    Queues q = {.queued = malloc((w->attempt_count + 1) * sizeof *q.queued)};
    PlacementMove *moves = malloc(MOVES_MAX * sizeof *moves);
    Err e = q.queued && moves ? steal(w, &q, moves) : FAIL(ENOMEM);
    free(q.queued);
    free(q.avoid);
    free(moves);
    return e;
}

Err covey_tick(World *w)
{
    placement_tick(w->placement, seconds(w->now_ns));
    w->room_made = true; /* who waits for a faster node asks again */
    if (something_waits(w)) return OK;
    TRY(move_queues(w));
    return speculate(w);
}
