/**
 * The outer filter of system calls: what any image may do, with or without the runtime's own filter (see/filter.c). It has to let a
 * static executable start; the runtime's filter then takes away what only starting needs.
 */
#pragma once
#include <stdbool.h>

#include "base/error.h"

enum {
    WALL_IMAGE_FD = 3,  /* the one descriptor that may be executed; closed by executing it */
    WALL_REPORT_FD = 4, /* where a failed exec is told; closed by executing */
    WALL_ZYGOTE_FD = 5, /* memory where a zygote reports its key (see/zygote_report.h), then closes */
};

MUST_USE Err filter_load(bool staged);
