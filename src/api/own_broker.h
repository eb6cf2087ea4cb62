/**
 * The user's own key broker, beside the manager on the run's bus: for data that the user sealed, so that no other process is needed. The same
 * broker, the same checks and the same audit log as `covey keybroker`; this machine's own node key is trusted.
 */
#pragma once
#include "api/internal.h"
#include "bus/bus.h"

typedef struct OwnBroker OwnBroker;

/** is_private: the run is of a private task. errors: those of the keyring and of broker_new (ERR_BUSY: another broker of this user runs) */
MUST_USE Err own_broker_open(const covey *c, bool is_private, Loop *loop, Bus *bus, OwnBroker **ret_broker, Diag *diag);
void own_broker_close(OwnBroker **broker);
