/*
 * Figure placement: choices of a node a second on one core, 1,000,000 micro-jobs over 10,000 unlike nodes; all at once, and in step with ends, as a
 * manager has it. Beside it: the same formula by looking at every node for every micro-job. And how good the choices are: the makespan of a simulated
 * run over its lower bound, the cost on small clusters over the least that a linear program finds.
 */
#include "placement/placement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "bench/runner/figure.h"
#include "bench/runner/placement_quality.h"

enum { ROUNDS = 5, NODES = 10000, JOBS = 1000000, SCANNED_JOBS = 500, OUTSTANDING = 1 << 16 };
static const double TARGET_RATE = 1e6, MEMORY_LIMIT_MIB = 512, MAKESPAN_LIMIT = 1.05, COST_LIMIT = 1.1;

typedef struct { Samples batch, steady, scan, memory, makespan, varied, cost; } Result;
typedef struct { Placement *p; PlacementTaskRef task; double rate; } Cluster; /* rate: reference core-seconds a second */

static double part(uint64_t *random) { return (double)((*random = *random * 6364136223846793005u + 1442695040888963407u) >> 11) * 0x1p-53; }

/* Time that this thread had a core: what others on the machine do is not placement's. */
static uint64_t core_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static Err cluster_open(Cluster *c)
{
    uint64_t random = 1;
    *c = (Cluster){0};
    TRY(placement_new(NULL, &c->p));
    for (unsigned i = 0; i < NODES; i++) {
        NodeFacts f = {.level_mask = 1u << 2, .memory_free = GIB, .latency_s = 0.001, .start_s = 0.1, .reliability = 1};
        snprintf(f.node_id, sizeof f.node_id, "node-%u", i);
        f.cores = 1 + (uint32_t)(4 * part(&random));
        f.speed = 0.5 + 1.5 * part(&random);
        f.bandwidth = 1e7 + 1e8 * part(&random);
        f.price = 0.01 + 0.05 * part(&random);
        c->rate += f.cores * f.speed;
        PlacementNodeRef node;
        TRY(placement_put_node(c->p, &f, &node));
    }
    const TaskNeed need = {.level = 2, .memory_max = MIB, .weights = {1, 1, 0.1}, .run_s = 1, .image = 1};
    TRY(placement_add_task(c->p, &need, &c->task));
    placement_set_left(c->p, c->task, JOBS);
    return OK;
}

static Err choose(const Cluster *c, PlacementChoice *ret_choice)
{
    PlacementAnswer answer;
    TRY(placement_choose_node(c->p, c->task, &(JobNeed){.bytes = 256 * KIB}, NULL, 0, &answer, ret_choice));
    return answer == PLACEMENT_CHOSEN ? OK : FAIL(ERR_TASK_FAILED);
}

static Err measure_batch(const Cluster *c, Result *r)
{
    const uint64_t start = core_ns();
    for (unsigned i = 0; i < JOBS; i++) {
        PlacementChoice choice;
        TRY(choose(c, &choice));
    }
    samples_add(&r->batch, JOBS / ((double)(core_ns() - start) / 1e9));
    samples_add(&r->memory, (double)placement_memory(c->p) / (double)MIB);
    return OK;
}

/* OUTSTANDING are out; each choice ends the oldest of them. */
static Err measure_steady(const Cluster *c, Result *r)
{
    PlacementChoice *out = calloc(OUTSTANDING, sizeof *out);
    if (!out) return FAIL(ENOMEM);
    Err e = OK;
    const uint64_t start = core_ns();
    for (unsigned i = 0; i < JOBS && e.code == 0; i++) {
        PlacementChoice *o = &out[i % OUTSTANDING];
        placement_tick(c->p, (double)i / c->rate);
        if (i >= OUTSTANDING) placement_end(c->p, o->node, c->task, o->charge_s, PLACEMENT_DONE, 1 / placement_node_speed(c->p, o->node));
        e = choose(c, o);
    }
    samples_add(&r->steady, JOBS / ((double)(core_ns() - start) / 1e9));
    free(out);
    return e;
}

static Err measure_scan(const Cluster *c, Result *r)
{
    const uint64_t start = core_ns();
    for (unsigned i = 0; i < SCANNED_JOBS; i++) {
        PlacementCandidate best;
        size_t count, total;
        TRY(placement_explain(c->p, c->task, &(JobNeed){.bytes = 256 * KIB}, NULL, 0, &best, 1, &count, &total));
    }
    samples_add(&r->scan, SCANNED_JOBS / ((double)(core_ns() - start) / 1e9));
    return OK;
}

static Err with_cluster(Err (*measure)(const Cluster *, Result *), Result *r)
{
    Cluster c;
    Err e = cluster_open(&c);
    if (e.code == 0) e = measure(&c, r);
    placement_free(c.p);
    return e;
}

Err measure_placement(const Bench *b, Figure *f, Diag *diag)
{
    Result r = {0};
    for (int round = 0; round < ROUNDS; round++) {
        TRY_WHY(diag, with_cluster(measure_batch, &r), "placing all at once");
        TRY_WHY(diag, with_cluster(measure_steady, &r), "placing in step with ends");
        TRY_WHY(diag, with_cluster(measure_scan, &r), "looking at every node");
    }
    TRY(quality_makespan(b, "2s", &r.makespan, diag));
    TRY(quality_makespan(b, "{mean: 2s, shape: lognormal, cv: 0.3}", &r.varied, diag));
    TRY_WHY(diag, quality_cost(&r.cost), "placing on small clusters");
    const Spread batch = samples_spread(&r.batch), memory = samples_spread(&r.memory), makespan = samples_spread(&r.makespan);
    const Spread cost = samples_spread(&r.cost);
    row_at_least(figure_add(f, "all 1,000,000 at once", "choices/s", batch, 0), batch.median, TARGET_RATE, "choices/s");
    figure_add(f, "each with an end, 65,536 outstanding", "choices/s", samples_spread(&r.steady), 0);
    f->peer = f->row_count;
    figure_add(f, "every node looked at and sorted for each", "choices/s", samples_spread(&r.scan), samples_ratio(&r.batch, &r.scan));
    row_at_most(figure_add(f, "memory", "MiB", memory, 0), memory.median, MEMORY_LIMIT_MIB, "MiB");
    row_at_most(figure_add(f, "makespan of a simulated run over its bound", "x", makespan, 0), makespan.median, MAKESPAN_LIMIT, "of it");
    figure_add(f, "the same, runs vary and nobody knows by how much", "x", samples_spread(&r.varied), 0);
    row_at_most(figure_add(f, "cost on 40 small clusters over the linear program's", "x", cost, 0), cost.high, COST_LIMIT, "of it");
    figure_note(f, "10,000 nodes of 1 to 4 cores, speeds 0.5 to 2, links and prices of their own; runs of 1 s, 256 KiB each, one core of this machine. "
                   "Rates are per second of that core's time. Simulated (a model, docs/simulation.md): 1,000,000 runs of 2 s, or lognormal with "
                   "deviation 0.3, on 10,000 unlike nodes; the bound knows each run beforehand. Clusters of 12 nodes, 600 micro-jobs, a "
                   "deadline; the target is for the worst of them.");
    return OK;
}
