/**
 * One task at a terminal: progress, Ctrl-C, failures, and what is said at the end. What `covey run` and `covey map` have in common.
 */
#pragma once
#include <stdbool.h>
#include <stdio.h>

#include "api/covey.h"

typedef struct {
    bool quiet;              /* nothing but errors on standard error */
    bool progress;           /* the bar, or lines */
    bool summary;            /* a last line in words */
    FILE *json;              /* NULL, or where the object goes */
    const char *resume_hint; /* NULL, or the command that goes on where this run stopped */
} SessionOptions;

/** Runs the task and returns the exit code. */
int session_run(covey_task *t, const SessionOptions *options);
/** "covey: text" on standard error; returns the exit code. */
int session_error(const covey_error *e);
