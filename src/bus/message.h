/**
 * What manager and node agent say to each other. docs/formats/bus.md says the same in words. Decoders treat the bytes as hostile.
 * Subjects are made and taken apart in bus/message_subject.h.
 *
 *   subject                              from     message
 *   covey.nodes.<node id>                node     NODE: what it offers; again every second while it lives, every quarter while it has a task
 *   covey.node.<node id>                 manager  TASK_OPEN, JOBS, TASK_ALIVE, TASK_CLOSE, NODE_CHALLENGE
 *   covey.manager.<manager id>.<node id> node     TASK_READY, TASK_REFUSED, RESULTS, NODE_EVIDENCE; the last token is who speaks
 *   covey.object.<manager id>.<node id>  node     OBJECT_GET
 *   covey.chunk.<node id>                manager  OBJECT_CHUNK, OBJECT_NONE
 *
 * Flow: NODE when a node joins; TASK_OPEN; TASK_READY with a window, or TASK_REFUSED; then at most `window` micro-jobs are outstanding;
 * every micro-job sent is answered in RESULTS exactly once while the node lives; TASK_CLOSE ends it, and outstanding ones are dropped.
 * A micro-job that the node gives back without having started it (its warden died while it waited, it drains, its segment cannot be had) is
 * answered with OUTCOME_NONE: that does not use up one of its attempts.
 *
 * TASK_OPEN carries `node`, the manager's number for this node's membership (never 0). The node puts it into TASK_READY, TASK_REFUSED and
 * every RESULTS head, so that the manager knows who speaks; JOBS, TASK_ALIVE and TASK_CLOSE carry it too. NODE carries an incarnation: the
 * same one again is a heartbeat, another one is a new member: what the former was given is lost, and answers under the old number are
 * dropped. TASK_OPEN for a task and stage that the node has, from another manager or under another number, replaces it.
 */
#pragma once
#include "base/level.h"
#include "base/limits.h"
#include "bus/broker_message.h"
#include "bus/resource.h"
#include "crypto/digest.h"
#include "privacy/request.h"
#include "see/channel.h"
#include "see/outcome.h"

typedef enum {
    MESSAGE_NODE = 1, MESSAGE_TASK_OPEN, MESSAGE_TASK_READY, MESSAGE_TASK_REFUSED, MESSAGE_JOBS, MESSAGE_RESULTS, MESSAGE_TASK_CLOSE,
    MESSAGE_TASK_ALIVE, MESSAGE_NODE_CHALLENGE, MESSAGE_NODE_EVIDENCE, MESSAGE_OBJECT_GET, MESSAGE_OBJECT_CHUNK, MESSAGE_OBJECT_NONE,
    MESSAGE_JOB_CANCEL
} MessageType;

/** First byte of every message; 0 when empty. */
uint8_t message_type(View message);

enum {
    NODE_NAME_MAX = 63,            /* a node's id, zone, owner */
    NODE_IMAGES_MAX = 64,
    NODE_IMAGE_PREFIX_BYTES = 8,
    NODE_DATASETS_MAX = 256,
    MANAGER_ID_CHARS = 16,         /* lower-case hexadecimal digits */
    OBJECT_ID_BYTES = 32,          /* an object's SHA-256 */
    OBJECT_CHUNK_BYTES_MAX = 512 << 10,
    NODE_DATASET_BYTES = OBJECT_ID_BYTES + 8
};
typedef struct { char text[MANAGER_ID_CHARS + 1]; } ManagerId;
typedef struct { uint8_t bytes[OBJECT_ID_BYTES]; } ObjectId;

/** Data at hand: a file of this node's own, by content. */
typedef struct { ObjectId id; uint64_t size; } NodeDataset;

/** What a node says of itself. All of it are claims: capacity and speed are measured by the manager, security is appraised (NODE_EVIDENCE). */
typedef struct {
    char node_id[NODE_NAME_MAX + 1];
    uint64_t incarnation;          /* of this process, random, not 0 */
    uint32_t level_mask, cores;
    uint64_t memory_free;
    char zone[NODE_NAME_MAX + 1], owner[NODE_NAME_MAX + 1]; /* may be empty */
    uint64_t price_micro;          /* millionths of a unit of money for one core and hour */
    uint32_t notice_s;             /* of a spot node: between notice and end */
    bool is_spot, draining, leaving; /* draining: no new micro-jobs. leaving: its last word */
    bool link_measured;            /* the link's numbers are of a measurement, not of a configuration */
    uint64_t link_bytes_s;         /* 0: unknown */
    uint32_t link_latency_us;      /* 0: unknown */
    View images;                   /* warm: prefixes of measurements, NODE_IMAGE_PREFIX_BYTES each */
    View data;                     /* at hand: NODE_DATASET_BYTES each; node_dataset_put, node_dataset_at */
} NodeMessage;
MUST_USE Err node_dataset_put(Buffer *b, const NodeDataset *data);
static inline uint32_t node_dataset_count(const NodeMessage *m) { return (uint32_t)(m->data.size / NODE_DATASET_BYTES); }
NodeDataset node_dataset_at(const NodeMessage *m, uint32_t i);

