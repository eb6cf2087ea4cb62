/**
 * The wall around a zygote, put up in the child between clone3 and execveat, in this order: an empty file system, limits, no
 * capabilities, no new privileges, death with the warden, no descriptors, the outer filter.
 */
#pragma once
#include <stdbool.h>

#include "base/error.h"
#include "warden/protocol.h"

/** Steps in order; a failed start names the one that failed. */
typedef enum { STEP_MAP, STEP_MOUNT, STEP_LIMITS, STEP_IDENTITY, STEP_CAPABILITIES, STEP_DESCRIPTORS, STEP_FILTER, STEP_EXEC } WallStep;
const char *wall_step_text(WallStep step);

typedef struct {
    int image_fd, socket_fd, report_fd; /* report_fd: where a WallReport is written when a step fails; closes on exec */
    int zygote_fd;                      /* where the zygote itself reports; stays open */
    uint64_t memory_max;
    int level;
    bool staged;
} WallPlan;

typedef struct { int step, error; } WallReport;

/** Puts up the wall and executes the image. Returns only by exiting. Called in the child, single-threaded. */
_Noreturn void wall_enter(const WallPlan *plan);
