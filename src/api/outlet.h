/**
 * Where a task's output goes: a file that is the old one or the new one and never half, a stream, or the caller's function.
 *
 * A regular file is written as a nameless file in the same folder and gets its name when it is complete and on disk; kill -9 leaves nothing
 * behind. Anything else (standard output, a pipe, /dev/null) is written as the output comes.
 */
#pragma once
#include "base/bytes.h"
#include "base/limits.h"

enum { OUTLET_BUFFER_BYTES = 64 << 10 };

typedef int (*OutletTake)(void *context, const void *data, size_t size); /* not 0: stop */

typedef struct {
    char target[PATH_BYTES_MAX];     /* the file, links followed; empty: a stream */
    char temporary[PATH_BYTES_MAX];  /* where it is named until it is complete; empty: nameless */
    const char *shown;               /* how the user named it; borrowed */
    int fd;                          /* -1 when `take` is set */
    OutletTake take;
    void *context;
    Buffer pending;
} Outlet;

/** `path` NULL or "-" is standard output. Nothing is visible under the target's name yet. */
MUST_USE Err outlet_open(const char *path, Outlet *ret_outlet, Diag *diag);
void outlet_open_function(OutletTake take, void *context, Outlet *ret_outlet);
MUST_USE Err outlet_write(Outlet *o, View bytes);
/** Passes on what is buffered. */
MUST_USE Err outlet_flush(Outlet *o);
/** Completes the output under its name, or, for a task with failures, as "<target>.partial"; *ret_partial is then that path, else empty. */
MUST_USE Err outlet_commit(Outlet *o, bool partial, char ret_partial[PATH_BYTES_MAX], Diag *diag);
/** Frees; without a commit before, nothing is left of a file. */
void outlet_close(Outlet *o);
