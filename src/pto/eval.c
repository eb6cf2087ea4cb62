/* Runs a plan: fit, train, validate, test. */
#include "pto/eval.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static const char *const NAMES[EVAL_MODELS] = {"repeat-last", "markov1", "ppm", "counts", "lstm", "transformer", "blend"};
const char *eval_model_name(EvalModel m) { return NAMES[m]; }

enum { CONTEXTS_MAX = 1 << 19, STATES_MAX = 4096, PROGRESS_EVERY = 2048 };

/* The two that need no predictor: the same task again; what followed this task most often (counted online). Tasks by number, 0 before the first. */
typedef struct { uint32_t *followed; uint16_t *last; size_t symbols; } Plain;

typedef struct {
    const Plan *plan;
    const EvalOptions *o;
    Predictor *p;
    uint32_t sessions_max;
    Plain plain;
    float *row;
    double predict_s;
    uint64_t predictions;
    Trained trained[TRAINED];
    EvalResult r;
} Run;

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t first_candidate(const Run *r) { return r->plan->end_is_target ? PREDICT_END : 1; }

static void add(Run *r, EvalModel m, Part part, uint16_t target)
{
    EvalRow *row = &r->r.rows[m];
    row->there = true;
    score_add(part == PART_TEST ? &row->test : &row->validation, r->row, first_candidate(r), r->plain.symbols, target);
}

static void ask_plain(Run *r, uint16_t last, Part part, uint16_t target)
{
    size_t n = r->plain.symbols, sum = 0, known = n - first_candidate(r);
    const uint32_t *followed = r->plain.followed + last * n;
    for (size_t t = first_candidate(r); t < n; t++) sum += followed[t];
    for (size_t t = 0; t < n; t++) r->row[t] = ((float)followed[t] + 1 / (float)known) / (float)(sum + 1);
    add(r, EVAL_MARKOV1, part, target);
    for (size_t t = 0; t < n; t++) r->row[t] = t == last && last ? 1 : 0;
    add(r, EVAL_REPEAT, part, target);
}

static void ask(Run *r, uint64_t session, uint16_t last, Part part, uint16_t target)
{
    static const struct { EvalModel row; PredictModel model; } MODELS[] = {
        {EVAL_PPM, PREDICT_PPM}, {EVAL_COUNTS, PREDICT_COUNTS}, {EVAL_LSTM, PREDICT_LSTM}, {EVAL_TRANSFORMER, PREDICT_TRANSFORMER},
        {EVAL_BLEND, PREDICT_BLEND}};
    Prediction prediction;
    double begin = cpu_now();
    predictor_predict(r->p, session, NULL, &prediction);
    r->predict_s += cpu_now() - begin;
    r->predictions++;
    for (size_t i = 0; i < sizeof MODELS / sizeof MODELS[0]; i++) {
        if (!predictor_has(r->p, MODELS[i].model)) continue;
        predictor_distribution(r->p, session, NULL, MODELS[i].model, r->row);
        add(r, MODELS[i].row, part, target);
    }
    ask_plain(r, last, part, target);
}

static void learn_plain(Plain *plain, uint32_t session, uint16_t task)
{
    plain->followed[plain->last[session] * plain->symbols + task]++;
    plain->last[session] = task;
}

static void take_step(Run *r, const PlanStep *s)
{
    const PlanCase *c = &r->plan->cases[s->session];
    uint64_t session = r->plan->events[c->first].session;
    if (s->event == c->count) {
        if (r->plan->end_is_target) learn_plain(&r->plain, s->session, PREDICT_END);
        predictor_end(r->p, session);
        return;
    }
    bool asked = s->asked && s->part != PART_FIT;
    uint16_t task = r->plan->events[c->first + s->event].task;
    if (r->plan->ask_before && asked) ask(r, session, r->plain.last[s->session], (Part)s->part, s->target);
    predictor_learn(r->p, &r->plan->events[c->first + s->event]);
    learn_plain(&r->plain, s->session, task);
    if (!r->plan->ask_before && asked) ask(r, session, task, (Part)s->part, s->target);
}

/* How many steps there are in the parts up to this one. */
static size_t steps_until(const Plan *p, Part last)
{
    size_t count = 0;
    while (count < p->step_count && p->steps[count].part <= last) count++;
    return count;
}

static Err take_steps(Run *r, size_t *at, size_t end)
{
    const TrainingOptions *o = &r->o->training;
    static const char *const WHAT[PARTS] = {"counting", "validation", "test"};
    for (; *at < end; ++*at) {
        const PlanStep *s = &r->plan->steps[*at];
        double done = (double)*at / (double)r->plan->step_count;
        if (*at % PROGRESS_EVERY == 0 && o->progress && o->progress(o->context, WHAT[s->part], done)) return FAIL(ERR_INTERRUPTED);
        take_step(r, s);
    }
    return OK;
}

