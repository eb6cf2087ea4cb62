/* Moving what waits: from the queue of a slow node to one that would have it done sooner, the carrying included. */
#include "placement/placement_parts.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double GAIN_LEAST = 0.1; /* of what it would still take */

typedef struct { double finish_s; uint32_t queued; } Waiting;

static int latest_first(const void *a, const void *b)
{
    const Waiting *x = a, *y = b;
    if (x->finish_s != y->finish_s) return x->finish_s > y->finish_s ? -1 : 1;
    return x->queued > y->queued ? -1 : x->queued < y->queued;
}

/* When the one with `behind` others after it, itself counted, would be done. An idle core is taken to have begun it when it was given, although
 * its data may still be on the way; what should be done by now is believed to need as long again as it is late. */
static double done_s(const Placement *p, const NodeQueue *q, uint32_t behind, double charge_s)
{
    if (behind <= q->waiting) return fmax(node_queue_start_s(q, q->waiting - behind), p->now_s) + charge_s;
    const uint32_t from_end = behind - q->waiting;
    if (q->running == 0) return p->now_s + charge_s; /* its node knows nothing of it any more */
    const double end_s = q->ends[from_end <= q->running ? q->running - from_end : 0];
    return end_s >= p->now_s ? end_s : p->now_s + (p->now_s - end_s);
}

/* When its bytes would be there: the last gets the link last, all alike. */
static double fetched_s(const Placement *p, const PlacementQueued *queued, uint32_t behind)
{
    const Node *n = &p->nodes[queued->node];
    const uint32_t all = node_queue_count(&n->queue);
    if (behind > all || n->link_free_s <= p->now_s || queued->job.bytes <= score_held(n, queued->job.content)) return p->now_s;
    return n->link_free_s - (n->link_free_s - p->now_s) / all * (behind - 1);
}

/* When each would be done where it is. The list may leave some out: those are taken to run first. */
static Err expect(const Placement *p, const PlacementQueued *queued, size_t count, Waiting *ret_waiting)
{
    uint32_t *behind = calloc(p->node_end + 1, sizeof *behind);
    if (!behind) return FAIL(ENOMEM);
    for (size_t i = count; i-- > 0;) {
        const PlacementNodeRef node = queued[i].node;
        assert(node < p->node_end && p->nodes[node].used);
        behind[node]++;
        const double by_core_s = done_s(p, &p->nodes[node].queue, behind[node], queued[i].charge_s);
        ret_waiting[i] = (Waiting){fmax(by_core_s, fetched_s(p, &queued[i], behind[node]) + queued[i].charge_s), (uint32_t)i};
    }
    free(behind);
    return OK;
}

static Err try_move(Placement *p, const PlacementQueued *q, double finish_s, bool *ret_moved, PlacementChoice *ret_to)
{
    assert(q->avoid_count <= PLACEMENT_AVOID_MAX);
    PlacementWho avoid[PLACEMENT_AVOID_MAX + 1];
    if (q->avoid_count) memcpy(avoid, q->avoid, q->avoid_count * sizeof *avoid);
    avoid[q->avoid_count] = (PlacementWho){.node = p->nodes[q->node].who.node};
    PlacementAnswer answer;
    Pick pick;
    TRY(choose_peek(p, q->task, &q->job, avoid, q->avoid_count + 1, &answer, &pick));
    *ret_moved = false;
    if (answer != PLACEMENT_CHOSEN) return OK;
    const double there_s = pick.terms.queue_s + pick.terms.transfer_s + pick.terms.start_s + pick.terms.run_s, here_s = finish_s - p->now_s;
    if (there_s > here_s * (1 - GAIN_LEAST)) return OK;
    node_credit(p, q->node, q->charge_s, -1);
    *ret_to = choose_take(p, q->task, &pick); /* task and tenant paid for it when it was first given out */
    *ret_moved = true;
    return OK;
}

Err placement_steal(Placement *p, const PlacementQueued *queued, size_t count, PlacementMove *ret_moves, size_t max, size_t *ret_count)
{
    Waiting *waiting = malloc((count + 1) * sizeof *waiting);
    if (!waiting) return FAIL(ENOMEM);
    size_t moves = 0;
    Err e = expect(p, queued, count, waiting);
    if (!e.code) qsort(waiting, count, sizeof *waiting, latest_first);
    for (size_t i = 0; i < count && moves < max && !e.code; i++) {
        PlacementMove move = {.queued = waiting[i].queued};
        bool moved = false;
        e = try_move(p, &queued[move.queued], waiting[i].finish_s, &moved, &move.to);
        if (!e.code && moved) ret_moves[moves++] = move;
    }
    free(waiting);
    if (e.code && moves == 0) return e;
    *ret_count = moves; /* what was charged is told, even when memory ended on the way */
    return OK;
}
