/* Lower bounds on makespan, cost and bytes. */
#include "sim/bounds.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* What one task asks of cores, at least. */
typedef struct {
    double work_s;              /* on a core of speed 1, of all copies that must run */
    double busy_s;              /* core-seconds, were all of it on the fastest cores */
    double longest_s;           /* of one micro-job, with the way there and back */
    double fastest, slowest;    /* cores that may run it; 0: none */
    double way_s;               /* the shortest, there and back */
    uint64_t moved, sent;       /* bytes to nodes; and back */
    double arrives_s;
} Demand;

static uint32_t copies_needed(const SimTask *t) { return t->adaptive ? 1 : t->agree; }

static void scan_nodes(const World *w, const SimTask *t, Demand *d)
{
    d->way_s = INFINITY;
    for (uint32_t i = 0; i < w->node_count; i++) {
        const Node *n = &w->nodes[i];
        if (!node_fits(n->population, t)) continue;
        d->fastest = fmax(d->fastest, n->speed);
        d->slowest = d->slowest > 0 ? fmin(d->slowest, n->speed) : n->speed;
        d->way_s = fmin(d->way_s, 2 * seconds(n->population->latency_ns));
    }
}

/* Nodes that hold the micro-job's data and may run it. */
static uint32_t holders_that_fit(const World *w, uint32_t job)
{
    uint32_t count = 0;
    for (uint32_t i = 0; w->holders && i < SCENARIO_REPLICAS_MAX; i++) {
        uint32_t node = w->holders[(size_t)job * SCENARIO_REPLICAS_MAX + i];
        count += node != SIM_NONE && node_fits(w->nodes[node].population, task_of_job(w, job));
    }
    return count;
}

static bool warm_somewhere(const World *w, const SimTask *t)
{
    for (size_t p = 0; p < w->scenario->population_count; p++)
        if (w->scenario->populations[p].warm && node_fits(&w->scenario->populations[p], t)) return true;
    return false;
}

static void demand_of(const World *w, uint32_t task, Demand *ret_demand)
{
    const SimTask *t = &w->scenario->tasks[task];
    const TaskState *state = &w->tasks[task];
    Demand d = {.arrives_s = seconds(t->arrives_ns)};
    uint32_t copies = copies_needed(t);
    double longest = 0;
    scan_nodes(w, t, &d);
    for (uint32_t j = state->first; j < state->first + state->count; j++) {
        double work = job_work_s(w->scenario, w->seed, task, j);
        uint32_t held = holders_that_fit(w, j);
        longest = fmax(longest, work);
        d.work_s += work;
        if (held < copies) d.moved += (copies - held) * t->segment_bytes;
    }
    double starts_s = (double)state->count * seconds(t->start_ns);
    d.busy_s = d.fastest > 0 ? copies * (d.work_s / d.fastest + starts_s) : 0;
    d.work_s = copies * (d.work_s + starts_s * d.slowest); /* starting takes a core too, however fast it is */
    d.longest_s = d.fastest > 0 ? d.way_s + seconds(t->start_ns) + longest / d.fastest : 0;
    if (!warm_somewhere(w, t)) d.moved += copies * t->image_bytes;
    d.sent = copies * (uint64_t)state->count * t->result_bytes;
    *ret_demand = d;
}

/* Capacity over time: of each population, core-seconds (at speed 1) per second in each sample of its trace; one sample without a trace. */

typedef struct { double *rate; size_t samples; } Supply;

static Err supply_of(const World *w, uint32_t population, uint32_t first, Supply *ret_supply)
{
    const SimPopulation *p = &w->scenario->populations[population];
    uint64_t lived = w->now_ns > p->joins_ns ? w->now_ns - p->joins_ns : 0;
    size_t samples = p->trace.count ? (size_t)(lived / p->trace.gap_ns) + 1 : 1;
    Supply s = {calloc(samples, sizeof *s.rate), samples};
    if (!s.rate) return FAIL(ENOMEM);
    for (size_t k = 0; k < samples; k++)
        for (uint32_t i = first; i < first + p->count; i++) {
            const Node *n = &w->nodes[i];
            if (!p->trace.count || trace_up(&p->trace, k + n->trace_offset, n->trace_member)) s.rate[k] += n->claimed_cores * n->speed;
        }
    *ret_supply = s;
    return OK;
}

/* Work that the population could have done from one time to another. */
static double done_between(const World *w, uint32_t population, const Supply *s, double from, double to)
{
    const SimPopulation *p = &w->scenario->populations[population];
    double joins = seconds(p->joins_ns), gap = p->trace.count ? seconds(p->trace.gap_ns) : INFINITY, done = 0;
    if (!p->trace.count) return s->rate[0] * fmax(0, to - fmax(from, joins));
    for (size_t k = 0; k < s->samples; k++) {
        double begins = fmax(from, joins + (double)k * gap), ends = fmin(to, joins + (double)(k + 1) * gap);
        if (ends > begins) done += s->rate[k] * (ends - begins);
    }
    return done;
}

typedef struct { const World *w; const Demand *demands; const Supply *supplies; } Market;

static double done_by(const Market *m, const bool *fits, double from, double to)
{
    double done = 0;
    for (uint32_t p = 0; p < m->w->scenario->population_count; p++)
        if (fits[p]) done += done_between(m->w, p, &m->supplies[p], from, to);
    return done;
}

