/* A key broker as a process of its own: the user's keys, a state folder, and a socket on this machine that agents reach it at. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "api/internal.h"
#include "bus/message_subject.h"
#include "bus/socket.h"
#include "crypto/keyring.h"
#include "keybroker/service.h"
#include "sys/clock.h"

typedef struct { SecretKey signing; SealSecretKey sealing; } Secrets; /* in locked memory; wiped when freed */

typedef struct {
    const covey_keybroker_options *options;
    Secrets *secrets;
    PublicKey owner;
    SealPublicKey sealing;
    TrustedKeys nodes;
    RevokedKeys revoked;
    char state_dir[PATH_BYTES_MAX], collateral_dir[PATH_BYTES_MAX];
    Broker *broker;
    Loop *loop;
    Bus *socket, *bus;       /* either may be NULL */
    BrokerService *socket_service, *bus_service;
    LoopSource *stop;
    bool stopping;
} Serving;

/* Neither a core file nor another process of this user gets to see keys. */
static Err hide_memory(void)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0) return FAIL(errno);
    return OK;
}

static Err load_secrets(const covey *c, Serving *s, Diag *diag)
{
    if (sodium_init() < 0) return FAIL(EIO);
    s->secrets = sodium_malloc(sizeof *s->secrets);
    if (!s->secrets) return FAIL(ENOMEM);
    TRY(keyring_signing(c->config_dir, passphrase_ask, diag, &s->secrets->signing, &s->owner, diag));
    return keyring_sealing(c->config_dir, passphrase_ask, diag, &s->secrets->sealing, &s->sealing, diag);
}

/* The nodes that were named, or else whom the user trusts. */
static Err choose_nodes(const covey *c, Serving *s, Diag *diag)
{
    const covey_keybroker_options *o = s->options;
    if (o->node_count == 0) return trusted_keys_load(c->config_dir, &s->nodes, diag);
    if (o->node_count > TRUSTED_KEYS_MAX)
        return FAIL_WHY(diag, ERR_LIMIT, "%zu nodes: at most %d can be named", o->node_count, TRUSTED_KEYS_MAX);
    for (size_t i = 0; i < o->node_count; i++)
        if (public_key_parse(o->nodes[i], &s->nodes.keys[i]).code)
            return FAIL_WHY(diag, ERR_USAGE, "%s: is not the public key of a node, one line covey-ed25519:...", o->nodes[i]);
    s->nodes.count = o->node_count;
    return OK;
}

static Err choose_folders(const covey *c, Serving *s, Diag *diag)
{
    const covey_keybroker_options *o = s->options;
    struct stat st;
    if (o->state_dir) TRY_WHY(diag, path_format(s->state_dir, "%s", o->state_dir), "state folder");
    else TRY_WHY(diag, path_format(s->state_dir, "%s/../keybroker", c->tasks_dir), "state folder");
    if (o->collateral_dir) return path_format(s->collateral_dir, "%s", o->collateral_dir);
    TRY_WHY(diag, path_format(s->collateral_dir, "%s/collateral", c->config_dir), "collateral folder");
    if (stat(s->collateral_dir, &st) < 0) s->collateral_dir[0] = '\0';
    return OK;
}

static Err start_broker(const covey *c, Serving *s, Diag *diag)
{
    TRY_WHY(diag, hide_memory(), "keeping keys out of core files");
    TRY_WHY(diag, load_secrets(c, s, diag), "the owner's keys");
    TRY_WHY(diag, choose_nodes(c, s, diag), "trusted nodes");
    TRY_WHY(diag, revoked_load(c->config_dir, &s->revoked, diag), "revoked keys");
    TRY(choose_folders(c, s, diag));
    const BrokerConfig config = {.state_dir = s->state_dir,
                                 .signing = &s->secrets->signing,
                                 .owner = &s->owner,
                                 .sealing = &s->secrets->sealing,
                                 .sealing_public = &s->sealing,
                                 .nodes = &s->nodes,
                                 .revoked = &s->revoked,
                                 .collateral_dir = s->collateral_dir[0] ? s->collateral_dir : NULL};
    TRY_WHY(diag, broker_new(&config, clock_wall_ns() / NS_PER_S, &s->broker, diag), "key broker");
    return OK;
}

static Err on_stop(void *context, uint32_t events)
{
    (void)events;
    ((Serving *)context)->stopping = true;
    return OK;
}

static Err serve_socket(Serving *s, Diag *diag)
{
    const char *path;
    TRY(bus_socket_path(s->options->listen, &path, diag));
    TRY_WHY(diag, bus_socket_listen(s->loop, path, &s->socket, diag), "%s", s->options->listen);
    TRY_WHY(diag, broker_service_new(s->loop, s->socket, s->broker, NULL, &s->socket_service), "key broker");
    if (s->options->ready) s->options->ready(s->options->context, s->options->listen);
    return OK;
}

static Err serve_bus(const covey *c, Serving *s, Diag *diag)
{
    ManagerId id;
    TRY_WHY(diag, manager_id_new(&id), "key broker");
    const BusParty party = {.config_dir = c->config_dir, .role = BUS_BROKER, .id = id.text};
    TRY(bus_connect(s->options->bus, &party, s->loop, &s->bus, diag));
    TRY_WHY(diag, broker_service_new(s->loop, s->bus, s->broker, NULL, &s->bus_service), "key broker");
    if (s->options->ready) s->options->ready(s->options->context, s->options->bus->url);
    return OK;
}

static Err start_serving(const covey *c, Serving *s, int stop_fd, Diag *diag)
{
    if (!s->options->listen && !s->options->bus) return FAIL_WHY(diag, ERR_USAGE, "no address to listen at; it is unix:PATH, or a bus");
    TRY_WHY(diag, loop_new(&s->loop), "event loop");
    if (s->options->listen) TRY(serve_socket(s, diag));
    if (s->options->bus) TRY(serve_bus(c, s, diag));
    return stop_fd < 0 ? OK : loop_add_fd(s->loop, stop_fd, EPOLLIN, on_stop, s, &s->stop);
}

static void end_serving(Serving *s)
{
    loop_remove(&s->stop);
    broker_service_free(&s->bus_service);
    broker_service_free(&s->socket_service);
    bus_free(&s->bus);
    bus_free(&s->socket);
    loop_free(&s->loop);
    broker_free(&s->broker);
    revoked_free(&s->revoked);
    sodium_free(s->secrets);
}

static Err serve(const covey *c, Serving *s, int stop_fd, Diag *diag)
{
    TRY(start_broker(c, s, diag));
    TRY(start_serving(c, s, stop_fd, diag));
    while (!s->stopping) TRY_WHY(diag, loop_turn(s->loop, -1), "event loop");
    return OK;
}

covey_code covey_keybroker_serve(covey *c, const covey_keybroker_options *options, int stop_fd, covey_error *error)
{
    Diag diag = {{0}};
    Serving *s = calloc(1, sizeof *s);
    if (!s) return api_result(FAIL(ENOMEM), NULL, error);
    s->options = options;
    Err e = serve(c, s, stop_fd, &diag);
    end_serving(s);
    free(s);
    return api_result(e, &diag, error);
}
