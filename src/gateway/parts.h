/**
 * What the files of the gateway share:
 *
 *   gateway.c   birth, the bus, the tick, death
 *   place.c     a task's place on the node: fetched, opened, ready, closed; which one gives way
 *   ahead.c     what an orchestrator wants ready
 *   request.c   from the ask to the answer
 */
#pragma once
#include "bus/message.h"
#include "gateway/gateway.h"
#include "gateway/rates.h"

enum { GATEWAY_TICK_MS = 50, PLACE_ITEMS_MAX = 1 + SERVICE_DATA_MAX };

/* COLD -> FETCHING (somebody asks) -> OPENING (all is here, TASK_OPEN was sent) -> READY (TASK_READY came) -> COLD (evicted, refused) */
typedef enum { PLACE_COLD, PLACE_FETCHING, PLACE_OPENING, PLACE_READY } PlaceState;

struct GatewayRequest {
    Gateway *gateway;
    GatewayRequest *next, *previous;  /* of its place's queue, or of those that run */
    uint64_t job;                     /* of its place; its own number */
    uint32_t attempt;
    bool sealing;                     /* its result is on its way to becoming an answer */
    bool runs, all_inline;            /* all_inline: a claim failed, so its data goes into its input */
    Buffer body;
    GatewayAnswered answered;         /* NULL: abandoned */
    void *context;
    uint64_t arrived_ns, began_ns, deadline_ns;
    RequestEvent event;
};

typedef struct { GatewayRequest *first, *last; } RequestList;

typedef struct {
    Gateway *gateway;
    uint32_t task;
    PlaceState state;
    TaskId id;                        /* of this opening */
    uint32_t number;                  /* of the gateway's membership, echoed by the node */
    uint32_t window, outstanding;
    RequestList waiting, running;
    bool fetch_all;                   /* also what is staged */
    bool open;                        /* at the node: TASK_OPEN was sent, and no TASK_CLOSE */
    uint32_t item_at;                 /* FETCHING: which of its items is on its way */
    int fds[PLACE_ITEMS_MAX];         /* of what was fetched, the image first; -1 */
    LoopSource *timer;                /* of the simulated delay, and before a failed task is tried again */
    bool staged_unused;               /* put here ahead, and nobody has asked since */
    uint64_t used_ns, opened_ns, ready_ns, retry_ns;
    uint64_t full_ns;                 /* the node gave a micro-job back unrun: until then none is sent */
    uint64_t fetch_ns, verify_ns, start_ns, attest_ns; /* what the last time took, whenever that was */
    uint32_t failures;                /* in a row */
} Place;

struct Gateway {
    GatewayConfig config;
    Loop *loop;
    Bus *bus;
    BusSubscription *subscription;
    ManagerId id;
    LoopSource *tick;
    uint64_t alive_ns;
    uint32_t last_number;
    uint64_t last_job;
    bool draining;
    uint8_t digest_key[32];
    Place *places;
    Rate client_rate, session_rate;
    uint32_t running, waiting;
    GatewayStats stats;
};

/** place.c */
MUST_USE Err place_open(Place *p);
/** Somebody wants it: begins what is to be done. */
MUST_USE Err place_want(Place *p, uint64_t now_ns);
MUST_USE Err place_hear_ready(Place *p, const TaskReady *ready, uint64_t now_ns);
/** Everything that waits or runs here is answered 503; it is tried again later. */
void place_fail(Place *p, const char *text, uint64_t now_ns);
void place_close(Place *p);
/** Tells the listener where it is. */
void place_say(const Place *p);
MUST_USE Err place_begin_ahead(Place *p);
/** The first request for what was staged. */
void place_use_staged(Place *p);
bool place_is_kept(const Place *p);
uint32_t place_item_count(const Place *p);
bool place_item_is_staged(const Place *p, uint32_t item);
/** A ready place whose data is not here, or not any more: fetched once more; all: also what is staged. */
MUST_USE Err place_fetch_again(Place *p, bool all);
/** All that it needs is staged on the node, signed by an orchestrator (node/stage.h). */
bool place_is_staged(const Place *p);
/** NULL: its data, if it has any, are open. */
const GatewaySealed *place_sealed(const Place *p);
uint64_t place_bytes(const Place *p);
/** Makes room for one more. false: everything is in use */
bool places_make_room(Gateway *g, const Place *for_whom);

/** request.c */
void list_append(RequestList *l, GatewayRequest *r);
void list_remove(RequestList *l, GatewayRequest *r);
/** Sends what waits at a ready place, as far as limits go. */
MUST_USE Err requests_send(Place *p);
MUST_USE Err requests_hear(Place *p, const ResultItem *result);
/** Answers and frees. */
void request_fail(GatewayRequest *r, unsigned status, const char *where, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void request_free(GatewayRequest *r);
/** Those beyond their deadline. */
void requests_expire(Place *p, uint64_t now_ns);
