/* A predictor: tasks, sessions, what was learned of them; and answers. */
#include "predict/predictor_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const char *const MODELS[PREDICT_MODELS] = {"ppm", "counts", "lstm", "transformer", "blend"};

const char *predict_model_name(PredictModel model) { return MODELS[model]; }

static uint32_t or_default(uint32_t value, uint32_t otherwise) { return value ? value : otherwise; }

static Err check(PredictorOptions *o)
{
    enum { SESSIONS_MAX = 1 << 22, CONTEXTS_MAX = 1 << 24 };
    o->sessions_max = or_default(o->sessions_max, 16384);
    o->states_max = or_default(o->states_max, 512);
    o->contexts_max = or_default(o->contexts_max, 1 << 18);
    o->clients_max = or_default(o->clients_max, 4096);
    o->client_burst = or_default(o->client_burst, 2048);
    if (o->client_share == 0) o->client_share = 0.125;
    bool fits = o->sessions_max <= SESSIONS_MAX && o->states_max <= SESSIONS_MAX && o->contexts_max <= CONTEXTS_MAX && o->clients_max <= SESSIONS_MAX;
    if (!fits || !(o->client_share > 0 && o->client_share <= 1)) return FAIL(ERR_USAGE);
    return OK;
}

static Err new_say(Say *say)
{
    size_t rows = (size_t)SAY_COUNT * (TASKS_ROOM + 8);
    say->p = calloc(rows * 2 + 2 * (TASKS_ROOM + 8), sizeof *say->p);
    say->excluded = calloc(TASKS_ROOM, 1);
    if (!say->p || !say->excluded) return FAIL(ENOMEM);
    say->logs = say->p + rows;
    say->all = say->logs + rows;
    say->blend = say->all + TASKS_ROOM + 8;
    return OK;
}

static Err new_parts(Predictor *p)
{
    const PredictorOptions *o = &p->options;
    const unsigned sets[MIX_SETS] = {1, TASKS_ROOM, (PPM_ORDER_MAX + 2) * 4};
    TRY(sessions_new(o->sessions_max, &p->sessions));
    TRY(contexts_new(o->contexts_max, &p->contexts));
    TRY(contexts_new(o->sessions_max, &p->own));
    TRY(clients_new(o->clients_max, o->client_burst, o->client_share, &p->clients));
    TRY(mixer_new(COUNTED, sets, &p->counts));
    TRY(mixer_new(SECOND, sets, &p->all));
    return new_say(&p->say);
}

Err predictor_new(const PredictorOptions *options, Predictor **ret_predictor)
{
    PredictorOptions o = options ? *options : (PredictorOptions){0};
    TRY(check(&o));
    Predictor *p = calloc(1, sizeof *p);
    if (!p) return FAIL(ENOMEM);
    p->options = o;
    Err e = new_parts(p);
    if (e.code) {
        predictor_free(p);
        return e;
    }
    for (unsigned m = 0; m < COUNTED; m++) mixer_begin(&p->counts, m, 1.2f / COUNTED);
    mixer_begin(&p->all, SAY_COUNTS - SAY_PPM, 1); /* until a net joins */
    shares_begin(&p->shares, MEMBERS);
    *ret_predictor = p;
    return OK;
}

void predictor_free(Predictor *p)
{
    if (!p) return;
    vocabulary_free(&p->tasks);
    sessions_free(&p->sessions);
    contexts_free(&p->contexts);
    contexts_free(&p->own);
    clients_free(&p->clients);
    mixer_free(&p->counts);
    mixer_free(&p->all);
    for (int i = 0; i < NETS; i++) net_free(p->nets[i]);
    free(p->states);
    free(p->state_of);
    free(p->say.p);
    free(p->say.excluded);
    free(p);
}

Err predictor_task(Predictor *p, View name, uint16_t *ret_task) { return vocabulary_number(&p->tasks, name, ret_task); }
View predictor_task_name(const Predictor *p, uint16_t task) { return vocabulary_name(&p->tasks, task); }
size_t predictor_task_count(const Predictor *p) { return p->tasks.count; }

bool predictor_has(const Predictor *p, PredictModel model)
{
    if (model == PREDICT_LSTM || model == PREDICT_TRANSFORMER) return p->nets[model == PREDICT_TRANSFORMER] != NULL;
    return model != PREDICT_COUNTS || p->options.models == 0 || p->options.models >> PREDICT_COUNTS & 1;
}

static void learn_wait(Predictor *p, const Session *s)
{
    const Step *now = session_step(s, 0), *before = session_step(s, 1);
    if (!before || before->task >= TASKS_ROOM) return;
    Wait *w = &p->waits[before->task];
    if (w->events < 4096) w->events++;
    w->mean_log += (log1p((double)now->gap_s) - w->mean_log) / (double)w->events;
}

