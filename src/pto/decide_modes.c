/* Where the probabilities come from. */
#include <math.h>

#include "base/limits.h"
#include "pto/decide_parts.h"

enum { WAYS = 8, STANDARD_BINS = 10 /* the paper's fixed keep-alive, in bins, where a histogram is no good */, REPRESENTATIVE_MIN = 8 };
#define PREWARM_PERCENTILE 0.05
#define KEEP_PERCENTILE 0.99
#define CV_MIN 2.0
#define SETS (DECIDE_SESSIONS / WAYS)

static double probability_or(double p, double q) { return 1 - (1 - p) * (1 - q); }

/* --- sessions --- */

static DecideSession *find_session(Decide *d, uint64_t session)
{
    DecideSession *set = &d->sessions[session * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (SETS - 1)], *oldest = NULL;
    set = &d->sessions[(size_t)(set - d->sessions) * WAYS];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].last_ns && set[i].session == session) return &set[i];
        if (!oldest || set[i].last_ns < oldest->last_ns) oldest = &set[i];
    }
    *oldest = (DecideSession){.session = session, .task = UINT32_MAX};
    return oldest;
}

static unsigned pause_bin(uint64_t ns)
{
    uint64_t us = ns / 1000;
    unsigned bin = us ? 64 - (unsigned)__builtin_clzll(us) : 0;
    return bin < DECIDE_PAUSES ? bin : DECIDE_PAUSES - 1;
}

void decide_expect(Decide *d, uint64_t session, const DecideCandidate *candidates, uint32_t count)
{
    DecideSession *s = find_session(d, session);
    s->count = count < DECIDE_CANDIDATES ? count : DECIDE_CANDIDATES;
    for (uint32_t i = 0; i < s->count; i++) s->candidates[i] = candidates[i];
    if (!s->last_ns) s->last_ns = d->now_ns ? d->now_ns : 1;
}

/* --- learning --- */

static void learn_idle(Decide *d, DecideTask *t, uint64_t now_ns)
{
    uint64_t bin = (now_ns - t->last_ns) / d->config.bin_ns;
    if (!t->last_ns) return;
    t->gaps[pause_bin(now_ns - t->last_ns)]++;
    if (bin < DECIDE_BINS) t->idle[bin]++, t->idle_count++;
    else t->idle_beyond++;
}

static double decay(double ns, double half_ns) { return exp2(-ns / half_ns); }

static double begins_now(const Decide *d, const DecideTask *t, uint64_t now_ns)
{
    return t->begins * decay((double)now_ns - t->begins_at_ns, 60.0 * (double)d->config.bin_ns);
}

void decide_learn(Decide *d, uint64_t now_ns, uint64_t session, uint32_t task)
{
    DecideTask *t = &d->tasks[task];
    learn_idle(d, t, now_ns);
    t->last_ns = now_ns ? now_ns : 1;
    DecideSession *s = find_session(d, session);
    if (s->last_ns && s->task != UINT32_MAX) {
        unsigned bin = pause_bin(now_ns - s->last_ns);
        d->tasks[s->task].pauses[bin]++;
        d->tasks[s->task].pause_count++;
        d->all_pauses[bin]++;
        d->all_pause_count++;
    } else {
        t->begins = begins_now(d, t, now_ns) + 1;
        t->begins_at_ns = (double)now_ns;
    }
    *s = (DecideSession){.session = session, .last_ns = t->last_ns, .task = task};
}

/* As long as it takes until as many requests came as the budget has room for: what is not asked for by then has held its bytes in vain. */
uint64_t decide_horizon_ns(const Decide *d)
{
    double bytes = 0, rooms;
    for (uint32_t i = 0; i < d->config.task_count; i++) bytes += (double)d->tasks[i].bytes;
    rooms = bytes > 0 ? (double)d->config.bytes_max / (bytes / d->config.task_count) : 1;
    if (d->config.tasks_max && rooms > d->config.tasks_max) rooms = d->config.tasks_max;
    if (rooms < 1) rooms = 1;
    if (rooms > d->config.task_count) rooms = d->config.task_count;
    double horizon = d->rate > 0 ? rooms / d->rate : (double)d->config.bin_ns;
    return horizon < 1e18 ? (uint64_t)horizon : UINT64_C(1000000000000000000);
}

/* --- histogram --- */

static uint32_t percentile(const DecideTask *t, double part)
{
    double wanted = part * t->idle_count, sum = 0;
    for (uint32_t i = 0; i < DECIDE_BINS; i++)
        if ((sum += t->idle[i]) >= wanted && sum > 0) return i;
    return DECIDE_BINS - 1;
}

/* Whether the bins say something: the coefficient of variation of their counts, as in the paper. */
static bool representative(const DecideTask *t)
{
    double mean = (double)t->idle_count / DECIDE_BINS, square = 0;
    if (t->idle_count < REPRESENTATIVE_MIN || t->idle_beyond > t->idle_count) return false;
    for (uint32_t i = 0; i < DECIDE_BINS; i++) square += (t->idle[i] - mean) * (t->idle[i] - mean);
    return sqrt(square / DECIDE_BINS) / mean >= CV_MIN;
}

