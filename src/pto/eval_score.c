/* Scores of predictions. */
#include "pto/eval_score.h"

#include <math.h>

static const double P_MIN = 1e-9; /* what was thought impossible costs 20.7 nats */

void score_add(Score *s, const float *p, size_t first, size_t count, size_t target)
{
    size_t best = first, before = 0;
    for (size_t t = first; t < count; t++) {
        if (p[t] > p[best]) best = t;
        before += p[t] > p[target] || (t < target && p[t] == p[target]);
    }
    double sure = p[best] < 0 ? 0 : p[best] > 1 ? 1 : p[best];
    size_t bin = (size_t)(sure * SCORE_BINS);
    if (bin == SCORE_BINS) bin--;
    s->asked++;
    s->top1 += best == target;
    s->top3 += before < 3;
    s->loss -= log(p[target] > P_MIN ? p[target] : P_MIN);
    s->bins[bin].count++;
    s->bins[bin].right += best == target;
    s->bins[bin].sure += sure;
}

static double part(double x, uint64_t of) { return of ? x / (double)of : 0; }

double score_top1(const Score *s) { return part((double)s->top1, s->asked); }
double score_top3(const Score *s) { return part((double)s->top3, s->asked); }
double score_log_loss(const Score *s) { return part(s->loss, s->asked); }

double score_ece(const Score *s)
{
    double sum = 0;
    for (int i = 0; i < SCORE_BINS; i++) sum += fabs((double)s->bins[i].right - s->bins[i].sure);
    return part(sum, s->asked);
}
