/**
 * A neural model of sessions: an LSTM (Hochreiter, Schmidhuber 1997; with forget gates) or a Transformer (Vaswani 2017; layers normalised before
 * their parts, attention over a window of the last events, with a learned bias for each distance) over the same features. Pure; sizes come from the
 * shape.
 */
#pragma once
#include "predict/session.h"

enum {
    NET_HIDDEN_MAX = 512, NET_LAYERS_MAX = 4, NET_HEADS_MAX = 16, NET_WIDE_MAX = 2048, NET_WINDOW_MAX = SESSION_STEPS_MAX,
    NET_WEIGHTS_MAX = 1 << 23,
};

typedef struct {
    uint32_t model;                 /* PREDICT_LSTM or PREDICT_TRANSFORMER */
    uint32_t tasks;                 /* known, the end among them: numbers below this */
    uint32_t hidden, layers;
    uint32_t heads, wide, window;   /* of a Transformer: heads divide hidden; the inner width; events that are looked back on */
    uint32_t attributes;            /* not 0: attributes are inputs */
} NetShape;

typedef struct Net Net;

/** Small random weights from the seed. errors: ERR_USAGE (shape), ERR_LIMIT (weights), ENOMEM */
MUST_USE Err net_new(const NetShape *shape, uint64_t seed, Net **ret_net);
void net_free(Net *n);
const NetShape *net_shape(const Net *n);
PredictModel net_model(const Net *n);
unsigned net_tasks(const Net *n);
size_t net_memory(const Net *n);

/** All weights, one behind the other; docs/formats/checkpoint.md gives the order. */
float *net_weights(Net *n, size_t *ret_count);
/** How many a shape has; 0: the shape is not possible. */
size_t net_weight_count(const NetShape *shape);
/** Scores are divided by it before they become probabilities: above 1 for a model that is too sure of itself. */
float net_temperature(const Net *n);
void net_set_temperature(Net *n, float temperature);

size_t net_state_floats(const Net *n);
/** The state before the first event. */
void net_begin(const Net *n, float *state);
void net_step(Net *n, float *state, const Step *step);
/** Probabilities of what comes next, ret_p[0..net_tasks-1], calibrated. */
void net_say(Net *n, const float *state, float *ret_p);

/** The predictor asks it from now on, in the place of one of the same kind; it is the predictor's if this succeeds. errors: ENOMEM */
MUST_USE Err predictor_set_net(Predictor *p, Net *net);
