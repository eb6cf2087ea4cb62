/**
 * Simulates a scenario: discrete events, the swarm's own placement, quorum, reputation and speculation (src/placement), beside other ways to
 * choose nodes. Deterministic: the same scenario, seed and policy give the same figures. What is modelled and what is not: docs/simulation.md.
 */
#pragma once
#include "placement/placement.h"
#include "sim/scenario.h"

typedef struct {
    uint64_t jobs, done, failed;    /* failed: no agreement with as many copies as may be asked */
    uint64_t counted_twice;         /* micro-jobs whose result was taken a second time; 0, or the simulated manager is wrong */
    uint64_t copies;                /* given to nodes, of whatever reason */
    uint64_t replaced;              /* given again because a node was lost, or its answer was */
    uint64_t moved;                 /* taken from a long queue to a shorter one */
    uint64_t speculated, duplicates;/* second copies of stragglers; results that came after the decision */
    uint64_t wrong;                 /* micro-jobs whose accepted result is wrong */
    uint64_t bytes;                 /* sent over links: images, segments, results */
    double makespan_s;              /* from the first arrival to the last result */
    double cost, busy_s, there_s;   /* busy: core-seconds occupied; there: core-seconds of nodes that were there */
    double work_s;                  /* core-seconds that one copy of each finished micro-job takes on the node that gave its result */
} SimTally;

/** What no policy can beat in this scenario; docs/simulation.md#lower-bounds says why. */
typedef struct {
    double makespan_s;
    double work_s, longest_s, bytes_s; /* what it is the largest of */
    double cost;                    /* however long it takes */
    double cost_in_time;            /* within the makespan of the run */
    double busy_s;                  /* core-seconds; over there_s of the run it is a bound of utilisation */
    uint64_t bytes, copies;
} SimBounds;

typedef struct {
    const char *policy;
    SimTally tally;
    SimBounds bounds;
    uint64_t events;
    bool complete;                  /* every micro-job ended before the scenario's horizon */
} SimResult;

typedef struct {
    uint64_t seed;                  /* overrides the scenario's when has_seed */
    bool has_seed;
    void *context;
    /** Now and then; false: stop (ERR_INTERRUPTED). */
    bool (*progress)(void *context, uint64_t ended, uint64_t jobs, double now_s);
    uint64_t explain_job;           /* the candidates of its first copy go to `explain`, with the policy covey; NULL: none */
    void (*explain)(void *context, double now_s, const PlacementCandidate *candidates, size_t count, size_t total);
} SimOptions;

/** Names of the policies, from 0 on; NULL behind the last. The first is the swarm's own. */
const char *sim_policy(unsigned index);
const char *sim_policy_about(unsigned index);
#define SIM_POLICY_ALL "all"
/** One of them, or "all". errors: ERR_USAGE */
MUST_USE Err sim_policy_check(const char *name, Diag *diag);

/** errors: ERR_USAGE (no such policy or micro-job), ERR_INTERRUPTED, ENOMEM, ERR_LIMIT */
MUST_USE Err sim_run(const Scenario *s, const char *policy, const SimOptions *options, SimResult *ret_result, Diag *diag);
