/**
 * Which task comes next in a session: learns a stream of events online and gives calibrated probabilities. Pure: no I/O, no clock of its own (events
 * carry their times), no randomness but from the seed that it is given; the same calls in the same order give the same answers.
 *
 * Several models each say a distribution over the tasks and the end of the session: variable-order contexts (PPM), counting models over features
 * (time, repetitions, attributes, the session's own habits), and, once a checkpoint is loaded, an LSTM and a Transformer. A blend with weights
 * learned online makes one of them; PPM is always part of it. docs/prediction.md says how.
 *
 * What one client can do to the others is bounded: beyond `client_burst` events and `client_share` of the whole stream, what a client does is learned
 * for its own sessions only. Memory is bounded by PredictorOptions whatever comes: the session, the client or the context longest not used gives way.
 * Ids of sessions and clients are hashes that the caller makes, with a key where outsiders choose the names. A handle is for one thread at a time.
 */
#pragma once
#include "base/bytes.h"

enum {
    PREDICT_TASKS_MAX = 1023,       /* tasks known at the same time */
    PREDICT_NAME_MAX = 255,         /* bytes of a task's name */
    PREDICT_ATTRIBUTES_MAX = 4,
    PREDICT_TOP_MAX = 16,
    PREDICT_END = 0,                /* "the session ends here"; tasks are 1.. */
    PREDICT_UNKNOWN = 0xffff,       /* a task that has no number, because there are too many; learned from, never predicted */
};

typedef struct Predictor Predictor;

/** 0: what is said here. */
typedef struct {
    uint64_t seed;
    uint32_t sessions_max;          /* 16384; remembered with their last events */
    uint32_t states_max;            /* 512; of these, sessions whose neural state is kept; others are computed again from their last events */
    uint32_t contexts_max;          /* 1 << 16 per model; rounded up to a power of two */
    uint32_t clients_max;           /* 4096 */
    uint32_t client_burst;          /* 2048; events of a client that always count for everybody */
    double client_share;            /* 0.125; and this part of the stream. 1: no bound */
    uint32_t models;                /* bits PREDICT_PPM...; which models may speak. 0: all. PPM always may */
    bool no_end;                    /* sessions are never said to end: the end is no candidate */
} PredictorOptions;

typedef enum { PREDICT_PPM, PREDICT_COUNTS, PREDICT_LSTM, PREDICT_TRANSFORMER, PREDICT_BLEND, PREDICT_MODELS } PredictModel;
const char *predict_model_name(PredictModel model); /* "ppm", "counts", "lstm", "transformer", "blend" */

/** All memory is taken here, so that learning and predicting cannot fail. errors: ERR_USAGE (an option out of range), ENOMEM */
MUST_USE Err predictor_new(const PredictorOptions *options, Predictor **ret_predictor);
void predictor_free(Predictor *p);
static inline void predictor_freep(Predictor **p) { predictor_free(*p); }
#define AUTO_PREDICTOR __attribute__((cleanup(predictor_freep))) Predictor *

/**
 * The number of a task, 1.., by its name (any bytes, 1 to PREDICT_NAME_MAX); a new name gets the next number.
 * errors: ERR_LIMIT (PREDICT_TASKS_MAX: use PREDICT_UNKNOWN), ERR_USAGE (length)
 */
MUST_USE Err predictor_task(Predictor *p, View name, uint16_t *ret_task);
/** Its name, borrowed until the predictor is freed; empty: no such task. */
View predictor_task_name(const Predictor *p, uint16_t task);
size_t predictor_task_count(const Predictor *p); /* numbers are 1..count */

typedef struct {
    uint64_t session;
    uint64_t client;                /* who is bounded; 0: every session is a client of its own */
    int64_t time_ms;                /* UTC since 1970; earlier than the session's last: taken as the same moment */
    int16_t utc_offset_min;         /* for hour and weekday, where the people are */
    uint16_t task;
    uint32_t attributes[PREDICT_ATTRIBUTES_MAX]; /* categories as hashes or numbers; 0: not said */
} PredictEvent;

