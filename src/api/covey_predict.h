/**
 * Which task comes next: models trained on event logs, measured, explained. Part of covey.h, which includes it. docs/prediction.md
 */
#ifndef COVEY_PREDICT_H
#define COVEY_PREDICT_H

#define COVEY_PTO_MODELS 7
#define COVEY_PTO_ATTRIBUTES 4
#define COVEY_PTO_CANDIDATES 8
#define COVEY_PTO_REASONS 32

/** NULL, 0 and false: what is said here. Strings are borrowed for the call. */
typedef struct {
    const char *protocol;           /* "chrono80", "tax" or "gentd26"; needed by covey_pto_eval */
    const char *session_column, *task_column, *time_column; /* found by their usual names */
    const char *const *attributes;  /* columns that are inputs of the models; at most COVEY_PTO_ATTRIBUTES */
    size_t attribute_count;
    const char *models;             /* of "ppm,counts,lstm,transformer"; all of them. PPM always */
    uint64_t seed;                  /* 1 */
    unsigned threads;               /* for training: 1 or 2; 1 */
    unsigned epochs;                /* at most; 20 */
    bool frozen;                    /* nothing is learned on the test part */
    bool validation_only;           /* the test part is left alone: for choosing */
    void *context;
    int (*progress)(void *context, const char *what, double done); /* about ten times a second; not 0: stop */
} covey_pto_options;

/** Measured negative: not measured. */
typedef struct {
    const char *name;               /* "repeat-last", "markov1", "ppm", "counts", "lstm", "transformer", "blend" */
    bool there;
    double top1, top3, log_loss, ece; /* on the test part; log loss in nats a prediction */
    double validation_top1, validation_top3, validation_log_loss, validation_ece;
    double train_seconds, predict_microseconds; /* CPU time */
    unsigned epochs;
} covey_pto_model;

typedef struct {
    const char *protocol;
    uint64_t seed, sessions, events, tasks, without_task;
    uint64_t fitted, validated, tested;   /* sessions (gentd26: requests) in each part */
    uint64_t validation_asked, test_asked;
    double seconds;                 /* CPU time of the calling thread */
    uint64_t memory;                /* bytes of the predictor */
    covey_pto_model models[COVEY_PTO_MODELS];
} covey_pto_evaluation;

/**
 * The kernels that OpenBLAS chose for this processor. "Prescott" on one that is younger than OpenBLAS: training is several times slower than it could
 * be; OPENBLAS_CORETYPE in the environment of the process says otherwise.
 */
COVEY_API const char *covey_pto_kernels(void);

/** Measures predictions on an event log (CSV or XES, plain or gzip). errors: COVEY_BAD_INPUT (file:line), COVEY_INTERRUPTED */
COVEY_API covey_code covey_pto_eval(const char *log, const covey_pto_options *options, covey_pto_evaluation *ret, covey_error *error);
/** Trains on all of a log (its last part only stops the training and chooses weights) and writes a checkpoint, which is whole or not there. */
COVEY_API covey_code covey_pto_train(const char *log, const covey_pto_options *options, const char *checkpoint, covey_pto_evaluation *ret,
                                     covey_error *error);

typedef struct {
    const char *model;              /* "ppm", "last task, time since", "lstm" ... */
    double weight;                  /* in the blend (of logarithms; may be negative) */
    int matched;                    /* of PPM: events that its longest match has; -1: does not apply */
    uint64_t seen, followers;       /* how often its context was seen, and how many different tasks followed */
    const char *says;               /* its most probable task, NULL: that nothing follows */
    double probability;
} covey_pto_reason;
typedef struct {
    const char *session;
    uint64_t events;                /* of this session that were seen */
    const char *last;               /* the last of them; NULL: none */
    struct { const char *task; double blend, ppm, lstm, transformer; } candidates[COVEY_PTO_CANDIDATES]; /* task NULL: nothing follows */
    size_t candidate_count;
    covey_pto_reason reasons[COVEY_PTO_REASONS]; /* heaviest first */
    size_t reason_count;
    double share_ppm, share_counts, share_all; /* of the last, linear blend: PPM, the counting models, all models */
    double wait_seconds;            /* until the next event, typically; negative: not known */
} covey_pto_explanation;
/**
 * What would have been predicted for this session after `events` of its events (0: all), having learned what the log says up to then, and why.
 * checkpoint: NULL, or neural models and weights. ret and what it points to live for the call only.
 */
COVEY_API covey_code covey_pto_explain(const char *log, const char *checkpoint, const char *session, uint64_t events,
                                       const covey_pto_options *options,
                                       void (*visit)(void *context, const covey_pto_explanation *explanation), covey_error *error);
#endif
