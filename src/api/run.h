/** Running a task, for who must be asked at its end. */
#pragma once
#include "api/internal.h"

/** Either may be NULL; an error ends the run with it. */
typedef struct {
    void *context;
    Err (*confirm)(void *context, Diag *diag);  /* before the output gets its name */
    Err (*finished)(void *context, Diag *diag); /* when it has it, and before the journal forgets the results */
} RunGuard;

/** As covey_task_run; `guard` NULL: nobody is asked. */
MUST_USE Err run_task(covey_task *t, const covey_events *events, const RunGuard *guard, Diag *diag);
