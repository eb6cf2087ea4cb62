/* Views of a session, and what was counted behind them. */
#include "predict/experts.h"

#include "predict/hash.h"

static const char *const NAMES[VIEW_COUNT] = {
    [VIEW_TASK] = "last task", [VIEW_TASKS_2] = "last 2 tasks", [VIEW_TASKS_3] = "last 3 tasks", [VIEW_GAP] = "last task, time since",
    [VIEW_GAP_2] = "last 2 tasks, time since", [VIEW_GAP_3] = "last 3 tasks, 2 times since", [VIEW_TIMES] = "last 2 tasks, repetitions",
    [VIEW_SET] = "last task, set so far", [VIEW_BAG] = "last task, counts so far", [VIEW_CLOCK] = "last task, hour, weekday",
    [VIEW_AGE] = "last task, age, position", [VIEW_ATTRIBUTES] = "last task, attributes", [VIEW_PREFIX] = "all tasks so far",
    [VIEW_LATELY] = "last task, lately", [VIEW_LATELY_2] = "last 2 tasks, lately",
    [VIEW_OWN_TASK] = "this session after this task", [VIEW_OWN_RECENT] = "this session lately", [VIEW_RANKS] = "same again or back to",
    [VIEW_RUN] = "length of the run"};

const char *view_name(ViewKind kind) { return NAMES[kind]; }

/* Doubling steps of milliseconds. */
static unsigned time_step(float seconds)
{
    double ms = (double)seconds * 1000 + 1;
    unsigned step = 0;
    for (; ms >= 2 && step < 48; ms /= 2) step++;
    return step;
}

static uint64_t bag_of(const Session *s)
{
    uint64_t bag = 0;
    for (uint32_t i = 0; i < s->own_count; i++) bag += hash_with(s->own[i].task, s->own[i].count < 3 ? s->own[i].count : 3);
    return bag;
}

static unsigned at_most(unsigned value, unsigned most) { return value < most ? value : most; }

static unsigned run_of(const Session *s)
{
    unsigned run = 0;
    while (run < SESSION_STEPS_MAX - 1 && session_step(s, run) && session_step(s, run)->rank == 0) run++;
    return run;
}

static const Step NOTHING = {.task = PREDICT_END};

void views_contexts(const Session *s, uint64_t h[VIEW_COUNT])
{
    const Step *last = session_step(s, 0), *before = session_step(s, 1);
    if (!last) last = &NOTHING;
    if (!before) before = &NOTHING;
    for (unsigned i = 0; i < VIEW_COUNT; i++) h[i] = hash_with(i + 1, last->task);
    uint64_t two = session_task(s, 1), three = hash_with(two, session_task(s, 2));
    unsigned gap = time_step(last->gap_s), gap_before = time_step(before->gap_s);
    h[VIEW_TASKS_2] = hash_with(h[VIEW_TASKS_2], two);
    h[VIEW_TASKS_3] = hash_with(h[VIEW_TASKS_3], three);
    h[VIEW_LATELY_2] = hash_with(h[VIEW_LATELY_2], two);
    h[VIEW_GAP] = hash_with(h[VIEW_GAP], gap);
    h[VIEW_GAP_2] = hash_with(hash_with(h[VIEW_GAP_2], two), gap / 2);
    h[VIEW_GAP_3] = hash_with(hash_with(h[VIEW_GAP_3], three), gap / 2 * 64 + gap_before / 2);
    h[VIEW_TIMES] = hash_with(hash_with(h[VIEW_TIMES], two), at_most(last->times, 6));
    h[VIEW_SET] = hash_with(h[VIEW_SET], s ? s->set : 0);
    h[VIEW_BAG] = hash_with(h[VIEW_BAG], s ? bag_of(s) : 0);
    h[VIEW_CLOCK] = hash_with(h[VIEW_CLOCK], last->hour / 3 * 8 + last->weekday);
    h[VIEW_AGE] = hash_with(h[VIEW_AGE], time_step(last->age_s) / 2 * 64 + at_most(last->position, 40) / 2);
    for (int i = 0; i < PREDICT_ATTRIBUTES_MAX; i++) h[VIEW_ATTRIBUTES] = hash_with(h[VIEW_ATTRIBUTES], last->attributes[i]);
    h[VIEW_PREFIX] = hash_with(VIEW_PREFIX + 1, s ? s->prefix : 0);
    h[VIEW_OWN_TASK] = hash_with(h[VIEW_OWN_TASK], s ? s->id : 0);
    h[VIEW_RANKS] = hash_with(hash_with(VIEW_RANKS + 1, last->rank * 16u + before->rank), gap / 2);
    h[VIEW_RUN] = hash_with(hash_with(VIEW_RUN + 1, run_of(s)), s ? s->own_count : 0);
}

