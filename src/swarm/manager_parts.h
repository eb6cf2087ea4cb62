/**
 * What the files of the manager share. Who calls whom, from the loop's handlers downwards:
 *
 *   manager.c           making, ending, progress; the handlers of bus, timers and deferred work
 *   manager_members.c   nodes: joining, opening a stage at them, refusals, going away
 *   manager_results.c   RESULTS: what counts, what is tried again, what has failed; taking results in order
 *   manager_dispatch.c  JOBS: which micro-jobs go to which node
 *   manager_stage.c     where micro-jobs come from: the splitter, or groups of results; what follows when a stage is complete
 *   manager_identity.c  identity and seed
 */
#pragma once
#include "placement/placement.h"
#include "swarm/manager.h"
#include "swarm/window.h"

typedef enum { MEMBER_FREE, MEMBER_OPENING, MEMBER_READY, MEMBER_REFUSED } MemberState;

typedef struct {
    char node_id[64];
    uint64_t incarnation;      /* of the node's process */
    uint32_t number;           /* of this membership; what messages carry */
    MemberState state;         /* for the stage that runs */
    uint32_t level_mask;
    uint64_t memory_free;
    uint32_t window, batch, outstanding;
    uint64_t heard_ns;
    int32_t refused_code;
    char refused_text[REFUSED_TEXT_MAX + 1];
} Member;

/** Groups of a stage's results, as inputs of the next. */
typedef struct {
    uint64_t from, count;      /* next result to look at, and results of the stage before (failed ones included) */
    Buffer input;              /* of the group made last */
} Groups;

struct Manager {
    ManagerRequest request;
    Loop *loop;
    Bus *bus;
    ManagerId id;              /* of this process's run; whom nodes answer */
    BusSubscription *records, *subscription;
    LoopSource *work;          /* deferred: dispatch, then see whether the stage is complete */
    LoopSource *commit;        /* timer */
    LoopSource *watch;         /* timer: silent nodes */
    LoopSource *input;         /* while a pipe has nothing to read */
    bool commit_armed;

    JournalTask ids;
    Journal *journal;
    bool keeps_rows;
    uint64_t spooled;          /* results of a journal without rows that were not combined yet */
    Splitter *splitter;
    SegmentPath *path;         /* of the last segment: neighbours share it */
    Combiner *combiner;        /* NULL with COMBINE_MODULE */

    uint32_t stage;
    Window window;
    bool cut;                  /* all micro-jobs of the stage are in the window or behind it */
    Groups groups;
    uint64_t stage_succeeded, last_done;   /* of this stage; index of the last that succeeded */

    Member *members;           /* member_count in use; order of joining */
    uint32_t member_count, next_number;
    uint64_t no_member_since_ns;

    ManagerProgress progress;
    uint64_t started_ns, ended_ns;
    bool has_failure;
    ManagerFailure first_failure;          /* without the log */
    bool done, settled;
    Err result;
    Diag diag;
};

enum {
    JOBS_MESSAGE_BYTES = 4 << 20,          /* inline segments in one message, unless a single one is larger */
    CUT_PER_TURN = 1 << 14,                /* rows or segments looked at before the loop gets its turn */
};

/** Ends the task; what calls come afterwards do nothing. */
void manager_end(Manager *m, Err result);
/** Ends the task with an error whose text is in m->diag or is made from `what`. */
void manager_fail(Manager *m, Err error, const char *what);
/** Hands output on; a failure says that it was the output (CombineSink; `context` is the Manager). */
Err manager_put_output(void *context, View bytes);
uint64_t manager_grace_ns(const Manager *m);
static inline bool is_sealed(const Manager *m) { return splitter_sealed(m->splitter) != NULL; }
/** The journal has rows that are not committed: they will be, soon. */
void manager_commit_soon(Manager *m);

/* manager_members.c. `speaker` is the node id that the subject says; it must be the member's. */
Member *member_of(Manager *m, const TaskId *id, uint32_t stage, uint32_t number, const char *speaker);
void members_hear_node(Manager *m, const NodeMessage *n);
void members_hear_ready(Manager *m, const TaskReady *r, const char *speaker);
void members_hear_refused(Manager *m, const TaskRefused *r, const char *speaker);
/** A member that is gone, or that we no longer believe: its micro-jobs go to others. */
void member_gone(Manager *m, Member *member);
void members_open_stage(Manager *m);
void members_close_stage(Manager *m);
/** Forgets members that owe something and say nothing; ends the task when nobody is left to wait for. */
void members_watch(Manager *m, uint64_t now_ns);

/* manager_results.c */
void results_hear(Manager *m, View message, const char *speaker, uint64_t now_ns);
/** The micro-job came back without having run. */
void result_returned(Manager *m, uint64_t index);
/** Takes the results that all before them have been taken of, in order. */
MUST_USE Err results_take(Manager *m);

/* manager_dispatch.c */
MUST_USE Err dispatch(Manager *m);

/* manager_stage.c */
/** Cuts one more micro-job into the window; *ret_more false when the stage has no more. A resumed one is in the window as done.
 *  errors: ERR_BUSY (the input has nothing to read yet) */
MUST_USE Err stage_cut(Manager *m, bool *ret_more);
bool stage_complete(const Manager *m);
/** Begins the next stage, or ends the task. */
MUST_USE Err stage_next(Manager *m);
const char *stage_image(const Manager *m);
const uint8_t *stage_measurement(const Manager *m);

/* manager_identity.c */
/** Identity of the run for resuming, and fresh id, seed and key. */
MUST_USE Err manager_identify(Manager *m, Diag *diag);
