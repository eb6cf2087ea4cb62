/**
 * What the files of the manager share. Who calls whom, from the loop's handlers downwards:
 *
 *   manager.c           making, ending, progress; the handlers of bus, timers and deferred work
 *   manager_members.c   nodes: joining, opening a stage at them, refusals, draining, going away
 *   manager_who.c       evidence of nodes elsewhere
 *   manager_watch.c     time: leases, silent nodes, nobody left, nobody who may have what waits
 *   manager_results.c   RESULTS: what counts, what is tried again, what has failed; taking results in order
 *   manager_votes.c     copies that must agree: beginning, voting, what it means for their nodes
 *   manager_dispatch.c  which micro-jobs go to which node: copies that are wanted, then new ones
 *   manager_send.c      JOBS: a message for each node, filled and sent
 *   manager_objects.c   images and segments on their way to other machines, and input that is at hand there
 *   manager_tail.c      the end of a stage: copies of stragglers, and of what waits at slow nodes
 *   manager_explain.c   why a micro-job went where it went
 *   manager_stage.c     where micro-jobs come from: the splitter, or groups of results; what follows when a stage is complete
 *   manager_facts.c     what placement is told of nodes, task and micro-jobs
 *   manager_identity.c  identity and seed
 */
#pragma once
#include "placement/placement.h"
#include "placement/reputation.h"
#include "crypto/sha256.h"
#include "swarm/late.h"
#include "swarm/manager.h"
#include "swarm/manager_evidence.h"
#include "swarm/object_server.h"

/* ASKED: who it is, and nothing more yet. */
typedef enum { MEMBER_FREE, MEMBER_ASKED, MEMBER_OPENING, MEMBER_READY, MEMBER_REFUSED } MemberState;

/** A node, from its announcement until it is gone; a node that comes back is another member. */
typedef struct {
    char node_id[NODE_NAME_MAX + 1];
    uint64_t incarnation;      /* of the node's process */
    uint32_t number;           /* of this membership; what messages carry */
    MemberState state;         /* for the stage that runs */
    Buffer record;             /* what it said of itself last: a NODE message */
    MemberEvidence evidence;   /* with remote and a config_dir */
    bool has_input;            /* the whole input is at hand there */
    uint32_t level_mask, cores;
    uint64_t memory_free;
    double price;              /* of a core for an hour */
    bool draining;
    uint32_t window, batch, outstanding;
    uint64_t answers;          /* of this stage, with results */
    uint64_t heard_ns, answered_ns; /* anything; a READY or an answer */
    uint64_t busy_since_ns;    /* what its cores did since then is not accounted yet */
    double one_s;              /* what a core of it took for one micro-job, by its last answers; 0: not known yet */
    int32_t refused_code;
    char refused_text[REFUSED_TEXT_MAX + 1];

    bool placed;               /* placement knows it: */
    PlacementNodeRef ref;
    PlacementWho who;
    uint32_t room;             /* micro-jobs that it is given before the next look at it */

    Buffer message;            /* JOBS that are being put together for it */
    uint32_t message_jobs;
    const char *message_path;  /* the path that the item before had */
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

    NodeTrust *trust;          /* NULL: nobody is asked for evidence */
    ObjectServer *objects;     /* with remote: */
    ObjectId image;            /* of the stage */
    uint64_t image_size;
    uint64_t input_size;       /* 0: not one file that could be at hand elsewhere */
    ObjectId input_id;         /* once input_known */
    bool input_known, input_unfit;
    struct InputHash *input_hash;          /* while it is found out */
    Buffer piece;              /* of the input, for JOBS; read from */
    Buffer pieces;             /* of the block, of the micro-job at hand (JobItem.pieces) */
    SegmentPath *piece_path;
    int piece_fd;

    JournalTask ids;
    Journal *journal;
    bool keeps_rows;
    uint64_t spooled;          /* results of a journal without rows that were not combined yet */
    Splitter *splitter;
    SegmentPath *path;         /* of the last segment: neighbours share it */
    Combiner *combiner;        /* NULL with COMBINE_MODULE */

    Placement *placement;
    PlacementTaskRef task;     /* of the stage that runs */
    Reputation *reputation;    /* with redundancy */
    Member **by_ref;           /* PlacementNodeRef to member */
    uint64_t room;             /* of all members together */

    uint32_t stage;
    Window window;
    Late late;
    uint64_t undecided;        /* micro-jobs that are being voted on */
    bool cut;                  /* all micro-jobs of the stage are in the window or behind it */
    Groups groups;
    uint64_t stage_succeeded, last_done;   /* of this stage; index of the last that succeeded */

    Member *members;           /* member_count in use; order of joining */
    uint32_t member_count, next_number;
    uint64_t no_member_since_ns, alive_sent_ns, watched_ns;
    uint64_t stuck_job, stuck_since_ns;    /* a micro-job that no node here may have; 0: none */
    bool told_stuck;
    uint64_t explained;        /* of the micro-job that is to be explained: what was said last, as copies and nodes */

    ManagerProgress progress;
    uint64_t started_ns, ended_ns;
    bool has_failure;
    ManagerFailure first_failure;          /* without the log */
    bool done, settled;
    Err result;
    Diag diag;
};

