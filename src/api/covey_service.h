/** Services: the part of covey.h, which includes it, about serving requests and predicting them. */
#ifndef COVEY_SERVICE_H
#define COVEY_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * A service over HTTP (docs/services.md): its tasks run in SEEs on this machine, a request is a micro-job. NULL and 0: chosen by itself, or not
 * there. Strings are borrowed for the call.
 */
typedef struct { const char *url, *service, *level; unsigned tasks; int store_is_simulated; } covey_serving;
typedef struct {
    const char *listen;             /* "ADDRESS:PORT"; default 127.0.0.1:8080. Another than loopback needs a token or client certificates */
    const char *token_file;
    const char *tls_cert, *tls_key; /* PEM files: HTTPS */
    const char *tls_client_ca;      /* PEM file */
    const char *stream;             /* a Unix socket on which orchestrators hear of requests; NULL: none */
    const char *pto_user;           /* whose orchestrators may connect; NULL: your own */
    unsigned cores;
    const char *stage;              /* a Unix socket on which orchestrators stage code and data (docs/prefetch.md); NULL: none */
    const char *keybroker;          /* unix:PATH: the key broker of who sealed the tasks' data; NULL: your own, in this process */
    const char *stage_memory;       /* how much; default 512MiB */
    void *context;
    void (*ready)(void *context, const covey_serving *serving);
    void (*notice_line)(void *context, const char *text);
} covey_serve_options;
/** Serves until stop_fd says so: what can be read from it the first time lets running requests finish, the second time ends them. -1: for ever.
 *  errors: COVEY_BAD_INPUT (the service file with file:line, an address), COVEY_REFUSED (images; an address that others reach), COVEY_SYSTEM */
COVEY_API covey_code covey_serve(covey *c, const char *service_file, const covey_serve_options *options, int stop_fd, covey_error *error);

/** The orchestrator of a service (docs/prefetch.md), in this process, which gives up its rights for good. NULL and 0: chosen by itself. */
typedef struct {
    const char *service_file, *stream; /* needed; the socket of covey_serve_options */
    const char *mode;                  /* learned, histogram, lookahead, off, oracle */
    const char *memory;                /* staging budget; default: what the service offers */
    const char *stage_rate;            /* bytes staged for each request in the long run, at most; default: no such limit */
    const char *stage_burst;           /* of which so much is saved up at most; default: that of 16 requests */
    const char *checkpoint;            /* of trained models */
    const char *bin;                   /* the unit of idle times; default "60s" */
    const char *future;                /* for oracle: a file with the tasks to come, one a line */
    const char *state_dir;             /* its key and audit log */
    const char *user;                  /* becomes this one; for root */
    const char *stage;                 /* the stage's socket of covey_serve_options: what is wanted is signed and handed over; NULL: only said */
    bool no_history;
    const char *learn;                 /* an event log to learn from first, CSV or XES */
    size_t learn_events;               /* the first so many of its events; 0: all */
    double speedup;                    /* of the service's time against the log's; 0: 1 */
    const char *session_column, *task_column, *time_column;
    const char *const *attributes;     /* columns that requests say as name=value: in lower case, with - for what such a name cannot have */
    size_t attribute_count;            /* at most COVEY_PTO_ATTRIBUTES */
    void *context;
    void (*notice_line)(void *context, const char *text);
} covey_orchestrator_options;
/** Runs until stop_fd can be read (-1: for ever). errors: COVEY_BAD_INPUT, COVEY_REFUSED (its key, its audit log, the user) */
COVEY_API covey_code covey_pto_run(covey *c, const covey_orchestrator_options *options, int stop_fd, covey_error *error);

/** A service's history as lines of CSV, with a header; not 0: stop. errors: COVEY_BAD_INPUT (none there), COVEY_REFUSED (damaged) */
typedef int (*covey_pto_line)(void *context, const char *line);
COVEY_API covey_code covey_pto_export(const char *history, covey_pto_line line, void *context, uint64_t *ret_skipped, covey_error *error);

/**
 * Replays a recorded log on a running service, mode by mode, with real SEEs. NULL and 0: chosen by itself, or not there.
 */
typedef struct {
    size_t requests, before;           /* before: in the log */
    const char *first_time, *last_time;
    double seconds;
    int store_is_simulated;
} covey_replay_part;
typedef struct {
    const char *mode;
    uint64_t requests, failed, cold, warm, staged, late;   /* how the service was found; hits are warm and staged */
    double p50_seconds, p90_seconds, p99_seconds, hit_rate; /* as the client sees them */
    double waited_seconds;             /* all requests' waiting for their SEE */
    double saved_of_oracle;            /* 1: as much waiting as the oracle saved; negative: not known without `off` and `oracle` */
    uint64_t staged_tasks, staged_used, staged_bytes, wasted_bytes;
    uint64_t stage_rate;               /* the limit that it was held to, in bytes for each request; 0: none */
    double held_bytes_mean, held_bytes_max, wall_seconds;
} covey_replayed;
typedef struct {
    const char *service_file, *log, *url, *stream;         /* needed; url: "http://127.0.0.1:8080" */
    const char *mode;                  /* off, histogram, lookahead, learned, oracle, all */
    double speedup;
    size_t from, requests;             /* the part of the log, in requests of tasks that the service has; 0: to its end */
    const char *session_column, *task_column, *time_column;
    const char *memory, *checkpoint, *token_file, *body;
    const char *stage_rate;            /* of covey_orchestrator_options, for all modes */
    bool equal_bytes;                  /* lookahead and learned may stage no more than histogram did; for mode all */
    void *context;
    void (*begun)(void *context, const covey_replay_part *part);
    void (*progress)(void *context, const char *mode, size_t ended, size_t requests);
    void (*result)(void *context, const covey_replayed *figures);
} covey_replay_options;
COVEY_API covey_code covey_replay(covey *c, const covey_replay_options *options, covey_error *error);
/** From a signal handler too. */
COVEY_API void covey_replay_interrupt(void);

/**
 * Staging by hand: what tasks of a service need (data from its store, then the image, whose zygotes are started) is read, signed with the
 * orchestrator's key, and handed to the stage of a service that runs. NULL and 0: chosen by itself.
 */
typedef struct { const char *name, *kind, *outcome, *why; uint64_t bytes, held_bytes; double seconds; bool is_staged; } covey_staged;
typedef struct {
    const char *service_file, *stage;  /* needed; the socket of covey_serve_options */
    const char *const *tasks;          /* needed */
    size_t task_count;
    unsigned zygotes;                  /* of each image; default 1 */
    bool data_only;
    const char *keep;                  /* until it expires; default "10min" */
    const char *state_dir;             /* of the orchestrator: its key */
    void *context;
    void (*outcome)(void *context, const covey_staged *staged);
} covey_pto_stage_options;
/** errors: COVEY_REFUSED (the stage refused something; each outcome was told), COVEY_BAD_INPUT, COVEY_SYSTEM */
COVEY_API covey_code covey_pto_stage(covey *c, const covey_pto_stage_options *options, covey_error *error);
/** The orchestrator's public key, which a node's file `orchestrators` is to name. Made when there is none. */
enum { COVEY_PTO_KEY_MAX = 80 };
COVEY_API covey_code covey_pto_key(covey *c, const char *state_dir, char ret_text[COVEY_PTO_KEY_MAX], covey_error *error);

#endif
