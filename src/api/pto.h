/** What the files pto*.c of src/api share: options of the public header, checked, as those of src/pto. */
#pragma once
#include "api/covey.h"
#include "base/limits.h"
#include "pto/eval.h"

/** errors: ERR_USAGE, ERR_LIMIT, those of log_read */
MUST_USE Err pto_read_log(const char *path, const covey_pto_options *o, bool keep_without_task, EventLog *ret_log, Diag *diag);
MUST_USE Err pto_training_options(const covey_pto_options *o, TrainingOptions *ret_options, Diag *diag);
/** The folder of the orchestrator's key, made if it is not there. state_dir: NULL: pto in the state folder. errors: those of dir_make_all */
MUST_USE Err pto_folder(const covey *c, const char *state_dir, char ret_path[PATH_BYTES_MAX], Diag *diag);
