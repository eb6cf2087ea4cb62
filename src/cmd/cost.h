/** covey run --dry-run. */
#pragma once
#include <stdint.h>

#include "api/covey.h"

/** Prints what the private task would cost and how far off its answer is to be expected. records: about how many there are, 0: 1000. Returns the
 *  exit code: COVEY_REFUSED when the budget does not suffice. */
int cost_print(covey_task *t, uint64_t records, bool json);
