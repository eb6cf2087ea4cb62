/* The loop: takes the next event, lets node or manager act on it, until every micro-job has ended. */
#include "sim/simulate.h"

#include <assert.h>
#include <stdlib.h>

#include "base/suggest.h"
#include "sim/baseline.h"
#include "sim/bounds.h"
#include "sim/covey.h"

enum { PROGRESS_EVERY = 1 << 12 }; /* events */

static const Policy *policy_at(unsigned index)
{
    if (index == 0) return &COVEY;
    return index <= BASELINE_COUNT ? &BASELINES[index - 1] : NULL;
}

const char *sim_policy(unsigned index) { return policy_at(index) ? policy_at(index)->name : NULL; }

const char *sim_policy_about(unsigned index) { return policy_at(index) ? policy_at(index)->about : NULL; }

static Err act(World *w, const Event *e)
{
    bool holds = e->kind >= EVENT_READY && e->kind <= EVENT_RESULT && w->attempts[e->subject].stamp == e->stamp;
    switch ((EventKind)e->kind) {
    case EVENT_ARRIVES: return manager_arrives(w, e->subject);
    case EVENT_TICK: w->ticking = false; return w->policy->tick(w);
    case EVENT_READY: return holds ? node_ready(w, e->subject) : OK;
    case EVENT_FINISHED: return holds && w->attempts[e->subject].state == ATTEMPT_RUNS ? node_finished(w, e->subject) : OK;
    case EVENT_RESULT: return holds ? manager_result(w, e->subject) : OK;
    default: return node_event(w, e);
    }
}

static bool go_on(const World *w, uint64_t events)
{
    const SimOptions *o = w->options;
    if (!o->progress || events % PROGRESS_EVERY) return true;
    return o->progress(o->context, w->tally.done + w->tally.failed, w->job_count, seconds(w->now_ns));
}

/* Everything of one moment first, then the manager gives out what there is room for. */
static Err run(World *w, uint64_t *ret_events)
{
    Event e;
    uint64_t events = 0;
    while (w->left && events_take(&w->events, &e) && e.at_ns <= w->scenario->horizon_ns) {
        w->now_ns = e.at_ns;
        TRY(act(w, &e));
        events++;
        bool moment_over = w->events.count == 0 || w->events.heap[0].at_ns > w->now_ns;
        if (moment_over) TRY(manager_dispatch(w));
        if (!go_on(w, events)) return FAIL(ERR_INTERRUPTED);
    }
    *ret_events = events;
    return OK;
}

static uint64_t first_arrival(const Scenario *s)
{
    uint64_t first = UINT64_MAX;
    for (size_t t = 0; t < s->task_count; t++)
        if (s->tasks[t].arrives_ns < first) first = s->tasks[t].arrives_ns;
    return first;
}

static void add_up(World *w, uint64_t events, SimResult *ret_result)
{
    SimTally *t = &w->tally;
    double beginning = seconds(first_arrival(w->scenario));
    t->jobs = w->job_count;
    t->makespan_s = t->makespan_s > beginning ? t->makespan_s - beginning : 0;
    for (uint32_t i = 0; i < w->node_count; i++) {
        const Node *n = &w->nodes[i];
        for (uint32_t a = n->attempts; a != SIM_NONE; a = w->attempts[a].next_of_node)
            if (w->attempts[a].state == ATTEMPT_RUNS) node_bill(w, &w->nodes[i], w->now_ns - w->attempts[a].started_ns);
        t->busy_s += seconds(n->busy_ns);
        t->there_s += seconds(node_up_ns(w, n)) * n->claimed_cores;
    }
    *ret_result = (SimResult){.policy = w->policy->name, .tally = *t, .events = events, .complete = w->left == 0};
}

static Err simulate(World *w, SimResult *ret_result)
{
    uint64_t events = 0;
    TRY(world_open(w));
    TRY(run(w, &events));
    add_up(w, events, ret_result);
    return bounds_compute(w, &ret_result->bounds);
}

static Err find_policy(const char *name, const Policy **ret_policy, Diag *diag)
{
    const char *names[BASELINE_COUNT + 2] = {NULL};
    for (unsigned i = 0; policy_at(i); i++) {
        names[i] = policy_at(i)->name;
        if (strcmp(names[i], name) != 0) continue;
        *ret_policy = policy_at(i);
        return OK;
    }
    const char *near = suggest(name, names, sizeof *names);
    return FAIL_WHY(diag, ERR_USAGE, "no policy is called '%.40s'; %s%s%s", name, near ? "did you mean '" : "covey simulate --help lists them",
                    near ? near : "", near ? "'?" : "");
}

Err sim_policy_check(const char *name, Diag *diag)
{
    const Policy *p;
    return strcmp(name, SIM_POLICY_ALL) == 0 ? OK : find_policy(name, &p, diag);
}

Err sim_run(const Scenario *s, const char *policy, const SimOptions *options, SimResult *ret_result, Diag *diag)
{
    assert(s && policy && options && ret_result);

    const Policy *p = NULL;
    TRY(find_policy(policy, &p, diag));
    if (options->explain && options->explain_job >= s->jobs)
        return FAIL_WHY(diag, ERR_USAGE, "there is no micro-job %llu: they are numbered from 0 to %llu", (unsigned long long)options->explain_job,
                        (unsigned long long)s->jobs - 1);
    World w = {.scenario = s, .options = options, .policy = p, .seed = options->has_seed ? options->seed : s->seed};
    SimResult result;
    Err e = simulate(&w, &result);
    world_close(&w);
    if (e.code == ERR_LIMIT) return FAIL_WHY(diag, ERR_LIMIT, "%s: more is under way than the simulation holds (%d events)", s->name, EVENTS_MAX);
    if (e.code == 0) *ret_result = result;
    return e;
}
