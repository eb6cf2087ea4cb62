/* All models speak about one session, and are blended. */
#include <math.h>

#include "predict/predictor_parts.h"
#include "predict/vector.h"

/* Chosen on validation parts. Who agrees with whom says most about whom to believe: there the second blend learns fastest. */
static const float RATES[MIX_SETS] = {0.02f, 0.006f, 0.006f}, SECOND_RATES[MIX_SETS] = {0.02f, 0.006f, 0.06f};

static bool may_speak(const Predictor *p, PredictModel model) { return p->options.models == 0 || p->options.models >> model & 1; }

/* Small contexts that choose the weights: none; the last task; how far PPM could look back, and where in the session we are. */
static void choose_weights(const Predictor *p, Say *say)
{
    uint32_t happened = say->s ? say->s->count : 0, part = happened < 2 ? 0 : happened < 5 ? 1 : happened < 12 ? 2 : 3;
    uint16_t last = session_task(say->s, 0);
    say->at[0] = 0;
    say->at[1] = last < TASKS_ROOM ? last : PREDICT_END;
    say->at[2] = (unsigned)(say->order + 1) * 4 + part;
    mixer_weights(&p->counts, say->at, say->weights_counts);
}

static size_t top_of(const Say *say, unsigned row)
{
    const float *p = say_row(say, row);
    size_t best = 0;
    for (size_t t = 1; t < say->count; t++)
        if (p[t] > p[best]) best = t;
    return best;
}

/* The second blend's third context: which models say the same task as the counting ones, whether that is the last one again, how much is known.
 * In the log domain three models that doubt a little outweigh one that is right; where they differ it has to be learned who is. */
static void choose_second_weights(const Predictor *p, Say *say)
{
    size_t top = top_of(say, SAY_COUNTS);
    bool known = say->s && say->s->count >= 5, again = top != PREDICT_END && top == session_task(say->s, 0);
    unsigned agree = top_of(say, SAY_PPM) == top;
    for (unsigned i = 0; i < NETS; i++) agree |= (unsigned)(top_of(say, SAY_LSTM + i) == top) << (i + 1);
    memcpy(say->second_at, say->at, sizeof say->second_at);
    say->second_at[2] = agree * 4 + 2 * known + again;
    mixer_weights(&p->all, say->second_at, say->weights_all);
}
_Static_assert(2 << NETS << 2 <= (PPM_ORDER_MAX + 2) * 4, "the third set has room for both kinds of contexts");

static void say_views(Predictor *p, Say *say)
{
    const float *ppm = say_row(say, SAY_PPM);
    views_contexts(say->s, say->views);
    for (unsigned v = 0; v < VIEW_COUNT; v++)
        view_distribution(v == VIEW_OWN_TASK ? &p->own : &p->contexts, (ViewKind)v, say->views[v], say->s, ppm, say->count,
                          say_row(say, SAY_VIEWS + v));
}

/* Nothing is impossible to a model, the end aside, where there is none. */
static void finish_row(const Predictor *p, Say *say, unsigned r)
{
    float *row = say_row(say, r), left = 1 - row[PREDICT_END];
    if (p->options.no_end && say->count > 1) {
        row[PREDICT_END] = 0;
        for (size_t t = 1; t < say->count; t++) row[t] = left > 1e-6f ? row[t] / left : 1 / (float)(say->count - 1);
    }
    for (size_t t = 0; t < say->count; t++) row[t] = row[t] > 1e-7f ? row[t] : 1e-7f;
    vector_log(row, say_logs(say, r), say->count);
}

static void say_counts(Predictor *p, Say *say)
{
    float *ppm = say_row(say, SAY_PPM);
    ppm_distribution(&p->contexts, say->orders, say->order_count, say->count, say->excluded, ppm, &say->order);
    choose_weights(p, say);
    if (may_speak(p, PREDICT_COUNTS)) say_views(p, say);
    else
        for (unsigned v = 0; v < VIEW_COUNT; v++) memcpy(say_row(say, SAY_VIEWS + v), ppm, say->count * sizeof *ppm);
    for (unsigned r = 0; r <= SAY_PPM; r++) finish_row(p, say, r);
    mixer_distribution(say->weights_counts, COUNTED, say->logs, say->stride, say->count, say_row(say, SAY_COUNTS));
    finish_row(p, say, SAY_COUNTS);
}

static void blend(const Predictor *p, Say *say)
{
    const float *w = p->shares.weights, *ppm = say_row(say, SAY_PPM), *counts = say_row(say, SAY_COUNTS);
    choose_second_weights(p, say);
    mixer_distribution(say->weights_all, SECOND, say_logs(say, SAY_PPM), say->stride, say->count, say->all);
    for (size_t t = 0; t < say->count; t++) say->blend[t] = w[MEMBER_PPM] * ppm[t] + w[MEMBER_COUNTS] * counts[t] + w[MEMBER_ALL] * say->all[t];
}

void predictor_say(Predictor *p, uint64_t session)
{
    Say *say = &p->say;
    if (say->valid && say->session == session && say->count == predictor_symbols(p)) return;
    say->session = session;
    say->s = session_find(&p->sessions, session);
    say->count = predictor_symbols(p);
    say->stride = (say->count + 7) / 8 * 8;
    say->order_count = ppm_contexts(say->s, say->orders);
    say_counts(p, say);
    predictor_say_nets(p);
    finish_row(p, say, SAY_LSTM);
    finish_row(p, say, SAY_TRANSFORMER);
    blend(p, say);
    say->valid = true;
}

static void learn_blend(Predictor *p, uint16_t task)
{
    const Say *say = &p->say;
    if (p->options.no_end && task == PREDICT_END) return;
    if (p->learning != PREDICT_LEARN_WEIGHTS)
        mixer_learn(&p->counts, say->at, say_row(say, SAY_COUNTS), say->logs, say->stride, say->count, task, RATES);
    mixer_learn(&p->all, say->second_at, say->all, say_logs(say, SAY_PPM), say->stride, say->count, task, SECOND_RATES);
    const float of_members[MEMBERS] = {say_row(say, SAY_PPM)[task], say_row(say, SAY_COUNTS)[task], say->all[task]};
    shares_learn(&p->shares, of_members);
    p->blend_learned = true;
}

void predictor_learn_next(Predictor *p, const Session *s, uint16_t task, bool everybody)
{
    uint64_t id = s->id;
    bool known = task < predictor_symbols(p);
    bool counts = everybody && p->learning != PREDICT_LEARN_WEIGHTS && p->learning != PREDICT_LEARN_NOTHING;
    bool weights = everybody && p->learning != PREDICT_LEARN_COUNTS && p->learning != PREDICT_LEARN_NOTHING;
    if (known && weights) {
        predictor_say(p, id);
        learn_blend(p, task);
    }
    if (known && counts) {
        uint64_t views[VIEW_COUNT], orders[PPM_ORDER_MAX + 1];
        unsigned order_count = ppm_contexts(s, orders);
        views_contexts(s, views);
        ppm_learn(&p->contexts, orders, order_count, task);
        views_learn(&p->contexts, &p->own, views, s, task, true);
    } else if (known) {
        uint64_t views[VIEW_COUNT];
        views_contexts(s, views);
        views_learn(&p->contexts, &p->own, views, s, task, false);
    }
    p->say.valid = false;
}
