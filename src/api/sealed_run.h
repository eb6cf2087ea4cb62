/**
 * What a run over a sealed dataset has beside any other: a key broker, which is the user's own when the user sealed the data, and a result file.
 */
#pragma once
#include "api/own_broker.h"
#include "api/sealed_output.h"
#include "swarm/manager.h"

typedef struct {
    SealedOutput output;
    OwnBroker *own;          /* one of both */
    Bus *afar;               /* the bus of another process's broker */
} SealedRun;

/** Where the key broker listens when it is not on the run's own bus; otherwise NULL. */
static inline Bus *sealed_run_bus(const SealedRun *s) { return s->afar; }
/** Whether the task's input is a sealed dataset. */
bool sealed_run_wanted(const covey_task *t);
/** Before anything is built: results can only go into a file. errors: ERR_USAGE */
MUST_USE Err sealed_run_check(const covey_task *t, bool has_output_function, Diag *diag);
/** Whose broker it is: that of the task is connected to, or the user may have one for these data; or the error says whose is needed. Before the
 *  agent, which is told where the broker listens. errors: ERR_UNTRUSTED, ERR_CHANGED, ERR_USAGE, those of bus_socket_connect */
MUST_USE Err sealed_run_find(SealedRun *s, const covey_task *t, const Manager *m, Loop *loop, Diag *diag);
/** The user's own broker listens on `bus` from here on, and there is a result file. Behind the agent, whose warden starts meanwhile.
 *  errors: ERR_CHANGED, those of own_broker_open and sealed_output_open */
MUST_USE Err sealed_run_open(SealedRun *s, const covey_task *t, const Manager *m, Loop *loop, Bus *bus, Diag *diag);
void sealed_run_close(SealedRun *s);
