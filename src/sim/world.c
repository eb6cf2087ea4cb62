/* The world at its beginning: nodes from populations, micro-jobs from tasks, data on its holders; and the memory of all of it. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/world.h"

enum { ATTEMPTS_FIRST = 1024 };

bool node_fits(const SimPopulation *p, const SimTask *t)
{
    return p->level >= t->level && p->memory >= t->memory && (t->zone[0] == '\0' || strcmp(t->zone, p->zone) == 0) && (t->spot || !p->spot);
}

double job_work_s(const Scenario *s, uint64_t seed, uint32_t task, uint32_t job)
{
    return fmax(spread_draw(&s->tasks[task].run, seed, DRAW_RUN, job), 1e-6);
}

uint64_t job_content(const World *w, uint32_t job)
{
    if (w->tasks[w->jobs[job].task].dataset < 0) return 0;
    return draw_bits(w->seed, DRAW_HOLDER, (uint64_t)job << 8) | 1;
}

bool node_holds(const World *w, uint32_t node, uint32_t job)
{
    if (!w->holders) return false;
    for (uint32_t i = 0; i < SCENARIO_REPLICAS_MAX; i++)
        if (w->holders[(size_t)job * SCENARIO_REPLICAS_MAX + i] == node) return true;
    return false;
}

Err world_at(World *w, uint64_t at_ns, EventKind kind, uint32_t subject, uint32_t stamp)
{
    return events_put(&w->events, (Event){.at_ns = at_ns, .kind = kind, .subject = subject, .stamp = stamp});
}

/* Attempts */

static Err grow_attempts(World *w)
{
    uint32_t room = w->attempt_room ? 2 * w->attempt_room : ATTEMPTS_FIRST;
    if (room > EVENTS_MAX) return FAIL(ERR_LIMIT);
    Attempt *a = reallocarray(w->attempts, room, sizeof *a);
    if (!a) return FAIL(ENOMEM);
    w->attempts = a;
    w->attempt_room = room;
    return OK;
}

Err attempt_new(World *w, uint32_t job, uint32_t node, uint32_t *ret_attempt)
{
    uint32_t at = w->attempt_free, stamp = 0;
    if (at != SIM_NONE) {
        w->attempt_free = w->attempts[at].next_of_job;
        stamp = w->attempts[at].stamp + 1;
    } else {
        if (w->attempt_count == w->attempt_room) TRY(grow_attempts(w));
        at = w->attempt_count++;
    }
    Node *n = &w->nodes[node];
    Job *j = &w->jobs[job];
    w->attempts[at] = (Attempt){.job = job, .node = node, .stamp = stamp, .state = ATTEMPT_TRAVELS, .next_of_job = j->attempts,
        .next_of_node = n->attempts, .prev_of_node = SIM_NONE, .next_in_line = SIM_NONE};
    if (n->attempts != SIM_NONE) w->attempts[n->attempts].prev_of_node = at;
    n->attempts = at;
    j->attempts = at;
    *ret_attempt = at;
    return OK;
}

void attempt_free(World *w, uint32_t attempt)
{
    Attempt *a = &w->attempts[attempt];
    uint32_t *link = &w->jobs[a->job].attempts;
    while (*link != attempt) link = &w->attempts[*link].next_of_job;
    *link = a->next_of_job;
    if (a->next_of_node != SIM_NONE) w->attempts[a->next_of_node].prev_of_node = a->prev_of_node;
    if (a->prev_of_node != SIM_NONE) w->attempts[a->prev_of_node].next_of_node = a->next_of_node;
    else w->nodes[a->node].attempts = a->next_of_node;
    a->state = ATTEMPT_FREE;
    a->stamp++;
    a->next_of_job = w->attempt_free;
    w->attempt_free = attempt;
}

/* Nodes */

static uint64_t owner_of(const SimPopulation *p, uint32_t index)
{
    char name[2 * SCENARIO_NAME_MAX + 16];
    if (!p->owner[0] && !p->owners) return 0;
    snprintf(name, sizeof name, "%s/%u", p->owner[0] ? p->owner : p->name, p->owners ? index % p->owners : 0);
    return fact_hash(name);
}

static void make_speed(Node *n, uint64_t seed, uint32_t node)
{
    const SimPopulation *p = n->population;
    double cores = round(spread_draw(&p->cores, seed, DRAW_CORES, node));
    n->cores = cores < 1 ? 1 : cores > SCENARIO_CORES_MAX ? SCENARIO_CORES_MAX : (uint32_t)cores;
    n->speed = fmax(spread_draw(&p->speed, seed, DRAW_SPEED, node), p->speed.mean / 20);
    n->claimed_cores = n->cores;
    n->claimed_speed = n->speed;
    if (draw_unit(seed, DRAW_INFLATED, node) >= p->failures.inflated_share) return;
    double factor = p->failures.inflated_factor;
    n->claimed_cores = (uint32_t)(n->cores * factor);
    n->claimed_speed = n->speed * factor;
    n->speed *= (double)n->cores / n->claimed_cores; /* more at a time than it has cores: they share */
}

static void make_node(World *w, uint32_t node, uint32_t population, uint32_t index)
{
    const SimPopulation *p = &w->scenario->populations[population];
    Node *n = &w->nodes[node];
    char id[FACT_NODE_ID_MAX + 1];
    snprintf(id, sizeof id, "%.40s-%u", p->name, index);
    *n = (Node){.population = p, .population_index = population, .hash = fact_hash(id), .owner = owner_of(p, index), .attempts = SIM_NONE,
        .link = {SIM_NONE, SIM_NONE}, .ready = {SIM_NONE, SIM_NONE}};
    make_speed(n, w->seed, node);
    n->liar = draw_unit(w->seed, DRAW_LIAR, node) < p->failures.liar_share;
    if (!p->trace.count) return;
    n->trace_member = index % p->trace.most;
    uint64_t group = index / p->trace.most; /* the first group lives the trace from its start */
    n->trace_offset = group == 0 ? 0 : draw_below(w->seed, DRAW_TRACE, (uint64_t)population << 32 | group, p->trace.count);
}

