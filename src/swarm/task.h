/**
 * The task file: YAML, read by a schema, every mistake named with its line (docs/task-file.md is the user's reference).
 * Relative paths in it are relative to the folder of the task file.
 */
#pragma once
#include "base/bytes.h"
#include "base/level.h"
#include "base/limits.h"
#include "base/units.h"
#include "privacy/request.h"

typedef enum { SPLIT_LINES, SPLIT_CSV, SPLIT_JSONL, SPLIT_FIXED, SPLIT_FILE, SPLIT_COUNT } SplitBy;
typedef enum {
    COMBINE_CONCAT, COMBINE_SUM, COMBINE_SUM_BY_KEY, COMBINE_MIN, COMBINE_MAX, COMBINE_MEAN, COMBINE_TOP, COMBINE_MODULE
} CombineBy;

typedef struct {
    SplitBy by;
    uint64_t target_bytes;   /* aim of a segment's size; records are never cut. Default 256 KiB */
    uint64_t record_bytes;   /* SPLIT_FIXED */
    uint64_t records;        /* with lines, csv, jsonl, fixed: records per segment instead of target_bytes; 0: by size */
    uint64_t count;          /* SPLIT_COUNT */
    bool header;             /* SPLIT_CSV: first record is a header that every segment gets. Default true */
} SplitSpec;

typedef struct {
    CombineBy by;
    uint64_t top;            /* COMBINE_TOP */
    char *module, *image;    /* COMBINE_MODULE: one of both */
} CombineSpec;

/** Each micro-job runs `copies` times on different nodes (and owners) and counts when `agree` of its results are the same. */
typedef struct {
    uint32_t copies, agree;  /* 1 <= agree <= copies <= COPIES_MAX; default 1, and with copies alone the majority */
    bool speculate;          /* a straggler gets one more copy when nothing else waits */
    bool adaptive;           /* nodes that have earned it run single copies, checked at random */
} RedundancySpec;

/** Weights of a node's score, from 0, and hard limits. */
typedef struct {
    double locality, availability, cost;
    bool spot;               /* nodes that may vanish at short notice are allowed */
    char **zones, **exclude; /* only these zones (none: all); never these nodes. Names of at most PLACEMENT_NAME_MAX characters */
    size_t zone_count, exclude_count;
} PlacementSpec;

typedef struct {
    char name[TASK_NAME_MAX + 1];
    char *image, *module;    /* exactly one is set */
    char **args, **env;      /* counts below; env as NAME=value */
    size_t arg_count, env_count;
    char *input_path;        /* NULL with SPLIT_COUNT; a glob with SPLIT_FILE; "-" is standard input */
    bool by_content;         /* the input is named by what it holds; input_path is NULL until somebody who has it sets it */
    uint8_t content[32];     /* SHA-256, with by_content */
    SplitSpec split;
    bool split_given;        /* said, not guessed: a sealed input was cut when it was sealed, and refuses it */
    CombineSpec combine;
    PrivacyRequest *privacy; /* NULL: the results leave as they are. Otherwise combine is the built-in image's (COMBINE_MODULE, without one) */
    SecurityLevel level;
    uint64_t lifetime_ns, memory_max, output_max;
    bool real_random;        /* security: {random: real}; default: derived */
    uint32_t attempts;       /* tries of one micro-job, default 3 */
    RedundancySpec redundancy;
    PlacementSpec placement;
    char *output;            /* NULL or "-": standard output */
    Buffer source;           /* the file as read: part of the task's identity */
} TaskSpec;

enum { ATTEMPTS_DEFAULT = 3, COPIES_MAX = 15, PLACEMENT_NAMES_MAX = 256, PLACEMENT_NAME_MAX = 63 };
#define SPLIT_TARGET_DEFAULT (256 * KIB)
#define SPLIT_TARGET_MAX (SEGMENT_BYTES_MAX / 2) /* leaves room for the record that crosses the target */
#define SPLIT_COUNT_MAX ((uint64_t)1 << 40)
#define COMBINE_TOP_MAX ((uint64_t)1 << 20)

/** errors: ERR_BAD_INPUT with "file:line: what; remedy" in diag; ERR_DENIED when the task asks for protection that does not exist yet */
MUST_USE Err task_load(const char *path, TaskSpec *ret_task, Diag *diag);
/** The same from memory; `directory` is what relative paths are relative to. */
MUST_USE Err task_parse(View yaml, const char *name, const char *directory, TaskSpec *ret_task, Diag *diag);
/** A task without a file (covey map, the C API): defaults in place, to be filled in (strings by malloc); task_validate afterwards. */
void task_defaults(TaskSpec *ret_task);
MUST_USE Err task_validate(const TaskSpec *t, Diag *diag);
/** The same, naming the key at fault, such as "input.split.size". */
MUST_USE Err task_check(const TaskSpec *t, const char **ret_key, Diag *diag);
/** The short forms of the command line: "csv"; "sum", "top:5". false: no such one. */
bool split_parse(const char *text, SplitBy *ret_by);
bool combine_parse(const char *text, CombineSpec *ret_combine);
/** What a path's extension says: .csv, .jsonl and .ndjson, otherwise lines. */
SplitBy split_guess(const char *path);
const char *split_name(SplitBy by);
const char *combine_name(CombineBy by);
void task_free(TaskSpec *t);
