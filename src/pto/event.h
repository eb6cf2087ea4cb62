/**
 * One request, as the stream of a service has it: what the history keeps, and what the orchestrator learns from. Written by the gateway when
 * the request was answered. docs/formats/stream.md
 */
#pragma once
#include "base/bytes.h"

enum {
    EVENT_SESSION_MAX = 64,
    EVENT_ATTRIBUTES_MAX = 400,
    EVENT_BYTES_MAX = 1024,       /* encoded */
};

/** Whether the task was at hand when the request came. */
typedef enum {
    START_COLD,                   /* everything was fetched and started for it */
    START_WARM,                   /* kept from an earlier request */
    START_STAGED,                 /* put there by the orchestrator, and not used before */
    START_LATE,                   /* on its way already */
    START_REFUSED,                /* never began */
    START_COUNT
} EventStart;
const char *event_start_name(uint32_t start);

typedef struct {
    uint64_t wall_ns;             /* of its arrival */
    uint32_t task;                /* place in the service file */
    uint32_t status;              /* HTTP */
    uint32_t start;               /* EventStart */
    uint64_t bytes_in, bytes_out;
    uint64_t latency_ns;          /* from its whole body to its answer */
    uint64_t waited_ns;           /* of this, until a SEE was ready for it */
    uint64_t client;              /* a keyed hash of who asks */
    char session[EVENT_SESSION_MAX + 1];
    char attributes[EVENT_ATTRIBUTES_MAX + 1];
} RequestEvent;

MUST_USE Err event_put(Buffer *b, const RequestEvent *e);
/** Every field is checked. errors: ERR_PROTOCOL */
MUST_USE Err event_get(View v, RequestEvent *ret_event);