/* The earliest time by which the work of these tasks could be done, begun when the first of them arrives. By bisection, rounded down. */
static double work_bound(const Market *m, const bool *tasks, double from)
{
    const Scenario *s = m->w->scenario;
    bool fits[SCENARIO_POPULATIONS_MAX] = {false};
    double work = 0, low = from, high = fmax(from, seconds(m->w->now_ns));
    for (size_t t = 0; t < s->task_count; t++) {
        if (!tasks[t]) continue;
        work += m->demands[t].work_s;
        for (size_t p = 0; p < s->population_count; p++) fits[p] |= node_fits(&s->populations[p], &s->tasks[t]);
    }
    for (int i = 0; i < 60 && high - low > 1e-9 * high; i++) {
        double middle = (low + high) / 2;
        if (done_by(m, fits, from, middle) >= work) high = middle;
        else low = middle;
    }
    return low;
}

/* Each task alone, and all that arrive from the arrival of each on. */
static double work_bounds(const Market *m)
{
    const Scenario *s = m->w->scenario;
    double best = 0;
    for (size_t t = 0; t < s->task_count; t++) {
        bool one[SCENARIO_TASKS_MAX] = {false}, later_ones[SCENARIO_TASKS_MAX];
        one[t] = true;
        for (size_t o = 0; o < s->task_count; o++) later_ones[o] = m->demands[o].arrives_s >= m->demands[t].arrives_s;
        best = fmax(best, fmax(work_bound(m, one, m->demands[t].arrives_s), work_bound(m, later_ones, m->demands[t].arrives_s)));
    }
    return best;
}

static double bytes_bound(const Market *m)
{
    const Scenario *s = m->w->scenario;
    double moved = 0, links = 0;
    for (size_t t = 0; t < s->task_count; t++) moved += (double)m->demands[t].moved;
    for (size_t p = 0; p < s->population_count; p++) links += (double)s->populations[p].bandwidth * (double)s->populations[p].count;
    double over_links = links > 0 ? moved / links : 0;
    return s->origin_bandwidth ? fmax(over_links, moved / (double)s->origin_bandwidth) : over_links;
}

/* Cost: per core-second at speed 1, of each node. */

typedef struct { double rate, capacity; } Offer;

static int by_rate(const void *a, const void *b)
{
    double x = ((const Offer *)a)->rate, y = ((const Offer *)b)->rate;
    return (x > y) - (x < y);
}

/* Dantzig's greedy for the fractional knapsack: the cheapest first. */
static double fill(Offer *offers, size_t count, double work)
{
    double cost = 0;
    qsort(offers, count, sizeof *offers, by_rate);
    for (size_t i = 0; i < count && work > 0; i++) {
        double here = fmin(work, offers[i].capacity);
        cost += here * offers[i].rate;
        work -= here;
    }
    return cost;
}

static void add_cost(const World *w, uint32_t task, const Demand *d, Offer *offers, SimBounds *b)
{
    const SimTask *t = &w->scenario->tasks[task];
    size_t count = 0;
    double least = INFINITY;
    for (uint32_t i = 0; i < w->node_count; i++) {
        const Node *n = &w->nodes[i];
        if (!node_fits(n->population, t)) continue;
        double rate = n->population->price / 3600 / n->speed;
        offers[count++] = (Offer){rate, seconds(node_up_ns(w, n)) * n->claimed_cores * n->speed};
        least = fmin(least, rate);
    }
    if (count == 0) return;
    b->cost += d->work_s * least;
    b->cost_in_time += fill(offers, count, d->work_s);
}

static Err compute(const Market *m, SimBounds *b)
{
    const World *w = m->w;
    double first = INFINITY;
    Offer *offers = calloc(w->node_count, sizeof *offers);
    if (!offers) return FAIL(ENOMEM);
    for (uint32_t t = 0; t < w->scenario->task_count; t++) {
        const Demand *d = &m->demands[t];
        first = fmin(first, d->arrives_s);
        b->longest_s = fmax(b->longest_s, d->arrives_s + d->longest_s);
        b->busy_s += d->busy_s;
        b->bytes += d->moved + d->sent;
        b->copies += copies_needed(&w->scenario->tasks[t]) * w->scenario->tasks[t].count;
        add_cost(w, t, d, offers, b);
    }
    free(offers);
    b->longest_s -= first;
    b->work_s = work_bounds(m) - first;
    b->bytes_s = bytes_bound(m);
    b->makespan_s = fmax(b->work_s, fmax(b->longest_s, b->bytes_s));
    return OK;
}

static Err make_supplies(const World *w, Supply *supplies)
{
    uint32_t first = 0;
    for (uint32_t p = 0; p < w->scenario->population_count; first += (uint32_t)w->scenario->populations[p++].count)
        TRY(supply_of(w, p, first, &supplies[p]));
    return OK;
}

Err bounds_compute(const World *w, SimBounds *ret_bounds)
{
    Demand demands[SCENARIO_TASKS_MAX];
    Supply supplies[SCENARIO_POPULATIONS_MAX] = {{0}};
    SimBounds b = {0};
    for (uint32_t t = 0; t < w->scenario->task_count; t++) demand_of(w, t, &demands[t]);
    Err e = make_supplies(w, supplies);
    if (e.code == 0) e = compute(&(Market){w, demands, supplies}, &b);
    for (size_t p = 0; p < w->scenario->population_count; p++) free(supplies[p].rate);
    if (e.code == 0) *ret_bounds = b;
    return e;
}
