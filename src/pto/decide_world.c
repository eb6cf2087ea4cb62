/* Time goes from event to event; between them staging ends, and decisions are taken again. */
#include "pto/decide_world.h"

#include "base/test.h"
#include <stdlib.h>

#include "base/limits.h"

#define PAST ((uint64_t)10000 * 86400 * NS_PER_S)
enum { BYTES = 1 << 20 };

typedef struct { DecideState state; uint64_t ready_ns, used_ns; bool staged; } Where;

typedef struct {
    const WorldConfig *c;
    uint32_t tasks;
    Decide *d;
    Predictor *p;
    uint16_t *numbers;
    Where *where;
    uint64_t now;
    WorldFigures f;
    bool counting;
} World;

static uint64_t waiting(const World *w, uint32_t task) { return w->c->waiting_of ? w->c->waiting_of[task] : w->c->waiting_ns; }

static void set(World *w, uint32_t task, DecideState s)
{
    w->where[task].state = s;
    decide_state(w->d, task, s);
}

static void settle(World *w)
{
    for (uint32_t i = 0; i < w->tasks; i++)
        if (w->where[i].state == DECIDE_STAGING && w->where[i].ready_ns <= w->now) set(w, i, DECIDE_STAGED);
}

static void turn(World *w)
{
    DecideAction a[DECIDE_ACTIONS_MAX];
    settle(w);
    uint32_t count = decide_turn(w->d, w->now, a, DECIDE_ACTIONS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t t = a[i].task;
        if (a[i].stage) {
            set(w, t, DECIDE_STAGING);
            w->where[t].ready_ns = w->now + waiting(w, t);
            w->f.staged += w->counting;
        } else {
            set(w, t, DECIDE_ABSENT);
            decide_judge(w->d, t, false, w->now);
            w->f.wasted += w->counting;
        }
    }
}

static void make_warm(World *w, uint32_t task)
{
    uint32_t warm = 0, oldest = UINT32_MAX;
    set(w, task, DECIDE_WARM);
    w->where[task].used_ns = w->now;
    for (uint32_t i = 0; i < w->tasks; i++) {
        if (w->where[i].state != DECIDE_WARM) continue;
        warm++;
        if (i != task && (oldest == UINT32_MAX || w->where[i].used_ns < w->where[oldest].used_ns)) oldest = i;
    }
    if (warm > w->c->warm_max && oldest != UINT32_MAX) set(w, oldest, DECIDE_ABSENT);
}

static void request(World *w, uint32_t task)
{
    Where *at = &w->where[task];
    uint64_t wait = at->state == DECIDE_ABSENT ? waiting(w, task) : at->state == DECIDE_STAGING ? at->ready_ns - w->now : 0;
    bool staged = at->state == DECIDE_STAGED;
    if (staged) decide_judge(w->d, task, true, w->now);
    if (w->counting) {
        w->f.requests++;
        w->f.hits += wait == 0;
        w->f.used += staged;
        w->f.late += at->state == DECIDE_STAGING;
        w->f.waited_s += (double)wait / 1e9;
    }
    make_warm(w, task);
}

static void observe(World *w, const LogEvent *e)
{
    uint64_t session = (uint64_t)e->session + 1;
    PredictEvent p = {.session = session, .time_ms = e->time_ms, .task = w->numbers[e->task]};
    decide_observe(w->d, w->now, session, e->task);
    if (w->c->mode != DECIDE_LEARNED) return;
    predictor_learn(w->p, &p);
    Prediction said;
    DecideCandidate c[DECIDE_CANDIDATES];
    uint32_t count = 0;
    predictor_predict(w->p, session, NULL, &said);
    for (size_t i = 0; i < said.count && count < DECIDE_CANDIDATES; i++)
        if (said.top[i].task != PREDICT_END) c[count++] = (DecideCandidate){said.top[i].task - 1u, said.top[i].probability};
    decide_expect(w->d, session, c, count);
}

static void set_metadata(World *w, const EventLog *log, const LogEvent *events)
{
    uint8_t *follows = calloc((size_t)w->tasks * w->tasks, 1);
    uint32_t *last = calloc(log->sessions.count, sizeof *last), *next = calloc(w->tasks, sizeof *next);
    for (size_t i = 0; i < w->c->from; i++) {
        uint32_t *l = &last[events[i].session];
        if (*l) follows[(size_t)(*l - 1) * w->tasks + events[i].task] = 1;
        *l = events[i].task + 1;
    }
    for (uint32_t i = 0; i < w->tasks; i++) {
        uint32_t count = 0;
        for (uint32_t k = 0; k < w->tasks; k++)
            if (follows[(size_t)i * w->tasks + k]) next[count++] = k;
        decide_set_next(w->d, i, next, count);
    }
    free(follows);
    free(last);
    free(next);
}

static void begin(World *w, const EventLog *log)
{
    const DecideConfig decide = {.mode = w->c->mode, .task_count = w->tasks, .bytes_max = (uint64_t)w->c->staged_max * BYTES,
                                 .tasks_max = w->c->staged_max, .request_bytes = w->c->request_bytes, .burst_bytes = w->c->burst_bytes,
                                 .bin_ns = (uint64_t)(60e9 / w->c->speedup) + 1};
    ck_assert_ok(decide_new(&decide, &w->d));
    ck_assert_ok(predictor_new(&(PredictorOptions){0}, &w->p));
    w->numbers = calloc(w->tasks, sizeof *w->numbers);
    w->where = calloc(w->tasks, sizeof *w->where);
    for (uint32_t i = 0; i < w->tasks; i++) {
        ck_assert_ok(predictor_task(w->p, view_text(log->tasks.texts[i]), &w->numbers[i]));
        ck_assert_uint_eq(w->numbers[i], i + 1);
        decide_measured(w->d, i, BYTES, waiting(w, i), w->c->effort_ns);
    }
}

WorldFigures world_run(const EventLog *log, const LogEvent *events, size_t count, const WorldConfig *config)
{
    World w = {.c = config, .tasks = log->tasks.count};
    begin(&w, log);
    size_t end = config->from + config->count < count ? config->from + config->count : count;
    if (config->metadata) set_metadata(&w, log, events);
    uint32_t *future = calloc(end - config->from + 1, sizeof *future);
    for (size_t i = config->from; i < end; i++) future[i - config->from] = events[i].task;
    for (size_t i = 0; i < end; i++) {
        uint64_t at = PAST + (uint64_t)((double)(events[i].time_ms - events[0].time_ms) * 1e6 / config->speedup);
        if (i == config->from) {
            w.counting = true;
            if (config->mode == DECIDE_ORACLE) decide_future(w.d, future, end - config->from);
        }
        for (int k = 0; w.counting && k < 50 && config->mode != DECIDE_OFF; k++) { /* the clock between requests */
            uint64_t wake = decide_wake(w.d, w.now);
            for (uint32_t t = 0; t < w.tasks; t++)
                if (w.where[t].state == DECIDE_STAGING && w.where[t].ready_ns < wake) wake = w.where[t].ready_ns;
            if (wake >= at) break;
            w.now = wake;
            turn(&w);
        }
        w.now = at > w.now ? at : w.now;
        settle(&w);
        if (w.counting) request(&w, events[i].task);
        observe(&w, &events[i]);
        if (w.counting) turn(&w);
    }
    decide_free(&w.d);
    predictor_free(w.p);
    free(future);
    free(w.numbers);
    free(w.where);
    return w.f;
}
