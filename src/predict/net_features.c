/* An event as numbers: what both neural models see. */
#include <math.h>

#include "predict/net_parts.h"

unsigned features_count(const NetShape *s)
{
    return s->tasks + FEATURE_NUMBERS + FEATURE_GAPS + (s->attributes ? PREDICT_ATTRIBUTES_MAX * FEATURE_BUCKETS : 0);
}

/* Which of the usual spans: the same moment, a machine's, a person's, a day's, a week's. */
static unsigned span_of(float seconds)
{
    static const float SPANS[FEATURE_GAPS - 1] = {0, 0.05f, 0.3f, 1, 5, 20, 120, 900, 3600, 6 * 3600, 24 * 3600, 72 * 3600, 168 * 3600};
    unsigned i = 0;
    while (i < FEATURE_GAPS - 1 && seconds > SPANS[i]) i++;
    return i;
}

static void numbers(const Step *step, float *x)
{
    float angle = (float)step->hour * (6.2831853f / 24);
    x[0] = log1pf(step->gap_s) / 8;
    x[1] = log1pf(step->gap_s * 1000) / 16;
    x[2] = log1pf(step->age_s) / 12;
    x[3] = log1pf(step->position) / 3;
    x[4] = log1pf(step->times) / 2;
    x[5] = sinf(angle);
    x[6] = cosf(angle);
    x[7] = step->rank == 0;
    x[8] = step->rank == SESSION_OWN_MAX;
    x[9 + step->weekday % 7] = 1;
}

void features_fill(const NetShape *s, const Step *step, float *row)
{
    memset(row, 0, features_count(s) * sizeof *row);
    row[step->task < s->tasks ? step->task : 0] = 1; /* 0 is never the number of a task: it stands for those not known */
    row += s->tasks;
    numbers(step, row);
    row[FEATURE_NUMBERS + span_of(step->gap_s)] = 1;
    row += FEATURE_NUMBERS + FEATURE_GAPS;
    for (unsigned i = 0; s->attributes && i < PREDICT_ATTRIBUTES_MAX; i++)
        if (step->attributes[i]) row[i * FEATURE_BUCKETS + hash_mix(step->attributes[i]) % FEATURE_BUCKETS] = 1;
}
