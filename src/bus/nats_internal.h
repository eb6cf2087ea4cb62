/**
 * What the files of the NATS bus share. All in the loop's thread, but for NatsShared.
 *
 *   nats.c           options, connecting, the end                  nats_queue.c    from libnats' threads to the loop's
 *   nats_probe.c     what kind of server is that                   nats_receive.c  what came: to handlers, acknowledged
 *   nats_setup.c     streams and consumers                         nats_send.c     what is published, until the server has it
 *   nats_pull.c      asking consumers for work                     lease.c         leases
 */
#pragma once
#include <nats/nats.h>
#include <pthread.h>

#include "bus/link.h"
#include "bus/nats.h"
#include "bus/nats_assembly.h"
#include "bus/subject.h"

#define STREAM_NODE "COVEY_NODE"
#define STREAM_MANAGER "COVEY_MANAGER"
#define STREAM_NODES "COVEY_NODES"
#define STREAM_LEASES "KV_covey-leases"
#define LEASE_SUBJECT "$KV.covey-leases."

enum {
    NATS_INBOX_MAX = 160, NATS_API_SUBJECT_MAX = 320, NATS_BODY_MAX = 1024, NATS_PROBLEM_MAX = 256,
    NATS_RING = 16384, NATS_RING_BYTES_MAX = 128 << 20,
    NATS_TURN_MESSAGES = 256,     /* handled in one turn of the loop, then others have theirs */
    NATS_OUTGOING_MAX = 4096, NATS_SUBJECTS_MAX = 64, NATS_REQUESTS_MAX = 64,
    NATS_PULL_BATCH = 256, NATS_PULL_BYTES = 16 << 20, NATS_PULL_SECONDS = 10,
    NATS_RESEND_MS = 5000, NATS_REFUSED_MS = 250, NATS_RECORD_RETRY_MS = 1000, NATS_ENSURE_S = 300, NATS_IDLE_S = 3600,
    NATS_LEAVE_MS = 2000,
    NATS_CHUNK_MAX = 1 << 20, NATS_OVERHEAD = 1024, /* head of a frame and NATS headers within max_payload */
};

/* --- nats_queue.c: counted, because libnats' threads may be in a callback when the bus goes --- */

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t released;
    uint32_t holders;             /* the bus, the connection, each subscription */
    bool closed;
    int event_fd;
    natsMsg **ring;
    uint32_t head, count;
    size_t bytes;
    uint64_t lost;                /* arrived with the ring full */
    bool connected, changed;      /* changed: since the loop looked last */
    uint64_t reconnects;
    char problem[NATS_PROBLEM_MAX];
    SecretKey key;
} NatsShared;

typedef struct { bool connected, changed; uint64_t lost, reconnects; char problem[NATS_PROBLEM_MAX]; } NatsNews;

