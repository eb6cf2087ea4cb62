/**
 * Named limits: everything that is fed from outside is bounded by one of these.
 * Sizes in bytes, times in nanoseconds unless the name says otherwise.
 */
#pragma once
#include <stdint.h>

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define NS_PER_MS ((uint64_t)1000000)
#define NS_PER_S ((uint64_t)1000000000)

enum {
    TASK_FILE_BYTES_MAX = 1 << 20,
    TASK_NAME_MAX = 128,
    TASK_ARGS_MAX = 1024,          /* arguments, and the same for environment entries */
    TASK_ARG_BYTES_MAX = 64 << 10, /* all arguments and environment entries of a micro-job together */
    PATH_BYTES_MAX = 4096,
    IMAGE_BYTES_MAX = 256 << 20,
    MODULE_BYTES_MAX = 64 << 20,
    HEADER_BYTES_MAX = 64 << 10,   /* a CSV header that every segment is given */
    SLOT_JOBS_MAX = 64,            /* micro-jobs in one slot at level `shared`; 1 at `process` */
    ZYGOTE_SLOTS_MAX = 64,
    ZYGOTES_MAX = 256,             /* live zygotes of one warden */
    ATTEMPTS_MAX = 16,
    BUS_BATCH_JOBS_MAX = 1024,
    COMBINE_FANIN_MAX = 256,
};

#define SEGMENT_BYTES_MAX (1 * GIB)
#define SEE_MEMORY_DEFAULT (64 * MIB)
#define SEE_MEMORY_MAX (4 * GIB - 64 * KIB)
#define SEE_OUTPUT_DEFAULT (16 * MIB)
#define SEE_OUTPUT_MAX (1 * GIB)
#define BUS_MESSAGE_BYTES_MAX (SEE_OUTPUT_MAX + 128 * MIB) /* the largest result or inline segment, and a batch of logs */
#define SEE_LOG_MAX (64 * KIB) /* standard error of one micro-job */
#define SEE_LIFETIME_DEFAULT_NS (60 * NS_PER_S)
#define SEE_LIFETIME_MAX_NS (3600 * NS_PER_S)
