/**
 * A neural model of sessions: an LSTM or a Transformer over the same features, one step an event. What the predictor needs of it; train.h makes one.
 * Pure; all sizes come from the shape.
 */
#pragma once
#include "predict/session.h"

typedef struct Net Net;

void net_free(Net *n);
PredictModel net_model(const Net *n);
/** Tasks that it knows, the end among them: it speaks of numbers below. */
unsigned net_tasks(const Net *n);
size_t net_state_floats(const Net *n);
size_t net_memory(const Net *n);
/** The state before the first event. */
void net_begin(const Net *n, float *state);
void net_step(Net *n, float *state, const Step *step);
/** Probabilities of what comes next, ret_p[0..net_tasks-1], calibrated. */
void net_say(Net *n, const float *state, float *ret_p);
