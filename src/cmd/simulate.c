/* covey simulate: a scenario, its figures beside what is possible, as a table or one JSON object. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/progress.h"
#include "cmd/session.h"
#include "cmd/stop.h"

static const char NOTE[] = "figures of a model, not measurements; docs/simulation.md says what is modelled";

typedef struct {
    json_t *json;            /* NULL: a table */
    json_t *policies, *candidates, *notices;
    Progress progress;
    struct timespec begin;
    double next_s;
    bool table_begun;
} View;

static double since(const struct timespec *begin)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

static int on_progress(void *context, const char *policy, uint64_t ended, uint64_t micro_jobs, double simulated_seconds)
{
    View *v = context;
    (void)simulated_seconds;
    if (strcmp(v->progress.task, policy) != 0) { /* each policy has a clock of its own, that its rate means something */
        v->progress.task = policy;
        v->next_s = 0.1;
        v->progress.next_line_s = PROGRESS_LINE_EVERY_S;
        clock_gettime(CLOCK_MONOTONIC, &v->begin);
    }
    double wall = since(&v->begin);
    if (wall >= v->next_s) {
        progress_show(&v->progress, &(covey_progress){.micro_jobs = micro_jobs, .succeeded = ended, .wall_seconds = wall});
        v->next_s = wall + 0.1;
    }
    return stop_caught();
}

static void on_begun(void *context, const covey_simulation *s)
{
    View *v = context;
    if (v->json) {
        json_object_set_new(v->json, "simulation", json_string(NOTE));
        json_object_set_new(v->json, "scenario", json_string(s->scenario));
        json_object_set_new(v->json, "seed", json_integer((json_int_t)s->seed));
        json_object_set_new(v->json, "nodes", json_integer((json_int_t)s->nodes));
        json_object_set_new(v->json, "micro_jobs", json_integer((json_int_t)s->micro_jobs));
        return;
    }
    printf("simulation of %s: %" PRIu64 " nodes, %" PRIu64 " micro-jobs, seed %" PRIu64 " (%s)\n", s->scenario, s->nodes, s->micro_jobs, s->seed, NOTE);
}

static void on_notice(void *context, const char *line)
{
    View *v = context;
    if (v->json) json_array_append_new(v->notices, json_string(line));
    else printf("note: %s\n", line);
}

/* A figure, and how many times the bound it is. */
static void format_ratio(double value, double bound, char ret_text[16])
{
    if (bound > 0) snprintf(ret_text, 16, "%.2fx", value / bound);
    else snprintf(ret_text, 16, "-");
}

