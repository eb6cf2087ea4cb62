/**
 * The predictive task orchestrator (PTO) of one service: hears of every request, learns, decides, and says what is to be ready. A process of its own
 * (covey pto run): whatever becomes of it, requests are at worst as slow as without it.
 */
#pragma once
#include "audit/audit.h"
#include "pto/decide.h"
#include "pto/service.h"
#include "pto/stream_wire.h"
#include "sys/loop.h"

enum { ORCHESTRATOR_AGAIN_MS = 500 /* between tries to connect */ };

/** Borrowed for the life of the orchestrator, but `checkpoint`. */
typedef struct {
    const Service *service;
    const char *stream_path;      /* of the service's stream socket */
    DecideMode mode;
    uint64_t bytes_max;           /* staging budget; 0: all that the service offers */
    uint64_t request_bytes, burst_bytes; /* a rate of what is staged (pto/decide.h); 0: no such limit */
    uint64_t bin_ns;              /* of idle times; 0: one minute */
    const uint32_t *future;       /* oracle */
    size_t future_count;
    View checkpoint;              /* of the predictor; empty: none */
    Audit *audit;                 /* NULL: none */
    void *context;
    void (*notice)(void *context, const char *line);
    /* Hands what the task needs to the node's stage before the service is told; false: it cannot now, and the service is told at once. NULL: never */
    bool (*hand_over)(void *context, uint32_t task, uint64_t value);
    void (*take_back)(void *context, uint32_t task);
} OrchestratorConfig;

typedef struct Orchestrator Orchestrator;
MUST_USE Err orchestrator_new(Loop *loop, const OrchestratorConfig *config, Orchestrator **ret_orchestrator, Diag *diag);
void orchestrator_free(Orchestrator **orchestrator);
/** After hand_over: nothing of it is on its way any more. */
void orchestrator_handed(Orchestrator *o, uint32_t task);
/** A request of before, that long ago: learned from, nothing is decided. e->task UINT32_MAX: a task that the service has not any more.
 *  attributes: their numbers, of a log (log_attributes), LOG_ATTRIBUTES_MAX; NULL: those that the event says itself */
void orchestrator_learn(Orchestrator *o, const RequestEvent *e, const uint32_t *attributes, uint64_t ago_ns);

typedef struct {
    bool connected;
    uint64_t events, unknown, missed, wanted, dropped, used, wasted, connections, predict_ns;
} OrchestratorStats;
OrchestratorStats orchestrator_stats(const Orchestrator *o);
