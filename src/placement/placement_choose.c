/* Choosing a node for one micro-job: the best of its class, or of the few that hold its data, that is not to be avoided. */
#include "placement/placement_parts.h"

#include <assert.h>
#include <math.h>

typedef struct { const PlacementWho *who; size_t count; } Avoid;

/* The best node of the class that is not avoided. Avoided ones that are better are laid aside and put back. */
static bool best_of_class(Placement *p, Class *c, Avoid avoid, PlacementNodeRef *ret_node)
{
    uint32_t aside = 0;
    bool found = false;
    while (!found && class_best(p, c, ret_node)) {
        found = score_avoided(&p->nodes[*ret_node], avoid.who, avoid.count) == PLACEMENT_FITS;
        if (found) break;
        p->aside[aside++] = *ret_node;
        class_take(c, *ret_node);
    }
    while (aside) class_refresh(p, c, p->aside[--aside]);
    return found;
}

/* Whether a holder of the content is better than the best node found by class; with it at hand. */
static bool best_holder(const Placement *p, const Class *c, const JobNeed *job, Avoid avoid, bool found, PlacementNodeRef *node)
{
    const Holders *holders = job->content && !c->content ? holders_of(p, job->content) : NULL;
    if (!holders) return found;
    double best = found ? class_score(p, c, &p->nodes[*node], 0) : INFINITY;
    for (uint32_t i = 0; i < holders->count; i++) {
        const PlacementNodeRef one = holders->nodes[i];
        const Node *n = &p->nodes[one];
        if (n->room == 0 || c->where[one] == WHERE_OUT || score_avoided(n, avoid.who, avoid.count) != PLACEMENT_FITS) continue;
        const double score = class_score(p, c, n, score_held(n, job->content));
        if (score > best || (score == best && one > *node)) continue;
        best = score;
        *node = one;
        found = true;
    }
    return found;
}

/* Nobody has room: could anybody, later? A scan only where copies are to be avoided. */
static PlacementAnswer why_none(const Placement *p, const Class *c, Avoid avoid)
{
    if (c->eligible == 0) return PLACEMENT_IMPOSSIBLE;
    if (avoid.count == 0) return PLACEMENT_FULL;
    for (uint32_t i = 0; i < p->node_end; i++)
        if (c->where[i] != WHERE_OUT && score_avoided(&p->nodes[i], avoid.who, avoid.count) == PLACEMENT_FITS) return PLACEMENT_FULL;
    return PLACEMENT_IMPOSSIBLE;
}

Err choose_peek(Placement *p, PlacementTaskRef task, const JobNeed *job, const PlacementWho *avoid_list, size_t avoid_count,
                PlacementAnswer *ret_answer, Pick *ret_pick)
{
    assert(task < p->task_end && p->tasks[task].used && avoid_count <= PLACEMENT_AVOID_MAX + 1);
    const Avoid avoid = {avoid_list, avoid_count};
    Class *c;
    TRY(class_get(p, task, job, &c));
    PlacementNodeRef node = 0;
    bool found = best_of_class(p, c, avoid, &node);
    found = best_holder(p, c, job, avoid, found, &node);
    if (!found) {
        *ret_answer = why_none(p, c, avoid);
        return OK;
    }
    const Node *n = &p->nodes[node];
    const Pick pick = {node, score_terms(p, &p->tasks[task], n, &c->job, score_held(n, job->content))};
    const double finish_s = p->now_s + pick.terms.queue_s + pick.terms.transfer_s + pick.terms.start_s + pick.terms.run_s;
    *ret_answer = tail_hold(p, c, holders_of(p, job->content) != NULL, finish_s) ? PLACEMENT_HOLD : PLACEMENT_CHOSEN;
    if (*ret_answer == PLACEMENT_CHOSEN) *ret_pick = pick;
    return OK;
}

PlacementChoice choose_take(Placement *p, PlacementTaskRef task, const Pick *pick)
{
    const Task *t = &p->tasks[task];
    const Node *n = &p->nodes[pick->node];
    const Terms *terms = &pick->terms;
    const PlacementChoice choice = {
        .node = pick->node, .who = n->who, .price = terms->money, .charge_s = (float)(terms->start_s + terms->run_s),
        .finish_s = p->now_s + terms->queue_s + terms->transfer_s + terms->start_s + terms->run_s};
    node_charge(p, pick->node, t, choice.charge_s, score_link_s(n, terms));
    return choice;
}

Err placement_choose_node(Placement *p, PlacementTaskRef task, const JobNeed *job, const PlacementWho *avoid, size_t avoid_count,
                          PlacementAnswer *ret_answer, PlacementChoice *ret_choice)
{
    assert(avoid_count <= PLACEMENT_AVOID_MAX);
    Pick pick;
    PlacementAnswer answer;
    TRY(choose_peek(p, task, job, avoid, avoid_count, &answer, &pick));
    *ret_answer = answer;
    if (answer != PLACEMENT_CHOSEN) return OK;
    *ret_choice = choose_take(p, task, &pick);
    fair_charge(p, task);
    if (p->tasks[task].left) p->tasks[task].left--;
    return OK;
}
