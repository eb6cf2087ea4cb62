/**
 * The configuration file of a nats-server (2.9 syntax) for Covey: JetStream, TLS, and users by NKey with the least that their role needs. Pure; the
 * same input gives the same bytes. docs/formats/bus.md lists the permissions.
 */
#pragma once
#include "base/bytes.h"
#include "crypto/sign.h"

enum { NATS_CONFIG_BYTES_MAX = 64 << 20, NATS_CONFIG_TEXT_MAX = 4096 };

/** id: nodes only. */
typedef struct { PublicKey key; const char *id; } NatsUser;

typedef struct {
    const char *listen;                         /* host:port */
    const char *store;                          /* folder of the streams */
    const char *server_name;                    /* NULL: none; a server of a cluster needs one */
    const char *tls_cert, *tls_key;             /* PEM files; NULL: no TLS. Clients prove who they are by their NKey */
    const char *tls_ca;                         /* the servers of the cluster must show each other a certificate of it */
    const char *cluster, *cluster_listen;       /* NULL: no cluster */
    const char *const *routes;
    size_t route_count;
    const NatsUser *nodes, *managers, *brokers; /* a key may be in several lists: it gets all that they allow */
    size_t node_count, manager_count, broker_count;
} NatsServerConfig;

/** errors: ERR_USAGE (an id that is no token, two nodes of one id or key, TLS in part, a text that cannot stand in quotes), ENOMEM */
MUST_USE Err nats_config_write(const NatsServerConfig *config, Buffer *ret_text, Diag *diag);
