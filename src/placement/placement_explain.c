/* What a choice would weigh, for people to read. */
#include "placement/placement_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct { double score; PlacementNodeRef node; PlacementLimit limit; } Ranked;

/* Those that fit, those without room, those excluded. */
static int group(PlacementLimit limit) { return limit == PLACEMENT_FITS ? 0 : limit == PLACEMENT_NO_ROOM ? 1 : 2; }

static int by_rank(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    if (group(x->limit) != group(y->limit)) return group(x->limit) - group(y->limit);
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static PlacementLimit limit_of(const Task *t, const Node *n, const PlacementWho *avoid, size_t avoid_count)
{
    PlacementLimit limit = score_limit(t, n);
    if (limit == PLACEMENT_FITS) limit = score_avoided(n, avoid, avoid_count);
    return limit == PLACEMENT_FITS && n->room == 0 ? PLACEMENT_NO_ROOM : limit;
}

static PlacementCandidate candidate(const Placement *p, const Task *t, const Ranked *r, const JobNeed *job)
{
    const Node *n = &p->nodes[r->node];
    const Terms terms = score_terms(p, t, n, job, score_held(n, job->content));
    PlacementCandidate c = {.node = r->node, .limit = r->limit, .queue_s = terms.queue_s, .transfer_s = terms.transfer_s, .start_s = terms.start_s,
                            .run_s = terms.run_s, .price = terms.money, .score = score_of(p, t, &terms)};
    memcpy(c.node_id, n->id, sizeof c.node_id);
    c.finish_s = p->now_s + terms.queue_s + terms.transfer_s + terms.start_s + terms.run_s;
    return c;
}

Err placement_explain(const Placement *p, PlacementTaskRef task, const JobNeed *job, const PlacementWho *avoid, size_t avoid_count,
                      PlacementCandidate *ret_candidates, size_t max, size_t *ret_count, size_t *ret_total)
{
    assert(task < p->task_end && p->tasks[task].used);
    const Task *t = &p->tasks[task];
    const JobNeed weighed = {.content = job->content, .bytes = score_bucket_bytes(score_bucket(job->bytes))}; /* as the choice has it */
    Ranked *ranked = malloc((p->node_count + 1) * sizeof *ranked);
    if (!ranked) return FAIL(ENOMEM);
    size_t total = 0;
    for (uint32_t i = 0; i < p->node_end; i++) {
        const Node *n = &p->nodes[i];
        if (!n->used) continue;
        const Terms terms = score_terms(p, t, n, &weighed, score_held(n, job->content));
        ranked[total++] = (Ranked){score_of(p, t, &terms), i, limit_of(t, n, avoid, avoid_count)};
    }
    qsort(ranked, total, sizeof *ranked, by_rank);
    size_t count = 0;
    for (; count < total && count < max; count++) ret_candidates[count] = candidate(p, t, &ranked[count], &weighed);
    free(ranked);
    *ret_count = count;
    *ret_total = total;
    return OK;
}