/** An event has happened: learned against what would have been said, then part of its session. A task without a number is PREDICT_UNKNOWN. */
void predictor_learn(Predictor *p, const PredictEvent *event);
/** The session is over (or was silent for so long that it counts as over), which is learned; its memory is free. Not known: nothing happens. */
void predictor_end(Predictor *p, uint64_t session);
/** Forgets a session, without learning that it ended. */
void predictor_forget(Predictor *p, uint64_t session);

/** What may follow, by metadata: a task t < count with allowed[t] == 0 has probability 0 (allowed[PREDICT_END]: the end). NULL: everything. */
typedef struct { const uint8_t *allowed; size_t count; } PredictMask;

typedef struct { uint16_t task; float probability; } PredictCandidate;
typedef struct {
    PredictCandidate top[PREDICT_TOP_MAX]; /* most probable first; PREDICT_END may be one of them */
    size_t count;
    float end;                      /* probability that nothing follows */
    double wait_s;                  /* typical time to the next event (geometric mean of what followed this task); negative: not known */
} Prediction;

/** What comes next in a session; one that is not known (or NULL mask, empty history) gets what is known in general. No state changes. */
void predictor_predict(Predictor *p, uint64_t session, const PredictMask *mask, Prediction *ret_prediction);

/**
 * All of it: ret_probabilities[0..count], by task number, of the blend or of one model (0 everywhere when that model is not there).
 * room: at least predictor_task_count + 1 floats
 */
void predictor_distribution(Predictor *p, uint64_t session, const PredictMask *mask, PredictModel model, float *ret_probabilities);
bool predictor_has(const Predictor *p, PredictModel model);

/** Why: what each model says by itself, and with which weight it enters the blend (in the log domain; a weight may be negative). */
typedef struct {
    const char *model;              /* "ppm", "last task, time since", "lstm" ... */
    double weight;
    int order;                      /* of PPM: how many events (the start of the session counts as one) its longest match has; -1: none */
    uint32_t total, distinct;       /* how often its context was seen, followed by how many different tasks; 0: never, or it does not count */
    PredictCandidate best;
} PredictReason;
enum { PREDICT_REASONS_MAX = 32, PREDICT_SHARES = 3 };
/** Returns how many reasons. ret_shares: what PPM, the blend of the counting models and the blend of
 *  all have in the last, linear blend; sum 1. */
size_t predictor_explain(Predictor *p, uint64_t session, PredictReason ret_reasons[PREDICT_REASONS_MAX], float ret_shares[PREDICT_SHARES]);

/** What is learned from now on; sessions go on in any case. For measuring; at the beginning everything is. */
typedef enum {
    PREDICT_LEARN_ALL,
    PREDICT_LEARN_COUNTS,
    PREDICT_LEARN_WEIGHTS,          /* of the blend of all models; how the counting models are blended before stays as it is */
    PREDICT_LEARN_NOTHING
} PredictLearning;
void predictor_set_learning(Predictor *p, PredictLearning learning);
/** The weights of the blend, from another predictor. */
void predictor_take_weights(Predictor *p, const Predictor *from);

/** Bytes of memory held. */
size_t predictor_memory(const Predictor *p);

/**
 * A checkpoint: names of tasks, neural models, weights of the blend (docs/formats/checkpoint.md). Loading is for a predictor that has learned nothing
 * yet; its tasks get the numbers that they have in the checkpoint. errors: ERR_CORRUPT, ERR_TRUNCATED, ERR_BAD_INPUT (version), ERR_LIMIT, ENOMEM
 */
MUST_USE Err predictor_load(Predictor *p, View checkpoint, Diag *diag);
MUST_USE Err predictor_save(const Predictor *p, Buffer *ret_checkpoint);
