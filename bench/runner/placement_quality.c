/*
 * How good choices of placement are. The makespan of a simulated run of a million micro-jobs on ten thousand nodes, with transfers, queues, windows
 * and results, over its lower bound. And the cost on small clusters over the least that a linear program finds.
 */
#include "bench/runner/placement_quality.h"

#include <errno.h>
#include <stdio.h>

#include "api/covey.h"
#include "base/limits.h"
#include "placement/placement.h"

static const char SCENARIO[] =
    "scenario: bench\ntasks: [{name: t, count: 1000000, run: %s, segment: 256KiB, placement: {cost: 0}}]\n"
    "nodes: [{name: n, count: 10000, cores: {mean: 3, shape: uniform, cv: 0.4}, speed: {mean: 1.2, shape: uniform, cv: 0.4}, price: 0.04}]\n";

static void on_result(void *context, const covey_simulated *f)
{
    samples_add(context, f->makespan_seconds / f->bound_makespan_seconds);
}

Err quality_makespan(const Bench *b, const char *run, Samples *ret_ratios, Diag *diag)
{
    char path[4096];
    covey_error error;
    snprintf(path, sizeof path, "%s/scenario.yaml", b->work);
    FILE *f = fopen(path, "w");
    if (!f || fprintf(f, SCENARIO, run) < 0 || fclose(f) != 0) return FAIL_WHY(diag, errno, "%s: cannot be written", path);
    const covey_simulate_options options = {.context = ret_ratios, .result = on_result};
    if (covey_simulate(path, &options, &error) != COVEY_OK) return FAIL_WHY(diag, ERR_TASK_FAILED, "%s", error.text);
    return OK;
}

static double part(uint64_t *random) { return (double)((*random = *random * 6364136223846793005u + 1442695040888963407u) >> 11) * 0x1p-53; }

enum { SMALL_CLUSTERS = 40, SMALL_NODES = 12, SMALL_JOBS = 600 };
typedef struct { double run_s, price, cores; } Offer;

/* What all micro-jobs cost at least when the last must be done by `end_s`: the cheapest nodes first is the linear program's optimum, for it has one
 * row (src/placement/cost_test.c asks a solver). */
static double least_cost(const Offer *offers, double end_s)
{
    bool used[SMALL_NODES] = {false};
    double cost = 0, left = SMALL_JOBS;
    while (left > 0) {
        int best = -1;
        for (int i = 0; i < SMALL_NODES; i++)
            if (!used[i] && (best < 0 || offers[i].price * offers[i].run_s < offers[best].price * offers[best].run_s)) best = i;
        if (best < 0) break;
        used[best] = true;
        double here = offers[best].cores * end_s / offers[best].run_s;
        if (here > left) here = left;
        cost += here * offers[best].price * offers[best].run_s / 3600;
        left -= here;
    }
    return cost;
}

static Err add_node(Placement *p, unsigned i, uint64_t *random, Offer *ret_offer)
{
    NodeFacts f = {.level_mask = 1u << 2, .memory_free = GIB, .reliability = 1};
    PlacementNodeRef node;
    snprintf(f.node_id, sizeof f.node_id, "node-%u", i);
    f.cores = 1 + (uint32_t)(8 * part(random));
    f.speed = 0.5 + 1.5 * part(random);
    f.price = 0.01 + 0.2 * part(random);
    *ret_offer = (Offer){1 / f.speed, f.price, f.cores};
    return placement_put_node(p, &f, &node);
}

static Err small_cluster(Placement *p, uint64_t *random, Samples *ratios)
{
    Offer offers[SMALL_NODES];
    double rate = 0, cost = 0, last_s = 0;
    for (unsigned i = 0; i < SMALL_NODES; i++) {
        TRY(add_node(p, i, random, &offers[i]));
        rate += offers[i].cores / offers[i].run_s;
    }
    const double deadline_s = SMALL_JOBS / rate * (1.2 + 3 * part(random));
    const TaskNeed need = {.level = 2, .memory_max = MIB, .weights = {1, 100, 1}, .run_s = 1, .image = 1, .deadline_s = deadline_s};
    PlacementTaskRef task;
    TRY(placement_add_task(p, &need, &task));
    for (unsigned i = 0; i < SMALL_JOBS; i++) {
        PlacementChoice choice;
        PlacementAnswer answer;
        TRY(placement_choose_node(p, task, &(JobNeed){0}, NULL, 0, &answer, &choice));
        if (answer != PLACEMENT_CHOSEN) return FAIL(ERR_TASK_FAILED);
        cost += choice.price;
        if (choice.finish_s > last_s) last_s = choice.finish_s;
    }
    samples_add(ratios, cost / least_cost(offers, last_s > deadline_s ? last_s : deadline_s));
    return OK;
}

Err quality_cost(Samples *ret_ratios)
{
    uint64_t random = 7;
    for (int i = 0; i < SMALL_CLUSTERS; i++) {
        AUTO_PLACEMENT p;
        TRY(placement_new(NULL, &p));
        TRY(small_cluster(p, &random, ret_ratios));
    }
    return OK;
}
