/**
 * A temporary folder in which an image is built, and the promise that it goes away: SIGINT, SIGTERM and SIGHUP are held back
 * in the calling thread while it exists. The tools still get a Ctrl-C, end, and workspace_interrupted() says so; the signal
 * itself arrives when the folder is gone.
 */
#pragma once
#include <signal.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/limits.h"

typedef struct {
    char path[PATH_BYTES_MAX];
    sigset_t signals_before;
    bool is_open;
} Workspace;

MUST_USE Err workspace_open(Workspace *ret_workspace, Diag *diag);
/** Removes the folder and what is in it (files, no folders), then lets signals through. */
void workspace_close(Workspace *w);
#define AUTO_WORKSPACE __attribute__((cleanup(workspace_close))) Workspace
/** A new file in the folder, and a whole file of it appended to a buffer. Nothing is synced: the folder does not outlive the
 * build. */
MUST_USE Err workspace_write(const Workspace *w, const char *name, View content);
MUST_USE Err workspace_read(const Workspace *w, const char *name, Buffer *ret_content);
/** Whether one of the signals that were held back is waiting. */
bool workspace_interrupted(void);
