/* Medians and spreads. */
#include "samples.h"

#include <stdlib.h>

void samples_add(Samples *s, double value)
{
    if (s->count < SAMPLES_MAX) s->values[s->count++] = value;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

Spread samples_spread(const Samples *s)
{
    Samples sorted = *s;
    int n = sorted.count;
    if (n == 0) return (Spread){0};
    qsort(sorted.values, (size_t)n, sizeof sorted.values[0], ascending);
    double median = n % 2 ? sorted.values[n / 2] : (sorted.values[n / 2 - 1] + sorted.values[n / 2]) / 2;
    return (Spread){median, sorted.values[0], sorted.values[n - 1]};
}

double samples_ratio(const Samples *over, const Samples *under)
{
    Samples quotients = {.count = 0};
    for (int i = 0; i < over->count && i < under->count; i++)
        if (under->values[i] > 0) samples_add(&quotients, over->values[i] / under->values[i]);
    return samples_spread(&quotients).median;
}
