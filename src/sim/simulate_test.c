/* Is a simulation deterministic, does it neither lose nor double a micro-job whatever fails, and do the bounds hold for every policy? Over random
 * scenarios; COVEY_TEST_SEED repeats one, COVEY_SIM_ROUNDS asks for more. */
#include "sim/fixture.h"

#include <time.h>

#include "sim/random.h"

enum { ROUNDS_DEFAULT = 40, TEXT_MAX = 8192 };

static uint64_t test_seed(void)
{
    const char *given = getenv("COVEY_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    printf("# COVEY_TEST_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

static int rounds(void)
{
    const char *given = getenv("COVEY_SIM_ROUNDS");
    return given ? atoi(given) : ROUNDS_DEFAULT / TEST_STEP;
}

typedef struct { uint64_t seed, index; char *text; size_t used; } Writer;

static uint64_t below(Writer *w, uint64_t limit) { return draw_below(w->seed, DRAW_CHECK, w->index++, limit); }

static const char *one_of(Writer *w, const char *const *names, size_t count) { return names[below(w, count)]; }

#define SAY(w, ...) ((w)->used += (size_t)snprintf((w)->text + (w)->used, TEXT_MAX - (w)->used, __VA_ARGS__))
#define ONE_OF(w, ...) one_of((w), (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void write_spread(Writer *w, const char *key, const char *mean)
{
    const char *shape = ONE_OF(w, "fixed", "uniform", "exponential", "lognormal", "pareto");
    SAY(w, ", %s: {mean: %s, shape: %s", key, mean, shape);
    if (strcmp(shape, "uniform") == 0 || strcmp(shape, "lognormal") == 0 || strcmp(shape, "pareto") == 0) SAY(w, ", cv: 0.4");
    SAY(w, "}");
}

static void write_task(Writer *w, unsigned i, bool data)
{
    uint64_t copies = 1 + below(w, 3);
    SAY(w, "  - {name: t%u, tenant: %s, count: %llu, arrives: %llums, segment: %lluKiB, image: %lluKiB, result: %llu", i, ONE_OF(w, "a", "b"),
        (unsigned long long)(1 + below(w, 300)), (unsigned long long)below(w, 3000), (unsigned long long)below(w, 512),
        (unsigned long long)below(w, 2048), (unsigned long long)below(w, 4096));
    write_spread(w, "run", ONE_OF(w, "5ms", "100ms", "2s"));
    SAY(w, ", level: %s", ONE_OF(w, "shared", "process"));
    if (data && below(w, 2)) SAY(w, ", data: d");
    SAY(w, ", redundancy: {copies: %llu, agree: %llu, adaptive: %s, speculate: %s}", (unsigned long long)copies,
        (unsigned long long)(1 + below(w, copies)), copies > 1 && below(w, 2) ? "true" : "false", ONE_OF(w, "true", "false"));
    SAY(w, ", placement: {locality: %s, availability: %s, cost: %s}}\n", ONE_OF(w, "0", "1", "2.5"), ONE_OF(w, "0.5", "1"), ONE_OF(w, "0", "1", "10"));
}

static void write_failures(Writer *w)
{
    SAY(w, ", failures: {stragglers: {share: 0.05, factor: 8}");
    if (below(w, 2)) SAY(w, ", crash: {every: %llus, repair: %llus}", (unsigned long long)(10 + below(w, 50)), (unsigned long long)(1 + below(w, 30)));
    if (below(w, 2)) SAY(w, ", cut: {every: %llus, lasts: %llus}", (unsigned long long)(10 + below(w, 50)), (unsigned long long)(1 + below(w, 30)));
    if (below(w, 2)) SAY(w, ", liars: {share: 0.2, lies: %s}", ONE_OF(w, "independent", "colluding", "copied", "late"));
    if (below(w, 2)) SAY(w, ", inflated: {share: 0.3, factor: 3}");
    SAY(w, "}");
}

/* The first population has all that any task asks for, so that every scenario can be completed. */
static void write_population(Writer *w, unsigned i)
{
    SAY(w, "  - {name: n%u, count: %llu, joins: %llums, bandwidth: %s, latency: %llums, price: 0.0%llu, level: %s", i,
        (unsigned long long)(i ? 1 + below(w, 20) : 10), (unsigned long long)(i ? below(w, 2000) : 0), ONE_OF(w, "1MB", "100MB", "1GB"),
        (unsigned long long)below(w, 20), (unsigned long long)(1 + below(w, 9)), i ? ONE_OF(w, "shared", "process") : "process");
    write_spread(w, "cores", ONE_OF(w, "1", "4"));
    write_spread(w, "speed", ONE_OF(w, "0.5", "1", "2"));
    if (i && below(w, 2)) SAY(w, ", owners: 3");
    if (below(w, 2)) SAY(w, ", warm: true");
    write_failures(w);
    SAY(w, "}\n");
}

static void write_scenario(uint64_t seed, char text[TEXT_MAX])
{
    Writer w = {.seed = seed, .text = text};
    bool data = below(&w, 2), origin = below(&w, 3) == 0;
    SAY(&w, "scenario: random\nlease: %llus\n", (unsigned long long)(1 + below(&w, 5)));
    if (origin) SAY(&w, "origin: 50MB\n");
    SAY(&w, "tasks:\n");
    for (unsigned i = 0, count = 1 + (unsigned)below(&w, 3); i < count; i++) write_task(&w, i, data);
    SAY(&w, "nodes:\n");
    for (unsigned i = 0, count = 1 + (unsigned)below(&w, 3); i < count; i++) write_population(&w, i);
    if (data) SAY(&w, "datasets: [{name: d, replicas: %llu}]\n", (unsigned long long)(1 + below(&w, 3)));
    ck_assert_uint_lt(w.used, TEXT_MAX);
}

START_TEST(no_micro_job_is_lost_or_counted_twice_and_no_policy_beats_a_bound_in_random_scenarios)
{
    uint64_t seed = test_seed();
    char text[TEXT_MAX];
    for (int i = 0; i < rounds(); i++) {
        write_scenario(seed + (uint64_t)i, text);
        char what[TEXT_MAX + 64];
        snprintf(what, sizeof what, "COVEY_TEST_SEED=%llu COVEY_SIM_ROUNDS=1\n%s", (unsigned long long)seed + (unsigned)i, text);
        Scenario s = scenario_of(text);
        for (unsigned p = 0; sim_policy(p); p++) {
            SimResult r = simulated_as(&s, sim_policy(p), seed + (uint64_t)i, what);
            assert_sound(&r, what);
        }
        scenario_free(&s);
    }
}
END_TEST

START_TEST(the_same_seed_gives_the_same_figures_and_another_one_others)
{
    char text[TEXT_MAX];
    for (uint64_t seed = 1; seed <= 5; seed++) {
        write_scenario(seed, text);
        Scenario s = scenario_of(text);
        for (unsigned p = 0; sim_policy(p); p++) {
            SimResult a = simulated(&s, sim_policy(p), seed), b = simulated(&s, sim_policy(p), seed), c = simulated(&s, sim_policy(p), seed + 100);
            ck_assert_uint_eq(a.events, b.events);
            /* NOLINTBEGIN(bugprone-suspicious-memory-comparison): the same bits are meant */
            ck_assert(memcmp(&a.tally, &b.tally, sizeof a.tally) == 0 && memcmp(&a.bounds, &b.bounds, sizeof a.bounds) == 0);
            ck_assert(memcmp(&a.tally, &c.tally, sizeof a.tally) != 0);
            /* NOLINTEND(bugprone-suspicious-memory-comparison) */
        }
        scenario_free(&s);
    }
}
END_TEST

/* Four jobs of 1 s on two cores: 2 s, and the way there and back. */
START_TEST(a_scenario_small_enough_to_be_computed_by_hand_comes_out_so)
{
    static const char YAML[] = "scenario: hand\ntasks: [{name: t, count: 4, run: 1s, start: 0ms, segment: 0, image: 0}]\n"
                               "nodes: [{name: n, count: 2, cores: 1, price: 3.6, latency: 1ms}]\n";
    for (unsigned p = 0; sim_policy(p); p++) {
        SimResult r = simulated_text(YAML, sim_policy(p), 1);
        ck_assert_double_eq_tol(r.tally.makespan_s, 2.002, 1e-6);
        ck_assert_double_eq_tol(r.tally.cost, 0.004, 1e-9);
        ck_assert_double_eq_tol(r.bounds.work_s, 2, 1e-6);
        ck_assert_double_eq_tol(r.bounds.longest_s, 1.002, 1e-6);
        ck_assert_double_eq_tol(r.bounds.cost, 0.004, 1e-9);
        ck_assert_double_eq_tol(r.bounds.busy_s, 4, 1e-6);
        ck_assert_uint_eq(r.tally.copies, 4);
        ck_assert_uint_eq(r.tally.bytes, 0);
    }
}
END_TEST

START_TEST(data_goes_over_the_link_once_and_bounds_the_makespan)
{
    static const char YAML[] = "scenario: link\ntasks: [{name: t, count: 10, run: 1ms, start: 0ms, segment: 1MB, image: 5MB}]\n"
                               "nodes: [{name: n, count: 1, cores: 4, bandwidth: 1MB, latency: 0ms}]\n";
    SimResult r = simulated_text(YAML, "covey", 1);
    ck_assert_uint_eq(r.tally.bytes, 15000000);
    ck_assert_uint_eq(r.bounds.bytes, 15000000);
    ck_assert_double_eq_tol(r.bounds.bytes_s, 15, 1e-6);
    ck_assert_double_eq_tol(r.tally.makespan_s, 15.001, 1e-3);
}
END_TEST

START_TEST(what_no_node_may_run_is_left_at_the_horizon_and_said)
{
    static const char YAML[] = "scenario: hopeless\nhorizon: 60s\ntasks: [{name: t, count: 3, level: microvm}]\nnodes: [{name: n, level: process}]\n";
    for (unsigned p = 0; sim_policy(p); p++) {
        SimResult r = simulated_text(YAML, sim_policy(p), 1);
        ck_assert(!r.complete);
        ck_assert_uint_eq(r.tally.done + r.tally.failed + r.tally.copies, 0);
    }
}
END_TEST

static bool stop_at_once(void *context, uint64_t ended, uint64_t jobs, double now_s)
{
    (void)jobs;
    (void)now_s;
    *(uint64_t *)context = ended;
    return false;
}

START_TEST(a_simulation_can_be_stopped)
{
    Scenario s = scenario_of("scenario: long\ntasks: [{name: t, count: 100000, run: 1s}]\nnodes: [{name: n, count: 10}]\n");
    uint64_t ended = 0;
    SimResult r = {.policy = "untouched"};
    SimOptions options = {.context = &ended, .progress = stop_at_once};
    ck_assert_err(sim_run(&s, "covey", &options, &r, NULL), ERR_INTERRUPTED);
    ck_assert_str_eq(r.policy, "untouched");
    ck_assert_uint_lt(ended, 100000);
    scenario_free(&s);
}
END_TEST

typedef struct { size_t calls, count, total; PlacementCandidate first; } Explained;

static void keep(void *context, double now_s, const PlacementCandidate *candidates, size_t count, size_t total)
{
    (void)now_s;
    Explained *e = context;
    e->calls++;
    e->count = count;
    e->total = total;
    e->first = candidates[0];
}

START_TEST(the_candidates_of_a_micro_job_are_explained_once)
{
    Scenario s = scenario_of("scenario: why\ntasks: [{name: t, count: 5, run: 1s}]\nnodes: [{name: slow, count: 2, cores: 1, speed: 0.5},\n"
                             "  {name: fast, cores: 1, speed: 2}]\n");
    Explained e = {0};
    SimResult r;
    SimOptions options = {.context = &e, .explain_job = 0, .explain = keep};
    ck_assert_ok(sim_run(&s, "covey", &options, &r, NULL));
    ck_assert_uint_eq(e.calls, 1);
    ck_assert_uint_eq(e.total, 3);
    ck_assert_str_eq(e.first.node_id, "fast-0");
    options.explain_job = 5;
    Diag diag = {{0}};
    ck_assert_err(sim_run(&s, "covey", &options, &r, &diag), ERR_USAGE);
    ck_assert_str_eq(diag.text, "there is no micro-job 5: they are numbered from 0 to 4");
    scenario_free(&s);
}
END_TEST

/* One core that is taken after 60 s, which is said after 20 s; and another, which comes after 10 s. */
static SimResult notice_of(const char *run)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml, "scenario: notice\ntasks: [{name: t, run: %s, start: 0ms, segment: 0, image: 0}]\n"
             "nodes: [{name: spot, cores: 1, price: 3.6, latency: 1ms, spot: {notice: 40s}},\n"
             "  {name: steady, cores: 1, joins: 10s, price: 7.2, latency: 1ms}]\n", run);
    Scenario s = scenario_of(yaml);
    ck_assert_ok(trace_parse(VIEW("{\"metadata\": {\"gap_seconds\": 60}, \"data\": [1, 0, 0, 0, 0]}"), "t.json", &s.populations[0].trace, NULL));
    SimResult r = simulated(&s, "covey", 1);
    scenario_free(&s);
    ck_assert(r.complete && r.tally.done == 1 && r.tally.counted_twice == 0);
    return r;
}

