/* The swarm's own policy: src/placement as the manager uses it, with what the simulated nodes report. */
#include "sim/covey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXPLAIN_MAX = 16 };

static Err open_placement(World *w)
{
    w->of_ref = calloc(w->node_count, sizeof *w->of_ref); /* references are dense: there are never more than nodes */
    if (!w->of_ref) return FAIL(ENOMEM);
    return placement_new(NULL, &w->placement);
}

static void close_placement(World *w)
{
    if (w->placement) placement_free(w->placement);
    free(w->of_ref);
}

static uint32_t levels_up_to(SecurityLevel level)
{
    uint32_t mask = 0;
    for (unsigned l = LEVEL_SHARED; l <= (unsigned)level; l++) mask |= 1u << l;
    return mask;
}

static uint64_t zone_hash(const char *zone) { return zone[0] ? fact_hash(zone) : 0; }

static Err task_arrives(World *w, uint32_t task)
{
    const SimTask *t = &w->scenario->tasks[task];
    uint64_t zone = zone_hash(t->zone);
    TaskNeed need = {.level = (uint32_t)t->level, .memory_max = t->memory, .zones_allowed = &zone, .zones_allowed_count = zone != 0,
        .spot_allowed = t->spot, .weights = {t->weights.locality, t->weights.availability, t->weights.cost}, .image = w->tasks[task].image,
        .image_bytes = t->image_bytes, .run_s = t->run.mean + seconds(t->start_ns), .tenant = t->tenant[0] ? fact_hash(t->tenant) : 0};
    placement_tick(w->placement, seconds(w->now_ns));
    TRY(placement_add_task(w->placement, &need, &w->tasks[task].ref));
    w->tasks[task].known = true;
    return OK;
}

static void node_name(const World *w, uint32_t node, char ret_id[FACT_NODE_ID_MAX + 1])
{
    const Node *n = &w->nodes[node];
    uint32_t index = node;
    for (uint32_t p = 0; p < n->population_index; p++) index -= (uint32_t)w->scenario->populations[p].count;
    snprintf(ret_id, FACT_NODE_ID_MAX + 1, "%.40s-%u", n->population->name, index);
}

static Err report(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    const SimPopulation *p = n->population;
    uint64_t warm[SCENARIO_TASKS_MAX];
    size_t warm_count = 0;
    for (size_t t = 0; t < w->scenario->task_count; t++)
        if (n->images >> t & 1) warm[warm_count++] = w->tasks[t].image;
    ReputationRecord record = reputation_of(w->reputation, n->hash);
    NodeFacts facts = {.owner = n->owner, .zone = zone_hash(p->zone), .level_mask = levels_up_to(p->level), .evidence_mask = UINT32_MAX,
        .cores = n->claimed_cores, .memory_free = p->memory, .speed = n->claimed_speed, .bandwidth = (double)p->bandwidth,
        .latency_s = seconds(p->latency_ns), .price = p->price, .spot = p->spot, .notice_s = seconds(p->notice_ns),
        .reliability = record.wrong ? record.reliability : 0, .warm = warm, .warm_count = warm_count, .data = n->data,
        .data_count = n->data_count, .draining = n->draining};
    node_name(w, node, facts.node_id);
    TRY(placement_put_node(w->placement, &facts, &n->ref));
    placement_set_room(w->placement, n->ref, node_room(n));
    return OK;
}

static Err node_changed(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    placement_tick(w->placement, seconds(w->now_ns));
    if (n->known) {
        TRY(report(w, node));
        w->of_ref[n->ref] = node;
        n->images_told = n->images;
        return OK;
    }
    placement_remove_node(w->placement, n->ref);
    return OK;
}

static void room_changed(World *w, uint32_t node)
{
    const Node *n = &w->nodes[node];
    if (n->known) placement_set_room(w->placement, n->ref, node_room(n));
}

/* Placement says whose turn it is; those that nothing can be done for have nothing left to it. */
static uint32_t next_task(World *w, uint64_t blocked)
{
    uint32_t waiting = 0, last = SIM_NONE;
    for (uint32_t t = 0; t < w->scenario->task_count; t++) {
        if (!w->tasks[t].known) continue;
        uint64_t left = blocked >> t & 1 ? 0 : w->tasks[t].copies_waiting;
        placement_set_left(w->placement, w->tasks[t].ref, left);
        if (left) last = t;
        waiting += left > 0;
    }
    PlacementTaskRef ref;
    if (waiting < 2 || !placement_next_task(w->placement, &ref)) return last;
    for (uint32_t t = 0; t < w->scenario->task_count; t++)
        if (w->tasks[t].known && w->tasks[t].ref == ref) return t;
    return SIM_NONE;
}

static Err explain(World *w, uint32_t job, const PlacementWho *avoid, size_t avoid_count)
{
    PlacementCandidate candidates[EXPLAIN_MAX];
    size_t count, total;
    JobNeed need = manager_need(w, job);
    TRY(placement_explain(w->placement, w->tasks[w->jobs[job].task].ref, &need, avoid, avoid_count, candidates, EXPLAIN_MAX, &count, &total));
    w->options->explain(w->options->context, seconds(w->now_ns), candidates, count, total);
    return OK;
}

static Err choose(World *w, uint32_t job, const PlacementWho *avoid, size_t avoid_count, PlacementAnswer *ret_answer, PlacementChoice *ret_choice)
{
    JobNeed need = manager_need(w, job);
    placement_tick(w->placement, seconds(w->now_ns));
    if (w->options->explain && job == w->options->explain_job && !w->explained) {
        TRY(explain(w, job, avoid, avoid_count));
        w->explained = true;
    }
    TRY(placement_choose_node(w->placement, w->tasks[w->jobs[job].task].ref, &need, avoid, avoid_count, ret_answer, ret_choice));
    if (*ret_answer == PLACEMENT_CHOSEN) ret_choice->node = w->of_ref[ret_choice->node];
    return OK;
}

static void ended(World *w, const Attempt *a, PlacementEnd end, double measured_s)
{
    const Node *n = &w->nodes[a->node];
    placement_tick(w->placement, seconds(w->now_ns));
    placement_end(w->placement, n->ref, w->tasks[w->jobs[a->job].task].ref, a->charge_s, end, measured_s);
}

const Policy COVEY = {
    .name = "covey", .about = "the swarm's own (src/placement)", .open = open_placement, .close = close_placement, .task_arrives = task_arrives,
    .node_changed = node_changed, .room_changed = room_changed, .next_task = next_task, .choose = choose, .ended = ended, .tick = covey_tick};
