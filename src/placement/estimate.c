/* A moving average with clipped steps, and quantiles by P-square. */
#include "placement/estimate.h"

#include <math.h>
#include <string.h>

#define PLAIN_SAMPLES 8        /* the mean of so few is plain, so that a wrong first guess goes at once */
#define WEIGHT_LEAST (1.0 / 128) /* of a new sample: nothing is forgotten sooner, nothing remembered longer */
#define BLEND_MOST 4.0

static void sort_in(double *height, uint64_t count, double value)
{
    uint64_t i = count;
    for (; i > 0 && height[i - 1] > value; i--) height[i] = height[i - 1];
    height[i] = value;
}

static void begin_markers(Quantile *q)
{
    const double p = q->part;
    const double wanted[5] = {1, 1 + 2 * p, 1 + 4 * p, 3 + 2 * p, 5};
    memcpy(q->wanted, wanted, sizeof wanted);
    for (int i = 0; i < 5; i++) q->position[i] = i + 1;
}

/* The height of marker i moved by one place in direction d: by the parabola through its neighbours, or by a line where that would
 * break their order (Jain and Chlamtac, formula P-square). */
static double moved(const Quantile *q, int i, int d)
{
    const double *h = q->height;
    const double before = (double)(q->position[i] - q->position[i - 1]), after = (double)(q->position[i + 1] - q->position[i]);
    const double up = (h[i + 1] - h[i]) / after, down = (h[i] - h[i - 1]) / before;
    const double parabola = h[i] + d / (before + after) * ((before + d) * up + (after - d) * down);
    if (h[i - 1] < parabola && parabola < h[i + 1]) return parabola;
    return h[i] + d * (d > 0 ? up : down);
}

static int cell_of(Quantile *q, double value)
{
    if (value < q->height[0]) q->height[0] = value;
    if (value > q->height[4]) q->height[4] = value;
    int cell = 0;
    while (cell < 3 && value >= q->height[cell + 1]) cell++;
    return cell;
}

void quantile_add(Quantile *q, double value)
{
    if (q->samples < 5) {
        sort_in(q->height, q->samples++, value);
        if (q->samples == 5) begin_markers(q);
        return;
    }
    q->samples++;
    const double step[5] = {0, q->part / 2, q->part, (1 + q->part) / 2, 1};
    for (int i = cell_of(q, value) + 1; i < 5; i++) q->position[i]++;
    for (int i = 0; i < 5; i++) q->wanted[i] += step[i];
    for (int i = 1; i < 4; i++) {
        const double off = q->wanted[i] - (double)q->position[i];
        const int d = off >= 1 && q->position[i + 1] - q->position[i] > 1 ? 1 : off <= -1 && q->position[i - 1] - q->position[i] < -1 ? -1 : 0;
        if (!d) continue;
        q->height[i] = moved(q, i, d);
        q->position[i] += d;
    }
}

double quantile_value(const Quantile *q)
{
    if (q->samples == 0) return 0;
    if (q->samples >= 5) return q->height[2];
    return q->height[(uint64_t)(q->part * (double)(q->samples - 1) + 0.5)];
}

double estimate_blend(double now, double value, double weight, double most)
{
    return now + weight * (fmin(fmax(value, now / most), now * most) - now);
}

void estimate_start(RunEstimate *e, double guess)
{
    *e = (RunEstimate){.mean = guess, .median.part = 0.5, .p95.part = 0.95};
}

void estimate_add(RunEstimate *e, double value, double rank)
{
    e->samples++;
    const double weight = fmax(1 / (double)e->samples, WEIGHT_LEAST);
    if (e->samples <= PLAIN_SAMPLES) e->mean = e->samples == 1 ? value : e->mean + (value - e->mean) * weight;
    else e->mean = estimate_blend(e->mean, value, weight, BLEND_MOST);
    quantile_add(&e->median, rank);
    quantile_add(&e->p95, rank);
}
