/**
 * What manager and node agent say to each other. docs/formats/bus.md says the same in words. Decoders treat the bytes as hostile.
 *
 *   subject                        from     message
 *   covey.manager                  node     NODE (what it offers), TASK_READY, TASK_REFUSED, RESULTS
 *   covey.node.<node id>           manager  TASK_OPEN, JOBS, TASK_CLOSE
 *
 * Flow: NODE when a node joins; TASK_OPEN; TASK_READY with a window, or TASK_REFUSED; then at most `window` micro-jobs are outstanding;
 * every micro-job sent is answered in RESULTS exactly once while the node lives; TASK_CLOSE ends it, and outstanding ones are dropped.
 * A micro-job that the node gives back without having started it (its warden died while it waited) is answered with OUTCOME_NONE: that
 * does not use up one of its attempts.
 *
 * TASK_OPEN carries `node`, the manager's number for this node's membership (never 0). The node puts it into TASK_READY, TASK_REFUSED and
 * every RESULTS head, so that the manager knows who speaks; JOBS and TASK_CLOSE carry it too. A node that announces itself again is a new
 * member: what it was given before is lost, and answers under the old number are dropped.
 */
#pragma once
#include "base/level.h"
#include "base/limits.h"
#include "bus/broker_message.h"
#include "crypto/digest.h"
#include "see/channel.h"
#include "see/outcome.h"

typedef enum {
    MESSAGE_NODE = 1, MESSAGE_TASK_OPEN, MESSAGE_TASK_READY, MESSAGE_TASK_REFUSED, MESSAGE_JOBS, MESSAGE_RESULTS, MESSAGE_TASK_CLOSE
} MessageType;

/** First byte of every message; 0 when empty. */
uint8_t message_type(View message);

typedef struct { char node_id[64]; uint32_t level_mask, cores; uint64_t memory_free; } NodeMessage;

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
    View image_path;           /* on this machine; measurement decides whether it is the right one */
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
} TaskOpen;

enum { WINDOW_JOBS_MAX = 65536, REFUSED_TEXT_MAX = 1000 };
/** window: micro-jobs that may be outstanding; batch: best sent at once. Both at least 1; batch at most window and BUS_BATCH_JOBS_MAX. */
typedef struct { TaskId id; uint32_t stage, node; uint32_t window, batch; } TaskReady;
typedef struct {
    TaskId id;
    uint32_t stage, node;
    int32_t code; /* an ErrCode or errno, not 0 */
    View text;    /* for the user, one line */
} TaskRefused;
typedef struct { TaskId id; uint32_t stage, node; } TaskClose;

/** Where a micro-job's segment is: nowhere (count), a range of a file on this machine, or in the message. */
typedef enum { SEGMENT_NONE = 0, SEGMENT_RANGE = 1, SEGMENT_INLINE = 2 } SegmentKind;
typedef struct {
    uint64_t job;
    uint32_t attempt;
    uint8_t kind;
    bool with_header;          /* put TaskOpen.header in front */
    uint64_t offset, size;     /* RANGE: within `path`; INLINE: size of `data` */
    View path;                 /* RANGE; when written, empty says: as in the item before (once read, never empty) */
    View data;                 /* INLINE */
    uint64_t plain_size;       /* of a sealed segment: what `size` bytes of ciphertext hold; otherwise 0 */
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
MUST_USE Err message_get_task_close(View v, TaskClose *ret_message);

/** JOBS and RESULTS are a head and then items, so that they are written and read without an array in between. */
typedef struct { TaskId id; uint32_t stage, node; } BatchHead;
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
} BatchReader;
MUST_USE Err message_open_batch(View v, MessageType type, BatchReader *ret_reader);
/** *ret_more false at the end. */
MUST_USE Err message_next_job(BatchReader *r, JobItem *ret_item, bool *ret_more);
MUST_USE Err message_next_result(BatchReader *r, ResultItem *ret_item, bool *ret_more);
