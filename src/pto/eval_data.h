/** Sequences for training, from a plan. */
#pragma once
#include "predict/train.h"
#include "pto/eval_plan.h"

typedef enum { DATA_FIT, DATA_VALIDATION, DATA_BOTH, DATA_SETS } DataSet;

typedef struct {
    Step *steps;                    /* of all events, by case */
    uint16_t *targets[DATA_SETS];   /* beside them: what is asked in this set */
    Sequence *sequences[DATA_SETS]; /* in order of the cases */
    size_t counts[DATA_SETS];
} TrainingData;

/** errors: ENOMEM */
MUST_USE Err training_data_make(const Plan *p, TrainingData *ret_data);
void training_data_free(TrainingData *d);
#define AUTO_TRAINING_DATA __attribute__((cleanup(training_data_free))) TrainingData
