/** The parts of neural models, for the files net*.c, train.c and their tests only. */
#pragma once
#include "predict/hash.h"
#include "predict/net.h"

/* Matrices are row by row; a layer's matrix is [inputs][outputs], so that y = x W. */
struct Net {
    NetShape shape;
    float temperature;
    size_t count;
    float *weights;
    float *work;                    /* of net_step and net_say */
    size_t work_floats;
};

enum { FEATURE_GAPS = 14, FEATURE_NUMBERS = 16, FEATURE_BUCKETS = 16 };
/** Inputs: the task (one of many), numbers, the gap (one of many), attributes (hashed, one of many each). */
unsigned features_count(const NetShape *shape);
void features_fill(const NetShape *shape, const Step *step, float *ret_row);

/** A session that is trained on. targets[i]: what followed step i; PREDICT_UNKNOWN: not asked. */
typedef struct { const Step *steps; const uint16_t *targets; uint32_t count; } Sequence;
/** Some sequences, longest first. */
typedef struct { const Sequence *sequences; uint32_t count; uint32_t rows; } Batch;

/** Memory of one pass: taken piece by piece, given back at once. */
typedef struct { float *base; size_t used, room; } Arena;
void *arena_take(Arena *a, size_t floats);
static inline size_t arena_piece(size_t floats) { return (floats + 15) / 16 * 16; }

typedef struct {
    float dropout;                  /* 0: none */
    Random random;
    float *logits;                  /* [rows][tasks] */
    uint16_t *targets;              /* [rows], in the order of the logits */
    void *tape;                     /* what the way back needs */
} Pass;

/** What a pass takes of an arena, at most. */
size_t net_pass_floats(const NetShape *shape, const Batch *b);
void net_forward(const Net *n, const Batch *b, Arena *a, Pass *pass);
/** logits: their gradients by now. Adds to gradient. */
void net_backward(const Net *n, const Batch *b, Arena *a, Pass *pass, float *gradient);

size_t lstm_weight_count(const NetShape *shape);
void lstm_begin_weights(const NetShape *shape, float *w, Random *random);
size_t lstm_state_floats(const NetShape *shape);
size_t lstm_work_floats(const NetShape *shape);
size_t lstm_pass_floats(const NetShape *shape, const Batch *b);
void lstm_step(Net *n, float *state, const Step *step);
void lstm_forward(const Net *n, const Batch *b, Arena *a, Pass *pass);
void lstm_backward(const Net *n, const Batch *b, Arena *a, Pass *pass, float *gradient);

size_t transformer_weight_count(const NetShape *shape);
void transformer_begin_weights(const NetShape *shape, float *w, Random *random);
size_t transformer_state_floats(const NetShape *shape);
size_t transformer_work_floats(const NetShape *shape);
size_t transformer_pass_floats(const NetShape *shape, const Batch *b);
void transformer_step(Net *n, float *state, const Step *step);
void transformer_forward(const Net *n, const Batch *b, Arena *a, Pass *pass);
void transformer_backward(const Net *n, const Batch *b, Arena *a, Pass *pass, float *gradient);

/** Both keep the hidden vector of the last event at the end of their state. */
static inline const float *state_hidden(const Net *n, const float *state) { return state + net_state_floats(n) - n->shape.hidden; }

/* ret [rows][outputs] = x [rows][inputs] W (+ ret, or + bias in every row). */
void matrix_apply(const float *x, const float *w, const float *bias, size_t rows, size_t inputs, size_t outputs, float *ret);
void matrix_apply_add(const float *x, const float *w, size_t rows, size_t inputs, size_t outputs, float *ret);
/* ret [rows][inputs] (+)= dy [rows][outputs] W^T */
void matrix_back(const float *dy, const float *w, size_t rows, size_t inputs, size_t outputs, bool add, float *ret);
/* dw [inputs][outputs] += x^T dy, dbias += sums of dy (dbias may be NULL) */
void matrix_learn(const float *x, const float *dy, size_t rows, size_t inputs, size_t outputs, float *dw, float *dbias);
/* Even in +-1/sqrt(inputs); inputs: how many are not 0 as a rule. */
void matrix_begin(float *w, size_t count, size_t inputs, Random *random);
enum { FEATURES_SET = 16 };         /* features that are not 0 as a rule */

/* Multiplies by 0 or 1 / (1 - part), and keeps the factors. */
void dropout_apply(Pass *pass, float *x, size_t count, float *ret_factors);
void dropout_back(const Pass *pass, float *dx, size_t count, const float *factors);
