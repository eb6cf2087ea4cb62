/** What a run of a private task has before any other: a sealed dataset with a budget, and a price. */
#pragma once
#include "api/internal.h"

/** Takes the unit from the dataset's policy into the task. Nothing to do for a task without `privacy:`.
 *  errors: ERR_DENIED (not sealed, or without a budget), ERR_BAD_INPUT (the request does not fit the unit), those of sealed_open */
MUST_USE Err private_prepare(covey_task *t, Diag *diag);
