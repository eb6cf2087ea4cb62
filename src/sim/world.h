/**
 * The state of one simulation: what the nodes do (node_*.c), what the manager knows and decides (manager_*.c), and the policy that chooses nodes.
 * A micro-job has attempts: one for each copy that was given to a node. Numbers of nodes, micro-jobs and attempts are indices; SIM_NONE is none.
 */
#pragma once
#include "placement/placement.h"
#include "placement/quorum.h"
#include "placement/reputation.h"
#include "placement/speculate.h"
#include "sim/events.h"
#include "sim/scenario.h"
#include "sim/simulate.h"

#define SIM_NONE UINT32_MAX

typedef enum {
    EVENT_ARRIVES,     /* subject: a task */
    EVENT_TICK,        /* the manager looks for stragglers and for queues that are too long */
    EVENT_READY,       /* subject: an attempt, whose bytes are there */
    EVENT_FINISHED,    /* its run is over */
    EVENT_RESULT,      /* its result is with the manager */
    EVENT_UP,          /* subject: a node */
    EVENT_CRASH, EVENT_REPAIRED, EVENT_NOTICE, EVENT_PREEMPT, EVENT_RETURN, EVENT_CUT, EVENT_HEALED,
    EVENT_LEASE,       /* subject: a node that was not heard of for a lease */
} EventKind;

typedef enum {
    ATTEMPT_FREE,
    ATTEMPT_TRAVELS,   /* on the way, or its bytes are */
    ATTEMPT_READY,     /* waits for a core */
    ATTEMPT_RUNS,
    ATTEMPT_ENDED,     /* its result is on the way, or held back by a cut */
    ATTEMPT_LOST,      /* the node is gone and nobody knows yet */
} AttemptState;

typedef struct {
    uint32_t job, node;
    uint32_t stamp;             /* changes when the place is used anew: old events fall through */
    uint32_t next_of_job, next_of_node, prev_of_node;
    uint32_t next_in_line;      /* of its node: for the link, or for a core */
    uint8_t state;
    bool abandoned;             /* the manager gave it up: its result counts if it comes, nothing waits for it */
    bool moved;                 /* it was taken from another node's queue: once is enough */
    bool held;                  /* its result waits for the end of a cut */
    uint32_t epoch;             /* of the node, when it was given */
    float charge_s;
    uint64_t started_ns, ends_ns; /* of the run; while it travels see node_link.c */
} Attempt;

typedef struct { uint32_t first, last; } Line; /* of attempts */

typedef enum { JOB_NEW, JOB_OUT, JOB_DONE, JOB_FAILED } JobState;

typedef struct {
    uint32_t attempts;          /* the newest; a list */
    uint32_t vote;              /* its quorum, or SIM_NONE: one copy decides */
    uint8_t task, state, out, wanted; /* copies that are counted on; copies still to be placed */
    bool waiting;               /* in its task's line */
    bool speculated;
} Job;

typedef struct {
    const SimPopulation *population;
    uint32_t population_index;
    uint32_t cores, claimed_cores; /* what runs at a time is the claim: a node that claims more runs each the slower */
    double speed, claimed_speed;   /* of one of claimed_cores */
    uint64_t hash, owner;
    bool liar, up, known, cut, draining, crashed, taken; /* known: to the manager; taken: by the spot market */
    uint32_t stamp;             /* changes with `up` */
    uint32_t epoch;             /* changes when the manager gives the node up */
    uint32_t boots, cuts;       /* how often: indices of random values */
    uint32_t running, outstanding, window;
    uint32_t attempts;          /* the newest given to it; a list */
    Line link, ready;           /* those whose bytes travel, the first under way; those that wait for a core */
    uint32_t trace_member;
    uint64_t trace_offset;
    uint64_t images;            /* bit of a task: its image is here */
    uint64_t images_told;       /* what the manager knows of it */
    uint64_t link_free_ns, silent_since_ns, up_since_ns, up_ns, busy_ns; /* link_free: until then an image comes that nobody waits for */
    PlacementNodeRef ref;
    NodeData *data;             /* what it holds; data_count pieces */
    uint32_t data_count;
} Node;

typedef struct {
    uint32_t first, count, next;        /* micro-jobs [first, first + count); those before `next` were given out */
    uint32_t *again;                    /* a ring of those that wait anew */
    uint32_t again_first, again_count, again_room;
    uint64_t copies_waiting, done, failed;
    bool arrived, known;
    PlacementTaskRef ref;
    uint64_t image;
    int32_t dataset;                    /* -1: none */
} TaskState;

typedef struct World World;

/** How nodes are chosen. All may be NULL but `choose`. */
typedef struct {
    const char *name, *about;
    Err (*open)(World *w);
    void (*close)(World *w);
    Err (*task_arrives)(World *w, uint32_t task);
    Err (*node_changed)(World *w, uint32_t node);            /* what is known of it, or whether it is there */
    void (*room_changed)(World *w, uint32_t node);
    /** Whose turn it is; `blocked`: tasks that nothing can be done for now. SIM_NONE: nobody's. */
    uint32_t (*next_task)(World *w, uint64_t blocked);
    /** A node for one more copy of the micro-job; avoid: where it has been. */
    Err (*choose)(World *w, uint32_t job, const PlacementWho *avoid, size_t avoid_count, PlacementAnswer *ret_answer, PlacementChoice *ret_choice);
    void (*ended)(World *w, const Attempt *a, PlacementEnd end, double measured_s);
    Err (*tick)(World *w);                                   /* stragglers, and queues that are too long */
} Policy;

