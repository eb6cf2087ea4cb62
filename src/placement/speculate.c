/* Stragglers: is it one, and would a copy be back sooner? */
#include "placement/speculate.h"

#include "placement/placement_parts.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const double STRAGGLER_MEDIANS = 1.5, WORTH_PART = 0.75;

double speculate_left_s(const SpeculateRun *run)
{
    return run->running_s < run->median_s ? run->median_s - run->running_s : run->running_s - run->median_s;
}

bool speculate_straggler(const SpeculateRun *run)
{
    return run->samples >= SPECULATE_SAMPLES_MIN && run->running_s > run->p95_s && run->running_s > STRAGGLER_MEDIANS * run->median_s;
}

Err placement_speculate(Placement *p, PlacementTaskRef task, const JobNeed *job, PlacementNodeRef node, double since_s, unsigned copies_out,
                        const PlacementWho *avoid, size_t avoid_count, bool *ret_worth, PlacementChoice *ret_choice)
{
    assert(task < p->task_end && node < p->node_end && p->nodes[node].used && avoid_count <= PLACEMENT_AVOID_MAX);
    const Task *t = &p->tasks[task];
    const Node *n = &p->nodes[node];
    const PlacementRun run = placement_task_run(p, task);
    const SpeculateRun here = {.median_s = run.median_s / n->speed_measured, .p95_s = run.p95_s / n->speed_measured,
                               .running_s = p->now_s - since_s, .samples = run.samples};
    *ret_worth = false;
    if (copies_out != 1 || t->left > 0 || !speculate_straggler(&here)) return OK;

    PlacementWho all[PLACEMENT_AVOID_MAX + 1];
    if (avoid_count) memcpy(all, avoid, avoid_count * sizeof *all);
    all[avoid_count] = n->who;
    PlacementAnswer answer;
    Pick pick;
    TRY(choose_peek(p, task, job, all, avoid_count + 1, &answer, &pick));
    if (answer != PLACEMENT_CHOSEN) return OK;
    const double copy_s = pick.terms.queue_s + pick.terms.transfer_s + pick.terms.start_s + pick.terms.run_s;
    if (copy_s > WORTH_PART * speculate_left_s(&here)) return OK;
    *ret_choice = choose_take(p, task, &pick);
    fair_charge(p, task);
    *ret_worth = true;
    return OK;
}
