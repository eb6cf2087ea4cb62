/**
 * Trains a neural model on recorded sessions: cross entropy, Adam with decoupled weight decay (Kingma, Ba 2015; Loshchilov, Hutter 2019), dropout,
 * early stopping by the loss on sequences that are held back. Deterministic: the same shape, sequences, options and seed give the same bytes on one
 * machine. Pure: what is to be said on the way is said to a function.
 */
#pragma once
#include "predict/net_parts.h"

enum { TRAIN_STEPS_MAX = 128 }; /* longer sessions are cut */

/** What the models see of a session's events. */
void train_steps(const PredictEvent *events, size_t count, Step *ret_steps);

/* done: of this epoch; losses: of the one before */
typedef struct { unsigned epoch, epochs_max; double done; float fit_loss, validation_loss; } TrainProgress;
typedef bool (*TrainWatch)(void *context, const TrainProgress *progress); /* false: stop */

/** 0: what is said here. */
typedef struct {
    uint64_t seed;
    unsigned epochs_max;            /* 20 */
    unsigned patience;              /* 4; epochs without a better loss */
    unsigned batch;                 /* 32 sequences */
    float rate;                     /* 0.002; falls to a twentieth along a cosine */
    float dropout;                  /* 0.1; below 0: none */
    float decay;                    /* 0.01 */
    bool keep_last;                 /* no early stopping: epochs_max epochs, and the last weights (on everything, for as long as was best) */
    TrainWatch watch;
    void *context;
} TrainOptions;

typedef struct { unsigned epochs, best_epoch; float fit_loss, validation_loss; } TrainReport; /* losses: of the best epoch, nats a prediction */

/**
 * The net has the best weights afterwards, and the temperature that is best on the validation part. Without one (count 0) all epochs are trained.
 * sequences: of at most TRAIN_STEPS_MAX steps. errors: ERR_USAGE (nothing to train on), ERR_INTERRUPTED (watch; the net is untrained), ENOMEM
 */
MUST_USE Err net_train(Net *n, const Sequence *fit, size_t fit_count, const Sequence *validation, size_t validation_count,
                       const TrainOptions *options, TrainReport *ret_report);
/** Mean loss over what is asked, and (gradient not NULL) its gradient, added. For tests and training. errors: ENOMEM */
MUST_USE Err net_loss(const Net *n, const Sequence *sequences, size_t count, float *gradient, double *ret_loss);
