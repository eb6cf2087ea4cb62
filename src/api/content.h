/** An input that the task names by what it holds: where it lies here. */
#pragma once
#include "api/internal.h"

/** Sets t->spec.input_path when the input is named by content and nobody has looked for it yet: files in t->data are hashed, once for all runs (the
 *  hashes are kept in the state folder). errors: ERR_NO_ENTRY (no folder has it), those of the folders */
MUST_USE Err content_find(covey_task *t, Diag *diag);
