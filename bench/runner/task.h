/** Tasks for `covey run`, written into the scratch folder, and their input. */
#pragma once
#include <stdint.h>

#include "bench/runner/figure.h"

enum { TASK_JOBS = 100000 };

/** The input of TASK_JOBS segments, made once; returns its path. */
MUST_USE Err task_input(const Bench *b, char *ret_path, size_t room, Diag *diag);
/** Writes a task file over that input (fnv.see, one record of 4 KiB a micro-job), or, with count > 0, of so many micro-jobs without input
 *  (noop.see). */
MUST_USE Err task_write(const Bench *b, const char *level, uint64_t count, char *ret_path, size_t room, Diag *diag);
/** Whether two files are the same. */
MUST_USE Err task_compare(const char *path, const char *expected, Diag *diag);