struct World {
    const Scenario *scenario;
    const SimOptions *options;
    const Policy *policy;
    uint64_t seed, now_ns, origin_free_ns;
    Events events;
    Node *nodes;
    Job *jobs;
    TaskState *tasks;
    Attempt *attempts;
    uint32_t node_count, job_count, attempt_count, attempt_room, attempt_free;
    Quorum *votes;
    uint32_t vote_count, vote_room, vote_free;
    uint32_t *holders;                  /* of each micro-job with data, SCENARIO_REPLICAS_MAX each; NULL when no task has any */
    uint64_t left;                      /* micro-jobs without an end */
    uint64_t choices;                   /* random values that a policy has drawn */
    uint32_t turn;                      /* policy_next_in_turn */
    bool room_made;                     /* since the last dispatch: a node has room, or a micro-job waits */
    bool ticking;                       /* an EVENT_TICK is on its way */
    Placement *placement;               /* of the policy `covey` */
    uint32_t *of_ref;                   /* the node of each of its references */
    bool explained;
    Reputation *reputation;
    void *baseline;                     /* of the others */
    SimTally tally;
};

static inline double seconds(uint64_t ns) { return (double)ns / (double)NS_PER_S; }
static inline uint64_t from_seconds(double s) { return (uint64_t)(s * (double)NS_PER_S + 0.5); }
static inline uint64_t later(uint64_t a, uint64_t b) { return a > b ? a : b; }
static inline const SimTask *task_of_job(const World *w, uint32_t job) { return &w->scenario->tasks[w->jobs[job].task]; }

/* world.c */
MUST_USE Err world_open(World *w);
void world_close(World *w);
/** Whether the node may have micro-jobs of the task: level, memory, zone, spot. */
bool node_fits(const SimPopulation *p, const SimTask *t);
/** Seconds that the micro-job takes on a core of speed 1. */
double job_work_s(const Scenario *s, uint64_t seed, uint32_t task, uint32_t job);
/** A hash of its data; 0 when it is nowhere at hand. */
uint64_t job_content(const World *w, uint32_t job);
bool node_holds(const World *w, uint32_t node, uint32_t job);
MUST_USE Err attempt_new(World *w, uint32_t job, uint32_t node, uint32_t *ret_attempt);
void attempt_free(World *w, uint32_t attempt);
MUST_USE Err world_at(World *w, uint64_t at_ns, EventKind kind, uint32_t subject, uint32_t stamp);

/* node_run.c: what a node does with attempts */
MUST_USE Err node_receive(World *w, uint32_t attempt);
MUST_USE Err node_ready(World *w, uint32_t attempt);
MUST_USE Err node_finished(World *w, uint32_t attempt);
/** An attempt that runs or waits is taken off the node. */
MUST_USE Err node_drop(World *w, uint32_t attempt);
void node_bill(World *w, Node *n, uint64_t occupied_ns);
uint64_t node_result_time(const World *w, const Attempt *a);

void line_join(World *w, Line *line, uint32_t attempt);
/** Also one that is not in it. */
void line_leave(World *w, Line *line, uint32_t attempt);

/* node_link.c: what travels to a node */
MUST_USE Err link_fetch(World *w, uint32_t attempt);
/** Its EVENT_READY came. */
MUST_USE Err link_fetched(World *w, uint32_t attempt);
MUST_USE Err link_call_off(World *w, uint32_t attempt);
void link_cut(World *w, Node *n);
MUST_USE Err link_heal(World *w, Node *n);

/* node_life.c: coming and going */
MUST_USE Err node_begin(World *w, uint32_t node);
MUST_USE Err node_event(World *w, const Event *e);
/** The time that it has been there, until now. */
uint64_t node_up_ns(const World *w, const Node *n);

/* manager_place.c */
MUST_USE Err manager_arrives(World *w, uint32_t task);
MUST_USE Err manager_dispatch(World *w);
/** The micro-job waits for `copies` more. */
MUST_USE Err manager_wait(World *w, uint32_t job, uint32_t copies);
MUST_USE Err manager_give(World *w, uint32_t job, const PlacementChoice *choice);
uint32_t node_room(const Node *n);
size_t manager_avoid(const World *w, uint32_t job, PlacementWho ret_avoid[PLACEMENT_AVOID_MAX]);
JobNeed manager_need(const World *w, uint32_t job);

/* manager_results.c */
MUST_USE Err manager_result(World *w, uint32_t attempt);
/** The attempt will not come back: another is placed where one is needed. */
MUST_USE Err manager_lost(World *w, uint32_t attempt);
/** It may come back or not; another is placed where one is needed. */
MUST_USE Err manager_abandon(World *w, uint32_t attempt);
/** Its node is about to go: another gets a copy now, unless one waits to be placed already. */
MUST_USE Err manager_copy(World *w, uint32_t attempt);
/** Takes it back from its node, unless it has ended there. */
MUST_USE Err manager_recall(World *w, uint32_t attempt, bool tell_policy);

/** In turn, those that have something to wait for. */
uint32_t policy_next_in_turn(World *w, uint64_t blocked);
