/* Simulations for the library's user: reads a scenario, runs it under one policy or all, hands over figures. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "api/internal.h"
#include "sim/simulate.h"

typedef struct { const covey_simulate_options *options; const char *policy; } Watch;

static bool on_progress(void *context, uint64_t ended, uint64_t jobs, double now_s)
{
    const Watch *watch = context;
    const covey_simulate_options *o = watch->options;
    return !o->progress || o->progress(o->context, watch->policy, ended, jobs, now_s) == 0;
}

static void on_explain(void *context, double now_s, const PlacementCandidate *candidates, size_t count, size_t total)
{
    const covey_simulate_options *o = ((const Watch *)context)->options;
    for (size_t i = 0; i < count; i++) {
        const PlacementCandidate *c = &candidates[i];
        covey_simulated_candidate candidate = {.now_seconds = now_s, .total = total, .rank = i, .node = c->node_id,
            .excluded = c->limit == PLACEMENT_FITS || c->limit == PLACEMENT_NO_ROOM ? NULL : placement_limit_text(c->limit),
            .full = c->limit == PLACEMENT_NO_ROOM, .queue_seconds = c->queue_s,
            .transfer_seconds = c->transfer_s, .start_seconds = c->start_s, .run_seconds = c->run_s, .price = c->price, .score = c->score,
            .finish_seconds = c->finish_s};
        o->candidate(o->context, &candidate);
    }
}

static covey_simulated describe(const SimResult *r)
{
    const SimTally *t = &r->tally;
    const SimBounds *b = &r->bounds;
    return (covey_simulated){.policy = r->policy, .complete = r->complete, .micro_jobs = t->jobs, .succeeded = t->done, .failed = t->failed,
        .counted_twice = t->counted_twice, .copies = t->copies, .replaced = t->replaced, .moved = t->moved, .speculated = t->speculated,
        .duplicates = t->duplicates, .wrong = t->wrong, .bytes = t->bytes, .events = r->events, .makespan_seconds = t->makespan_s, .cost = t->cost,
        .utilisation = t->there_s > 0 ? t->busy_s / t->there_s : 0, .busy_core_seconds = t->busy_s,
        .bound_makespan_seconds = b->makespan_s, .bound_work_seconds = b->work_s, .bound_longest_seconds = b->longest_s,
        .bound_busy_core_seconds = b->busy_s, .bound_utilisation = t->there_s > 0 ? b->busy_s / t->there_s : 0,
        .bound_bytes_seconds = b->bytes_s, .bound_cost = b->cost, .bound_cost_in_time = b->cost_in_time, .bound_bytes = b->bytes,
        .bound_copies = b->copies};
}

static Err run_policy(const Scenario *s, const char *policy, const covey_simulate_options *o, Diag *diag)
{
    SimResult result;
    Watch watch = {o, policy};
    SimOptions options = {.seed = o->seed, .has_seed = o->has_seed, .context = &watch, .progress = on_progress,
        .explain_job = o->explain_job, .explain = o->candidate ? on_explain : NULL};
    TRY(sim_run(s, policy, &options, &result, diag));
    covey_simulated figures = describe(&result);
    if (o->result) o->result(o->context, &figures);
    return OK;
}

static void say_stand_ins(const Scenario *s, const covey_simulate_options *o)
{
    for (size_t i = 0; i < s->population_count && o->notice; i++) {
        const SimPopulation *p = &s->populations[i];
        char line[2 * PATH_MAX + 128];
        if (!p->stands_in) continue;
        snprintf(line, sizeof line, "%s: the trace %s stands in for %s, which is not there", p->name, p->stand_in_path, p->trace_path);
        o->notice(o->context, line);
    }
}

static Err run_policies(const Scenario *s, const covey_simulate_options *o, Diag *diag)
{
    const char *policy = o->policy ? o->policy : sim_policy(0);
    covey_simulation begun = {.scenario = s->name, .seed = o->has_seed ? o->seed : s->seed, .nodes = s->nodes, .micro_jobs = s->jobs};
    TRY(sim_policy_check(policy, diag));
    if (o->begun) o->begun(o->context, &begun);
    say_stand_ins(s, o);
    if (strcmp(policy, SIM_POLICY_ALL) != 0) return run_policy(s, policy, o, diag);
    for (unsigned i = 0; sim_policy(i); i++) TRY(run_policy(s, sim_policy(i), o, diag));
    return OK;
}

static Err simulate(const char *path, const covey_simulate_options *o, Diag *diag)
{
    Scenario s = {0};
    TRY_WHY(diag, scenario_load(path, &s, diag), "%s", path);
    Err e = run_policies(&s, o, diag);
    scenario_free(&s);
    return e;
}

covey_code covey_simulate(const char *path, const covey_simulate_options *options, covey_error *error)
{
    Diag diag = {0};
    if (!path || !options) return api_result(FAIL_WHY(&diag, ERR_USAGE, "covey_simulate: a scenario and options are needed"), &diag, error);
    Err e = simulate(path, options, &diag);
    return api_result(e, &diag, error);
}

const char *covey_simulate_policy(unsigned index, const char **ret_about)
{
    if (sim_policy(index) && ret_about) *ret_about = sim_policy_about(index);
    return sim_policy(index);
}
