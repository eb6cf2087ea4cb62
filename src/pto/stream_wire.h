/**
 * Packets between a service and its orchestrator (PTO), over a Unix SOCK_SEQPACKET socket (docs/formats/stream.md).
 *
 *   service -> PTO   HELLO once, first; then EVENT for each request, and PLACE whenever a task's place changed
 *   PTO -> service   WANT: have this task ready; DROP: what was wanted is not wanted any more
 *
 * Neither end waits for the other: what does not fit is dropped and counted. The service checks who connects (SO_PEERCRED). A PTO can make the
 * service fetch what it would fetch anyway, earlier, within the staging budget, and nothing else.
 */
#pragma once
#include "pto/event.h"

#define STREAM_DROP_WARM UINT64_MAX /* as DROP's value: also what requests have made warm, unless it is in use */
enum { STREAM_VERSION = 2, STREAM_PACKET_MAX = EVENT_BYTES_MAX + 64 };
typedef enum { STREAM_HELLO = 1, STREAM_EVENT, STREAM_PLACE, STREAM_WANT, STREAM_DROP } StreamType;

/** Where a task is. */
typedef enum { PLACE_IS_ABSENT, PLACE_IS_COMING, PLACE_IS_STAGED, PLACE_IS_WARM, PLACE_IS_COUNT } StreamPlaceState;

/** identity: of the service file's tasks. */
typedef struct { uint32_t task_count; uint64_t staged_bytes_max; uint32_t staged_max; uint64_t identity; } StreamHello;
typedef struct {
    uint32_t task, state;         /* StreamPlaceState */
    uint64_t bytes;               /* that it holds */
    uint64_t fetch_ns, verify_ns, start_ns; /* what the last time took; 0: not known yet */
    uint64_t attest_ns;           /* 0 also: it is not attested */
    uint32_t attest_waits;        /* 1: a cold request waits for that too (sealed data); else 0 */
} StreamPlace;

typedef struct {
    StreamType type;
    StreamHello hello;
    RequestEvent event;
    uint64_t missed;              /* EVENT: packets that this connection did not take, until now */
    StreamPlace place;
    uint32_t task;                /* WANT, DROP */
    uint64_t value;               /* WANT: ns of waiting saved for each MiB, expected */
} StreamMessage;

/** errors: ERR_LIMIT */
MUST_USE Err stream_put(Buffer *b, const StreamMessage *m);
/** Every field is checked, but that tasks are there. errors: ERR_PROTOCOL */
MUST_USE Err stream_get(View v, StreamMessage *ret_message);

/** The orchestrator's end. */
typedef struct { int socket; } StreamLink;
/** errors: ERR_NO_ENTRY (nobody serves there), ERR_DENIED, ERR_LIMIT (path) */
MUST_USE Err stream_link_open(const char *path, StreamLink *ret_link, Diag *diag);
void stream_link_close(StreamLink *l);
/** errors: ERR_BUSY (nothing now), ERR_CLOSED, ERR_PROTOCOL */
MUST_USE Err stream_link_receive(StreamLink *l, StreamMessage *ret_message);
MUST_USE Err stream_link_send(StreamLink *l, const StreamMessage *m);
