/* A plan's fitted and validated parts as sequences. What follows an event belongs to the part in which it follows. */
#include "pto/eval_data.h"

#include <errno.h>
#include <stdlib.h>

void training_data_free(TrainingData *d)
{
    free(d->steps);
    for (int i = 0; i < DATA_SETS; i++) {
        free(d->targets[i]);
        free(d->sequences[i]);
    }
    *d = (TrainingData){0};
}

static Err make_room(const Plan *p, TrainingData *d)
{
    size_t sequences = p->case_count + p->event_count / TRAIN_STEPS_MAX + 1;
    d->steps = malloc((p->event_count + 1) * sizeof *d->steps);
    if (!d->steps) return FAIL(ENOMEM);
    for (int i = 0; i < DATA_SETS; i++) {
        d->targets[i] = malloc((p->event_count + 1) * sizeof *d->targets[i]);
        d->sequences[i] = malloc(sequences * sizeof *d->sequences[i]);
        if (!d->targets[i] || !d->sequences[i]) return FAIL(ENOMEM);
    }
    return OK;
}

static bool belongs(DataSet set, uint8_t part)
{
    return set == DATA_BOTH ? part != PART_TEST : part == (set == DATA_FIT ? PART_FIT : PART_VALIDATION);
}

/* Targets of a case in one set; returns behind which step nothing more is asked. */
static uint32_t set_targets(const Plan *p, const PlanCase *c, const uint8_t *parts, DataSet set, uint16_t *targets)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        bool end = i + 1 == c->count;
        size_t at = c->first + i;
        bool asked = belongs(set, parts[end ? at : at + 1]) && (!end || p->end_is_target);
        targets[at] = !asked ? (uint16_t)PREDICT_UNKNOWN : end ? (uint16_t)PREDICT_END : p->events[at + 1].task;
        if (asked) last = i + 1;
    }
    return last;
}

static void add_sequences(const PlanCase *c, uint32_t steps, DataSet set, TrainingData *d)
{
    for (uint32_t at = 0; at < steps; at += TRAIN_STEPS_MAX) {
        uint32_t count = steps - at < TRAIN_STEPS_MAX ? steps - at : TRAIN_STEPS_MAX, asked = 0;
        const uint16_t *targets = d->targets[set] + c->first + at;
        for (uint32_t i = 0; i < count; i++) asked += targets[i] != PREDICT_UNKNOWN;
        if (asked) d->sequences[set][d->counts[set]++] = (Sequence){d->steps + c->first + at, targets, count};
    }
}

Err training_data_make(const Plan *p, TrainingData *ret_data)
{
    AUTO_TRAINING_DATA d = {0};
    TRY(make_room(p, &d));
    uint8_t *parts = calloc(p->event_count + 1, sizeof *parts);
    if (!parts) return FAIL(ENOMEM);
    for (size_t i = 0; i < p->step_count; i++) {
        const PlanStep *s = &p->steps[i];
        if (s->event < p->cases[s->session].count) parts[p->cases[s->session].first + s->event] = s->part;
    }
    for (size_t i = 0; i < p->case_count; i++) {
        const PlanCase *c = &p->cases[i];
        train_steps(p->events + c->first, c->count, d.steps + c->first);
        for (int set = 0; set < DATA_SETS; set++) add_sequences(c, set_targets(p, c, parts, (DataSet)set, d.targets[set]), (DataSet)set, &d);
    }
    free(parts);
    *ret_data = d;
    d = (TrainingData){0};
    return OK;
}
