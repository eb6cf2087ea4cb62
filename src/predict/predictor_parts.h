/** The parts of a predictor, for the files predictor*.c only. */
#pragma once
#include "predict/clients.h"
#include "predict/experts.h"
#include "predict/mix.h"
#include "predict/net.h"
#include "predict/ppm.h"
#include "predict/vocabulary.h"

enum {
    NETS = 2,
    /* Rows of what models say. The first blend is of the views and PPM; its answer is the row behind; the second blend is of the rows from PPM on. */
    SAY_VIEWS = 0, SAY_PPM = VIEW_COUNT, SAY_COUNTS, SAY_LSTM, SAY_TRANSFORMER, SAY_COUNT,
    COUNTED = SAY_PPM + 1, SECOND = SAY_COUNT - SAY_PPM,
    MEMBER_PPM = 0, MEMBER_COUNTS, MEMBER_ALL, MEMBERS, /* of the last, linear blend */
    TASKS_ROOM = PREDICT_TASKS_MAX + 1,
};

typedef struct { uint64_t session; uint32_t events; } NeuralState; /* whose, and how many of its events it has seen; the floats are beside */

typedef struct { uint64_t events; double mean_log; } Wait;          /* of log(1 + seconds) */

/* What all models say about one session now; valid for that session until anything is learned. */
typedef struct {
    bool valid;
    uint64_t session;
    const Session *s;
    size_t count, stride;
    uint64_t orders[PPM_ORDER_MAX + 1], views[VIEW_COUNT];
    unsigned order_count;
    int order;                      /* the longest that matched */
    unsigned at[MIX_SETS], second_at[MIX_SETS];
    float weights_counts[MIX_MODELS_MAX], weights_all[MIX_MODELS_MAX];
    float *p, *logs;                /* [SAY_COUNT][stride] */
    float *all, *blend;             /* [stride] */
    uint8_t *excluded;
} Say;

struct Predictor {
    PredictorOptions options;
    Vocabulary tasks;
    Sessions sessions;
    Contexts contexts, own;
    Clients clients;
    Mixer counts, all;
    Shares shares;
    bool blend_learned;
    PredictLearning learning;
    Net *nets[NETS];
    float *states;                  /* [states_max][state_floats]; of both nets, one behind the other */
    NeuralState *state_of;
    size_t state_floats;
    uint32_t state_next;
    Wait waits[TASKS_ROOM];
    Say say;
};

static inline float *say_row(const Say *say, unsigned row) { return say->p + (size_t)row * say->stride; }
static inline float *say_logs(const Say *say, unsigned row) { return say->logs + (size_t)row * say->stride; }
static inline size_t predictor_symbols(const Predictor *p) { return (size_t)p->tasks.count + 1; }
/** Lets every model speak about the session (which may be unknown) and blends them; the result is p->say. */
void predictor_say(Predictor *p, uint64_t session);
/** The nets' part of it. */
void predictor_say_nets(Predictor *p);
/** What happened next is this; `everybody`: or only for this session. */
void predictor_learn_next(Predictor *p, const Session *s, uint16_t task, bool everybody);
