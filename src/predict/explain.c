/* Why a predictor says what it says. */
#include "predict/predictor_parts.h"

static void best_of(const float *p, size_t count, PredictReason *r)
{
    size_t best = 0;
    for (size_t t = 1; t < count; t++)
        if (p[t] > p[best]) best = t;
    r->best = (PredictCandidate){(uint16_t)best, p[best]};
}

static void seen(const Context *x, PredictReason *r)
{
    r->total = x ? x->total : 0;
    r->distinct = x ? x->distinct : 0;
}

static PredictReason row_reason(const Predictor *p, unsigned row, bool nets)
{
    const Say *say = &p->say;
    PredictReason r = {.model = row == SAY_PPM ? predict_model_name(PREDICT_PPM) : row == SAY_LSTM ? predict_model_name(PREDICT_LSTM) :
                       row == SAY_TRANSFORMER ? predict_model_name(PREDICT_TRANSFORMER) : view_name((ViewKind)(row - SAY_VIEWS)),
                       .weight = nets ? say->weights_all[row] : say->weights_counts[row], .order = -1};
    best_of(say->p + row * say->stride, say->count, &r);
    if (row == SAY_PPM) {
        r.order = say->order;
        if (say->order >= 0) seen(context_find(&p->contexts, say->orders[say->order]), &r);
    } else if (row < SAY_LSTM && row - SAY_VIEWS != VIEW_OWN_RECENT) {
        unsigned view = row - SAY_VIEWS;
        seen(context_find(view == VIEW_OWN_TASK ? &p->own : &p->contexts, say->views[view]), &r);
    }
    return r;
}

size_t predictor_explain(Predictor *p, uint64_t session, PredictReason ret_reasons[PREDICT_REASONS_MAX], float ret_shares[PREDICT_SHARES])
{
    size_t count = 0;
    bool nets = p->nets[0] || p->nets[1];
    predictor_say(p, session);
    for (unsigned row = 0; row < SAY_COUNT; row++) {
        bool there = row < SAY_LSTM ? row == SAY_PPM || predictor_has(p, PREDICT_COUNTS) : p->nets[row - SAY_LSTM] != NULL;
        if (there) ret_reasons[count++] = row_reason(p, row, nets);
    }
    memcpy(ret_shares, p->shares.weights, sizeof p->shares.weights[0] * PREDICT_SHARES);
    return count;
}
