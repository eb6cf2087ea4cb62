/** A bus that leaves the process, as users of the library name it: checked, kept, connected to. */
#pragma once
#include "api/covey.h"
#include "bus/nats.h"

/** A covey_bus with memory of its own. url NULL: none. */
typedef struct { char *url, *tls_ca, *key; unsigned replicas; } BusAddress;

/** errors: ENOMEM */
MUST_USE Err bus_address_copy(const covey_bus *bus, BusAddress *ret_address);
void bus_address_free(BusAddress *address);

/** Who connects. on_state is called from the loop, when the connection is lost and when it is back. */
typedef struct {
    const char *config_dir; /* where its key is */
    BusRole role;
    const char *id;
    void (*on_state)(void *context, bool connected, const char *text); /* may be NULL */
    void *context;
} BusParty;

/** Signs in with the key of the address, or else with the node's own (nodes), or else with the user's signing key.
 *  errors: ERR_USAGE (no url), those of the keys and of bus_nats_connect */
MUST_USE Err bus_address_connect(const BusAddress *address, const BusParty *party, Loop *loop, Bus **ret_bus, Diag *diag);
/** The same, for a covey_bus. */
MUST_USE Err bus_connect(const covey_bus *bus, const BusParty *party, Loop *loop, Bus **ret_bus, Diag *diag);