enum {
    JOBS_MESSAGE_BYTES = 4 << 20,          /* inline segments in one message, unless a single one is larger; */
    JOBS_MESSAGE_REMOTE_BYTES = 512 << 10, /* over a bus, whose servers take messages of 1 MiB in one piece */
    MEMBER_WINDOW_FIRST = 32,              /* micro-jobs at once, for a node elsewhere that has shown nothing yet */
    MEMBER_WINDOW_CORE = 128,              /* for each of its cores; more only of micro-jobs that are run in MEMBER_AHEAD_S */
    MEMBER_AHEAD_BYTES = 8 << 20,          /* and of no more bytes */
    MANAGER_INLINE_EACH_MAX = 64 << 10,    /* a larger segment is an object for nodes elsewhere */
    CUT_PER_TURN = 1 << 14,                /* rows or segments looked at before the loop gets its turn */
};

#define MEMBER_AHEAD_S 0.1

/** Ends the task; what calls come afterwards do nothing. */
void manager_end(Manager *m, Err result);
/** Ends the task with an error whose text is in m->diag or is made from `what`. */
void manager_fail(Manager *m, Err error, const char *what);
/** Hands output on; a failure says that it was the output (CombineSink; `context` is the Manager). */
Err manager_put_output(void *context, View bytes);
uint64_t manager_grace_ns(const Manager *m);
/** A line for the user about what goes on with nodes. */
void manager_notice(Manager *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline bool is_sealed(const Manager *m) { return splitter_sealed(m->splitter) != NULL; }
/** The journal has rows that are not committed: they will be, soon. */
void manager_commit_soon(Manager *m);

/** Combining a private task ends in noise, which no two copies have in common: one copy, of which one answer is opened. */
static inline bool has_redundancy(const Manager *m)
{
    return m->request.task->redundancy.copies > 1 && !(m->request.task->privacy && m->stage > 0);
}
/** Seconds on placement's clock. */
double manager_now_s(const Manager *m);
uint64_t manager_wait_ns(const Manager *m);

/* manager_members.c. `speaker` is the node id that the subject says; it must be the member's. */
Member *member_by_number(Manager *m, uint32_t number);
Member *member_of(Manager *m, const TaskId *id, uint32_t stage, uint32_t number, const char *speaker);
void members_hear_node(Manager *m, View message, const NodeMessage *n);
void members_hear_ready(Manager *m, const TaskReady *r, const char *speaker);
void members_hear_refused(Manager *m, const TaskRefused *r, const char *speaker);
Member *member_named(Manager *m, const char *node_id);
/** Opens the stage at a member that is believed. */
void member_open(Manager *m, Member *member);
/** It is no use for this stage. */
void member_refuse(Manager *m, Member *member, int code, const char *text);

/* manager_who.c */
void members_ask_who(Manager *m, Member *member);
void members_hear_evidence(Manager *m, View message, const char *speaker);
/** Asks again, and gives up, those that do not say who they are. */
void members_watch_evidence(Manager *m, uint64_t now_ns);
/** A member that is gone, or that we no longer believe: its micro-jobs go to others. */
void member_gone(Manager *m, Member *member, const char *why);
void members_open_stage(Manager *m);
void members_close_stage(Manager *m);
void members_free(Manager *m);
/** What we believe that the member still takes; placement counts by itself. */
void member_set_room(Manager *m, Member *member, uint32_t room);
/** Tells placement how much the member takes now. */
void member_look(Manager *m, Member *member);
/** When everybody has refused there is nobody to wait for: the reason of the first is the reason of the task. */
void members_end_when_all_refused(Manager *m);

/* manager_watch.c */
/** When to look again: now and then, and as soon as a member's time is up. */
uint64_t watch_next_ns(const Manager *m, uint64_t now_ns);
/** Forgets members that are silent; ends the task when nobody is left to wait for. */
void watch(Manager *m, uint64_t now_ns);

/* manager_results.c */
void results_hear(Manager *m, View message, const char *speaker, uint64_t now_ns);
/** A copy came back without having run. */
MUST_USE Err result_returned(Manager *m, uint64_t index);
/** Asks for as many copies as the micro-job needs besides those that are out or wanted. */
MUST_USE Err result_needs(Manager *m, uint64_t index, CopyWhy why);
/** The micro-job has ended with this answer. */
MUST_USE Err result_decided(Manager *m, WindowJob *job, const ResultItem *r);
/** Takes the results that all before them have been taken of, in order. */
MUST_USE Err results_take(Manager *m);
/** The copy is out no more. */
void copy_ended(Manager *m, Member *member, const Copy *copy, PlacementEnd end, double measured_s);

/* manager_votes.c */
/** A micro-job was given to its first member: whether others must confirm it, and then copies are wanted. */
MUST_USE Err votes_begin(Manager *m, uint64_t index, const Member *first);
/** An answer of a micro-job that is voted on. */
MUST_USE Err votes_hear(Manager *m, WindowJob *job, const Member *member, const ResultItem *r);
/** An answer that came after the vote. */
void votes_judge_late(Manager *m, const LateJob *late, const Member *member, const ResultItem *r);
/** How many more copies the vote needs; false: copies_max have voted and disagree. */
bool votes_more(const WindowJob *job, uint32_t *ret_more);

/* manager_dispatch.c */
MUST_USE Err dispatch(Manager *m);
/** Who has, had a say on, and so must not get a copy of the micro-job. */
size_t dispatch_avoid(Manager *m, WindowJob *job, PlacementWho ret_avoid[PLACEMENT_AVOID_MAX]);
/** Gives the micro-job to the node that was chosen for it. */
MUST_USE Err dispatch_give(Manager *m, uint64_t index, CopyWhy why, const PlacementChoice *choice);

/* manager_send.c */
/** Puts the copy into the member's message; sends it when it is full. */
MUST_USE Err send_add(Manager *m, Member *member, uint64_t index, uint32_t attempt);
MUST_USE Err send_all(Manager *m);
MUST_USE Err send_to(Manager *m, Member *member);

/* manager_objects.c. All do nothing in one process tree. */
MUST_USE Err objects_begin(Manager *m);
void objects_end(Manager *m);
/** The stage's image is an object from now on. */
MUST_USE Err objects_open_stage(Manager *m);
/** Whether the member has the input at hand, by its record; which may have to be found out first. */
MUST_USE Err objects_look(Manager *m, Member *member, const NodeMessage *n);
/** One step of finding out what the input's hash is. */
MUST_USE Err objects_hash_input(Manager *m);
/** What placement calls this content. */
uint64_t objects_content(const ObjectId *id);
/** Says in `item` how this member gets the segment; what it points to lives until the next call. */
MUST_USE Err objects_put_segment(Manager *m, const Member *member, WindowJob *job, JobItem *item);
void objects_job_ended(Manager *m, WindowJob *job);

/* manager_tail.c */
MUST_USE Err tail(Manager *m);

/* manager_explain.c */
MUST_USE Err explain(Manager *m, uint64_t index, const JobNeed *need, const PlacementWho *avoid, size_t avoid_count);
/** Why no node here may have the micro-job, for a person. */
void explain_stuck(Manager *m, uint64_t index, char *ret_text, size_t room);

/* manager_stage.c */
/** Cuts one more micro-job into the window; *ret_more false when the stage has no more. A resumed one is in the window as done.
 *  errors: ERR_BUSY (the input has nothing to read yet) */
MUST_USE Err stage_cut(Manager *m, bool *ret_more);
bool stage_complete(const Manager *m);
/** Begins the next stage, or ends the task. */
MUST_USE Err stage_next(Manager *m);
const char *stage_image(const Manager *m);
const uint8_t *stage_measurement(const Manager *m);
/** Micro-jobs that are not cut yet, as far as one can tell. */
uint64_t stage_left(const Manager *m);

/* manager_facts.c */
/** The task of the stage that begins, for placement. */
MUST_USE Err facts_put_task(Manager *m);
/** What is known of the member, for placement. */
MUST_USE Err facts_put_member(Manager *m, Member *member);
JobNeed facts_of_job(const Manager *m, const WindowJob *job);

/* manager_identity.c */
/** Identity of the run for resuming, and fresh id, seed and key. */
MUST_USE Err manager_identify(Manager *m, Diag *diag);
