/**
 * Requests for the tasks of a service become micro-jobs on this node: the image and the data of a task are fetched when they are first asked for,
 * its zygote is started, and both are kept for the next request while the budget allows. The gateway is a manager on the bus: it believes the
 * node no more than a manager does, and the node knows nothing of HTTP.
 *
 * Everything runs in the loop's thread. No request waits for the history, the orchestrator, or another task's zygote.
 */
#pragma once
#include "bus/bus.h"
#include "bus/message.h"
#include "pto/depot.h"
#include "pto/event.h"
#include "pto/stream_wire.h"

enum {
    GATEWAY_ATTEMPTS_MAX = 3,     /* of a request whose SEE was lost to the world */
    GATEWAY_TEXT_MAX = 512,
};

typedef struct Gateway Gateway;
typedef struct GatewayRequest GatewayRequest;

typedef struct {
    unsigned status;              /* 200, 400, 413, 429, 500, 503, 504 */
    View body;                    /* with 200: the output; otherwise empty. Borrowed for the call */
    const char *where, *remedy;   /* of an error */
    char text[GATEWAY_TEXT_MAX];
    uint32_t retry_after_s;       /* 0: not said */
    const RequestEvent *event;
} GatewayAnswer;
typedef void (*GatewayAnswered)(void *context, const GatewayAnswer *answer);

typedef struct {
    uint32_t task;
    const char *session, *attributes;   /* session empty: the client is the session */
    uint64_t client, session_key;       /* keyed hashes: of who asks; of whose session it is */
    Buffer *body;                       /* taken (left empty) when the call succeeds */
    GatewayAnswered answered;           /* called exactly once, perhaps before gateway_ask returns; never after gateway_abandon */
    void *context;
} GatewayAsk;

/** A task over sealed data: its one dataset (its item behind the image) is one segment of ciphertext, which only its SEE can open. Its result is
 *  sealed too, and becomes what is answered elsewhere: `seal`, then gateway_sealed_answer. */
typedef struct { bool is_sealed; View footer; uint64_t offset, size, plain_size; } GatewaySealed;

/** Everything is borrowed for the life of the gateway. */
typedef struct {
    const Service *service;
    const Depot *depot;
    const Sha256 *measurements;   /* [task]: of its image */
    const char *node_id;          /* the agent on this bus */
    void *context;
    void (*event)(void *context, const RequestEvent *event);  /* each request, when it was answered */
    void (*place)(void *context, const StreamPlace *place);   /* a task's place changed */
    bool (*is_staged)(void *context, const Sha256 *hash, const char *task); /* the node has it ready for that task; NULL: it has nothing */
    const GatewaySealed *sealed;  /* [task]; NULL: no task is over sealed data */
    /* A sealed result of this request, borrowed for the call; gateway_sealed_answer is to follow, perhaps before it returns. */
    Err (*seal)(void *context, uint32_t task, const TaskId *id, uint64_t request, View result);
    void (*notice)(void *context, const char *line);          /* a task cannot be started, a file of the store changed */
} GatewayConfig;

MUST_USE Err gateway_new(Loop *loop, Bus *bus, const GatewayConfig *config, Gateway **ret_gateway, Diag *diag);
/** Requests that are still here are not answered any more. */
void gateway_free(Gateway **gateway);

/** *ret_request is NULL when it was answered at once (a refusal). errors: ENOMEM; then nothing was answered and the body is the caller's */
MUST_USE Err gateway_ask(Gateway *g, const GatewayAsk *ask, GatewayRequest **ret_request);
/** Nobody waits for it any more. It is still run to its end if it has begun. */
void gateway_abandon(GatewayRequest *r);
/** What a sealed result became: a file that its recipients open; or why it did not (error not NULL). Nothing happens when nobody waits any more. */
void gateway_sealed_answer(Gateway *g, uint32_t task, uint64_t request, View file, const char *error);
/** From now on every new request is answered 503; those that are here are finished. */
void gateway_drain(Gateway *g);
bool gateway_idle(const Gateway *g);

typedef struct {
    uint32_t waiting, running, warm, orchestrators;
    uint64_t requests, starts[START_COUNT], failed;
    uint64_t warm_bytes;          /* of images and data that are kept */
    uint64_t evicted, fetched_bytes;
    uint64_t staged, staged_refused, staged_used, staged_bytes, wasted_bytes; /* put here ahead: begun, refused, used; wasted: dropped unused */
} GatewayStats;
GatewayStats gateway_stats(const Gateway *g);
/** An orchestrator's wishes (docs/formats/stream.md): nothing happens when there is no room, or when it makes no sense. */
MUST_USE Err gateway_want(Gateway *g, uint32_t task);
void gateway_drop(Gateway *g, uint32_t task, bool even_warm);
void gateway_set_orchestrators(Gateway *g, uint32_t count);
StreamPlace gateway_place(const Gateway *g, uint32_t task);
StreamHello gateway_hello(const Gateway *g);
bool gateway_task_is_warm(const Gateway *g, uint32_t task);