/* One event and one answer, over what was validated: what a model costs by itself. */
static double net_microseconds(Net *n, const TrainingData *d)
{
    enum { STEPS = 2000 };
    float p[PREDICT_TASKS_MAX + 1], *state = calloc(net_state_floats(n), sizeof *state);
    unsigned steps = 0;
    if (!state) return -1;
    double begin = cpu_now();
    for (size_t i = 0; i < d->counts[DATA_FIT] && steps < STEPS; i++) {
        net_begin(n, state);
        for (uint32_t k = 0; k < d->sequences[DATA_FIT][i].count; k++, steps++) {
            net_step(n, state, &d->sequences[DATA_FIT][i].steps[k]);
            net_say(n, state, p);
        }
    }
    double us = steps ? (cpu_now() - begin) / steps * 1e6 : -1;
    free(state);
    return us;
}

/* The predictor's, if it takes it. */
static Err take_net(Predictor *p, Net **net)
{
    if (!*net) return OK;
    TRY(predictor_set_net(p, *net));
    *net = NULL;
    return OK;
}

static Err train_nets(Run *r)
{
    AUTO_TRAINING_DATA data = {0};
    Trained *trained = r->trained;
    uint32_t models = r->o->training.models;
    if (!wants_model(models, PREDICT_LSTM) && !wants_model(models, PREDICT_TRANSFORMER)) return OK;
    TRY(training_data_make(r->plan, &data));
    bool attributes = false;
    for (size_t i = 0; i < r->plan->event_count; i++)
        for (int k = 0; k < PREDICT_ATTRIBUTES_MAX; k++) attributes |= r->plan->events[i].attributes[k] != 0;
    TRY(training_run(&data, &r->o->training, (uint32_t)r->plain.symbols, attributes, trained));
    Err e = OK;
    for (int i = 0; i < TRAINED; i++) {
        if (!trained[i].net) continue;
        EvalRow *row = &r->r.rows[i == TRAINED_LSTM ? EVAL_LSTM : EVAL_TRANSFORMER];
        row->train_s = trained[i].seconds;
        row->epochs = trained[i].report.epochs;
        row->predict_us = net_microseconds(trained[i].net, &data);
        r->r.rows[EVAL_BLEND].train_s += trained[i].seconds;
        if (!e.code) e = take_net(r->p, &trained[i].net);
    }
    return e;
}

static Err take_whole_nets(Run *r)
{
    for (int i = 0; i < TRAINED; i++) TRY(take_net(r->p, &r->trained[i].whole));
    r->predict_s = 0;
    r->predictions = 0;
    return OK;
}

static Err new_predictor(const Run *r, Predictor **ret_predictor)
{
    bool no_end = r->plan->protocol == PROTOCOL_TAX || r->plan->protocol == PROTOCOL_GENTD26;
    return predictor_new(&(PredictorOptions){.seed = r->o->training.seed, .contexts_max = CONTEXTS_MAX, .states_max = STATES_MAX,
        .sessions_max = r->sessions_max, .models = r->o->training.models, .no_end = no_end}, ret_predictor);
}

/* Another predictor with the same numbers for tasks, whose counting models have seen the first `count` steps. */
static Err count_again(const Run *r, size_t count, Predictor **ret_predictor)
{
    AUTO_PREDICTOR p = NULL;
    uint16_t unused;
    TRY(new_predictor(r, &p));
    for (size_t t = 1; t <= predictor_task_count(r->p); t++) TRY(predictor_task(p, predictor_task_name(r->p, (uint16_t)t), &unused));
    predictor_set_learning(p, PREDICT_LEARN_COUNTS);
    for (size_t i = 0; i < count; i++) {
        const PlanStep *s = &r->plan->steps[i];
        const PlanCase *c = &r->plan->cases[s->session];
        if (s->event == c->count) predictor_end(p, r->plan->events[c->first].session);
        else predictor_learn(p, &r->plan->events[c->first + s->event]);
    }
    *ret_predictor = p;
    p = NULL;
    return OK;
}

static void forget_validation(Run *r)
{
    for (int i = 0; i < EVAL_MODELS; i++) r->r.rows[i].validation = (Score){0};
}

