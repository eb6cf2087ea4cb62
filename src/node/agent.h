/**
 * The node agent: takes micro-jobs from the bus, fills slots, lets the warden start zygotes, checks what SEEs wrote, sends results.
 * Sees no key and, with sealed data, no plaintext. Every SEE and the warden may die at any moment.
 */
#pragma once
#include "bus/bus.h"
#include "crypto/sign.h"
#include "sys/loop.h"

typedef struct {
    const char *node_id;
    const char *warden_program;   /* the covey executable */
    TrustedKeys trusted;
    uint32_t cores;               /* 0: as many as this process may use */
    const char *config_dir;       /* where the warden finds the node's own key; NULL: none, and so no sealed data */
    Bus *broker_bus;              /* where the key broker listens; NULL: on the agent's bus */
    uint64_t broker_patience_ns;  /* 0: BROKER_PATIENCE_MS */
} AgentConfig;

typedef struct Agent Agent;

/** Starts the warden and announces the node on the bus. A dead warden is started again, its micro-jobs are reported LOST. */
MUST_USE Err agent_new(Loop *loop, Bus *bus, const AgentConfig *config, Agent **ret_agent, Diag *diag);
/** Kills every SEE, ends the warden. */
void agent_free(Agent **agent);
