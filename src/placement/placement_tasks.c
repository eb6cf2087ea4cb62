/* The tasks: what they ask, how much of them is left, how long they run. */
#include "placement/placement_parts.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double RUN_GUESS_S = 0.001;

static bool sane(double value) { return value >= 0 && isfinite(value); }

static Err check(const TaskNeed *n)
{
    if (n->level >= 32) return FAIL(ERR_BAD_INPUT);
    if (!sane(n->weights.locality) || !sane(n->weights.availability) || !sane(n->weights.cost)) return FAIL(ERR_BAD_INPUT);
    if (!sane(n->run_s) || !sane(n->deadline_s) || !sane(n->share)) return FAIL(ERR_BAD_INPUT);
    if (n->zones_allowed_count > FACT_LIST_MAX || n->zones_excluded_count > FACT_LIST_MAX) return FAIL(ERR_LIMIT);
    return n->nodes_excluded_count > FACT_LIST_MAX ? FAIL(ERR_LIMIT) : OK;
}

static void lists_free(TaskNeed *n)
{
    free((void *)(uintptr_t)n->zones_allowed); /* the three stand in one piece of memory, this one first */
    n->zones_allowed = n->zones_excluded = n->nodes_excluded = NULL;
}

static uint64_t *append(uint64_t *to, const uint64_t *list, size_t count)
{
    if (count) memcpy(to, list, count * sizeof *list);
    return to + count;
}

static Err lists_copy(TaskNeed *n)
{
    uint64_t *lists = malloc((n->zones_allowed_count + n->zones_excluded_count + n->nodes_excluded_count + 1) * sizeof *lists);
    if (!lists) return FAIL(ENOMEM);
    uint64_t *excluded = append(lists, n->zones_allowed, n->zones_allowed_count);
    uint64_t *nodes = append(excluded, n->zones_excluded, n->zones_excluded_count);
    append(nodes, n->nodes_excluded, n->nodes_excluded_count);
    n->zones_allowed = lists;
    n->zones_excluded = excluded;
    n->nodes_excluded = nodes;
    return OK;
}

static Err free_task(Placement *p, PlacementTaskRef *ret_task)
{
    if (!p->tasks) {
        p->tasks = calloc(PLACEMENT_TASKS_MAX, sizeof *p->tasks);
        if (!p->tasks) return FAIL(ENOMEM);
    }
    uint32_t i = 0;
    while (i < p->task_end && p->tasks[i].used) i++;
    if (i == PLACEMENT_TASKS_MAX) return FAIL(ERR_LIMIT);
    *ret_task = i;
    return OK;
}

Err placement_add_task(Placement *p, const TaskNeed *need, PlacementTaskRef *ret_task)
{
    assert(p && need && ret_task);
    TRY(check(need));
    PlacementTaskRef task;
    TRY(free_task(p, &task));
    Task t = {.need = *need, .used = true};
    if (t.need.run_s == 0) t.need.run_s = RUN_GUESS_S;
    if (t.need.share == 0) t.need.share = 1;
    t.run_s = t.need.run_s;
    estimate_start(&t.run, t.run_s);
    TRY(lists_copy(&t.need));
    p->tasks[task] = t;
    const Err e = fair_join(p, task);
    if (e.code) {
        lists_free(&t.need);
        p->tasks[task] = (Task){0};
        return e;
    }
    if (task == p->task_end) p->task_end++;
    *ret_task = task;
    return OK;
}

void placement_remove_task(Placement *p, PlacementTaskRef task)
{
    assert(task < p->task_end);
    Task *t = &p->tasks[task];
    if (!t->used) return;
    class_forget_task(p, task);
    fair_leave(p, task);
    lists_free(&t->need);
    *t = (Task){0};
}

void placement_set_left(Placement *p, PlacementTaskRef task, uint64_t jobs)
{
    assert(task < p->task_end && p->tasks[task].used);
    if (jobs > 0 && p->tasks[task].left == 0) fair_wake(p, task);
    p->tasks[task].left = jobs;
}

PlacementRun placement_task_run(const Placement *p, PlacementTaskRef task)
{
    assert(task < p->task_end);
    const RunEstimate *e = &p->tasks[task].run;
    return (PlacementRun){.mean_s = e->mean, .median_s = e->samples ? quantile_value(&e->median) : e->mean,
                          .p95_s = e->samples ? quantile_value(&e->p95) : e->mean, .samples = e->samples};
}

size_t placement_memory(const Placement *p)
{
    size_t bytes = sizeof *p + p->node_room * (sizeof *p->nodes + 2 * sizeof(PlacementNodeRef)) + p->holders_room * sizeof *p->holders;
    bytes += (p->by_id.room + p->by_content.room) * sizeof(TableSlot);
    if (p->tasks) bytes += PLACEMENT_TASKS_MAX * (sizeof *p->tasks + sizeof *p->tenants);
    for (uint32_t i = 0; i < p->node_end; i++) bytes += p->nodes[i].queue.cores * sizeof(double);
    for (uint32_t i = 0; i < p->node_end; i++)
        bytes += p->nodes[i].warm ? FACT_WARM_MAX * sizeof(uint64_t) + (p->nodes[i].data_count + 1) * sizeof(NodeData) : 0;
    for (uint32_t i = 0; i < p->holders_count; i++) bytes += p->holders[i].room * sizeof(PlacementNodeRef);
    for (uint32_t i = 0; i < p->class_count; i++)
        bytes += sizeof(Class) + p->classes[i]->capacity * (2 * sizeof(HeapEntry) + sizeof *p->classes[i]->where + sizeof(Flow));
    return bytes;
}
