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

static const char *name_of(unsigned row)
{
    return row < SAY_PPM ? view_name((ViewKind)(row - SAY_VIEWS)) : predict_model_name((PredictModel)(row - SAY_PPM)); /* in the same order */
}

/* The weight of a row in the end: views and PPM are in the first blend, which is one model of the second. */
static double weight_of(const Say *say, unsigned row)
{
    double second = row < SAY_PPM ? 0 : (double)say->weights_all[row - SAY_PPM];
    double first = row <= SAY_PPM ? (double)say->weights_counts[row] * (double)say->weights_all[SAY_COUNTS - SAY_PPM] : 0;
    return first + second;
}

static PredictReason row_reason(const Predictor *p, unsigned row)
{
    const Say *say = &p->say;
    PredictReason r = {.model = name_of(row), .weight = weight_of(say, row), .order = -1};
    best_of(say_row(say, row), say->count, &r);
    if (row == SAY_PPM) {
        r.order = say->order;
        if (say->order >= 0) seen(context_find(&p->contexts, say->orders[say->order]), &r);
    } else if (row < SAY_PPM && row != SAY_VIEWS + VIEW_OWN_RECENT) {
        seen(context_find(row == SAY_VIEWS + VIEW_OWN_TASK ? &p->own : &p->contexts, say->views[row - SAY_VIEWS]), &r);
    }
    return r;
}

size_t predictor_explain(Predictor *p, uint64_t session, PredictReason ret_reasons[PREDICT_REASONS_MAX], float ret_shares[PREDICT_SHARES])
{
    size_t count = 0;
    predictor_say(p, session);
    for (unsigned row = 0; row < SAY_COUNT; row++) {
        bool there = row == SAY_PPM || (row < SAY_PPM ? predictor_has(p, PREDICT_COUNTS) : row >= SAY_LSTM && p->nets[row - SAY_LSTM]);
        if (there) ret_reasons[count++] = row_reason(p, row);
    }
    memcpy(ret_shares, p->shares.weights, sizeof p->shares.weights[0] * PREDICT_SHARES);
    return count;
}