/*
 * What learns nothing on the test part needs weights for counting models that learn nothing: those that learn as they go deserve more. So the weights
 * of the blend of all models are learned on the validation part while nothing else is; then the counting models see it, too. How those are blended
 * among themselves was learned on all that is fitted, which is more. Without the test part the first half of the validation part is for the weights,
 * and the second, for which nothing is learned any more, is what counts.
 */
static Err run_frozen(Run *r, size_t at)
{
    AUTO_PREDICTOR other = NULL;
    Predictor *weighed = r->p;
    size_t end = steps_until(r->plan, PART_VALIDATION);
    predictor_set_learning(r->p, PREDICT_LEARN_WEIGHTS);
    TRY(take_steps(r, &at, r->o->with_test ? end : at + (end - at) / 2)); /* once: more passes than one made it worse on small logs */
    if (!r->o->with_test) {
        forget_validation(r);
        predictor_set_learning(r->p, PREDICT_LEARN_NOTHING);
        return take_steps(r, &at, end);
    }
    TRY(count_again(r, at, &other));
    r->p = other; /* which frees the one that has the weights, below */
    other = weighed;
    TRY(take_whole_nets(r));
    predictor_take_weights(r->p, weighed);
    predictor_set_learning(r->p, PREDICT_LEARN_NOTHING);
    return take_steps(r, &at, r->plan->step_count);
}

static Err run_parts(Run *r)
{
    size_t at = 0;
    double begin = cpu_now();
    TRY(take_steps(r, &at, steps_until(r->plan, PART_FIT)));
    r->r.rows[EVAL_BLEND].train_s = r->r.rows[EVAL_COUNTS].train_s = cpu_now() - begin;
    TRY(train_nets(r));
    if (r->o->frozen) return run_frozen(r, at);
    TRY(take_steps(r, &at, steps_until(r->plan, PART_VALIDATION)));
    TRY(take_whole_nets(r));
    return r->o->with_test ? take_steps(r, &at, r->plan->step_count) : OK;
}

static Err new_run(Run *r)
{
    r->plain.symbols = predictor_task_count(r->p) + 1;
    r->plain.followed = calloc(r->plain.symbols * r->plain.symbols, sizeof *r->plain.followed);
    r->plain.last = calloc(r->plan->case_count + 1, sizeof *r->plain.last);
    r->row = calloc(r->plain.symbols, sizeof *r->row);
    return r->plain.followed && r->plain.last && r->row ? OK : FAIL(ENOMEM);
}

static void describe(Run *r, double begin)
{
    EvalResult *e = &r->r;
    for (int i = 0; i < EVAL_MODELS; i++)
        if (i != EVAL_LSTM && i != EVAL_TRANSFORMER) e->rows[i].predict_us = -1;
    if (r->predictions) e->rows[EVAL_BLEND].predict_us = r->predict_s / (double)r->predictions * 1e6;
    e->tasks = r->plain.symbols - 1;
    e->events = r->plan->event_count;
    e->silence_s = r->plan->silence_s;
    e->memory = predictor_memory(r->p);
    memcpy(e->cases, r->plan->cases_of, sizeof e->cases);
    memcpy(e->asked, r->plan->asked, sizeof e->asked);
    e->seconds = cpu_now() - begin;
}

static Err run(const EventLog *log, Protocol protocol, const EvalOptions *o, Buffer *checkpoint, EvalResult *ret_result, Diag *diag)
{
    AUTO_PLAN plan = {.protocol = protocol};
    double begin = cpu_now();
    Run r = {.plan = &plan, .o = o, .sessions_max = log->sessions.count < 64 ? 64 : log->sessions.count};
    TRY(new_predictor(&r, &r.p));
    Err e = plan_make(log, protocol, r.p, &plan, diag);
    if (!e.code) e = new_run(&r);
    if (!e.code) e = run_parts(&r);
    if (!e.code && checkpoint) e = predictor_save(r.p, checkpoint);
    if (!e.code) {
        describe(&r, begin);
        *ret_result = r.r;
    }
    for (int i = 0; i < TRAINED; i++) trained_free(&r.trained[i]);
    predictor_free(r.p);
    free(r.plain.followed);
    free(r.plain.last);
    free(r.row);
    return e;
}

Err eval_run(const EventLog *log, Protocol protocol, const EvalOptions *options, EvalResult *ret_result, Diag *diag)
{
    return run(log, protocol, options, NULL, ret_result, diag);
}

Err eval_train(const EventLog *log, const TrainingOptions *options, Buffer *ret_checkpoint, EvalResult *ret_result, Diag *diag)
{
    return run(log, PROTOCOL_WHOLE, &(EvalOptions){.training = *options}, ret_checkpoint, ret_result, diag);
}
