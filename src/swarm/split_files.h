/** The list of files of a task that is split by file: one file, one segment. */
#pragma once
#include <glob.h>
#include <sys/stat.h>

#include "base/bytes.h"

typedef struct { uint64_t size; struct timespec changed; } FileFacts;
typedef struct { glob_t names; FileFacts *facts; size_t count; uint64_t total; } FileList;

/** errors: ERR_NO_ENTRY (nothing matches), ERR_BAD_INPUT (not a regular file, too large), ERR_LIMIT */
MUST_USE Err file_list_open(const char *pattern, FileList *ret_list, Diag *diag);
void file_list_free(FileList *list);