static void counted(const Context *x, const float *base, size_t count, float *p)
{
    uint32_t total = x ? x->total : 0, distinct = x ? x->distinct : 0;
    if (total == 0) {
        memcpy(p, base, count * sizeof *p);
        return;
    }
    float each = 1 / (float)(total + distinct);
    for (size_t t = 0; t < count; t++) p[t] = each * (float)distinct * base[t];
    for (uint32_t i = 0; i < distinct; i++)
        if (x->followers[i].task < count) p[x->followers[i].task] += each * x->followers[i].count;
}

/* Two views forget quickly: what they have seen is halved again and again, so that they follow a stream that changes. */
enum { LATELY_MAX = 40 };
static uint32_t memory_of(unsigned view) { return view == VIEW_LATELY || view == VIEW_LATELY_2 ? LATELY_MAX : CONTEXT_COUNT_MAX; }

static const float RECENT_BASE = 0.1f; /* what the session's own habits leave to PPM */

static void recent(const Session *s, const float *base, size_t count, float *p)
{
    float sum = 0, part = s && s->own_count ? RECENT_BASE : 1;
    for (uint32_t i = 0; s && i < s->own_count; i++) sum += s->own[i].weight;
    for (size_t t = 0; t < count; t++) p[t] = part * base[t];
    for (uint32_t i = 0; s && i < s->own_count; i++)
        if (s->own[i].task < count) p[s->own[i].task] += (1 - part) * s->own[i].weight / sum;
}

/* Ranks that this session has no task for cannot come. What is left to "new" is shared as PPM would. */
static void ranked(const Context *x, const Session *s, const float *base, size_t count, float *p)
{
    float of_rank[RANK_COUNT], sum = 0, others = 0;
    uint32_t own = s ? s->own_count : 0;
    for (unsigned r = 0; r < RANK_COUNT; r++) {
        of_rank[r] = r < RANK_NEW && r >= own ? 0 : 0.2f + (float)(x ? context_count(x, (uint16_t)r) : 0);
        sum += of_rank[r];
    }
    memcpy(p, base, count * sizeof *p);
    p[PREDICT_END] = 0;
    for (uint32_t r = 0; r < own; r++)
        if (s->own[r].task < count) p[s->own[r].task] = 0;
    for (size_t t = 0; t < count; t++) others += p[t];
    for (size_t t = 0; t < count; t++) p[t] *= others > 0 ? of_rank[RANK_NEW] / sum / others : 0;
    p[PREDICT_END] = of_rank[RANK_END] / sum;
    for (uint32_t r = 0; r < own; r++)
        if (s->own[r].task < count) p[s->own[r].task] = of_rank[r] / sum;
}

/* No task is impossible to a view, and what it says sums to 1. */
static void finish(size_t count, float *p)
{
    float sum = 0;
    for (size_t t = 0; t < count; t++) sum += p[t] = p[t] > 1e-6f ? p[t] : 1e-6f;
    for (size_t t = 0; t < count; t++) p[t] /= sum;
}

void view_distribution(const Contexts *c, ViewKind kind, uint64_t hash, const Session *s, const float *base, size_t count, float *ret_p)
{
    if (kind == VIEW_OWN_RECENT) recent(s, base, count, ret_p);
    else if (kind < VIEW_HASHED) counted(context_find(c, hash), base, count, ret_p);
    else ranked(context_find(c, hash), s, base, count, ret_p);
    finish(count, ret_p);
}

static uint16_t rank_of(const Session *s, uint16_t task)
{
    if (task == PREDICT_END) return RANK_END;
    for (uint32_t r = 0; s && r < s->own_count; r++)
        if (s->own[r].task == task) return (uint16_t)r;
    return RANK_NEW;
}

void views_learn(Contexts *c, Contexts *own, const uint64_t hashes[VIEW_COUNT], const Session *s, uint16_t task, bool everybody)
{
    context_learn(own, hashes[VIEW_OWN_TASK], task, CONTEXT_COUNT_MAX);
    if (!everybody) return;
    for (unsigned i = 0; i < VIEW_HASHED; i++)
        if (i != VIEW_OWN_TASK) context_learn(c, hashes[i], task, memory_of(i));
    context_learn(c, hashes[VIEW_RANKS], rank_of(s, task), CONTEXT_COUNT_MAX);
    context_learn(c, hashes[VIEW_RUN], rank_of(s, task), CONTEXT_COUNT_MAX);
}
