/** A bus that leaves the process, as users of the library name it: checked, kept, connected to. */
#pragma once
#include "api/covey.h"
#include "bus/nats.h"

/** A covey_bus with memory of its own. url NULL: none. */
typedef struct { char *url, *tls_ca, *key; } BusAddress;

/** errors: ENOMEM */
MUST_USE Err bus_address_copy(const covey_bus *bus, BusAddress *ret_address);
void bus_address_free(BusAddress *address);

/** Signs in with the key of the address, or else with the node's own (nodes), or else with the user's signing key. `config_dir`: where these
 *  are. errors: ERR_USAGE (no url), those of the keys and of bus_nats_connect */
MUST_USE Err bus_address_connect(const BusAddress *address, const char *config_dir, BusRole role, const char *id, Loop *loop, Bus **ret_bus,
                                 Diag *diag);
