/**
 * The parts of the scheduler, for the files placement_*.c only.
 *
 * A class is what micro-jobs of one task with about as many bytes (and, where many nodes hold it, one content) have in common: nodes
 * differ in their score, jobs do not. It keeps the nodes that have room in two heaps, those with a free core now (their score does not change with
 * time) and those without (their finish does not change with time), so that time alone costs nothing. Keys are lower bounds: a node's score
 * only grows by what is given to it, and what stands on top is brought up to date before it is believed. What lowers a score (an end, more room,
 * new facts) goes into the log of changed nodes, which a class reads before it is used.
 */
#pragma once
#include "placement/estimate.h"
#include "placement/node_queue.h"
#include "placement/placement.h"
#include "placement/table.h"

enum {
    CHANGES_MAX = 1 << 14,  /* of the log; a class that is further behind is built anew */
    CLASSES_MAX = 128,      /* the one longest not used gives way */
    HOLDERS_SHORT_MAX = 32, /* holders of a content that are looked at one by one */
    BUCKETS_PER_DOUBLING = 4,
};

typedef struct {
    char id[FACT_NODE_ID_MAX + 1];
    PlacementWho who;
    uint64_t zone, memory_free;
    uint32_t level_mask, evidence_mask, cores;
    bool used, draining, spot;
    double bandwidth, latency_s, start_s, price;
    double speed, reliability;                   /* as used in scores */
    double speed_said;                           /* by the node, last */
    double speed_measured, reliability_measured; /* as believed; used once they are further off than SPEED_DRIFT */
    uint64_t speed_samples;
    uint64_t *warm; uint32_t warm_count;         /* latest use first */
    NodeData *data; uint32_t data_count;         /* ascending by content */
    uint32_t room;
    NodeQueue queue;
    double core_free_s;   /* when a core is free for one more; in the past: now. Only grows by a charge */
    double link_free_s;   /* when its link is, for one more transfer */
} Node;

typedef struct {
    TaskNeed need;        /* its lists are copies */
    bool used;
    uint32_t generation;  /* counts what makes scores of all nodes change */
    double run_s;         /* as used in scores */
    RunEstimate run;
    uint64_t left;
    uint32_t tenant;      /* index */
    double virtual_s;     /* start tag of fair queueing within the tenant */
} Task;

typedef struct { uint64_t id; uint32_t tasks; double virtual_s, task_virtual_s; } Tenant;

typedef struct { uint32_t *nodes; uint32_t count, room; uint64_t content; } Holders;

typedef struct { double key; PlacementNodeRef node; } HeapEntry;
typedef struct { HeapEntry *entries; uint32_t count; } Heap;
typedef struct { double since_s, run_s, cores; } Flow; /* a node's part in the end of a task: from when on, how long each */

typedef struct {
    PlacementTaskRef task;
    uint32_t generation;
    uint32_t bucket;
    uint64_t content;       /* 0: a job whose content few or none hold */
    JobNeed job;            /* what it is scored with: bytes as the bucket has them */
    bool plain;             /* no deadline, or it has passed: then lateness is the same as finishing late */
    uint64_t used_at, read; /* the log up to where it was read */
    uint32_t capacity;
    Heap free, busy;        /* nodes with a free core; without */
    uint32_t *where;        /* of each node: WHERE_OUT, WHERE_FULL, or its index in free, or in busy with WHERE_BUSY set */
    uint32_t eligible, full;
    Flow *flows;            /* room for the scan of the end; see placement_tail.c */
    struct { double end_s, full_s, fastest_s, scanned_s; uint64_t left; uint32_t choices; } tail;
} Class;
#define WHERE_OUT UINT32_MAX
#define WHERE_FULL (UINT32_MAX - 1)
#define WHERE_BUSY ((uint32_t)1 << 31)