/** Asks a node for evidence (as `covey attest` makes it) over a fresh nonce. */
typedef struct { ManagerId manager; uint8_t nonce[32]; } NodeChallenge;
typedef struct {
    uint8_t nonce[32];
    View evidence;                 /* COSE; empty: there is none, and `text` says why */
    View text;                     /* one line; empty with evidence */
} NodeEvidence;

/** A piece of an object. The node asks, each OBJECT_GET is answered with one OBJECT_CHUNK from that offset on, as long as asked for unless the
 *  object ends before, or with OBJECT_NONE. What was lost is asked for again. */
typedef struct { ObjectId id; uint64_t offset; uint32_t size; } ObjectGet;
typedef struct { ObjectId id; uint64_t offset, total; View bytes; } ObjectChunk;
typedef struct { ObjectId id; int32_t code; /* ERR_NO_ENTRY: not here. ERR_BUSY: ask later. Others: it cannot be read */ } ObjectNone;

enum { TASK_ID_BYTES = 16 };
typedef struct { uint8_t bytes[TASK_ID_BYTES]; } TaskId;

/** Says which task, stage and member a message is about; in every message but NODE. */
enum { STAGE_MAX = 127, JOB_INDEX_BITS = 56 }; /* stage << 56 | job is a positive 64-bit integer everywhere */
#define JOB_INDEX_MAX ((UINT64_C(1) << JOB_INDEX_BITS) - 1)

/** Everything a node needs to run micro-jobs of one stage of a task. Strings are borrowed from the message when decoded. */
typedef struct {
    TaskId id;
    uint32_t stage;            /* 0: the micro-jobs; 1 and up: levels of the combining tree */
    uint32_t node;             /* the manager's number for this member; echoed in every answer */
    ManagerId manager;         /* whom to answer */
    View image_path;           /* on this machine; measurement decides whether it is the right one. Empty: the image is an object: */
    ObjectId image_object;     /* the whole file, ELF and signature */
    uint64_t image_size;       /* of the object; 0 with a path */
    uint8_t measurement[32];
    uint32_t level;
    uint32_t zygotes;          /* wished for; 0: one per core */
    uint64_t lifetime_ns, memory_max, output_max;
    uint8_t seed[32];          /* of the derived random streams */
    uint8_t digest_key[32];
    uint32_t real_random;
    View args, env;            /* NUL-terminated strings one after another, counts below; args begin with the name the program is told it has */
    uint32_t arg_count, env_count;
    View header;               /* given to every segment in front (CSV header); may be empty, and is with sealed data */
    uint32_t sealed;           /* ChannelSealed of see/channel.h: what segments and results are */
    View footer;               /* the sealed dataset's signed footer, for the key broker; empty exactly when nothing is sealed */
    View staging;              /* the name under which it may claim what is staged (bus/resource.h); empty: it claims nothing */
    uint32_t ahead;            /* 1: opened before anybody asked. Zygotes are started, and with sealed data attested; no key is asked for before
                                  the first micro-job comes */
    View privacy;              /* the task's PrivacyRequest, for the key broker (privacy/request.h); or empty */
} TaskOpen;

enum { WINDOW_JOBS_MAX = 65536, REFUSED_TEXT_MAX = 1000 };
/** window: micro-jobs that may be outstanding; batch: best sent at once. Both at least 1; batch at most window and BUS_BATCH_JOBS_MAX. What the node
 *  measured of the zygote that is ready: starting and locking it down, and attesting it (0: it was not), perhaps before the task was opened. */
typedef struct { TaskId id; uint32_t stage, node; uint32_t window, batch; uint64_t start_ns, attest_ns; } TaskReady;
typedef struct {
    TaskId id;
    uint32_t stage, node;
    int32_t code; /* an ErrCode or errno, not 0 */
    View text;    /* for the user, one line */
} TaskRefused;
typedef struct { TaskId id; uint32_t stage, node; } TaskClose;
/** Nobody waits for this micro-job any more: it need not run, or run on. Whatever is still said of it is dropped. */
typedef struct { TaskId id; uint32_t stage, node; uint64_t job; uint32_t attempt; } JobCancel;
/** Every TASK_ALIVE_S while the task is open: a node that hears nothing of a task for TASK_SILENCE_S closes it. */
typedef struct { TaskId id; uint32_t stage, node; ManagerId manager; } TaskAlive;
enum { TASK_ALIVE_S = 10, TASK_SILENCE_S = 60 };

/** Where a micro-job's segment is: nowhere (count), a range of a file on this machine, in the message, or a range of an object: of one that the
 *  node said it has at hand, or a whole one that it asks for. */
