/** Input files that a task reads ranges of: a few open descriptors by path, the least recently used closed first. */
#pragma once
#include "base/bytes.h"

enum { FILES_OPEN_MAX = 32 };

typedef struct {
    struct { char *path; size_t path_size; int fd; uint64_t used; } open[FILES_OPEN_MAX];
    uint32_t count, last;
    uint64_t uses;
} FileCache;

void files_close(FileCache *c);
/** *ret_fd is borrowed until the next call. errors: errno of open, ERR_BAD_INPUT when it is not a regular file */
MUST_USE Err files_get(FileCache *c, View path, int *ret_fd);