struct Placement {
    double price_unit, now_s;
    Node *nodes; uint32_t node_room, node_end, node_count; /* references below node_end were given out */
    uint32_t *free_nodes; uint32_t free_count;
    Table by_id, by_content;                               /* fact_hash of an id -> node; content -> holders */
    Holders *holders; uint32_t holders_count, holders_room;
    Task *tasks; uint32_t task_end;
    Tenant *tenants; uint32_t tenant_end;
    double virtual_s;                                      /* of the tenant served last */
    Class *classes[CLASSES_MAX]; uint32_t class_count;
    uint64_t uses;
    PlacementNodeRef changes[CHANGES_MAX]; uint64_t change_count;
    PlacementNodeRef *aside; uint32_t aside_room;          /* for nodes that are avoided, during one choice */
};

/* placement_score.c */
typedef struct { double queue_s, transfer_s, start_s, run_s, price_s, money; uint64_t missing; } Terms;
/** What holds for a node whatever its queue: FITS to DRAINING. */
PlacementLimit score_limit(const Task *t, const Node *n);
PlacementLimit score_avoided(const Node *n, const PlacementWho *avoid, size_t avoid_count);
/** bytes of the content that the node has */
uint64_t score_held(const Node *n, uint64_t content);
Terms score_terms(const Placement *p, const Task *t, const Node *n, const JobNeed *job, uint64_t held);
double score_of(const Placement *p, const Task *t, const Terms *terms);
/** Bytes are weighed in steps (BUCKETS_PER_DOUBLING), so that jobs of about one size share a class. */
uint32_t score_bucket(uint64_t bytes);
uint64_t score_bucket_bytes(uint32_t bucket);
/** When it could begin: a core is free, and the link where something has to travel. */
double score_begin_s(const Node *n, const Terms *terms);
/** Seconds that its transfer keeps the link from others. */
double score_link_s(const Node *n, const Terms *terms);
/** Core-seconds between two of a long row of them: computing, or the link where that is what is short. */
double score_pace(const Node *n, const Terms *terms);

/* placement_nodes.c */
void node_changed(Placement *p, PlacementNodeRef node);
/** Charges, credits: queue, link and room; and the image is warm from now on. */
void node_charge(Placement *p, PlacementNodeRef node, const Task *t, double charge_s, double link_s);
/** used_s below 0: it did not run. */
void node_credit(Placement *p, PlacementNodeRef node, double charge_s, double used_s);

/* placement_holders.c */
MUST_USE Err holders_add(Placement *p, PlacementNodeRef node);
void holders_remove(Placement *p, PlacementNodeRef node);
const Holders *holders_of(const Placement *p, uint64_t content);

/* placement_class.c */
/** The class of the job, up to date. errors: ENOMEM */
MUST_USE Err class_get(Placement *p, PlacementTaskRef task, const JobNeed *job, Class **ret_class);
void class_forget_task(Placement *p, PlacementTaskRef task);
void class_free(Class *c);
/** The best node with room, or false. It stays where it is. */
bool class_best(Placement *p, Class *c, PlacementNodeRef *ret_node);
/** Takes a node out, puts it (back) in as it is now. */
void class_take(Class *c, PlacementNodeRef node);
void class_refresh(Placement *p, Class *c, PlacementNodeRef node);
/** Comparable among the nodes of the class at this moment; the score, but for a constant. */
double class_score(const Placement *p, const Class *c, const Node *n, uint64_t held);

/* placement_tail.c */
/** at_hand: somebody holds its data. Whether it should wait rather than go to a node where it would end at finish_s. */
bool tail_hold(Placement *p, Class *c, bool at_hand, double finish_s);

/* placement_choose.c */
typedef struct { PlacementNodeRef node; Terms terms; } Pick;
/** The best node without charging it. */
MUST_USE Err choose_peek(Placement *p, PlacementTaskRef task, const JobNeed *job, const PlacementWho *avoid, size_t avoid_count,
                         PlacementAnswer *ret_answer, Pick *ret_pick);
/** Charges the pick to its node. */
PlacementChoice choose_take(Placement *p, PlacementTaskRef task, const Pick *pick);

/* placement_fair.c */
MUST_USE Err fair_join(Placement *p, PlacementTaskRef task);
void fair_leave(Placement *p, PlacementTaskRef task);
void fair_wake(Placement *p, PlacementTaskRef task);
void fair_charge(Placement *p, PlacementTaskRef task);
