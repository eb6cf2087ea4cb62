/*
 * 10,000 unlike nodes: how near is the time that a task takes to what no placement could beat? Discrete events: every core of every node runs
 * one micro-job at a time, first come first served. Placement is told windows, not queues' true ends; its guesses of speed and run time are
 * wrong at first.
 */
#include <math.h>
#include <stdlib.h>

#include "placement/fixture.h"

typedef struct { double at_s; uint32_t node; float charge_s, run_s; } Event;
typedef struct { Event *events; size_t count; } Events; /* a heap by time */
typedef struct { PlacementNodeRef ref; uint32_t cores, running, out, first, last; double speed; } Machine;
typedef struct { float work_s, charge_s; } Given;

enum { QUEUE_MAX = 64 };

typedef struct {
    unsigned nodes, jobs_per_core;
    double spread;        /* of run times: work is uniform in 1 +- spread */
    double misjudged;     /* reported speeds are wrong by up to this part */
    double run_guess_s;   /* what placement is told; the truth is 1 */
    unsigned window;      /* micro-jobs a core */
    uint64_t seed;
} Scenario;

typedef struct {
    const Scenario *s;
    Placement *p;
    PlacementTaskRef task;
    Machine *machines;
    Given (*queues)[QUEUE_MAX];
    Events events;
    uint64_t seed, left, done;
    double now_s, work_s, longest_s, rate, fastest;
} Run;

static void events_add(Events *q, Event e)
{
    size_t at = q->count++;
    for (; at > 0 && e.at_s < q->events[(at - 1) / 2].at_s; at = (at - 1) / 2) q->events[at] = q->events[(at - 1) / 2];
    q->events[at] = e;
}

static Event events_take(Events *q)
{
    const Event first = q->events[0], last = q->events[--q->count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < q->count; at = child) {
        if (child + 1 < q->count && q->events[child + 1].at_s < q->events[child].at_s) child++;
        if (last.at_s <= q->events[child].at_s) break;
        q->events[at] = q->events[child];
    }
    q->events[at] = last;
    return first;
}

static void begin(Run *r)
{
    unsigned cores = 0;
    for (unsigned i = 0; i < r->s->nodes; i++) {
        Machine *m = &r->machines[i];
        NodeFacts f = plain_node(i);
        f.cores = (uint32_t)(1 + random_below(&r->seed, 4));
        m->cores = f.cores;
        m->speed = 0.5 + 1.5 * random_unit(&r->seed);
        f.speed = m->speed * (1 + r->s->misjudged * (2 * random_unit(&r->seed) - 1));
        m->ref = put(r->p, &f);
        ck_assert_uint_eq(m->ref, i);
        placement_set_room(r->p, m->ref, f.cores * r->s->window);
        cores += f.cores;
        r->rate += m->speed * m->cores;
        r->fastest = fmax(r->fastest, m->speed);
    }
    TaskNeed need = plain_task();
    need.run_s = r->s->run_guess_s;
    r->task = add(r->p, &need);
    r->left = (uint64_t)cores * r->s->jobs_per_core;
    r->events.events = malloc((cores + 1) * sizeof *r->events.events);
    ck_assert_ptr_nonnull(r->events.events);
    placement_set_left(r->p, r->task, r->left);
}

static void start(Run *r, uint32_t node)
{
    Machine *m = &r->machines[node];
    while (m->running < m->cores && m->first != m->last) {
        const Given g = r->queues[node][m->first++ % QUEUE_MAX];
        const double run_s = g.work_s / m->speed;
        m->running++;
        events_add(&r->events, (Event){r->now_s + run_s, node, g.charge_s, (float)run_s});
    }
}

static void dispatch(Run *r)
{
    while (r->left) {
        PlacementChoice c;
        if (choose(r->p, r->task, (JobNeed){0, 0}, &c) != PLACEMENT_CHOSEN) return;
        Machine *m = &r->machines[c.node];
        const double work_s = 1 + r->s->spread * (2 * random_unit(&r->seed) - 1);
        r->work_s += work_s;
        r->longest_s = fmax(r->longest_s, work_s);
        r->queues[c.node][m->last++ % QUEUE_MAX] = (Given){(float)work_s, c.charge_s};
        m->out++;
        r->left--;
        start(r, c.node);
    }
}

/* The makespan over the lower bound: all work on all cores, and the longest micro-job on the fastest. */
static double ratio(const Scenario *s)
{
    Run r = {.s = s, .p = new_placement(), .seed = s->seed, .machines = calloc(s->nodes, sizeof(Machine))};
    r.queues = malloc(s->nodes * sizeof *r.queues);
    ck_assert(r.machines && r.queues);
    begin(&r);
    const uint64_t jobs = r.left;
    for (dispatch(&r); r.events.count; dispatch(&r)) {
        const Event e = events_take(&r.events);
        Machine *m = &r.machines[e.node];
        r.now_s = e.at_s;
        m->running--, m->out--, r.done++;
        placement_tick(r.p, r.now_s);
        placement_end(r.p, m->ref, r.task, e.charge_s, PLACEMENT_DONE, e.run_s);
        placement_set_room(r.p, m->ref, m->cores * s->window - m->out);
        start(&r, e.node);
    }
    ck_assert_uint_eq(r.done, jobs);
    const double bound_s = fmax(r.work_s / r.rate, r.longest_s / r.fastest);
    placement_free(r.p);
    free(r.machines), free(r.queues), free(r.events.events);
    return r.now_s / bound_s;
}

START_TEST(ten_thousand_nodes_finish_within_a_twentieth_of_the_bound)
{
    ck_assert_double_le(ratio(&(Scenario){.nodes = 10000, .jobs_per_core = 25, .run_guess_s = 1, .window = 2, .seed = 1}), 1.05);
}
END_TEST

START_TEST(also_when_runs_vary_and_speeds_and_guesses_are_wrong)
{
    Scenario s = {.nodes = 1000, .jobs_per_core = 60, .spread = 0.5, .misjudged = 0.2, .run_guess_s = 3, .window = 2, .seed = 2};
    ck_assert_double_le(ratio(&s), 1.05);
    s.nodes = 500, s.run_guess_s = 0.01, s.seed = 3;
    ck_assert_double_le(ratio(&s), 1.05);
}
END_TEST

TEST_MAIN("placement/makespan", ten_thousand_nodes_finish_within_a_twentieth_of_the_bound, also_when_runs_vary_and_speeds_and_guesses_are_wrong)
