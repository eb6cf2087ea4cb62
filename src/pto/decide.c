/* Choosing: the densest tasks into the budget, one after the other, with what is there already a little ahead. */
#include "pto/decide.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "pto/decide_parts.h"

#define PRICE_MOST 0.5 /* chosen in simulation, on requests 10,000 to 14,000 of GenTD26 */

static const char *const NAMES[DECIDE_MODES] = {"off", "histogram", "lookahead", "learned", "oracle"};
const char *decide_mode_name(DecideMode mode) { return mode < DECIDE_MODES ? NAMES[mode] : "unknown"; }

bool decide_mode_parse(const char *name, DecideMode *ret_mode)
{
    for (unsigned i = 0; i < DECIDE_MODES; i++) {
        if (strcmp(name, NAMES[i]) != 0) continue;
        *ret_mode = (DecideMode)i;
        return true;
    }
    return false;
}

/* What may be saved up: if not said, at least the largest task, which could never be staged otherwise. */
static uint64_t burst(const Decide *d)
{
    uint64_t most = d->config.request_bytes * DECIDE_BURST;
    if (d->config.burst_bytes) return d->config.burst_bytes;
    for (uint32_t i = 0; i < d->config.task_count; i++)
        if (d->tasks[i].bytes > most) most = d->tasks[i].bytes;
    return most;
}

Err decide_new(const DecideConfig *config, Decide **ret_decide)
{
    if (config->task_count == 0 || config->task_count > DECIDE_TASKS_MAX || config->mode >= DECIDE_MODES) return FAIL(ERR_USAGE);
    Decide *d = calloc(1, sizeof *d);
    if (!d) return FAIL(ENOMEM);
    d->config = *config;
    if (!d->config.bin_ns) d->config.bin_ns = 60 * NS_PER_S;
    if (!d->config.rest_ns) d->config.rest_ns = 10 * d->config.bin_ns;
    size_t n = config->task_count;
    d->tasks = calloc(n, sizeof *d->tasks);
    d->sessions = calloc(DECIDE_SESSIONS, sizeof *d->sessions);
    uint32_t *bins = calloc(n * (DECIDE_BINS + 2 * DECIDE_PAUSES) + DECIDE_PAUSES, sizeof *bins);
    d->all_pauses = bins; /* the beginning of the one piece that is freed */
    if (!d->tasks || !d->sessions || !bins) {
        decide_free(&d);
        return FAIL(ENOMEM);
    }
    for (size_t i = 0; i < n; i++) {
        d->tasks[i].pauses = bins + DECIDE_PAUSES + i * (DECIDE_BINS + 2 * DECIDE_PAUSES);
        d->tasks[i].gaps = d->tasks[i].pauses + DECIDE_PAUSES + DECIDE_BINS;
        d->tasks[i].idle = d->tasks[i].pauses + DECIDE_PAUSES;
    }
    d->allowance = burst(d);
    *ret_decide = d;
    return OK;
}

void decide_free(Decide **decide)
{
    Decide *d = *decide;
    if (!d) return;
    for (uint32_t i = 0; d->tasks && i < d->config.task_count; i++) free(d->tasks[i].next);
    free(d->tasks);
    free(d->sessions);
    free(d->all_pauses);
    free(d);
    *decide = NULL;
}

void decide_set_budget(Decide *d, uint64_t bytes_max, uint32_t tasks_max)
{
    d->config.bytes_max = bytes_max;
    d->config.tasks_max = tasks_max;
}

void decide_set_next(Decide *d, uint32_t task, const uint32_t *next, uint32_t count)
{
    assert(task < d->config.task_count);
    uint32_t *copy = count ? calloc(count, sizeof *copy) : NULL;
    if (count && !copy) return; /* as if nothing were said */
    if (count) memcpy(copy, next, count * sizeof *copy);
    free(d->tasks[task].next);
    d->tasks[task].next = copy;
    d->tasks[task].next_count = count;
}

