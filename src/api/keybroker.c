/* A key broker as a process of its own: the user's keys, a state folder, and a socket on this machine that agents reach it at. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "api/broker_setup.h"
#include "bus/message_subject.h"
#include "bus/socket.h"
#include "keybroker/service.h"
#include "sys/clock.h"

typedef struct {
    const covey_keybroker_options *options;
    BrokerSetup setup;
    Broker *broker;
    Loop *loop;
    Bus *socket, *bus;       /* either may be NULL */
    BrokerService *socket_service, *bus_service;
    LoopSource *stop;
    bool stopping;
} Serving;

/* The nodes that were named, or else whom the user trusts. */
static Err choose_nodes(Serving *s, Diag *diag)
{
    const covey_keybroker_options *o = s->options;
    TrustedKeys *nodes = &s->setup.nodes;
    if (o->node_count == 0) return OK;
    if (o->node_count > TRUSTED_KEYS_MAX)
        return FAIL_WHY(diag, ERR_LIMIT, "%zu nodes: at most %d can be named", o->node_count, TRUSTED_KEYS_MAX);
    for (size_t i = 0; i < o->node_count; i++)
        if (public_key_parse(o->nodes[i], &nodes->keys[i]).code)
            return FAIL_WHY(diag, ERR_USAGE, "%s: is not the public key of a node, one line covey-ed25519:...", o->nodes[i]);
    nodes->count = o->node_count;
    s->setup.names_nodes = true;
    return OK;
}

static Err start_broker(const covey *c, Serving *s, Diag *diag)
{
    TRY(broker_setup(c, s->options->state_dir, s->options->collateral_dir, &s->setup, diag));
    broker_setup_aggregate(&s->setup);
    TRY_WHY(diag, choose_nodes(s, diag), "trusted nodes");
    TRY_WHY(diag, broker_new(&s->setup.config, clock_wall_ns() / NS_PER_S, &s->broker, diag), "key broker");
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
    broker_setup_free(&s->setup);
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