MUST_USE Err nats_shared_new(NatsShared **ret_shared);
void nats_shared_hold(NatsShared *s);
void nats_shared_release(NatsShared *s);
/** Nothing is queued any more; waits, for a moment, until libnats' threads have let go. */
void nats_shared_close(NatsShared *s, uint64_t patience_ms);
natsMsg *nats_shared_take(NatsShared *s);
/** Arms the eventfd again. */
void nats_shared_wake(NatsShared *s);
NatsNews nats_shared_news(NatsShared *s);
void nats_shared_problem(NatsShared *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

void nats_on_message(natsConnection *c, natsSubscription *sub, natsMsg *message, void *shared);
void nats_on_subscription_end(void *shared);
void nats_on_disconnected(natsConnection *c, void *shared);
void nats_on_reconnected(natsConnection *c, void *shared);
void nats_on_closed(natsConnection *c, void *shared);
void nats_on_error(natsConnection *c, natsSubscription *sub, natsStatus status, void *shared);
natsStatus nats_on_challenge(char **ret_text, unsigned char **ret_signature, int *ret_size, const char *nonce, void *shared);

/* --- the bus --- */

typedef struct Outgoing Outgoing;
struct Outgoing {
    Outgoing *next;
    char subject[BUS_SUBJECT_MAX];
    Buffer message;
    uint8_t id[FRAME_ID_BYTES];
    uint64_t number;
    uint32_t chunk, count, sent, have; /* fragments; sent: the next one to send */
    bool *taken;                       /* the server has it */
};

typedef struct {
    bool wanted, confirmed;       /* confirmed: the consumer has answered */
    char stream[32], consumer[SUBJECT_TOKEN_MAX + 1], filter[BUS_SUBJECT_MAX];
    uint64_t request;             /* number of the one that is open; 0: none */
    uint32_t left, got;           /* of its batch; since it was sent */
    uint64_t retry_ns, backoff_ns;
    bool until_empty;             /* a snapshot: ends when there is nothing more */
} NatsPull;

typedef enum { PULL_WORK, PULL_RECORDS, PULLS } PullKind;
typedef struct { char subject[BUS_SUBJECT_MAX]; char wire[FRAME_SUBJECT_MAX]; natsSubscription *subscription; } CoreSubscription;

typedef struct Nats {
    Loop *loop;
    Bus *bus;
    NatsShared *shared;
    natsConnection *connection;
    natsSubscription *inbox_subscription;
    LoopSource *source, *timer;
    BusRole role;
    char id[SUBJECT_TOKEN_MAX + 1], inbox[NATS_INBOX_MAX]; /* inbox: "_INBOX.<owner>.<random>." */
    char url[NATS_URL_MAX];
    uint32_t replicas, record_ttl_ms, ack_wait_ms, connect_ms, chunk;
    uint64_t stream_bytes;
    bool connected;
    void (*on_state)(void *context, bool connected, const char *text);
    void *context;
    BusNatsStatus status;
    /* sending */
    uint8_t id_prefix[8];
    uint64_t next_number;
    Outgoing *outgoing, *last_outgoing;
    uint32_t outgoing_count;
    size_t outgoing_bytes, flight_bytes;
    uint64_t progress_ns, hold_ns; /* when the server last took something; not before hold_ns after it refused */
    Buffer record;                 /* the last under covey.nodes.<id> */
    uint64_t record_number, record_retry_ns;
    char record_subject[BUS_SUBJECT_MAX];
    /* receiving */
    NatsAssembly *assembly;
    NatsPull pulls[PULLS];
    CoreSubscription core[NATS_SUBJECTS_MAX];
    uint32_t core_count;
    /* managing */
    uint32_t streams_missing;      /* bit for each of the streams that a manager has to make sure of */
    uint64_t streams_retry_ns;
    void *ensured;                 /* tree of nodes whose consumer was made */
    uint32_t ensured_count;
    struct BusLease *leases;
} Nats;

/** NULL: not a bus of bus_nats_connect. */
Nats *nats_of(const Bus *bus);
/** Publishes bytes as they are, with what the inbox gets as an answer to: `answer` is appended to the inbox; NULL: none. Not connected: nothing. */
void nats_request(Nats *n, const char *subject, const char *body, const char *answer);

/* nats_probe.c */
typedef struct { char version[32]; bool jetstream; uint64_t max_payload; } NatsServerInfo;
/** errors: ERR_CLOSED (nobody there), ERR_PROTOCOL (no NATS server) */
MUST_USE Err nats_probe(const char *url, uint32_t patience_ms, NatsServerInfo *ret_info);
bool nats_version_at_least(const char *version, unsigned major, unsigned minor);

/* nats_setup.c */
MUST_USE Err nats_setup_streams(Nats *n, Diag *diag);   /* waits for the answers; at first */
void nats_setup_again(Nats *n);                         /* after a reconnect: asks, answers come to nats_setup_answer */
void nats_setup_tick(Nats *n, uint64_t now_ns);
void nats_setup_answer(Nats *n, const char *what, natsMsg *message);
void nats_ensure_consumer(Nats *n, const char *node);
void nats_forget_ensured(Nats *n);
void nats_make_consumer(Nats *n, const NatsPull *p);
void nats_leave(Nats *n);
MUST_USE Err nats_forget(Nats *n, const char *node);

/* nats_send.c */
MUST_USE Err nats_publish(void *nats, const char *subject, Buffer *message);
void nats_send_more(Nats *n);
void nats_send_again(Nats *n);
void nats_send_answer(Nats *n, const char *what, natsMsg *message);
void nats_send_tick(Nats *n, uint64_t now_ns);
void nats_send_record(Nats *n);
void nats_record_answer(Nats *n, const char *what, natsMsg *message);
void nats_send_free(Nats *n);

/* nats_receive.c */
MUST_USE Err nats_receive(void *nats, uint32_t events);
/** What the status header of an answer says: 0 when it has none. */
int nats_status_of(natsMsg *message);

/* nats_pull.c */
void nats_subscribed(void *nats, const char *subject);
void nats_unsubscribed(void *nats, const char *subject);
void nats_pull_answer(Nats *n, const char *what, natsMsg *message);
void nats_pull_delivered(Nats *n, NatsPull *p);
void nats_pull_again(Nats *n);
void nats_pull_tick(Nats *n, uint64_t now_ns);
void nats_pull_free(Nats *n);
/** The subject on the wire: requests to a key broker have who speaks behind them. */
const char *nats_wire(const Nats *n, const char *subject, char ret_wire[FRAME_SUBJECT_MAX]);
/** And back, as handlers know it. */
const char *nats_logical(const Nats *n, const char *wire, char ret_subject[FRAME_SUBJECT_MAX]);

/* lease.c */
MUST_USE Err nats_lease_answer(Nats *n, const char *what, natsMsg *message);
MUST_USE Err nats_lease_tick(Nats *n, uint64_t now_ns);
