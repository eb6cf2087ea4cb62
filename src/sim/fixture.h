/** What tests of simulations begin with: a scenario from text, run under a policy. */
#pragma once
#include <stdio.h>

#include "base/test.h"
#include "sim/simulate.h"

static inline Scenario scenario_of(const char *yaml)
{
    Scenario s;
    Diag diag = {{0}};
    Err e = scenario_parse(view_text(yaml), "test.yaml", NULL, &s, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    return s;
}

enum { PROGRESS_CALLS_MAX = 5000 }; /* of about 4,096 events each: who needs more goes round in circles */

static inline bool simulation_goes_on(void *context, uint64_t ended, uint64_t jobs, double now_s)
{
    (void)ended;
    (void)jobs;
    (void)now_s;
    return ++*(int *)context < PROGRESS_CALLS_MAX;
}

/** what: printed when it fails */
static inline SimResult simulated_as(const Scenario *s, const char *policy, uint64_t seed, const char *what)
{
    SimResult r;
    Diag diag = {{0}};
    int calls = 0;
    SimOptions options = {.seed = seed, .has_seed = true, .context = &calls, .progress = simulation_goes_on};
    Err e = sim_run(s, policy, &options, &r, &diag);
    ck_assert_msg(e.code == 0, "%s: %s: %s (%s)", what, policy, diag.text, err_text(e.code));
    return r;
}

static inline SimResult simulated(const Scenario *s, const char *policy, uint64_t seed) { return simulated_as(s, policy, seed, s->name); }

static inline SimResult simulated_text(const char *yaml, const char *policy, uint64_t seed)
{
    Scenario s = scenario_of(yaml);
    SimResult r = simulated(&s, policy, seed);
    scenario_free(&s);
    return r;
}

/** Each micro-job ended once, and nothing beat a bound. `what` is printed when it does not hold. */
static inline void assert_sound(const SimResult *r, const char *what)
{
    const SimTally *t = &r->tally;
    const SimBounds *b = &r->bounds;
    ck_assert_msg(r->complete, "%s: %s: not complete: %llu of %llu", what, r->policy, (unsigned long long)t->done, (unsigned long long)t->jobs);
    ck_assert_msg(t->done + t->failed == t->jobs, "%s: %s: %llu done, %llu failed of %llu", what, r->policy, (unsigned long long)t->done,
                  (unsigned long long)t->failed, (unsigned long long)t->jobs);
    ck_assert_msg(t->counted_twice == 0, "%s: %s: counted twice", what, r->policy);
    ck_assert_msg(t->copies >= b->copies, "%s: %s: fewer copies than needed", what, r->policy);
    const double slack = 1 - 1e-6; /* times are whole nanoseconds */
    ck_assert_msg(t->failed || t->makespan_s >= b->makespan_s * slack, "%s: %s: makespan %.9g below its bound %.9g (work %.9g, longest %.9g, bytes %.9g)",
                  what, r->policy, t->makespan_s, b->makespan_s, b->work_s, b->longest_s, b->bytes_s);
    ck_assert_msg(t->cost >= b->cost * slack, "%s: %s: cost %.9g below its bound %.9g", what, r->policy, t->cost, b->cost);
    ck_assert_msg(t->cost >= b->cost_in_time * slack, "%s: %s: cost %.9g below its bound in time %.9g", what, r->policy, t->cost, b->cost_in_time);
    ck_assert_msg(t->bytes >= b->bytes, "%s: %s: %llu bytes moved, bound %llu", what, r->policy, (unsigned long long)t->bytes,
                  (unsigned long long)b->bytes);
}
