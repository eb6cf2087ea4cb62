/**
 * What manager and node agent say to each other. docs/formats/bus.md says the same in words. Decoders treat the bytes as hostile.
 *
 *   subject                        from     message
 *   covey.manager                  node     NODE (what it offers), TASK_READY, TASK_REFUSED, RESULTS
 *   covey.node.<node id>           manager  TASK_OPEN, JOBS, TASK_CLOSE
 *
 * Flow: NODE when a node joins; TASK_OPEN; TASK_READY with a window, or TASK_REFUSED; then at most `window` micro-jobs are outstanding;
 * every micro-job sent is answered in RESULTS exactly once while the node lives; TASK_CLOSE ends it, and outstanding ones are dropped.
 */
#pragma once
#include "base/level.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "see/outcome.h"

typedef enum { MESSAGE_NODE = 1, MESSAGE_TASK_OPEN, MESSAGE_TASK_READY, MESSAGE_TASK_REFUSED, MESSAGE_JOBS, MESSAGE_RESULTS, MESSAGE_TASK_CLOSE } MessageType;

/** First byte of every message; 0 when empty. */
uint8_t message_type(View message);

typedef struct { char node_id[64]; uint32_t level_mask, cores; uint64_t memory_free; } NodeMessage;

enum { TASK_ID_BYTES = 16, TASK_INPUTS_MAX = 65536 };
typedef struct { uint8_t bytes[TASK_ID_BYTES]; } TaskId;

/** Everything a node needs to run micro-jobs of one stage of a task. Strings are borrowed from the message when decoded. */
typedef struct {
    TaskId id;
    uint32_t stage;            /* 0: the micro-jobs; 1 and up: levels of the combining tree */
    View image_path;           /* on this machine; measurement decides whether it is the right one */
    uint8_t measurement[32];
    uint32_t level;
    uint32_t zygotes;          /* wished for; 0: one per core */
    uint64_t lifetime_ns, memory_max, output_max;
    uint8_t seed[32];          /* of the derived random streams */
    uint8_t digest_key[32];
    uint32_t real_random;
    View args, env;            /* NUL-terminated strings one after another, counts below */
    uint32_t arg_count, env_count;
    View header;               /* given to every segment in front (CSV header); may be empty */
} TaskOpen;

typedef struct { TaskId id; uint32_t stage; uint32_t window; /* micro-jobs that may be outstanding */ uint32_t batch; /* best sent at once */ } TaskReady;
typedef struct { TaskId id; uint32_t stage; int32_t code; View text; } TaskRefused;
typedef struct { TaskId id; uint32_t stage; } TaskClose;

/** Where a micro-job's segment is: nowhere (count), a range of a file on this machine, or in the message. */
typedef enum { SEGMENT_NONE = 0, SEGMENT_RANGE = 1, SEGMENT_INLINE = 2 } SegmentKind;
typedef struct {
    uint64_t job;
    uint32_t attempt;
    uint8_t kind;
    bool with_header;          /* put TaskOpen.header in front */
    uint64_t offset, size;     /* RANGE: within `path`; INLINE: size of `data` */
    View path;                 /* RANGE */
    View data;                 /* INLINE */
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
typedef struct { TaskId id; uint32_t stage; } BatchHead;
MUST_USE Err message_begin_jobs(Buffer *b, const BatchHead *head);
MUST_USE Err message_add_job(Buffer *b, const JobItem *item);
MUST_USE Err message_begin_results(Buffer *b, const BatchHead *head, uint64_t sees_started);
MUST_USE Err message_add_result(Buffer *b, const ResultItem *item);

typedef struct { Reader reader; BatchHead head; uint64_t sees_started; /* RESULTS: since the last message */ } BatchReader;
MUST_USE Err message_open_batch(View v, MessageType type, BatchReader *ret_reader);
/** *ret_more false at the end. */
MUST_USE Err message_next_job(BatchReader *r, JobItem *ret_item, bool *ret_more);
MUST_USE Err message_next_result(BatchReader *r, ResultItem *ret_item, bool *ret_more);
