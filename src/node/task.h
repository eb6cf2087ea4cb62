/**
 * One open task on this node: its image, its micro-jobs, and the posts that zygotes hold. The parts are in eight files:
 *
 *   task.c      open, take micro-jobs, give up, close
 *   post.c      the life of a zygote: started, set up, heard, lost, replaced
 *   attest.c    sealed data: evidence for zygotes, keys for micro-jobs
 *   task_objects.c  image and segments that come from elsewhere, or lie here by content
 *   task_stage.c    image and data that were staged
 *   dispatch.c  from the queue into slots
 *   collect.c   from slots into results
 *   cancel.c    what nobody waits for any more
 *
 * Everything runs in the loop's thread. A failure of one zygote is handled here; an Err that comes out of these functions means that the
 * agent itself cannot go on (no memory).
 */
#pragma once
#include "node/data_at_hand.h"
#include "node/files.h"
#include "node/jobs.h"
#include "node/objects.h"
#include "node/results.h"
#include "node/warm.h"
#include "node/wraps.h"
#include "node/zygote_link.h"

enum {
    PROCESS_SLOTS = 16,           /* of one zygote: so that it always has the next micro-job at hand */
    SHARED_SLOTS = 4,
    WINDOW_AHEAD = 2,             /* micro-jobs that may be here, for each place in a slot; */
    WINDOW_POST_REMOTE = 512,     /* over a bus, where messages are large and their way is long */
    BATCH_REMOTE = 64,            /* 270 KB of segments of 4 KiB: both larger and smaller messages are more work for a server */
    WINDOW_POST_MIN = 128,        /* and for each post at least: so that it works on while the manager waits for a disk */
    POST_RESTARTS_MAX = 4,        /* deaths for each post, and as many again, without a finished micro-job between: the task is given up */
    POST_RETRY_MS = 10,           /* before the second restart in a row, doubled for each one after */
    POST_RETRY_DOUBLINGS_MAX = 9,
    START_SECONDS_MAX = 15,       /* for the warden to start a zygote, and for the zygote to set itself up; the manager's patience is longer */
    WATCHDOG_GRACE_MS = 2000,     /* beyond its lifetime, until a micro-job's zygote is taken for hung */
};

/** What all tasks of an agent share. */
typedef struct Node {
    Loop *loop;
    LoopSource *work;             /* deferred: the agent's own turn */
    const char *node_id;
    WardenLink warden;
    BrokerLink broker;
    Store *store;                 /* NULL: no objects */
    Objects *objects;
    DataAtHand *hand;             /* NULL: none */
    Warm *warm;                   /* NULL: nothing is staged on this node */
    Stage *stage;                 /* borrowed; NULL as above */
    Outbox outbox;
    Err (*decided)(void *context, const TaskId *task, const uint8_t measurement[32], Err verdict, const char *why); /* node/agent.h */
    void *decided_context;
    uint32_t cores, processors;   /* SEEs at a time; what this process may use of the machine */
    bool remote;                  /* managers are elsewhere */
    uint32_t last_zygote;         /* numbers given to zygotes */
    uint32_t live_zygotes;
    bool warden_lost;             /* noticed by anyone; the agent acts on it in its turn */
    bool job_finished;            /* since the agent last looked */
} Node;

typedef struct Task Task;

/** What an attesting zygote waits for. */
typedef enum {
    ATTEST_NONCE, ATTEST_EVIDENCE, ATTEST_VERDICT /* ahead: would it do? */, ATTEST_HELD /* it would, and nobody wants the key yet */, ATTEST_GRANT
} AttestStep;
typedef struct {
    AttestStep step;
    uint32_t rounds;              /* begun anew because the broker was too busy */
    BrokerAsk ask;
    uint64_t begun_ns;
    Sha256 evidence_hash;
    Buffer held;                  /* what is asked of the broker once the key is wanted */
    uint64_t held_token, held_ns;
} Attest;

/** A place that one zygote after another holds. */
typedef struct {
    Task *task;
    ZygoteLink zygote;
    Attest attest;                /* with sealed data */
    LoopSource *source;
    uint32_t failures;            /* in a row, without a finished micro-job between */
    uint64_t retry_ns;            /* not started again before */
} Post;

struct Task {
    Node *node;
    Buffer message;               /* TASK_OPEN; `open` points into it */
    TaskOpen open;
    int image_fd;                 /* -1: the image is on its way */
    ObjectWant image_want;
    struct JobWant *job_wants;    /* of each place in the job table; NULL until a segment is an object */
    SlotPlan plan;
    Shelf *shelf;                 /* of what is staged for it; NULL: it claims nothing */
    bool claims_image;            /* its image is staged: zygotes of it may wait for this task */
    uint32_t slots_each;          /* slots of one zygote */
    JobTable jobs;
    Wraps *wraps;                 /* NULL unless the segments are sealed */
    bool has_session;             /* the key broker's, for this task on this node: the same for every zygote */
    uint64_t session_id;
    FileCache files;
    Results results;
    bool is_ready;                /* TASK_READY was sent */
    bool is_decided;              /* whether its image may run was told */
    bool draining;                /* nothing that waits is run any more */
    bool wanted;                  /* a micro-job has come: a task that was opened ahead of time may ask for its keys */
    uint64_t heard_ns;            /* the manager's last word about it */
    int doom;                     /* not 0: the task is given up in the agent's next turn, with this code and text */
    char doom_text[REFUSED_TEXT_MAX];
    uint32_t deaths;              /* of zygotes, since a micro-job was last finished */
    uint64_t job_ns;              /* about how long one micro-job takes */
    uint32_t post_count;
    Post posts[];
};