static void format_bytes(uint64_t bytes, char ret_text[24])
{
    static const char *const UNITS[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes;
    unsigned unit = 0;
    for (; value >= 999.5 && unit + 1 < sizeof UNITS / sizeof UNITS[0]; unit++) value /= 1000;
    snprintf(ret_text, 24, "%.*f %s", unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2, value, UNITS[unit]);
}

/* Redundancy: beyond the copies that must agree, and those that took the place of lost ones. */
static uint64_t extra_copies(const covey_simulated *f)
{
    uint64_t needed = f->bound_copies + f->replaced;
    return f->copies > needed ? f->copies - needed : 0;
}

static void print_row(const char *policy, double makespan, const char *makespan_ratio, double cost, const char *cost_ratio, double utilisation,
                      const char *bytes, uint64_t extra, uint64_t wrong, uint64_t replaced)
{
    printf("%-13s %11.2f %7s %12.4f %7s %6.1f %10s %9" PRIu64 " %8" PRIu64 " %9" PRIu64 "\n", policy, makespan, makespan_ratio, cost, cost_ratio,
           100 * utilisation, bytes, extra, wrong, replaced);
}

static void print_bound(const covey_simulated *f)
{
    char bytes[24];
    format_bytes(f->bound_bytes, bytes);
    printf("\n%-13s %11s %7s %12s %7s %6s %10s %9s %8s %9s\n", "policy", "makespan s", "/bound", "cost", "/bound", "used %", "moved", "copies +",
           "wrong", "re-placed");
    printf("%-13s %11.2f %7s %12.4f %7s %6s %10s %9d %8d %9d\n", "lower bound", f->bound_makespan_seconds, "", f->bound_cost, "", "", bytes, 0, 0, 0);
}

static void print_figures(View *v, const covey_simulated *f)
{
    char makespan[16], cost[16], bytes[24];
    if (!v->table_begun) print_bound(f);
    v->table_begun = true;
    format_ratio(f->makespan_seconds, f->bound_makespan_seconds, makespan);
    format_ratio(f->cost, f->bound_cost_in_time, cost);
    format_bytes(f->bytes, bytes);
    print_row(f->policy, f->makespan_seconds, f->complete ? makespan : "-", f->cost, f->complete ? cost : "-", f->utilisation, bytes, extra_copies(f),
              f->wrong, f->replaced);
    if (!f->complete)
        printf("  %s: %" PRIu64 " of %" PRIu64 " micro-jobs had not ended when the scenario's horizon was reached\n", f->policy,
               f->micro_jobs - f->succeeded - f->failed, f->micro_jobs);
    if (f->failed) printf("  %s: %" PRIu64 " micro-jobs failed: as many copies as may be asked did not agree\n", f->policy, f->failed);
    fflush(stdout);
}

static json_t *integers(const covey_simulated *f)
{
    const struct { const char *name; uint64_t value; } FIGURES[] = {
        {"micro_jobs", f->micro_jobs}, {"succeeded", f->succeeded}, {"failed", f->failed}, {"counted_twice", f->counted_twice},
        {"copies", f->copies}, {"extra_copies", extra_copies(f)}, {"replaced", f->replaced},
        {"moved_jobs", f->moved}, {"speculated", f->speculated}, {"late_results", f->duplicates}, {"wrong", f->wrong}, {"bytes_moved", f->bytes},
        {"events", f->events}};
    json_t *o = json_object();
    json_object_set_new(o, "policy", json_string(f->policy));
    json_object_set_new(o, "complete", json_boolean(f->complete));
    for (size_t i = 0; i < sizeof FIGURES / sizeof FIGURES[0]; i++)
        json_object_set_new(o, FIGURES[i].name, json_integer((json_int_t)FIGURES[i].value));
    return o;
}

static void add_figures(View *v, const covey_simulated *f)
{
    json_t *o = integers(f);
    json_t *bound = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I}", "makespan_seconds", f->bound_makespan_seconds, "work_seconds",
        f->bound_work_seconds, "longest_seconds", f->bound_longest_seconds, "bytes_seconds", f->bound_bytes_seconds, "cost", f->bound_cost,
        "cost_in_time", f->bound_cost_in_time, "busy_core_seconds", f->bound_busy_core_seconds, "utilisation", f->bound_utilisation,
        "bytes_moved", (json_int_t)f->bound_bytes, "copies", (json_int_t)f->bound_copies);
    json_object_set_new(o, "makespan_seconds", json_real(f->makespan_seconds));
    json_object_set_new(o, "cost", json_real(f->cost));
    json_object_set_new(o, "utilisation", json_real(f->utilisation));
    json_object_set_new(o, "busy_core_seconds", json_real(f->busy_core_seconds));
    json_object_set_new(o, "lower_bound", bound);
    json_array_append_new(v->policies, o);
}

static void on_result(void *context, const covey_simulated *f)
{
    View *v = context;
    if (v->progress.terminal) progress_end(&v->progress);
    if (v->json) add_figures(v, f);
    else print_figures(v, f);
}

