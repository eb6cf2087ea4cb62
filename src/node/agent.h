/**
 * The node agent: takes micro-jobs from the bus, fills slots, lets the warden start zygotes, checks what SEEs wrote, sends results.
 * Sees no key and, with sealed data, no plaintext. Every SEE and the warden may die at any moment, and so may every manager.
 */
#pragma once
#include "bus/bus.h"
#include "bus/message.h"
#include "crypto/sign.h"
#include "node/data_at_hand.h"
#include "node/stage.h"
#include "sys/loop.h"

/** Everything is borrowed for the call of agent_new, but `broker_bus`. What is zero or NULL is not there. */
typedef struct {
    const char *node_id;
    const char *warden_program;   /* the covey executable */
    TrustedKeys trusted;
    uint32_t cores;               /* 0: as many as this process may use */
    const char *config_dir;       /* where the warden finds the node's own key; NULL: none, and so no sealed data and no evidence */
    Bus *broker_bus;              /* where the key broker listens; NULL: on the agent's bus */
    uint64_t broker_patience_ns;  /* 0: BROKER_PATIENCE_MS */

    bool remote;                  /* the bus leaves this process: a heartbeat every second, and tasks of silent managers are closed */
    const char *zone, *owner;     /* what the record says; docs/formats/bus.md */
    double price_per_core_hour;
    bool spot;
    uint64_t notice_ns;
    const char *cache_dir;        /* images and segments from managers are kept here; NULL: this node takes none */
    uint64_t cache_bytes_max;     /* 0: STORE_BYTES_DEFAULT */
    uint64_t object_patience_ns;  /* 0: OBJECTS_PATIENCE_S */
    const char *const *data_dirs; /* data at hand */
    uint32_t data_dir_count;
    uint64_t silence_ns;          /* 0: TASK_SILENCE_S */
    /* Whether an image may run here: for each stage of a task once, when the warden has started or refused it. `why`: of a refusal.
     * When it fails, the image does not run. NULL: nobody wants to know */
    Err (*decided)(void *decided_context, const TaskId *task, const uint8_t measurement[32], Err verdict, const char *why);
    void *decided_context;
    Stage *stage;                 /* borrowed until agent_free: what is staged is started, and given to tasks; NULL: nothing is */
} AgentConfig;

typedef struct Agent Agent;

/** Starts the warden and announces the node on the bus. A dead warden is started again, its micro-jobs are reported LOST. */
MUST_USE Err agent_new(Loop *loop, Bus *bus, const AgentConfig *config, Agent **ret_agent, Diag *diag);
/** Kills every SEE, ends the warden. A remote node says that it leaves; what it had goes to others at once. */
void agent_free(Agent **agent);

/** The node will end soon (a spot node's notice, SIGTERM): managers hear it at once and send nothing more; what waits here is given back unrun, what
 *  runs goes on. Errors are as those of the loop's handlers: the agent cannot go on. */
MUST_USE Err agent_drain(Agent *a);
/** Nothing runs, waits, or is still to be said. */
bool agent_idle(const Agent *a);

typedef struct {
    uint32_t tasks;
    uint64_t object_bytes, object_bytes_s, asked_again, corrupt; /* node/objects.h */
    HandProgress hand;
    bool hand_told;               /* every file is hashed, and the record says so */
} AgentProgress;
AgentProgress agent_progress(const Agent *a);
