/** Nodes and tasks for the tests of placement. */
#pragma once
#include <stdio.h>

#include "base/test.h"
#include "placement/placement.h"

/* SplitMix64: every test that draws names its seed. */
static inline uint64_t random_u64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
static inline uint64_t random_below(uint64_t *state, uint64_t bound) { return random_u64(state) % bound; }
static inline double random_unit(uint64_t *state) { return (double)(random_u64(state) >> 11) * 0x1p-53; }

/* A plain node: one core, reference speed, level process, much memory, everything near and free. */
static inline NodeFacts plain_node(unsigned number)
{
    NodeFacts f = {.level_mask = 1u << 1 | 1u << 2, .evidence_mask = 1, .cores = 1, .memory_free = (uint64_t)1 << 30, .speed = 1, .reliability = 1};
    snprintf(f.node_id, sizeof f.node_id, "node-%u", number);
    return f;
}

static inline TaskNeed plain_task(void) { return (TaskNeed){.level = 2, .memory_max = 1 << 20, .weights = {1, 1, 0}, .run_s = 1, .image = 7}; }

static inline Placement *new_placement(void)
{
    Placement *p;
    ck_assert_ok(placement_new(NULL, &p));
    return p;
}

static inline PlacementNodeRef put(Placement *p, const NodeFacts *f)
{
    PlacementNodeRef node;
    ck_assert_ok(placement_put_node(p, f, &node));
    return node;
}

static inline PlacementTaskRef add(Placement *p, const TaskNeed *need)
{
    PlacementTaskRef task;
    ck_assert_ok(placement_add_task(p, need, &task));
    return task;
}

static inline PlacementAnswer choose(Placement *p, PlacementTaskRef task, JobNeed job, PlacementChoice *ret_choice)
{
    PlacementAnswer answer;
    ck_assert_ok(placement_choose_node(p, task, &job, NULL, 0, &answer, ret_choice));
    return answer;
}