void predictor_learn(Predictor *p, const PredictEvent *event)
{
    Session lost;
    bool everybody = p->learning != PREDICT_LEARN_NOTHING && client_counts(&p->clients, event->client ? event->client : event->session);
    Session *s = session_touch(&p->sessions, event->session, &lost);
    predictor_learn_next(p, s, event->task, everybody);
    session_add(s, event);
    if (everybody && p->learning != PREDICT_LEARN_WEIGHTS) learn_wait(p, s);
}

void predictor_end(Predictor *p, uint64_t session)
{
    Session *s = session_find(&p->sessions, session);
    if (!s) return;
    bool everybody = p->learning != PREDICT_LEARN_NOTHING && client_counts(&p->clients, s->client);
    if (s->count) predictor_learn_next(p, s, PREDICT_END, everybody);
    predictor_forget(p, session);
}

void predictor_set_learning(Predictor *p, PredictLearning learning) { p->learning = learning; }

void predictor_take_weights(Predictor *p, const Predictor *from)
{
    mixer_copy(&p->counts, &from->counts);
    mixer_copy(&p->all, &from->all);
    p->shares = from->shares;
    p->blend_learned = from->blend_learned;
    p->say.valid = false;
}

void predictor_forget(Predictor *p, uint64_t session)
{
    Session *s = session_find(&p->sessions, session);
    if (s) session_drop(&p->sessions, s);
    p->say.valid = false;
}

static bool allowed(const PredictMask *mask, size_t task) { return !mask || task >= mask->count || mask->allowed[task]; }

/* Nothing that is allowed has any probability: then all of it has the same. */
static void apply_mask(const PredictMask *mask, size_t count, float *p)
{
    float sum = 0;
    size_t some = 0;
    for (size_t t = 0; t < count; t++) {
        p[t] = allowed(mask, t) ? p[t] : 0;
        sum += p[t];
        some += allowed(mask, t);
    }
    for (size_t t = 0; t < count; t++) {
        if (sum > 0) p[t] /= sum;
        else if (allowed(mask, t)) p[t] = 1 / (float)some;
    }
}

void predictor_distribution(Predictor *p, uint64_t session, const PredictMask *mask, PredictModel model, float *ret_probabilities)
{
    predictor_say(p, session);
    const Say *say = &p->say;
    static const unsigned ROWS[PREDICT_MODELS] = {[PREDICT_PPM] = SAY_PPM, [PREDICT_COUNTS] = SAY_COUNTS, [PREDICT_LSTM] = SAY_LSTM,
                                                  [PREDICT_TRANSFORMER] = SAY_TRANSFORMER};
    memset(ret_probabilities, 0, say->count * sizeof *ret_probabilities);
    if (!predictor_has(p, model)) return;
    memcpy(ret_probabilities, model == PREDICT_BLEND ? say->blend : say_row(say, ROWS[model]), say->count * sizeof *ret_probabilities);
    if (p->options.no_end) ret_probabilities[PREDICT_END] = 0;
    if (mask || p->options.no_end) apply_mask(mask, say->count, ret_probabilities);
}

/* The first of equals stays first, so that answers do not depend on the sort. */
static void keep_best(Prediction *r, PredictCandidate c)
{
    if (r->count == PREDICT_TOP_MAX && r->top[r->count - 1].probability >= c.probability) return;
    if (r->count < PREDICT_TOP_MAX) r->count++;
    size_t i = r->count - 1;
    for (; i > 0 && r->top[i - 1].probability < c.probability; i--) r->top[i] = r->top[i - 1];
    r->top[i] = c;
}

void predictor_predict(Predictor *p, uint64_t session, const PredictMask *mask, Prediction *ret_prediction)
{
    float all[TASKS_ROOM];
    Prediction r = {.wait_s = -1};
    predictor_distribution(p, session, mask, PREDICT_BLEND, all);
    for (size_t t = 0; t < p->say.count; t++)
        if (all[t] > 0) keep_best(&r, (PredictCandidate){(uint16_t)t, all[t]});
    r.end = all[PREDICT_END];
    uint16_t last = session_task(p->say.s, 0);
    if (last != PREDICT_END && last < TASKS_ROOM && p->waits[last].events) r.wait_s = expm1(p->waits[last].mean_log);
    *ret_prediction = r;
}

size_t predictor_memory(const Predictor *p)
{
    size_t sum = sizeof *p + sessions_memory(&p->sessions) + contexts_memory(&p->contexts) + contexts_memory(&p->own) + clients_memory(&p->clients);
    sum += mixer_memory(&p->counts) + mixer_memory(&p->all) + ((size_t)SAY_COUNT * 2 + 2) * (TASKS_ROOM + 8) * sizeof(float) + TASKS_ROOM;
    sum += (size_t)p->options.states_max * (p->state_floats * sizeof(float) + (p->states ? sizeof(NeuralState) : 0));
    for (int i = 0; i < NETS; i++)
        if (p->nets[i]) sum += net_memory(p->nets[i]);
    return sum;
}