typedef enum { SEGMENT_NONE = 0, SEGMENT_RANGE = 1, SEGMENT_INLINE = 2, SEGMENT_OBJECT = 3 } SegmentKind;
typedef struct {
    uint64_t job;
    uint32_t attempt;
    uint8_t kind;
    bool with_header;          /* put TaskOpen.header in front */
    uint64_t offset, size;     /* RANGE, OBJECT: within it; INLINE: size of `data` */
    View path;                 /* RANGE; when written, empty says: as in the item before (once read, never empty) */
    View data;                 /* INLINE */
    View object;               /* OBJECT: its id; when written, empty says: as in the item before (once read, never empty) */
    uint64_t object_size;      /* OBJECT */
    uint64_t plain_size;       /* of a sealed segment: what `size` bytes of ciphertext hold; of a block: its segments together; otherwise 0 */
    View pieces;               /* of a block of sealed segments, which lie one behind another: u64 the number of the first, then the plaintext's
                                * size of each; otherwise empty. Read with job_piece */
} JobItem;

typedef struct {
    uint64_t job;
    uint32_t attempt;
    uint32_t outcome, exit_code;
    uint32_t log_truncated;
    uint64_t memory_peak, run_ns; /* run_ns: 0 when not measured singly */
    ResultDigest digest;
    View output, log;
} ResultItem;

enum { JOB_PIECES_MAX = 256 };
/** How many sealed segments the item holds. */
static inline uint32_t job_pieces(const JobItem *i) { return i->pieces.size ? (uint32_t)(i->pieces.size / 8 - 1) : 1; }
/** Number and plaintext's size of the n-th of them. */
void job_piece(const JobItem *i, uint32_t n, uint64_t *ret_segment, uint64_t *ret_plain_size);

/** Writers append to an empty buffer. errors: ERR_LIMIT (a field or the buffer is too large), ERR_PROTOCOL (a field that no reader accepts), ENOMEM
 *  Readers check every field: what they return can be used without a second look. errors: ERR_PROTOCOL */
MUST_USE Err message_put_node(Buffer *b, const NodeMessage *m);
MUST_USE Err message_get_node(View v, NodeMessage *ret_message);
MUST_USE Err message_put_task_open(Buffer *b, const TaskOpen *m);
MUST_USE Err message_get_task_open(View v, TaskOpen *ret_message);
MUST_USE Err message_put_task_ready(Buffer *b, const TaskReady *m);
MUST_USE Err message_get_task_ready(View v, TaskReady *ret_message);
MUST_USE Err message_put_task_refused(Buffer *b, const TaskRefused *m);
MUST_USE Err message_get_task_refused(View v, TaskRefused *ret_message);
MUST_USE Err message_put_task_close(Buffer *b, const TaskClose *m);
MUST_USE Err message_put_job_cancel(Buffer *b, const JobCancel *m);
MUST_USE Err message_get_job_cancel(View v, JobCancel *ret_message);
MUST_USE Err message_get_task_close(View v, TaskClose *ret_message);
MUST_USE Err message_put_task_alive(Buffer *b, const TaskAlive *m);
MUST_USE Err message_get_task_alive(View v, TaskAlive *ret_message);
MUST_USE Err message_put_node_challenge(Buffer *b, const NodeChallenge *m);
MUST_USE Err message_get_node_challenge(View v, NodeChallenge *ret_message);
MUST_USE Err message_put_node_evidence(Buffer *b, const NodeEvidence *m);
MUST_USE Err message_get_node_evidence(View v, NodeEvidence *ret_message);
MUST_USE Err message_put_object_get(Buffer *b, const ObjectGet *m);
MUST_USE Err message_get_object_get(View v, ObjectGet *ret_message);
MUST_USE Err message_put_object_chunk(Buffer *b, const ObjectChunk *m);
MUST_USE Err message_get_object_chunk(View v, ObjectChunk *ret_message);
MUST_USE Err message_put_object_none(Buffer *b, const ObjectNone *m);
MUST_USE Err message_get_object_none(View v, ObjectNone *ret_message);

/** JOBS and RESULTS are a head and then items, so that they are written and read without an array in between. */
typedef struct { TaskId id; uint32_t stage, node; ManagerId manager; /* that sent the micro-jobs */ } BatchHead;
MUST_USE Err message_begin_jobs(Buffer *b, const BatchHead *head);
MUST_USE Err message_add_job(Buffer *b, const JobItem *item);
MUST_USE Err message_begin_results(Buffer *b, const BatchHead *head, uint64_t sees_started);
MUST_USE Err message_add_result(Buffer *b, const ResultItem *item);
/** The same, with item->digest computed here: item->output is copied once, and the digest is of the copy, for memory that others still write. */
MUST_USE Err message_add_result_digested(Buffer *b, const ResultItem *item, const uint8_t digest_key[32]);

typedef struct {
    Reader reader;
    BatchHead head;
    uint64_t sees_started; /* RESULTS: since the last message */
    uint32_t items;        /* read so far; at most BUS_BATCH_JOBS_MAX */
    View path;             /* of the last RANGE item */
    View object;           /* of the last OBJECT item, and its size */
    uint64_t object_size;
} BatchReader;
MUST_USE Err message_open_batch(View v, MessageType type, BatchReader *ret_reader);
/** *ret_more false at the end. */
MUST_USE Err message_next_job(BatchReader *r, JobItem *ret_item, bool *ret_more);
MUST_USE Err message_next_result(BatchReader *r, ResultItem *ret_item, bool *ret_more);
