/** The stage of a service's node: its keys, its audit log, its socket. docs/prefetch.md */
#pragma once
#include <sys/types.h>

#include "node/stage.h"

typedef struct ServeStage ServeStage;

/** Listens at `path` for orchestrators of that user (NULL: this one). config_dir: trusted, orchestrators, revoked, which are read again every second;
 *  folder: the stage's own key and audit log. */
MUST_USE Err serve_stage_open(Loop *loop, const char *config_dir, const char *folder, const char *path, uid_t uid, uint64_t bytes_max,
                              ServeStage **ret_stage, Diag *diag);
Stage *serve_stage_stage(ServeStage *s);
/** After the agent that uses it. */
void serve_stage_close(ServeStage **stage);
