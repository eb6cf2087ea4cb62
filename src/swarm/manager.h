/**
 * The swarm manager: runs one task over the nodes it hears of on the bus: split, dispatch within each node's window, retry, journal,
 * combine in input order, tree of combining stages for a module combiner. Knows nothing of wardens, slots or zygotes.
 *
 * Make it before the nodes: it hears only of those that announce themselves while it listens.
 *
 * Bounded memory: micro-jobs are cut only as nodes have room, at most WINDOW_AHEAD_MAX past the oldest unfinished one; results lie in the
 * journal's spool until all before them have been combined.
 *
 * Exactly once: an answer counts when it carries an attempt that is out at the member that speaks. All others are dropped and counted. A
 * micro-job whose attempt may end differently next time (outcome_may_retry) is sent again up to task->attempts times, after its lifetime was
 * exceeded once only; one that came back without having run (OUTCOME_NONE, or its node went away) is sent again without counting as an
 * attempt, up to MANAGER_RETURNS_MAX times.
 *
 * Copies: with redundancy a micro-job is out at several nodes (and owners) at once, and ends when `agree` of them say the same; disagreement brings
 * more copies (placement/quorum.h). Nothing but votes is kept until then, and no row is written. A straggler, or a micro-job at a node that
 * drains, gets one more copy; the first right answer ends it. Answers of copies that are still out then are late: they
 * count for nothing but their node's reputation.
 *
 * A node: announces itself (NODE), is opened the stage at, and is a member until it says that it leaves, begins anew, or is silent for a lease.
 *
 * A module combiner: the results of a stage, in order of their micro-jobs, are put together in groups of at most COMBINE_FANIN_MAX results
 * and about MANAGER_GROUP_BYTES (but at least two results, so that every level shrinks), each group is the input of one run of the
 * combine image, and so on until one result is left. It runs at least once, so that it also sees a lone result; with no result at all it
 * does not run and the output is empty. It gets the task's environment and no arguments.
 *
 * A sealed dataset as input: micro-job and segment have the same number, results come sealed and stay so. They can be concatenated (the output is
 * given result by result, for a result file), or combined by a module, which runs in a SEE and gets each result behind its size
 * (see/sealed_result.h). A SEE joins only results that follow each other, so with failures nothing is combined.
 *
 * With failures the output holds the results that succeeded, and the task ends with ERR_TASK_FAILED.
 *
 * The seed of the derived random streams comes from the task file and the measurements alone: the same task over the same input gives the
 * same bytes, run after run.
 */
#pragma once
#include "bus/bus.h"
#include "swarm/combine.h"
#include "swarm/journal.h"
#include "swarm/split.h"

enum {
    MANAGER_RETURNS_MAX = 64,
    MANAGER_MEMBERS_MAX = 1024,
    MANAGER_UNDECIDED_MAX = 1 << 16,       /* micro-jobs that are being voted on: no new ones are cut meanwhile */
    MANAGER_GROUP_BYTES = 1 << 20,
    MANAGER_INLINE_BYTES_MAX = 64 << 20
};

typedef struct {
    uint64_t micro_jobs;      /* cut so far; in all once splitting is done. Without combining runs */
    bool splitting_done;
    uint64_t succeeded;       /* micro-jobs, the resumed ones included */
    uint64_t failed;          /* micro-jobs and combining runs, for good */
    uint64_t retried, resumed, sees_started;
    uint64_t dropped;         /* answers that counted for nothing: second copies, late ones, wrong ones */
    uint64_t bytes_done, bytes_total; /* of input; total 0 when unknown */
    uint32_t stage;
    double wall_seconds;
    /* nodes and copies */
    uint32_t nodes;           /* ready now */
    uint64_t nodes_joined, nodes_lost, nodes_drained;
    uint64_t nodes_lying;     /* nodes of which some answer lost a vote */
    uint64_t nodes_refused;   /* nodes that were not believed, or said that the task is not for them */
    uint64_t replaced;        /* micro-jobs given out again because their node was lost or drains */
    uint64_t extra_copies;    /* sent so that they can be compared, beyond the first of each micro-job */
    uint64_t disagreements;   /* micro-jobs whose copies said different things */
    uint64_t speculative, speculative_won; /* copies of stragglers, and how many of them were first */
    uint64_t moved;           /* copies of micro-jobs that waited at a slow node while a faster one was idle */
    uint64_t bytes_sent;      /* of messages to nodes */
    double cost;              /* price times core time, as the manager measured it, in the nodes' unit of money */
} ManagerProgress;