void decide_measured(Decide *d, uint32_t task, uint64_t bytes, uint64_t waiting_ns, uint64_t effort_ns)
{
    DecideTask *t = &d->tasks[task];
    if (t->state == DECIDE_STAGED || t->state == DECIDE_STAGING) d->bytes_staged += bytes - t->bytes;
    t->bytes = bytes;
    t->waiting_ns = waiting_ns;
    t->effort_ns = effort_ns;
}

static uint64_t forward(Decide *d, uint64_t now_ns) { return d->now_ns = now_ns > d->now_ns ? now_ns : d->now_ns; }

/* The less is saved up, the dearer is a byte: in parts of what a byte of a task saves that is surely asked for, at the mean. Only what is learned
 * is a probability that a price can be compared with; the others' are an order, which they go through as far as the rate goes. */
static double price_of_byte(const Decide *d)
{
    double waiting = 0, bytes = 0, most = (double)burst(d);
    if (!d->config.request_bytes || d->config.mode != DECIDE_LEARNED) return 0;
    for (uint32_t i = 0; i < d->config.task_count; i++) waiting += (double)d->tasks[i].waiting_ns, bytes += (double)d->tasks[i].bytes;
    return bytes > 0 ? PRICE_MOST * (1 - (double)d->allowance / most) * waiting / DECIDE_STAY / bytes : 0;
}

/* Each request brings what may be staged for it; what is not used is saved up. */
static void earn(Decide *d)
{
    uint64_t most = burst(d), bytes = d->config.request_bytes;
    if (bytes) d->allowance = d->allowance + bytes < most ? d->allowance + bytes : most;
}

void decide_observe(Decide *d, uint64_t now_ns, uint64_t session, uint32_t task)
{
    assert(task < d->config.task_count);
    uint64_t before = d->now_ns, now = forward(d, now_ns);
    double gap = (double)(now - before) + 1;
    if (d->requests++) d->rate = d->rate > 0 ? 1 / (0.95 / d->rate + 0.05 * gap) : 1 / gap;
    decide_learn(d, now, session, task);
    earn(d);
    if (d->future_at < d->future_count) d->future_at++;
}

void decide_future(Decide *d, const uint32_t *tasks, size_t count)
{
    d->future = tasks;
    d->future_count = count;
    d->future_at = 0;
}

static bool holds(DecideState s) { return s == DECIDE_STAGED || s == DECIDE_STAGING; }

void decide_state(Decide *d, uint32_t task, DecideState state)
{
    DecideTask *t = &d->tasks[task];
    if (holds(t->state) && !holds(state)) d->bytes_staged -= t->bytes, d->staged--;
    if (!holds(t->state) && holds(state)) d->bytes_staged += t->bytes, d->staged++;
    t->state = state;
}

void decide_judge(Decide *d, uint32_t task, bool used, uint64_t now_ns)
{
    const DecideTask *t = &d->tasks[task];
    *(used ? &d->saved_ns : &d->wasted_ns) += used ? (double)t->waiting_ns : (double)t->effort_ns;
    if (++d->judged < DECIDE_JUDGED) return;
    if (d->saved_ns <= d->wasted_ns) d->rest_until_ns = forward(d, now_ns) + d->config.rest_ns;
    d->saved_ns = d->wasted_ns = 0;
    d->judged = 0;
}

static void weigh(DecideTask *t, bool certain, double price)
{
    double p = t->probability, unused = (1 - p) * (1 - p) * (1 - p) * (1 - p); /* in all of its DECIDE_STAY horizons */
    double effort = holds(t->state) || certain ? 0 : unused * (double)t->effort_ns;
    double saving = (1 - unused) * (double)t->waiting_ns - effort;
    t->density = saving > 0 && t->bytes ? saving / DECIDE_STAY / (double)t->bytes : 0;
    if (!holds(t->state)) t->density = t->density > price ? t->density - price : 0;
    else if (t->density > 0 && !certain) t->density *= DECIDE_HYSTERESIS;
}

