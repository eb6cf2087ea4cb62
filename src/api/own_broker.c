/* The user's own broker: keys from the keyring, trust from the configuration folder, state beside the journals. */
#include "api/own_broker.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "crypto/keyring.h"
#include "keybroker/service.h"
#include "sys/clock.h"

/* In locked memory; wiped when freed. */
typedef struct { SecretKey signing; SealSecretKey sealing; } Secrets;

struct OwnBroker {
    Secrets *secrets;
    PublicKey owner;
    SealPublicKey sealing;
    TrustedKeys nodes;
    RevokedKeys revoked;
    char state_dir[PATH_BYTES_MAX], collateral_dir[PATH_BYTES_MAX];
    Broker *broker;
    BrokerService *service;
};

static Err load_secrets(const covey *c, OwnBroker *b, Diag *diag)
{
    if (sodium_init() < 0) return FAIL_WHY(diag, ERR_LIMIT, "the cryptographic library does not start");
    b->secrets = sodium_malloc(sizeof *b->secrets);
    if (!b->secrets) return FAIL_WHY(diag, ERR_LIMIT, "no memory that can be locked; raise the limit (ulimit -l)");
    TRY(keyring_signing(c->config_dir, passphrase_ask, diag, &b->secrets->signing, &b->owner, diag));
    return keyring_sealing(c->config_dir, passphrase_ask, diag, &b->secrets->sealing, &b->sealing, diag);
}

/* This machine's warden signs with a key of its own, which the owner of both need not be told to trust. */
static Err trust_this_node(const covey *c, OwnBroker *b, Diag *diag)
{
    char directory[PATH_BYTES_MAX];
    SecretKey secret;
    TRY(trusted_keys_load(c->config_dir, &b->nodes, diag));
    if (b->nodes.count == TRUSTED_KEYS_MAX) return OK;
    TRY(path_format(directory, "%s/node", c->config_dir));
    TRY(signing_key_open(directory, &secret, &b->nodes.keys[b->nodes.count], diag));
    secret_key_wipe(&secret);
    b->nodes.count++;
    return OK;
}

static Err find_folders(const covey *c, OwnBroker *b, Diag *diag)
{
    struct stat s;
    TRY_WHY(diag, path_format(b->state_dir, "%s/../keybroker", c->tasks_dir), "state folder");
    TRY_WHY(diag, path_format(b->collateral_dir, "%s/collateral", c->config_dir), "collateral folder");
    if (stat(b->collateral_dir, &s) < 0) b->collateral_dir[0] = '\0';
    return OK;
}

static Err start(const covey *c, Loop *loop, Bus *bus, OwnBroker *b, Diag *diag)
{
    TRY(load_secrets(c, b, diag));
    TRY(trust_this_node(c, b, diag));
    TRY(revoked_load(c->config_dir, &b->revoked, diag));
    TRY(find_folders(c, b, diag));
    const BrokerConfig config = {.state_dir = b->state_dir,
                                 .signing = &b->secrets->signing,
                                 .owner = &b->owner,
                                 .sealing = &b->secrets->sealing,
                                 .sealing_public = &b->sealing,
                                 .nodes = &b->nodes,
                                 .revoked = &b->revoked,
                                 .collateral_dir = b->collateral_dir[0] ? b->collateral_dir : NULL};
    TRY(broker_new(&config, clock_wall_ns() / NS_PER_S, &b->broker, diag));
    return broker_service_new(loop, bus, b->broker, NULL, &b->service);
}

/* One process at a time counts runs and releases keys. Which one has it is not known: it may be either. */
static Err explain_busy(const OwnBroker *b, Diag *diag)
{
    *diag = (Diag){0};
    return FAIL_WHY(diag, ERR_BUSY,
                    "another run of yours over sealed data, or covey keybroker, has your key broker's state (%s): wait until it has ended, or start one "
                    "covey keybroker --listen unix:PATH for all runs and give each --keybroker unix:PATH",
                    b->state_dir);
}

Err own_broker_open(const covey *c, Loop *loop, Bus *bus, OwnBroker **ret_broker, Diag *diag)
{
    OwnBroker *b = calloc(1, sizeof *b);
    if (!b) return FAIL(ENOMEM);
    Err e = start(c, loop, bus, b, diag);
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
    revoked_free(&b->revoked);
    sodium_free(b->secrets);
    free(b);
    *broker = NULL;
}
