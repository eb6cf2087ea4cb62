/** How near choices of placement are to what is possible; nothing here depends on the clock. */
#pragma once
#include "bench/runner/figure.h"

/** Of one simulated task: makespan over its lower bound. run: how long its micro-jobs run, as scenarios say it. */
MUST_USE Err quality_makespan(const Bench *b, const char *run, Samples *ret_ratios, Diag *diag);
/** Of each small cluster: cost over the linear program's. */
MUST_USE Err quality_cost(Samples *ret_ratios);