static int by_density(const void *a, const void *b, void *context)
{
    const DecideTask *tasks = context;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    double difference = tasks[y].density - tasks[x].density;
    return difference > 0 ? 1 : difference < 0 ? -1 : x < y ? -1 : x > y;
}

/* Marks what shall be there: the densest first, as far as the budget goes; what does not fit is passed over for what does. */
static void choose(Decide *d, uint8_t wanted[DECIDE_TASKS_MAX])
{
    /* These two say what is to be there; how certain it is, and what changing costs, is not for them. */
    bool certain = d->config.mode == DECIDE_ORACLE || d->config.mode == DECIDE_HISTOGRAM;
    uint32_t order[DECIDE_TASKS_MAX], count = 0;
    double price = price_of_byte(d);
    for (uint32_t i = 0; i < d->config.task_count; i++) {
        weigh(&d->tasks[i], certain, price);
        wanted[i] = 0;
        if (d->tasks[i].density > 0 && d->tasks[i].state != DECIDE_WARM) order[count++] = i;
    }
    qsort_r(order, count, sizeof order[0], by_density, d->tasks);
    uint64_t room = d->config.bytes_max, allowance = d->config.request_bytes ? d->allowance : UINT64_MAX;
    uint32_t places = d->config.tasks_max ? d->config.tasks_max : UINT32_MAX;
    for (uint32_t i = 0; i < count && places; i++) {
        const DecideTask *t = &d->tasks[order[i]];
        if (t->bytes > room || (!holds(t->state) && t->bytes > allowance)) continue;
        if (!holds(t->state)) allowance -= t->bytes;
        room -= t->bytes;
        places--;
        wanted[order[i]] = 1;
    }
}

static DecideAction action_of(const Decide *d, bool stage, uint32_t task)
{
    const DecideTask *t = &d->tasks[task];
    double value = t->density * (double)MIB;
    return (DecideAction){.stage = stage, .task = task, .value = value < 1e18 ? (uint64_t)value : UINT64_C(1000000000000000000)};
}

uint32_t decide_turn(Decide *d, uint64_t now_ns, DecideAction *ret_actions, uint32_t room)
{
    uint8_t wanted[DECIDE_TASKS_MAX];
    uint64_t now = forward(d, now_ns), held = d->bytes_staged;
    bool rests = now < d->rest_until_ns;
    uint32_t count = 0, places = d->staged;
    decide_probabilities(d, now);
    choose(d, wanted);
    for (uint32_t i = 0; i < d->config.task_count && count < room; i++) {
        if (d->tasks[i].state != DECIDE_STAGED || wanted[i]) continue;
        ret_actions[count++] = action_of(d, false, i);
        held -= d->tasks[i].bytes;
        places--;
    }
    /* The densest first, and only as far as there is room now: what is on its way cannot be called back. */
    while (!rests && count < room) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < d->config.task_count; i++)
            if (wanted[i] && d->tasks[i].state == DECIDE_ABSENT && (best == UINT32_MAX || d->tasks[i].density > d->tasks[best].density)) best = i;
        bool full = d->config.tasks_max && places >= d->config.tasks_max;
        if (best == UINT32_MAX || full || held + d->tasks[best].bytes > d->config.bytes_max) break;
        wanted[best] = 0;
        places++;
        held += d->tasks[best].bytes;
        if (d->config.request_bytes) d->allowance -= d->tasks[best].bytes;
        ret_actions[count++] = action_of(d, true, best);
    }
    return count;
}

uint64_t decide_wake(const Decide *d, uint64_t now_ns)
{
    if (d->config.mode == DECIDE_OFF) return UINT64_MAX;
    return now_ns + d->config.bin_ns / 4 + NS_PER_MS; /* windows open and close, pauses grow long */
}

DecideView decide_view(const Decide *d, uint32_t task)
{
    return (DecideView){.bytes_staged = d->bytes_staged, .staged = d->staged, .resting = d->now_ns < d->rest_until_ns,
                        .probability_now = d->tasks[task].probability};
}
