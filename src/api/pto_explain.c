/* Why a prediction is what it is: a log is told up to one event of one session, and the predictor is asked there. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "api/internal.h"
#include "api/pto.h"
#include "predict/checkpoint.h"
#include "sys/fd.h"

/* A plan's events by time, up to the one that is asked about. */
typedef struct {
    const EventLog *log;
    Plan plan;
    Predictor *p;
    uint64_t session, events;
    char last[PREDICT_NAME_MAX + 1], names[COVEY_PTO_REASONS + COVEY_PTO_CANDIDATES][PREDICT_NAME_MAX + 1];
    size_t name_count;
} Story;

static Err load(Predictor *p, const char *path, Diag *diag)
{
    AUTO_BUFFER bytes = buffer_limited(CHECKPOINT_BYTES_MAX);
    if (!path) return OK;
    TRY_WHY(diag, file_read(AT_FDCWD, path, &bytes), "%s", path);
    Err e = predictor_load(p, view_buffer(&bytes), diag);
    Diag inner = *diag;
    return e.code ? diag_fail(diag, e.code, e.at, "%s: %.900s", path, inner.text) : OK;
}

static Err find_session(Story *s, const char *name, uint64_t events, Diag *diag)
{
    uint32_t i = 0;
    while (i < s->log->sessions.count && strcmp(s->log->sessions.texts[i], name) != 0) i++;
    if (i == s->log->sessions.count) return FAIL_WHY(diag, ERR_NO_ENTRY, "no session %.80s in this log", name);
    s->session = (uint64_t)i + 1; /* as plan_make numbers them */
    for (size_t k = 0; k < s->plan.case_count; k++)
        if (s->plan.events[s->plan.cases[k].first].session == s->session) s->events = s->plan.cases[k].count;
    if (events > s->events) return FAIL_WHY(diag, ERR_USAGE, "session %.80s has only %llu events", name, (unsigned long long)s->events);
    if (events) s->events = events;
    return OK;
}

static void tell(Story *s)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < s->plan.step_count && seen < s->events; i++) {
        const PlanStep *step = &s->plan.steps[i];
        const PlanCase *c = &s->plan.cases[step->session];
        const PredictEvent *e = &s->plan.events[c->first + (step->event < c->count ? step->event : 0)];
        if (step->event == c->count) predictor_end(s->p, e->session);
        else predictor_learn(s->p, e);
        seen += e->session == s->session && step->event < c->count;
    }
}

/* A name as text that lives as long as the story; NULL: nothing follows. */
static const char *name_of(Story *s, uint16_t task)
{
    View name = predictor_task_name(s->p, task);
    if (name.size == 0) return NULL;
    char *text = s->names[s->name_count++];
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    return text;
}

static int heaviest_first(const void *a, const void *b)
{
    const covey_pto_reason *x = a, *y = b;
    return x->weight > y->weight ? -1 : x->weight < y->weight;
}

static void reasons(Story *s, covey_pto_explanation *e)
{
    PredictReason why[PREDICT_REASONS_MAX];
    float shares[PREDICT_SHARES];
    e->reason_count = predictor_explain(s->p, s->session, why, shares);
    for (size_t i = 0; i < e->reason_count; i++)
        e->reasons[i] = (covey_pto_reason){.model = why[i].model, .weight = why[i].weight, .matched = why[i].order, .seen = why[i].total,
            .followers = why[i].distinct, .says = name_of(s, why[i].best.task), .probability = (double)why[i].best.probability};
    qsort(e->reasons, e->reason_count, sizeof e->reasons[0], heaviest_first);
    e->share_ppm = (double)shares[0];
    e->share_counts = (double)shares[1];
    e->share_all = (double)shares[2];
}

static void candidates(Story *s, covey_pto_explanation *e)
{
    Prediction prediction;
    float p[3][PREDICT_TASKS_MAX + 1];
    static const PredictModel EACH[3] = {PREDICT_PPM, PREDICT_LSTM, PREDICT_TRANSFORMER};
    predictor_predict(s->p, s->session, NULL, &prediction);
    for (int i = 0; i < 3; i++) predictor_distribution(s->p, s->session, NULL, EACH[i], p[i]);
    e->wait_seconds = prediction.wait_s;
    e->candidate_count = prediction.count < COVEY_PTO_CANDIDATES ? prediction.count : COVEY_PTO_CANDIDATES;
    for (size_t i = 0; i < e->candidate_count; i++) {
        uint16_t t = prediction.top[i].task;
        e->candidates[i].task = name_of(s, t);
        e->candidates[i].blend = (double)prediction.top[i].probability;
        e->candidates[i].ppm = (double)p[0][t];
        e->candidates[i].lstm = predictor_has(s->p, PREDICT_LSTM) ? (double)p[1][t] : -1;
        e->candidates[i].transformer = predictor_has(s->p, PREDICT_TRANSFORMER) ? (double)p[2][t] : -1;
    }
}

static const char *last_task(Story *s)
{
    for (size_t k = 0; k < s->plan.case_count; k++) {
        const PlanCase *c = &s->plan.cases[k];
        if (s->plan.events[c->first].session != s->session || s->events == 0) continue;
        View name = predictor_task_name(s->p, s->plan.events[c->first + s->events - 1].task);
        memcpy(s->last, name.data, name.size);
        return s->last;
    }
    return NULL;
}

static Err explain(const char *path, const char *checkpoint, const char *session, uint64_t events, const covey_pto_options *o,
                   void (*visit)(void *, const covey_pto_explanation *), Diag *diag)
{
    AUTO_LOG log = {0};
    AUTO_PREDICTOR p = NULL;
    TrainingOptions training;
    if (!session || !visit) return FAIL_WHY(diag, ERR_USAGE, "a session is needed");
    TRY(pto_training_options(o, &training, diag));
    TRY(pto_read_log(path, o, false, &log, diag));
    const PredictorOptions options = {.seed = training.seed, .models = training.models,
                                      .sessions_max = log.sessions.count < 64 ? 64 : log.sessions.count};
    TRY(predictor_new(&options, &p));
    TRY(load(p, checkpoint, diag));
    Story *s = calloc(1, sizeof *s);
    covey_pto_explanation *e = calloc(1, sizeof *e);
    Err error = s && e ? OK : FAIL(ENOMEM);
    if (!error.code) {
        s->log = &log;
        s->p = p;
        error = plan_make(&log, PROTOCOL_STREAM, p, &s->plan, diag);
    }
    if (!error.code) error = find_session(s, session, events, diag);
    if (!error.code) {
        tell(s);
        e->session = session;
        e->events = s->events;
        e->last = last_task(s);
        candidates(s, e);
        reasons(s, e);
        visit(o->context, e);
    }
    if (s) plan_free(&s->plan);
    free(s);
    free(e);
    return error;
}

covey_code covey_pto_explain(const char *log, const char *checkpoint, const char *session, uint64_t events, const covey_pto_options *options,
                             void (*visit)(void *context, const covey_pto_explanation *explanation), covey_error *error)
{
    Diag diag = {0};
    const covey_pto_options none = {0};
    Err e = explain(log, checkpoint, session, events, options ? options : &none, visit, &diag);
    return api_result(e, &diag, error);
}