static Err make_nodes(World *w)
{
    const Scenario *s = w->scenario;
    w->nodes = calloc(s->nodes, sizeof *w->nodes);
    if (!w->nodes) return FAIL(ENOMEM);
    for (uint32_t p = 0; p < s->population_count; p++)
        for (uint32_t i = 0; i < s->populations[p].count; i++) make_node(w, w->node_count++, p, i);
    return OK;
}

/* Micro-jobs and their data */

static Err make_jobs(World *w)
{
    const Scenario *s = w->scenario;
    w->jobs = calloc(s->jobs, sizeof *w->jobs);
    w->tasks = calloc(s->task_count, sizeof *w->tasks);
    if (!w->jobs || !w->tasks) return FAIL(ENOMEM);
    for (uint32_t t = 0; t < s->task_count; t++) {
        const SimTask *task = &s->tasks[t];
        size_t dataset = task->data[0] ? scenario_dataset(s, task->data) : s->dataset_count;
        w->tasks[t] = (TaskState){.first = w->job_count, .next = w->job_count, .count = (uint32_t)task->count, .image = fact_hash(task->name),
            .dataset = dataset < s->dataset_count ? (int32_t)dataset : -1};
        for (uint32_t i = 0; i < task->count; i++)
            w->jobs[w->job_count++] = (Job){.attempts = SIM_NONE, .vote = SIM_NONE, .task = (uint8_t)t, .wanted = (uint8_t)task->copies};
    }
    w->left = w->job_count;
    return OK;
}

/* The nodes that a dataset may lie on: [first, first + count). */
static void holders_of(const World *w, const SimDataset *d, uint32_t *ret_first, uint32_t *ret_count)
{
    *ret_first = 0;
    *ret_count = w->node_count;
    if (!d->on[0]) return;
    size_t on = scenario_population(w->scenario, d->on);
    for (size_t p = 0; p < on; p++) *ret_first += (uint32_t)w->scenario->populations[p].count;
    *ret_count = (uint32_t)w->scenario->populations[on].count;
}

static void choose_holders(World *w, uint32_t job, const SimDataset *d)
{
    uint32_t first, count, *held = &w->holders[(size_t)job * SCENARIO_REPLICAS_MAX];
    holders_of(w, d, &first, &count);
    uint32_t start = (uint32_t)draw_below(w->seed, DRAW_HOLDER, (uint64_t)job << 8 | 1, count);
    uint32_t step = count / d->replicas; /* evenly apart, so that no two are one node */
    for (uint32_t i = 0; i < d->replicas; i++) {
        held[i] = first + (start + i * step) % count;
        w->nodes[held[i]].data_count++;
    }
}

static Err fill_data(World *w)
{
    for (uint32_t n = 0; n < w->node_count; n++) {
        if (w->nodes[n].data_count && !(w->nodes[n].data = calloc(w->nodes[n].data_count, sizeof *w->nodes[n].data))) return FAIL(ENOMEM);
        w->nodes[n].data_count = 0;
    }
    for (size_t i = 0; i < (size_t)w->job_count * SCENARIO_REPLICAS_MAX; i++) {
        if (w->holders[i] == SIM_NONE) continue;
        uint32_t job = (uint32_t)(i / SCENARIO_REPLICAS_MAX);
        Node *n = &w->nodes[w->holders[i]];
        n->data[n->data_count++] = (NodeData){job_content(w, job), task_of_job(w, job)->segment_bytes};
    }
    return OK;
}

static Err place_data(World *w)
{
    if (w->scenario->dataset_count == 0) return OK;
    w->holders = malloc((size_t)w->job_count * SCENARIO_REPLICAS_MAX * sizeof *w->holders);
    if (!w->holders) return FAIL(ENOMEM);
    memset(w->holders, 0xff, (size_t)w->job_count * SCENARIO_REPLICAS_MAX * sizeof *w->holders);
    for (uint32_t j = 0; j < w->job_count; j++) {
        int32_t dataset = w->tasks[w->jobs[j].task].dataset;
        if (dataset >= 0) choose_holders(w, j, &w->scenario->datasets[dataset]);
    }
    return fill_data(w);
}

Err world_open(World *w)
{
    w->attempt_free = w->vote_free = SIM_NONE;
    TRY(make_nodes(w));
    TRY(make_jobs(w));
    TRY(place_data(w));
    TRY(reputation_new(&(ReputationOptions){.seed = w->seed}, &w->reputation));
    if (w->policy->open) TRY(w->policy->open(w));
    for (uint32_t t = 0; t < w->scenario->task_count; t++) TRY(world_at(w, w->scenario->tasks[t].arrives_ns, EVENT_ARRIVES, t, 0));
    for (uint32_t n = 0; n < w->node_count; n++) TRY(node_begin(w, n));
    return OK;
}

void world_close(World *w)
{
    if (w->policy->close) w->policy->close(w);
    reputation_free(w->reputation);
    for (uint32_t n = 0; w->nodes && n < w->node_count; n++) free(w->nodes[n].data);
    for (uint32_t t = 0; w->tasks && t < w->scenario->task_count; t++) free(w->tasks[t].again);
    free(w->nodes);
    free(w->jobs);
    free(w->tasks);
    free(w->attempts);
    free(w->votes);
    free(w->holders);
    events_free(&w->events);
}
