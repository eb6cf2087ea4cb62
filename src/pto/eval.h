/**
 * Measures predictions on a log by one of the protocols (eval_plan.h), for several models at once.
 *
 * The stream is fitted, validated and tested in order of time. Neural models are trained on the fitted part (early stopping and temperature on the
 * validation part) and do not change afterwards; the weights of the blend are learned on the validation part. Counting models and weights go on
 * learning online on the test part, each prediction before its outcome (`frozen`: they do not); a prediction is made as soon as the event before it
 * has happened, so that it never knows anything later. Numbers of the validation part are given too: what is chosen is chosen on those.
 */
#pragma once
#include "pto/eval_score.h"
#include "pto/training.h"

typedef enum { EVAL_REPEAT, EVAL_MARKOV1, EVAL_PPM, EVAL_COUNTS, EVAL_LSTM, EVAL_TRANSFORMER, EVAL_BLEND, EVAL_MODELS } EvalModel;
const char *eval_model_name(EvalModel m);

typedef struct {
    TrainingOptions training;       /* seed, models, threads, progress */
    bool frozen, with_test;         /* with_test: false stops before the test part */
} EvalOptions;

typedef struct {
    bool there;
    Score test, validation;
    double train_s, predict_us;     /* CPU; of one prediction, mean; negative: not measured */
    unsigned epochs;
} EvalRow;

typedef struct {
    EvalRow rows[EVAL_MODELS];
    size_t tasks, cases[PARTS], asked[PARTS], events;
    double silence_s, seconds;      /* of all */
    size_t memory;                  /* of the predictor */
} EvalResult;

/** errors: those of plan_make, training_run */
MUST_USE Err eval_run(const EventLog *log, Protocol protocol, const EvalOptions *options, EvalResult *ret_result, Diag *diag);
/** All of the log: a predictor with neural models and weights, as a checkpoint. errors: the same */
MUST_USE Err eval_train(const EventLog *log, const TrainingOptions *options, Buffer *ret_checkpoint, EvalResult *ret_result, Diag *diag);
