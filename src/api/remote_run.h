/**
 * What a run on a bus that leaves the process has beside any other: a connection, under the id of its manager, and a limit to its patience.
 */
#pragma once
#include "api/internal.h"
#include "bus/message.h"

typedef struct {
    const covey_events *events;
    ManagerId id;
    uint64_t wait_ns; /* for a node, while there is none */
    uint64_t lease_ns; /* of a node; 0: the manager's default */
} RemoteRun;

bool remote_run_wanted(const covey_task *t);
/** `r` is borrowed by the bus. errors: ERR_USAGE (times), and those of bus_address_connect */
MUST_USE Err remote_run_open(RemoteRun *r, const covey_task *t, const covey_events *events, Loop *loop, Bus **ret_bus, Diag *diag);
