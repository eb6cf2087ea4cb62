/**
 * A scenario: what a simulation is of. YAML, read by a schema, every mistake named with its line; docs/simulation.md is the user's reference.
 * Times in nanoseconds, sizes in bytes, rates in bytes per second, prices per core and hour.
 */
#pragma once
#include "base/bytes.h"
#include "base/level.h"
#include "base/limits.h"
#include "sim/random.h"
#include "sim/trace.h"

enum {
    SCENARIO_BYTES_MAX = 1 << 20, SCENARIO_NAME_MAX = 64,
    SCENARIO_TASKS_MAX = 64, SCENARIO_POPULATIONS_MAX = 64, SCENARIO_DATASETS_MAX = 64,
    SCENARIO_NODES_MAX = 1 << 17, SCENARIO_JOBS_MAX = 1 << 24, SCENARIO_CORES_MAX = 1024,
    SCENARIO_COPIES_MAX = 15, SCENARIO_REPLICAS_MAX = 8,
};
#define SCENARIO_TIME_MAX_NS (10000 * 3600 * NS_PER_S)
#define SCENARIO_RATE_MAX (1000 * GIB)

typedef struct {
    char name[SCENARIO_NAME_MAX + 1];
    uint32_t replicas;                  /* each of its segments is at hand on so many nodes; default 1 */
    char on[SCENARIO_NAME_MAX + 1];     /* the population that holds it; empty: any node */
} SimDataset;

typedef struct {
    char name[SCENARIO_NAME_MAX + 1], tenant[SCENARIO_NAME_MAX + 1];
    uint64_t count, arrives_ns;
    uint64_t segment_bytes, image_bytes, memory, result_bytes, start_ns;
    uint64_t run_ns;                    /* mean on a core of speed 1; `run` says how it varies */
    Spread run;                         /* in seconds */
    SecurityLevel level;
    char zone[SCENARIO_NAME_MAX + 1];   /* only nodes there; empty: anywhere */
    char data[SCENARIO_NAME_MAX + 1];   /* a dataset: where its segments are at hand; empty: at the origin alone */
    struct { double locality, availability, cost; } weights;
    bool spot, adaptive, speculate;     /* spot: may run on spot nodes */
    uint32_t copies, agree;
} SimTask;

typedef enum { LIE_INDEPENDENT, LIE_COLLUDING, LIE_COPIED, LIE_LATE } LieKind;

typedef struct {
    uint64_t crash_every_ns, crash_repair_ns;      /* means of exponentials; 0: never */
    uint64_t cut_every_ns, cut_lasts_ns;           /* the network alone */
    double straggler_share, straggler_factor;      /* of micro-jobs: they take so many times as long */
    double liar_share, lie_rate;                   /* of nodes; and of a liar's results */
    LieKind lies;
    double inflated_share, inflated_factor;        /* of nodes: claim so many times the speed and cores that they have */
} SimFailures;

typedef struct {
    char name[SCENARIO_NAME_MAX + 1];
    uint64_t count, joins_ns, memory;
    Spread cores, speed;                /* speed 1: a micro-job takes its run time */
    SecurityLevel level;                /* the highest; appraised */
    char zone[SCENARIO_NAME_MAX + 1], owner[SCENARIO_NAME_MAX + 1];
    uint32_t owners;                    /* this many different ones, in turn; 0: one, if `owner` names it; else each node its own */
    uint64_t bandwidth, latency_ns;     /* of its link to the others; bytes per second; 0: no limit */
    double price;
    bool warm;                          /* holds all images when it joins */
    bool spot;
    uint64_t notice_ns;                 /* before a preemption; 0: without notice */
    char *trace_path;                   /* NULL: never preempted */
    char *stand_in_path;                /* a trace to take where the first is not there; NULL: none */
    bool stands_in;                     /* it was taken */
    Trace trace;
    SimFailures failures;
} SimPopulation;

typedef struct {
    char name[SCENARIO_NAME_MAX + 1];
    uint64_t seed, horizon_ns, lease_ns, origin_bandwidth;
    SimTask *tasks;
    SimPopulation *populations;
    SimDataset *datasets;
    size_t task_count, population_count, dataset_count;
    uint64_t jobs, nodes;               /* sums of the counts */
} Scenario;

/**
 * Reads a scenario; its spot traces are read by scenario_load alone. `directory`: what relative paths belong to, or NULL.
 * errors: ERR_BAD_INPUT with "name:line: what; remedy" in diag, ENOMEM
 */
MUST_USE Err scenario_parse(View yaml, const char *name, const char *directory, Scenario *ret_scenario, Diag *diag);
/** The same from a file, with its traces. errors: also those of files */
MUST_USE Err scenario_load(const char *path, Scenario *ret_scenario, Diag *diag);
void scenario_free(Scenario *s);

/** Index of what has this name; its count when there is none. */
size_t scenario_population(const Scenario *s, const char *name);
size_t scenario_dataset(const Scenario *s, const char *name);
