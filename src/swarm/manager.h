/**
 * The swarm manager: runs one task over the nodes it hears of on the bus: split, dispatch within each node's window, retry, journal,
 * combine in input order, tree of combining stages for a module combiner. Knows nothing of wardens, slots or zygotes.
 */
#pragma once
#include "bus/bus.h"
#include "swarm/combine.h"
#include "swarm/journal.h"
#include "swarm/split.h"

typedef struct {
    uint64_t micro_jobs;      /* cut so far; in all once splitting is done */
    bool splitting_done;
    uint64_t succeeded, failed, retried, resumed, sees_started;
    uint64_t bytes_done, bytes_total; /* of input; total 0 when unknown */
    uint32_t stage;
    double wall_seconds;
} ManagerProgress;

typedef struct { uint64_t job; uint32_t stage, outcome, exit_code, attempts; View log; } ManagerFailure;

typedef struct {
    void *context;
    Err (*output)(void *context, View bytes);                       /* the combined output, piece by piece, in order */
    void (*result)(void *context, uint64_t job, View result);       /* may be NULL: each micro-job's result as it comes, any order */
    void (*failure)(void *context, const ManagerFailure *failure);  /* may be NULL: each micro-job that failed for good */
} ManagerEvents;

typedef struct {
    const TaskSpec *task;
    const char *image_path;           /* built and signed */
    uint8_t measurement[32];
    const char *combine_image_path;   /* COMBINE_MODULE */
    uint8_t combine_measurement[32];
    const char *journal_dir;          /* NULL: no journal (standard input, covey map): results are kept in an unlinked file */
    bool resume;
    uint32_t zygotes;                 /* 0: one per core */
    ManagerEvents events;
} ManagerRequest;

typedef struct Manager Manager;

MUST_USE Err manager_new(Loop *loop, Bus *bus, const ManagerRequest *request, Manager **ret_manager, Diag *diag);
/** True when the task has ended; *ret_result says how: OK, ERR_TASK_FAILED, or what stopped it. */
bool manager_done(const Manager *m, Err *ret_result, Diag *ret_diag);
void manager_progress(const Manager *m, ManagerProgress *ret_progress);
/** Stops dispatching, commits the journal, ends with ERR_INTERRUPTED. */
void manager_interrupt(Manager *m);
void manager_free(Manager **manager);
