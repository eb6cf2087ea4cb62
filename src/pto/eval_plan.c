/* Cutting a log into what is fitted, validated and tested. */
#include "pto/eval_plan.h"

#include <errno.h>
#include <stdlib.h>

static const char *const NAMES[PROTOCOLS] = {"chrono80", "tax", "gentd26", "whole", "stream"};
const char *protocol_name(Protocol p) { return NAMES[p]; }

enum { CASES_MIN = 10 };
static const double VALIDATION_PART = 0.15, SILENCE_QUANTILE = 0.99; /* of the training part's cases; of the gaps between events */

void plan_free(Plan *p)
{
    free(p->events);
    free(p->cases);
    free(p->steps);
    *p = (Plan){0};
}

typedef struct { uint32_t session, at; int64_t time_ms; } Key;

static int by_session(const void *a, const void *b)
{
    const Key *x = a, *y = b;
    if (x->session != y->session) return x->session < y->session ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int by_session_and_time(const void *a, const void *b)
{
    const Key *x = a, *y = b;
    if (x->session != y->session) return x->session < y->session ? -1 : 1;
    if (x->time_ms != y->time_ms) return x->time_ms < y->time_ms ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Events by case. Cases stay in file order; so do events, in tax; by time (then file order) otherwise. */
static Err group(const EventLog *log, const uint16_t *numbers, Plan *p)
{
    Key *keys = malloc((log->count + 1) * sizeof *keys);
    p->events = malloc((log->count + 1) * sizeof *p->events);
    p->cases = calloc((size_t)log->sessions.count + 1, sizeof *p->cases);
    if (!keys || !p->events || !p->cases) {
        free(keys);
        return FAIL(ENOMEM);
    }
    for (size_t i = 0; i < log->count; i++) keys[i] = (Key){log->events[i].session, (uint32_t)i, log->events[i].time_ms};
    qsort(keys, log->count, sizeof *keys, p->protocol == PROTOCOL_TAX ? by_session : by_session_and_time);
    for (size_t i = 0; i < log->count; i++) {
        const LogEvent *e = &log->events[keys[i].at];
        PredictEvent *to = &p->events[i];
        *to = (PredictEvent){.session = (uint64_t)e->session + 1, .time_ms = e->time_ms, .utc_offset_min = e->utc_offset_min,
                             .task = numbers[e->task]};
        memcpy(to->attributes, e->attributes, sizeof to->attributes);
        PlanCase *c = &p->cases[p->case_count ? p->case_count - 1 : 0];
        if (i == 0 || keys[i].session != keys[i - 1].session) *(c = &p->cases[p->case_count++]) = (PlanCase){(uint32_t)i, 0};
        c->count++;
    }
    p->event_count = log->count;
    free(keys);
    return OK;
}

static int by_first_event(const void *a, const void *b, void *context)
{
    const PlanCase *x = a, *y = b;
    const PredictEvent *events = context;
    int64_t s = events[x->first].time_ms, t = events[y->first].time_ms;
    if (s != t) return s < t ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static Err measure_silence(Plan *p, size_t cases)
{
    int64_t *gaps = malloc((p->event_count + 1) * sizeof *gaps);
    size_t n = 0;
    if (!gaps) return FAIL(ENOMEM);
    for (size_t i = 0; i < cases; i++)
        for (uint32_t k = 1; k < p->cases[i].count; k++)
            gaps[n++] = p->events[p->cases[i].first + k].time_ms - p->events[p->cases[i].first + k - 1].time_ms;
    qsort(gaps, n, sizeof *gaps, by_value);
    p->silence_s = n ? (double)gaps[(size_t)((double)(n - 1) * SILENCE_QUANTILE)] / 1000 : 0;
    free(gaps);
    return OK;
}

static int by_part_and_time(const void *a, const void *b)
{
    const PlanStep *x = a, *y = b;
    if (x->part != y->part) return x->part < y->part ? -1 : 1;
    if (x->time_ms != y->time_ms) return x->time_ms < y->time_ms ? -1 : 1;
    if (x->session != y->session) return x->session < y->session ? -1 : 1;
    return x->event < y->event ? -1 : x->event > y->event;
}

/* Steps of a case: its events, and its end. Within a case time never runs backwards, whatever the file says. */
static void add_case(Plan *p, uint32_t number, Part part, uint32_t prefix_min)
{
    const PlanCase *c = &p->cases[number];
    int64_t now = p->events[c->first].time_ms;
    for (uint32_t k = 0; k < c->count; k++) {
        const PredictEvent *e = &p->events[c->first + k];
        bool last = k + 1 == c->count;
        if (e->time_ms > now) now = e->time_ms;
        bool asked = k + 1 >= prefix_min && (!last || p->end_is_target);
        p->steps[p->step_count++] = (PlanStep){now, number, k, (uint8_t)part, asked, last ? PREDICT_END : e[1].task};
        p->asked[part] += asked;
    }
    p->steps[p->step_count++] = (PlanStep){now + (int64_t)(p->silence_s * 1000), number, c->count, (uint8_t)part, false, PREDICT_END};
    p->cases_of[part]++;
}

static Err order_cases(Plan *p)
{
    size_t n = p->case_count, train = n * 8 / 10;
    if (p->protocol == PROTOCOL_TAX) train = (size_t)(((double)n + 1) / 3 + 0.5) * 2;
    else qsort_r(p->cases, n, sizeof *p->cases, by_first_event, p->events);
    bool stream = p->protocol == PROTOCOL_STREAM;
    if (p->protocol == PROTOCOL_WHOLE || stream) train = n;
    if (n < (stream ? 1 : CASES_MIN) || train > n) return FAIL(ERR_BAD_INPUT);
    size_t fit = stream ? n : train - (size_t)((double)train * VALIDATION_PART);
    TRY(measure_silence(p, fit));
    for (size_t i = 0; i < n; i++)
        add_case(p, (uint32_t)i, i < fit ? PART_FIT : i < train ? PART_VALIDATION : PART_TEST, p->protocol == PROTOCOL_TAX ? 2 : 1);
    return OK;
}

/* One stream: a step's part is by where in the stream it stands. Nobody is said to end. */
static void order_stream(Plan *p)
{
    for (size_t i = 0; i < p->case_count; i++) add_case(p, (uint32_t)i, PART_TEST, 1);
    qsort(p->steps, p->step_count, sizeof *p->steps, by_part_and_time);
    size_t kept = 0;
    memset(p->asked, 0, sizeof p->asked);
    for (size_t i = 0; i < p->step_count; i++)
        if (p->steps[i].event < p->cases[p->steps[i].session].count) p->steps[kept++] = p->steps[i];
    p->step_count = kept;
    for (size_t i = 0; i < kept; i++) {
        PlanStep *s = &p->steps[i];
        s->part = i < kept * 4 / 10 ? PART_FIT : i < kept / 2 ? PART_VALIDATION : PART_TEST;
        s->asked = true;
        s->target = p->events[p->cases[s->session].first + s->event].task;
        p->asked[s->part]++;
    }
}

static Err arrange(Plan *p)
{
    p->end_is_target = p->protocol == PROTOCOL_CHRONO80 || p->protocol == PROTOCOL_WHOLE;
    p->ask_before = p->protocol == PROTOCOL_GENTD26;
    p->steps = malloc((p->event_count + p->case_count + 1) * sizeof *p->steps);
    if (!p->steps) return FAIL(ENOMEM);
    if (p->protocol == PROTOCOL_GENTD26) {
        order_stream(p);
        return OK;
    }
    TRY(order_cases(p));
    qsort(p->steps, p->step_count, sizeof *p->steps, by_part_and_time);
    return OK;
}

Err plan_make(const EventLog *log, Protocol protocol, Predictor *tasks, Plan *ret_plan, Diag *diag)
{
    AUTO_PLAN p = {.protocol = protocol};
    uint16_t *numbers = calloc((size_t)log->tasks.count + 1, sizeof *numbers);
    if (!numbers) return FAIL(ENOMEM);
    Err e = OK;
    for (uint32_t i = 0; i < log->tasks.count && !e.code; i++) {
        View name = view_text(log->tasks.texts[i]);
        if (name.size > PREDICT_NAME_MAX) name.size = PREDICT_NAME_MAX;
        e = predictor_task(tasks, name, &numbers[i]);
    }
    if (!e.code) e = group(log, numbers, &p);
    free(numbers);
    TRY_WHY(diag, e, "%u different tasks", log->tasks.count);
    TRY_WHY(diag, arrange(&p), "%zu cases are too few for %s", p.case_count, protocol_name(protocol));
    *ret_plan = p;
    p = (Plan){0};
    return OK;
}
