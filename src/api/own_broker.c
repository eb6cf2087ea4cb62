/* The user's own broker, on the run's bus. */
#include "api/own_broker.h"

#include <errno.h>
#include <stdlib.h>

#include "api/broker_setup.h"
#include "keybroker/service.h"
#include "sys/clock.h"

struct OwnBroker { BrokerSetup setup; Broker *broker; BrokerService *service; };

/* This machine's warden signs with a key of its own, which the owner of both need not be told to trust. */
static Err trust_this_node(const covey *c, OwnBroker *b, Diag *diag)
{
    char directory[PATH_BYTES_MAX];
    PublicKey node;
    TRY(path_format(directory, "%s/node", c->config_dir));
    TRY(keyring_public(directory, &node, NULL, diag));
    TRY_WHY(diag, broker_setup_own_node(&b->setup, &node), "this node's key, beside those that are trusted");
    return OK;
}

static Err start(const covey *c, bool is_private, Loop *loop, Bus *bus, OwnBroker *b, Diag *diag)
{
    TRY(broker_setup(c, NULL, NULL, &b->setup, diag));
    if (is_private) broker_setup_aggregate(&b->setup);
    TRY(trust_this_node(c, b, diag));
    TRY(broker_new(&b->setup.config, clock_wall_ns() / NS_PER_S, &b->broker, diag));
    return broker_service_new(loop, bus, b->broker, NULL, &b->service);
}

/* One process at a time counts runs and releases keys. Which one has it is not known: it may be either. */
static Err explain_busy(const OwnBroker *b, Diag *diag)
{
    *diag = (Diag){0};
    return FAIL_WHY(diag, ERR_BUSY,
                    "another run of yours over sealed data, or covey keybroker, has your key broker's state (%s): wait until it has ended, or start one "
                    "covey keybroker --listen unix:PATH for all runs and give each --keybroker unix:PATH",
                    b->setup.state_dir);
}

Err own_broker_open(const covey *c, bool is_private, Loop *loop, Bus *bus, OwnBroker **ret_broker, Diag *diag)
{
    OwnBroker *b = calloc(1, sizeof *b);
    if (!b) return FAIL(ENOMEM);
    Err e = start(c, is_private, loop, bus, b, diag);
    if (e.code) {
        if (e.code == ERR_BUSY) e = explain_busy(b, diag);
        own_broker_close(&b);
        return diag_complete(diag, e, "your key broker");
    }
    *ret_broker = b;
    return OK;
}

void own_broker_close(OwnBroker **broker)
{
    OwnBroker *b = *broker;
    if (!b) return;
    broker_service_free(&b->service);
    broker_free(&b->broker);
    broker_setup_free(&b->setup);
    free(b);
    *broker = NULL;
}