typedef struct { uint64_t job; uint32_t stage, outcome, exit_code, attempts; View log; } ManagerFailure;

/** Whether a node is believed, and so given anything. node NULL: its evidence did not say. */
typedef struct { const char *node_id, *reason; const PublicKey *node; bool accepted; } ManagerVerdict;

typedef struct {
    void *context;
    Err (*output)(void *context, View bytes);                       /* the combined output, piece by piece, in order; an error stops the task */
    void (*result)(void *context, uint64_t job, View result);       /* may be NULL: each micro-job's result as it comes, any order */
    void (*failure)(void *context, const ManagerFailure *failure);  /* may be NULL: each micro-job that failed for good */
    void (*notice)(void *context, const char *line);                /* may be NULL: why nothing goes on at the moment */
    Err (*verdict)(void *context, const ManagerVerdict *verdict);   /* may be NULL: once for each node that was asked; fails: not believed */
    void (*explain)(void *context, const char *line);               /* with request.explain: how the node of a micro-job was chosen */
} ManagerEvents;

/** Everything is borrowed until manager_free. */
typedef struct {
    const TaskSpec *task;
    const char *image_path;           /* built and signed */
    uint8_t measurement[32];
    const char *combine_image_path;   /* COMBINE_MODULE */
    uint8_t combine_measurement[32];
    const char *journal_dir;          /* NULL: no journal (standard input, covey map): results are kept in an unlinked file */
    bool resume;
    uint32_t zygotes;                 /* 0: one per core */
    uint64_t node_grace_ns;           /* a node that owes answers and is silent for a lifetime and this long has gone; 0: 30 s */
    bool remote;                      /* the bus leaves this process: leases, segments in messages and objects, several nodes */
    uint64_t lease_ns;                /* with remote: within this long what a lost node had is with others; 0: 5 s */
    uint64_t wait_ns;                 /* without any node, or without one that may have what waits, the task ends after this; 0: node_grace_ns */
    ManagerId id;                     /* whom nodes answer; empty: one is made */
    const char *config_dir;           /* with remote: whose node keys are trusted, for evidence; NULL: evidence is not asked for */
    const char *const *data_dirs;     /* where data named by content are */
    size_t data_dir_count;
    bool explain;                     /* tell events.explain how the node of micro-job explain_job was chosen */
    uint64_t explain_job;
    ManagerEvents events;
} ManagerRequest;

typedef struct Manager Manager;

MUST_USE Err manager_new(Loop *loop, Bus *bus, const ManagerRequest *request, Manager **ret_manager, Diag *diag);
/** True when the task has ended; *ret_result says how: OK, ERR_TASK_FAILED, or what stopped it. */
bool manager_done(const Manager *m, Err *ret_result, Diag *ret_diag);
void manager_progress(const Manager *m, ManagerProgress *ret_progress);
/** The sealed dataset that is the task's input, and the id that sealed results carry; NULL when nothing is sealed. */
const SealedFile *manager_sealed(const Manager *m, TaskId *ret_id);
/** Stops dispatching, commits the journal, ends with ERR_INTERRUPTED. */
void manager_interrupt(Manager *m);
/** For when the task has ended well and its output is safe: there is nothing left to resume and the journal gives the results' space
 *  back. Until then --resume makes the same output again out of the journal, without running anything. */
MUST_USE Err manager_settle(Manager *m);
void manager_free(Manager **manager);