static void on_candidate(void *context, const covey_simulated_candidate *c)
{
    View *v = context;
    if (v->json) {
        json_array_append_new(v->candidates, json_pack("{s:s, s:s?, s:b, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "node", c->node, "excluded", c->excluded, "full", c->full,
            "queue_seconds", c->queue_seconds, "transfer_seconds", c->transfer_seconds, "start_seconds", c->start_seconds, "run_seconds",
            c->run_seconds, "price", c->price, "score", c->score, "finish_seconds", c->finish_seconds));
        return;
    }
    if (c->rank == 0)
        printf("\ncandidates at %.3f s, best first, of %zu nodes\n%-24s %9s %9s %9s %9s %9s %11s %10s\n", c->now_seconds, c->total, "node", "queue s",
               "transfer s", "start s", "run s", "price", "score", "finish s");
    if (c->excluded) printf("%-24s %s\n", c->node, c->excluded);
    else printf("%-24s %9.3f %9.3f %9.3f %9.3f %9.6f %11.4f %10.3f%s\n", c->node, c->queue_seconds, c->transfer_seconds, c->start_seconds, c->run_seconds,
                c->price, c->score, c->finish_seconds, c->full ? "  no room now" : "");
}

static void print_json(const View *v)
{
    json_dumpf(v->json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
}

static int simulate(const char *path, covey_simulate_options *o, bool json)
{
    View v = {0};
    covey_error e;
    if (json) {
        v.json = json_object();
        v.policies = json_array();
        v.candidates = json_array();
        v.notices = json_array();
    }
    progress_begin(&v.progress, "simulate");
    clock_gettime(CLOCK_MONOTONIC, &v.begin);
    o->context = &v;
    o->begun = on_begun;
    o->notice = on_notice;
    o->progress = on_progress;
    o->result = on_result;
    stop_catch();
    int code = (int)covey_simulate(path, o, &e);
    progress_end(&v.progress);
    if (code == COVEY_INTERRUPTED) fprintf(stderr, "covey: interrupted; what is said above is complete, the rest was not simulated\n");
    else if (code) session_error(&e);
    if (json) {
        json_object_set_new(v.json, "notices", v.notices);
        json_object_set_new(v.json, "policies", v.policies);
        if (o->candidate) json_object_set_new(v.json, "candidates", v.candidates);
        else json_decref(v.candidates);
        if (!code) print_json(&v);
        json_decref(v.json);
    }
    return code;
}

int command_simulate(int argc, char **argv)
{
    covey_simulate_options o = {.policy = "all"};
    OptionNumber seed = {0}, explain = {0};
    bool json = false;
    const Option options[] = {
        {"seed", 's', OPTION_NUMBER64, &seed, "N", "instead of the scenario's"},
        {"policy", 'p', OPTION_TEXT, &o.policy, "NAME", "covey, random, round-robin, least-loaded, two-choices, locality, cheapest; default: all"},
        {"json", 0, OPTION_FLAG, &json, NULL, "print one JSON object"},
        {"explain", 0, OPTION_NUMBER64, &explain, "JOB", "the nodes that placement weighs for this micro-job (from 0), and the terms of their scores"},
    };
    const Usage usage = {.command = "simulate", .usage = "covey simulate SCENARIO.yaml [--seed N] [--policy NAME|all] [--json] [--explain JOB]",
                         .summary = "Simulates a swarm on the real placement code: makespan, cost, utilisation, bytes, redundancy and wrong results,\n"
                                    "beside lower bounds that no policy can beat and beside other policies. Deterministic from the seed.",
                         .examples = "  covey simulate examples/simulate/spot-fleet.yaml\n"
                                     "  covey simulate examples/simulate/liars.yaml --policy covey --seed 7 --json\n",
                         .options = options, .option_count = sizeof options / sizeof options[0], .positional_min = 1, .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    o.seed = seed.value;
    o.has_seed = seed.given;
    o.explain_job = explain.value;
    if (explain.given) {
        o.candidate = on_candidate;
        if (strcmp(o.policy, "all") == 0) o.policy = "covey";
    }
    return simulate(a.positional[0], &o, json);
}