/** task.c. `message` is a TASK_OPEN; errors with text are for the manager: the task is refused. */
MUST_USE Err task_open(Node *node, View message, Task **ret_task, Diag *diag);
void task_close(Task **task);
/** What a SEE may write as its result. */
uint64_t task_output_room(uint64_t output_max, bool sealed);
static inline bool task_is(const Task *t, const TaskId *id, uint32_t stage)
{
    return t->open.stage == stage && memcmp(&t->open.id, id, sizeof *id) == 0;
}
/** `message` is a JOBS message for this task. What does not fit into the window is given back at once. */
MUST_USE Err task_take_jobs(Task *t, View message);
/** Gives back what has not begun, now and from now on. */
MUST_USE Err task_drain(Task *t);
/** Starts what is down, fills slots, sends what was gathered. */
MUST_USE Err task_turn(Task *t, uint64_t now_ns);
/** This zygote is ready: says TASK_READY, once. The others may still be on their way: work need not wait for them. */
MUST_USE Err task_say_ready(Task *t, const ZygoteLink *ready);
/** Gives the task up in the agent's next turn. The first reason counts. */
void task_doom(Task *t, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** Answers everything that is here, says TASK_REFUSED. The caller closes it then. */
MUST_USE Err task_refuse(Task *t);
/** The refusal itself; also for tasks that never opened. */
MUST_USE Err task_send_refused(Node *node, const BatchHead *to, int code, const char *text);

/** post.c */
MUST_USE Err posts_start(Task *t, uint64_t now_ns);
/** Hung zygotes are ended. */
MUST_USE Err posts_watch(Task *t, uint64_t now_ns);
/** A report of the warden about one of this task's zygotes; false when it is not. */
MUST_USE Err posts_hear(Task *t, const WardenReport *report, bool *ret_mine);
/** The warden died, and every zygote with it. */
MUST_USE Err posts_orphaned(Task *t);
/** Ends the zygote; the micro-job that ran gets this outcome, the others wait again. */
MUST_USE Err post_lose(Post *p, Outcome outcome);
void post_free(Post *p);
/** It may be given work. */
MUST_USE Err post_ready(Post *p, uint64_t now_ns);

/** attest.c. A zygote of a sealed task is set up: from here to post_ready. */
MUST_USE Err attest_begin(Post *p, uint64_t now_ns);
MUST_USE Err attest_hear_evidence(Post *p, const WardenReport *report);
/** Keys are wanted: zygotes that are held ask for them. */
MUST_USE Err attest_want(Task *t, uint64_t now_ns);
/** An answer of the key broker; *ret_mine false when this task did not ask for it. */
MUST_USE Err attest_hear(Task *t, const BrokerAnswer *answer, bool *ret_mine);
/** What was not answered is asked again, and at last the task is given up. */
MUST_USE Err attest_watch(Post *p, uint64_t now_ns);
MUST_USE Err attest_watch_wraps(Task *t, uint64_t now_ns);
/** Asks for the keys of micro-jobs that have none. */
MUST_USE Err attest_ask_wraps(Task *t, uint64_t now_ns);

/** task_objects.c. The image is an object: opens it, or asks for it. errors with text: the task is refused */
MUST_USE Err task_want_image(Task *t, Diag *diag);
/** A micro-job that holds a place and whose segment is an object: queued now, when the object is here, or given back. */
MUST_USE Err task_take_object(Task *t, uint32_t job);
/** Its bytes, checked. errors: ERR_NO_ENTRY (not here any more), ERR_CORRUPT (not what it was), errno */
MUST_USE Err task_read_object(Task *t, uint32_t job, uint8_t *place);
/** After such an error: it is fetched again, or given back. */
MUST_USE Err task_object_failed(Task *t, uint32_t job, Err why);
/** Answers those that wait for their object as not run. */
MUST_USE Err task_give_back_waiting(Task *t);
/** The micro-job is over: its object may be evicted. */
void task_release_object(Task *t, uint32_t job);
void task_close_objects(Task *t);

/** task_stage.c: what is staged for the task: its data's shelf, its image. Without either the task goes the slow way. */
void task_open_staging(Task *t);
void task_close_staging(Task *t);
/** Whether a segment that is an object lies on the task's shelf; then (ret_place not NULL) it is promised to the caller's micro-job. */
bool task_has_staged(Task *t, const JobItem *item, uint32_t *ret_place);
/** A zygote that waits for this task's image becomes the post's. */
bool task_take_warm(Task *t, ZygoteLink *ret_link);

/** dispatch.c */
MUST_USE Err task_dispatch(Task *t, uint64_t now_ns);
/** cancel.c. Nobody waits for this micro-job any more. */
MUST_USE Err task_cancel(Task *t, uint64_t number, uint32_t attempt);
/** Those at the head of the queue are given back. */
MUST_USE Err task_drop_cancelled(Task *t);
/** What this zygote runs now was cancelled before. */
MUST_USE Err post_end_cancelled(Post *p);
/** collect.c: the slots of a DONE. */
MUST_USE Err post_collect(Post *p, const ChannelReport *done, uint64_t now_ns);
/** What is in a slot that will not be answered any more: the first micro-job without an answer gets `outcome`, the others wait again. */
MUST_USE Err post_salvage(Post *p, uint32_t slot, Outcome outcome);
/** Answers a micro-job that did not run, and frees its place. `log` may be empty. */
MUST_USE Err task_answer_unrun(Task *t, uint32_t job, Outcome outcome, View log);
