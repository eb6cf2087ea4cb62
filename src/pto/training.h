/**
 * Trains the neural models of a plan, each in a process of its own (at most two at a time), while somebody watches: the caller's stays free to show
 * what goes on and to stop it.
 */
#pragma once
#include "pto/eval_data.h"

/** Called about ten times a second in the caller's thread. what: "lstm", "validation" ...; done: 0..1 of all. Not 0: stop. */
typedef int (*PtoProgress)(void *context, const char *what, double done);

typedef struct {
    uint64_t seed;
    uint32_t models;                /* bits of PredictModel; 0: all */
    unsigned threads;               /* models at the same time: 1 or 2; 0: 1 */
    unsigned epochs_max;            /* 0: 20 */
    PtoProgress progress;           /* may be NULL */
    void *context;
} TrainingOptions;

enum { TRAINED_LSTM, TRAINED_TRANSFORMER, TRAINED };

typedef struct {
    Net *net;                       /* trained on the fitted part. NULL: not asked for. The receiver's */
    Net *whole;                     /* trained on the fitted and the validation part, for as many epochs as were best; with the same temperature */
    TrainReport report;
    double seconds;                 /* CPU time, of both */
} Trained;

void trained_free(Trained *t);

static inline bool wants_model(uint32_t models, PredictModel m) { return models == 0 || models >> m & 1; }

/** errors: ERR_INTERRUPTED, ERR_USAGE (nothing to train on), ENOMEM. Nothing is given then. */
MUST_USE Err training_run(const TrainingData *data, const TrainingOptions *options, uint32_t tasks, bool attributes, Trained ret_trained[TRAINED]);
