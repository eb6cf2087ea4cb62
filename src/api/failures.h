/** The first failures of a run, by number: for the summary. The others are only counted. */
#pragma once
#include "api/covey.h"

enum { FAILURES_KEPT_MAX = 10 };

typedef struct {
    covey_kept_failure kept[FAILURES_KEPT_MAX];
    unsigned count;
    uint64_t seen;
} Failures;

void failures_add(Failures *f, const covey_failure *failure);
