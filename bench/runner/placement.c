/*
 * Figure placement: choices of a node a second on one core, 1,000,000 micro-jobs over 10,000 unlike nodes; all at once, and in step with ends, as a
 * manager has it. Beside it: the same formula by looking at every node for every micro-job.
 */
#include "placement/placement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "bench/runner/figure.h"
#include "sys/clock.h"

enum { ROUNDS = 5, NODES = 10000, JOBS = 1000000, SCANNED_JOBS = 500, OUTSTANDING = 1 << 16 };
static const double TARGET_RATE = 1e6, MEMORY_LIMIT_MIB = 512, MAKESPAN_LIMIT = 1.05;

typedef struct { Samples batch, steady, scan, memory, makespan; } Result;
typedef struct { Placement *p; PlacementTaskRef task; double rate; } Cluster; /* rate: reference core-seconds a second */

static double part(uint64_t *random) { return (double)((*random = *random * 6364136223846793005u + 1442695040888963407u) >> 11) * 0x1p-53; }

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
    double last_s = 0;
    const uint64_t start = clock_monotonic_ns();
    for (unsigned i = 0; i < JOBS; i++) {
        PlacementChoice choice;
        TRY(choose(c, &choice));
        if (choice.finish_s > last_s) last_s = choice.finish_s;
    }
    samples_add(&r->batch, JOBS / ((double)(clock_monotonic_ns() - start) / 1e9));
    samples_add(&r->memory, (double)placement_memory(c->p) / (double)MIB);
    samples_add(&r->makespan, last_s / (JOBS / c->rate));
    return OK;
}

/* OUTSTANDING are out; each choice ends the oldest of them. */
static Err measure_steady(const Cluster *c, Result *r)
{
    PlacementChoice *out = calloc(OUTSTANDING, sizeof *out);
    if (!out) return FAIL(ENOMEM);
    Err e = OK;
    const uint64_t start = clock_monotonic_ns();
    for (unsigned i = 0; i < JOBS && e.code == 0; i++) {
        PlacementChoice *o = &out[i % OUTSTANDING];
        placement_tick(c->p, (double)i / c->rate);
        if (i >= OUTSTANDING) placement_end(c->p, o->node, c->task, o->charge_s, PLACEMENT_DONE, 1 / placement_node_speed(c->p, o->node));
        e = choose(c, o);
    }
    samples_add(&r->steady, JOBS / ((double)(clock_monotonic_ns() - start) / 1e9));
    free(out);
    return e;
}

static Err measure_scan(const Cluster *c, Result *r)
{
    const uint64_t start = clock_monotonic_ns();
    for (unsigned i = 0; i < SCANNED_JOBS; i++) {
        PlacementCandidate best;
        size_t count, total;
        TRY(placement_explain(c->p, c->task, &(JobNeed){.bytes = 256 * KIB}, NULL, 0, &best, 1, &count, &total));
    }
    samples_add(&r->scan, SCANNED_JOBS / ((double)(clock_monotonic_ns() - start) / 1e9));
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
    (void)b;
    Result r = {0};
    for (int round = 0; round < ROUNDS; round++) {
        TRY_WHY(diag, with_cluster(measure_batch, &r), "placing all at once");
        TRY_WHY(diag, with_cluster(measure_steady, &r), "placing in step with ends");
        TRY_WHY(diag, with_cluster(measure_scan, &r), "looking at every node");
    }
    const Spread batch = samples_spread(&r.batch), memory = samples_spread(&r.memory), makespan = samples_spread(&r.makespan);
    row_at_least(figure_add(f, "all 1,000,000 at once", "choices/s", batch, 0), batch.median, TARGET_RATE, "choices/s");
    figure_add(f, "each with an end, 65,536 outstanding", "choices/s", samples_spread(&r.steady), 0);
    f->peer = f->row_count;
    figure_add(f, "every node looked at and sorted for each", "choices/s", samples_spread(&r.scan), samples_ratio(&r.batch, &r.scan));
    row_at_most(figure_add(f, "memory", "MiB", memory, 0), memory.median, MEMORY_LIMIT_MIB, "MiB");
    row_at_most(figure_add(f, "estimated makespan over the bound", "x", makespan, 0), makespan.median, MAKESPAN_LIMIT, "of it");
    figure_note(f, "10,000 nodes of 1 to 4 cores, speeds 0.5 to 2, links and prices of their own; runs of 1 s, 256 KiB each, one core of this machine. "
                   "The bound: all work over all speed.");
    return OK;
}
