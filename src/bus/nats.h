/**
 * The bus over a NATS server (2.9 or later) with JetStream: manager, nodes and key broker on machines of their own.
 *
 *   subject                               from     carried by              to
 *   covey.nodes.<node>                    node     stream COVEY_NODES      every manager, those that start later too
 *   covey.node.<node>                     manager  stream COVEY_NODE       that node; a work queue
 *   covey.manager.<manager>.<node>        node     stream COVEY_MANAGER    that manager; a work queue
 *   covey.node.<node>.<name>              any      core NATS               answers of the key broker
 *   covey.object.<manager>.<node>, covey.chunk.<node>, all others          core NATS: may be lost, who asks asks again
 *   covey.keybroker[.<broker>]            any      core NATS, on the wire with .<own id> behind it; a broker hears them all
 *
 * The last token says who speaks: the server's permissions (`covey bus config`, bus/nats_config.h) pin it to the key.
 *
 * Delivery. What goes through a stream is kept here until the server has it, sent again after a reconnect (the server drops the second copy by
 * Nats-Msg-Id), kept there until the receiver's handlers have returned, and delivered again when they have not within `ack_wait_ms`: at least
 * once. In the order of publishing, unless the server refused one in between. Messages beyond the server's max_payload travel in fragments
 * (bus/nats_frame.h). A node that has just joined hears what was sent to it once a manager has made its consumer, which publishing to it does.
 *
 * Storage. Streams are files on the server that are not synced at each message, so a restarted server (kill -9 too) still has them, and a
 * machine that loses power does not: what was lost then comes back by the manager's leases, as after the loss of a node. Syncing costs more
 * than the micro-jobs themselves. Limits: NATS_AGE_S, `stream_bytes`; a full stream makes bus_publish say ERR_BUSY, it drops nothing.
 *
 * Threads. libnats has its own; they only put messages into a bounded queue and write an eventfd. All else runs in the loop's thread, never
 * waiting for the network, but for bus_nats_connect and bus_free.
 */
#pragma once
#include "bus/bus.h"
#include "crypto/sign.h"

typedef enum { BUS_MANAGER, BUS_NODE, BUS_BROKER } BusRole;

enum {
    NATS_ID_MAX = 63,             /* letters, digits, - and _ : one token of a subject */
    NATS_URL_MAX = 1024,
    NATS_AGE_S = 600,             /* work that nobody has taken by then is gone */
    NATS_RECORD_TTL_MS = 30000,
    NATS_ACK_WAIT_MS = 30000,
    NATS_CONNECT_MS = 5000,
    NATS_QUEUE_BYTES_MAX = 64 << 20, /* of messages that the server does not have yet; beyond it, unless it is one message: ERR_BUSY */
    NATS_FLIGHT_BYTES_MAX = 8 << 20, /* of these, sent and not acknowledged */
};

/** Everything is borrowed for the call. Zero means the default. */
typedef struct {
    const char *url;              /* nats://host[:port] or tls://host[:port], or several with commas between */
    BusRole role;
    const char *id;               /* of this node, manager or broker; see NATS_ID_MAX */
    const SecretKey *key;         /* signs in: the NKey of the same Ed25519 key. NULL: credentials, or none */
    const char *credentials;      /* a file: a user's .creds, or an NKey seed (SU...) */
    const char *tls_ca, *tls_cert, *tls_key; /* PEM files; tls_ca NULL: the system's. With any of them TLS is insisted on */
    uint32_t replicas;            /* of streams, in a cluster: 1, 3 or 5. Only managers make streams */
    uint32_t record_ttl_ms;       /* a node that has not announced itself for so long is not heard of by managers that start */
    uint32_t ack_wait_ms;
    uint32_t connect_ms;          /* how long to try, at first; afterwards it reconnects for ever */
    uint64_t stream_bytes;        /* of each work queue; 1 GiB */
    void (*on_state)(void *context, bool connected, const char *text); /* may be NULL; from the loop: lost, and back again */
    void *context;
} BusNatsConfig;

/**
 * Connects, looks at what the server is, makes the streams (managers). Until ret_bus is freed the connection comes back by itself after any
 * loss: streams that are gone are made again, the last record under covey.nodes is published again, what was not acknowledged is sent again.
 * bus_free waits a moment for what was published last; a manager then removes its consumer and what still waits for it.
 *
 * errors  ERR_USAGE (url, id, files), ERR_CLOSED (no server there, or one without JetStream or too old), ERR_DENIED (the server does not know the
 *         key, or its permissions are too narrow); always with a line that says which url and what to do
 */
MUST_USE Err bus_nats_connect(Loop *loop, const BusNatsConfig *config, Bus **ret_bus, Diag *diag);

/** What a summary or a log says about the connection. Only for a bus of bus_nats_connect. */
typedef struct {
    bool connected;
    uint64_t reconnects, published, delivered, redelivered, resent;
    uint64_t bytes_sent, bytes_received; /* of this connection, as libnats counts them */
    uint64_t dropped;             /* messages and fragments that were malformed, foreign, or too many at once */
    size_t queued_bytes;          /* not acknowledged by the server yet */
    char problem[256];            /* the last one that the server or the library told of; empty: none */
} BusNatsStatus;
void bus_nats_status(const Bus *bus, BusNatsStatus *ret_status);

/** For a manager: removes what still waits for a node that will not come back, and its consumer. errors: ERR_BUSY (not connected) */
MUST_USE Err bus_nats_forget_node(Bus *bus, const char *node_id);
