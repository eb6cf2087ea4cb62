/**
 * What the files of the agent share:
 *
 *   agent.c           the warden, the bus, the agent's turn, birth and death
 *   agent_record.c    what the node says of itself: the record, heartbeats, draining, leaving, data at hand
 *   agent_evidence.c  evidence for managers that ask who this node is
 */
#pragma once
#include "node/agent.h"
#include "node/task.h"

enum {
    AGENT_TASKS_MAX = 64,
    CHALLENGES_MAX = 16,          /* of managers, waiting for the warden; more are dropped, and asked again */
};

struct Agent {
    Node node;
    char *node_id, *warden_program, *config_dir;
    uint64_t incarnation;
    TrustedKeys trusted;
    Bus *bus;
    BusSubscription *subscription;
    LoopSource *timer, *warden_source, *hashing;
    bool announced, remote, draining;
    NodeMessage facts;            /* of the record: what does not change */
    uint64_t said_ns, scan_ns;    /* when the record was said last; the next look through the folders of data */
    uint64_t told_version;        /* of the data at hand */
    uint8_t warm[NODE_IMAGES_MAX][NODE_IMAGE_PREFIX_BYTES];
    uint32_t warm_count, warm_next;
    uint64_t silence_ns;
    NodeChallenge challenges[CHALLENGES_MAX];
    uint32_t challenge_count;     /* asked of the warden, in this order */
    uint32_t warden_deaths;
    Task *tasks[AGENT_TASKS_MAX];
    uint32_t task_count;
};

/** agent_record.c */
MUST_USE Err record_open(Agent *a, const AgentConfig *config, Diag *diag);
void record_close(Agent *a);
/** Says what must be said now: the first time until somebody hears it, then heartbeats. */
MUST_USE Err record_say(Agent *a, uint64_t now_ns);
/** The last word. */
void record_leave(Agent *a);
/** An image is here: the next zygote of it starts sooner. */
void record_warm(Agent *a, const uint8_t measurement[32]);

/** agent_evidence.c */
MUST_USE Err evidence_challenged(Agent *a, View message);
/** A report of the warden that is no zygote's. */
MUST_USE Err evidence_hear(Agent *a, const WardenReport *report);
/** The warden died: nobody answers those any more. */
void evidence_forget(Agent *a);