static void by_histogram(Decide *d, uint64_t now_ns)
{
    for (uint32_t i = 0; i < d->config.task_count; i++) {
        DecideTask *t = &d->tasks[i];
        if (!t->last_ns) continue;
        uint64_t from = 0, to = STANDARD_BINS * d->config.bin_ns, idle = now_ns - t->last_ns;
        if (representative(t)) {
            uint32_t prewarm = percentile(t, PREWARM_PERCENTILE);
            from = prewarm * d->config.bin_ns * 9 / 10;
            to = (percentile(t, KEEP_PERCENTILE) + 1) * d->config.bin_ns * 11 / 10;
        }
        /* Within its window a task is wanted; of several, the one used last first, so that a full budget works as one of least recent use. */
        if (idle >= from && idle < to) t->probability = 0.5 + 0.5 / (1 + (double)idle / (double)d->config.bin_ns);
    }
}

/* --- lookahead --- */

static void by_lookahead(Decide *d, uint64_t now_ns)
{
    uint64_t horizon = DECIDE_BINS * d->config.bin_ns;
    for (size_t i = 0; i < DECIDE_SESSIONS; i++) {
        const DecideSession *s = &d->sessions[i];
        if (!s->last_ns || s->task == UINT32_MAX || now_ns - s->last_ns > horizon) continue;
        const DecideTask *t = &d->tasks[s->task];
        for (uint32_t k = 0; k < t->next_count; k++) {
            DecideTask *next = &d->tasks[t->next[k]];
            double age = (double)(now_ns - s->last_ns) / (double)d->config.bin_ns;
            next->probability = probability_or(next->probability, 1.0 / t->next_count / (1 + age));
        }
    }
}

/* --- learned --- */

/* Bins above `from`, weighted; the bin that contains a time counts for its part above it. */
static double pauses_above(const uint32_t *bins, uint64_t ns)
{
    unsigned bin = pause_bin(ns);
    double low = bin ? exp2(bin - 1) * 1000 : 0, high = exp2(bin) * 1000, sum = 0;
    for (unsigned i = bin + 1; i < DECIDE_PAUSES; i++) sum += bins[i];
    double part = ((double)ns - low) / (high - low);
    return sum + bins[bin] * (1 - (part < 0 ? 0 : part > 1 ? 1 : part));
}

/* The session asks again within the horizon, given that it has been silent until now; of all pauses where its last task has shown few. */
static double asks_within(const Decide *d, const DecideSession *s, uint64_t silent_ns, uint64_t horizon_ns)
{
    const DecideTask *t = &d->tasks[s->task];
    double known = t->pause_count, weight = known / (known + 8);
    double above = pauses_above(t->pauses, silent_ns), later = pauses_above(t->pauses, silent_ns + horizon_ns);
    double all_above = pauses_above(d->all_pauses, silent_ns), all_later = pauses_above(d->all_pauses, silent_ns + horizon_ns);
    double own = above >= 1 ? (above - later) / (above + 1) : 0, all = all_above >= 1 ? (all_above - all_later) / (all_above + 1) : 0;
    if (above < 1) weight = 0;
    return weight * own + (1 - weight) * all;
}

/* The task is asked for by anybody within the horizon, by its own idle times, given how long it has been idle. */
static double asked_within(const DecideTask *t, uint64_t now_ns, uint64_t horizon_ns)
{
    if (!t->last_ns) return 0;
    double above = pauses_above(t->gaps, now_ns - t->last_ns), later = pauses_above(t->gaps, now_ns - t->last_ns + horizon_ns);
    return (above - later) / (above + 1);
}

static void by_prediction(Decide *d, uint64_t now_ns)
{
    uint64_t horizon = decide_horizon_ns(d);
    for (size_t i = 0; i < DECIDE_SESSIONS; i++) {
        const DecideSession *s = &d->sessions[i];
        if (!s->last_ns || s->task == UINT32_MAX || !s->count) continue;
        double asks = asks_within(d, s, now_ns - s->last_ns, horizon);
        if (asks < 1e-4) continue;
        for (uint32_t k = 0; k < s->count; k++) {
            DecideTask *t = &d->tasks[s->candidates[k].task];
            t->probability = probability_or(t->probability, s->candidates[k].probability * asks);
        }
    }
    double scale = 60.0 * (double)d->config.bin_ns / log(2); /* a decaying count over this is a rate */
    for (uint32_t i = 0; i < d->config.task_count; i++) {
        DecideTask *t = &d->tasks[i];
        double begins = t->begins > 0 ? begins_now(d, t, now_ns) / scale * (double)horizon : 0;
        /* The two see different things, so they are taken for independent: in simulation better than either alone. */
        t->probability = probability_or(probability_or(t->probability, 1 - exp(-begins)), asked_within(t, now_ns, horizon));
    }
}

/* --- oracle --- */

static void by_future(Decide *d)
{
    size_t distinct = 0;
    for (size_t i = d->future_at; i < d->future_count && distinct < d->config.task_count; i++) {
        DecideTask *t = &d->tasks[d->future[i]];
        if (t->probability > 0) continue;
        t->probability = 1.0 / (2.0 + (double)distinct++); /* all certain, the next one first */
    }
}

void decide_probabilities(Decide *d, uint64_t now_ns)
{
    for (uint32_t i = 0; i < d->config.task_count; i++) d->tasks[i].probability = 0;
    switch (d->config.mode) {
    case DECIDE_HISTOGRAM: by_histogram(d, now_ns); break;
    case DECIDE_LOOKAHEAD: by_lookahead(d, now_ns); break;
    case DECIDE_LEARNED: by_prediction(d, now_ns); break;
    case DECIDE_ORACLE: by_future(d); break;
    default: break;
    }
}