START_TEST(a_notice_gives_what_runs_a_copy_at_once_and_the_first_answer_counts)
{
    SimResult r = notice_of("30s"); /* it would have been over in time: its copy is called off 10 s after it began */
    ck_assert(r.tally.copies == 2 && r.tally.replaced == 1);
    ck_assert_double_eq_tol(r.tally.makespan_s, 30.002, 0.01);
    ck_assert_double_eq_tol(r.tally.cost, 0.03 + 0.02, 1e-4);
    r = notice_of("70s"); /* not over in time: its copy began at the notice, not when the node was taken */
    ck_assert(r.tally.copies == 2 && r.tally.replaced == 1);
    ck_assert_double_eq_tol(r.tally.makespan_s, 90.002, 0.01);
    ck_assert_double_eq_tol(r.tally.cost, 0.06 + 0.14, 1e-4);
}
END_TEST

TEST_MAIN("sim/simulate", no_micro_job_is_lost_or_counted_twice_and_no_policy_beats_a_bound_in_random_scenarios,
          the_same_seed_gives_the_same_figures_and_another_one_others, a_scenario_small_enough_to_be_computed_by_hand_comes_out_so,
          data_goes_over_the_link_once_and_bounds_the_makespan, what_no_node_may_run_is_left_at_the_horizon_and_said, a_simulation_can_be_stopped,
          the_candidates_of_a_micro_job_are_explained_once, a_notice_gives_what_runs_a_copy_at_once_and_the_first_answer_counts)
