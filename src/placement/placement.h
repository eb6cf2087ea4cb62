/**
 * Which node gets the next micro-job: the scheduler's state for many nodes and many tasks. Pure: no I/O, no clock of its own
 * (placement_tick says what time it is), no randomness; the same calls in the same order give the same choices.
 *
 * Hard limits first: level, evidence, memory, zone, excluded nodes, spot, draining, nodes and owners to avoid. Among the nodes that pass, the
 * lowest score wins (seconds; the node that was put first wins among equals):
 *
 *     score  = A * late + L * transfer + C * price
 *     late   = max(0, now + queue + start + run - deadline)          deadline: TaskNeed.deadline_s, or now when there is none
 *     queue    until a core of the node is free for it, and its link where something is missing: one transfer at a time
 *     transfer missing bytes / bandwidth + latency_s; 0 when nothing is missing. Missing: JobNeed.bytes unless the content is at hand, and
 *              TaskNeed.image_bytes unless the image is warm
 *     start    NodeFacts.start_s unless the image is warm
 *     run      TaskNeed.run_s / speed / reliability                  run_s and speed as corrected by what was measured
 *     price    (start + run) * NodeFacts.price / price_unit          price_unit: what a core-hour must cost for a second of it to weigh
 *                                                                    as much as a second of waiting (PlacementOptions)
 *     A, L, C  weights availability, locality, cost
 *
 * Estimated finish is now + queue + transfer + start + run, whatever the weights. Once little is left of a task (placement_set_left), a node
 * that would finish after the others could have done the rest gets nothing: PLACEMENT_HOLD, ask again when room opens or time has passed.
 *
 * Cost: O(log nodes) per choice, by a heap over nodes for each class (task, size of data); holders of a content stand in short lists that are
 * compared with the best of all the others, and long lists have a heap of their own. Sizes are weighed in steps of a fifth (explain prints
 * them so). Memory: about 850 bytes per node, 60 per node and class, at most 128 classes.
 * A node is named by a PlacementNodeRef, valid until placement_remove_node; a task by a PlacementTaskRef, until placement_remove_task.
 * Source: earliest-finish list scheduling, Graham 1969; docs/ARCHITECTURE.md#placement.
 */
#pragma once
#include "base/error.h"
#include "placement/facts.h"

enum {
    PLACEMENT_NODES_MAX = 1 << 17,
    PLACEMENT_TASKS_MAX = 1024,
    PLACEMENT_AVOID_MAX = 64,
    PLACEMENT_ROOM_FREE = UINT32_MAX, /* no limit on what a node takes */
};

typedef struct Placement Placement;
typedef uint32_t PlacementNodeRef;
typedef uint32_t PlacementTaskRef;

typedef struct {
    double price_unit;          /* 0: 0.05 */
} PlacementOptions;

MUST_USE Err placement_new(const PlacementOptions *options, Placement **ret_placement);
void placement_free(Placement *p);
static inline void placement_freep(Placement **p) { placement_free(*p); }
#define AUTO_PLACEMENT __attribute__((cleanup(placement_freep))) Placement *

/** Now, in seconds from any beginning that stays the same; a time before the last one is ignored. */
void placement_tick(Placement *p, double now_s);

/**
 * A node is there, or what is known of it has changed (the same node_id: queue, room, measured speed stay).
 * errors: ERR_BAD_INPUT (no id, no cores, a negative or endless number), ERR_LIMIT, ENOMEM
 */
MUST_USE Err placement_put_node(Placement *p, const NodeFacts *facts, PlacementNodeRef *ret_node);
/** It is gone; what it had is the caller's to place again. */
void placement_remove_node(Placement *p, PlacementNodeRef node);
/** It keeps what it has and gets nothing new (a preemption notice, an operator). put_node with draining = false ends this. */
void placement_drain_node(Placement *p, PlacementNodeRef node);
/**
 * How many more micro-jobs it takes at this moment. Every choice counts it down, nothing but this call raises it; starts as PLACEMENT_ROOM_FREE.
 */
void placement_set_room(Placement *p, PlacementNodeRef node, uint32_t room);
/** false: no such node. */
bool placement_find_node(const Placement *p, const char *node_id, PlacementNodeRef *ret_node);
size_t placement_node_count(const Placement *p);

/** errors: ERR_BAD_INPUT (level, a negative or endless number), ERR_LIMIT (PLACEMENT_TASKS_MAX, FACT_LIST_MAX), ENOMEM */
MUST_USE Err placement_add_task(Placement *p, const TaskNeed *need, PlacementTaskRef *ret_task);
void placement_remove_task(Placement *p, PlacementTaskRef task);
/**
 * Micro-jobs of the task that wait for a node now; every choice counts it down. What next_task and the end of a task go by. Starts as 0: nothing, or
 * not said.
 */
void placement_set_left(Placement *p, PlacementTaskRef task, uint64_t jobs);

/** Who must not get it: where its other copies are or were. Made by placement_choose_node; stays right after the node is gone. */
typedef struct { uint64_t node, owner; } PlacementWho;

typedef struct {
    PlacementNodeRef node;
    PlacementWho who;
    double finish_s;            /* estimated, on placement's clock */
    double price;               /* estimated, in the unit of money */
    float charge_s;             /* what the node's queue was charged; give it back to placement_end */
} PlacementChoice;

typedef enum {
    PLACEMENT_CHOSEN,
    PLACEMENT_FULL,        /* some node could take it, none has room now */
    PLACEMENT_HOLD,        /* near the end: waiting for a faster node is sooner */
    PLACEMENT_IMPOSSIBLE,  /* no node passes the hard limits */
} PlacementAnswer;

/**
 * Chooses a node for one micro-job of the task, and charges that node's queue and room.
 * avoid       neither the nodes nor (where said) the owners in it; at most PLACEMENT_AVOID_MAX
 * ret_choice  set with PLACEMENT_CHOSEN
 * errors      ENOMEM
 */
MUST_USE Err placement_choose_node(Placement *p, PlacementTaskRef task, const JobNeed *job, const PlacementWho *avoid, size_t avoid_count,
                                   PlacementAnswer *ret_answer, PlacementChoice *ret_choice);

typedef enum {
    PLACEMENT_DONE,        /* measured_s counts: the run itself, without queue, transfer and start */
    PLACEMENT_BAD,         /* it ran and failed, or its result was wrong: counts against the node's reliability */
    PLACEMENT_BACK,        /* it came back without having run, or is called off */
} PlacementEnd;

/** A micro-job that was chosen for the node has ended there. Not for nodes that were removed. Does not raise room. */
void placement_end(Placement *p, PlacementNodeRef node, PlacementTaskRef task, float charge_s, PlacementEnd end, double measured_s);

/** The task to serve next: fair between tenants, then between a tenant's tasks by share (start-time fair queueing, Goyal 1996). false: nothing waits.
 * O(tasks): once per batch. What a choice costs is charged to its task and tenant in reference core-seconds. */
bool placement_next_task(const Placement *p, PlacementTaskRef *ret_task);

/** A micro-job that was given to a node and has not started there. */
typedef struct {
    uint64_t id;                /* the caller's */
    PlacementNodeRef node;
    PlacementTaskRef task;
    JobNeed job;
    float charge_s;
    const PlacementWho *avoid; size_t avoid_count; /* its other copies */
} PlacementQueued;
typedef struct { size_t queued; PlacementChoice to; } PlacementMove; /* an index into the given list */

/**
 * Which of the queued micro-jobs should move to another node, because being carried there and run is sooner than waiting: by at least a tenth of the
 * wait, so that nothing moves to and fro. Worst waits first. Charges the new nodes and credits the old: the caller must carry out every move
 * (or end it with PLACEMENT_BACK). queued: within one node in the order they will run. errors: ENOMEM
 */
MUST_USE Err placement_steal(Placement *p, const PlacementQueued *queued, size_t count, PlacementMove *ret_moves, size_t max, size_t *ret_count);

/** Why a node cannot have it; the first that applies. */
typedef enum {
    PLACEMENT_FITS, PLACEMENT_NO_LEVEL, PLACEMENT_NO_EVIDENCE, PLACEMENT_NO_MEMORY, PLACEMENT_ZONE_NOT_ALLOWED, PLACEMENT_ZONE_EXCLUDED,
    PLACEMENT_NODE_EXCLUDED, PLACEMENT_SPOT, PLACEMENT_DRAINING, PLACEMENT_SAME_NODE, PLACEMENT_SAME_OWNER, PLACEMENT_NO_ROOM,
} PlacementLimit;
const char *placement_limit_text(PlacementLimit limit);

typedef struct {
    PlacementNodeRef node;
    char node_id[FACT_NODE_ID_MAX + 1];
    PlacementLimit limit;       /* PLACEMENT_FITS and PLACEMENT_NO_ROOM: the terms below hold */
    double queue_s, transfer_s, start_s, run_s, price; /* price in money */
    double score, finish_s;
} PlacementCandidate;

/**
 * What placement_choose_node would weigh, without choosing: best first, then those without room, then those excluded by a limit. With more
 * candidates than `max` the best are given. O(nodes). ret_count: how many were written; ret_total: how many there are.
 */
MUST_USE Err placement_explain(const Placement *p, PlacementTaskRef task, const JobNeed *job, const PlacementWho *avoid, size_t avoid_count,
                               PlacementCandidate *ret_candidates, size_t max, size_t *ret_count, size_t *ret_total);

/** What is believed now, for speculation, reports and the journal. */
double placement_node_speed(const Placement *p, PlacementNodeRef node);
double placement_node_queue_s(const Placement *p, PlacementNodeRef node);
uint32_t placement_node_outstanding(const Placement *p, PlacementNodeRef node);
typedef struct { double mean_s, median_s, p95_s; uint64_t samples; } PlacementRun; /* on the reference core */
PlacementRun placement_task_run(const Placement *p, PlacementTaskRef task);
/** Bytes of memory held by p. */
size_t placement_memory(const Placement *p);
