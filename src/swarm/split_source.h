/**
 * Where a splitter's bytes come from: a window on a regular file, or a growing, sliding buffer on a pipe.
 */
#pragma once
#include "base/bytes.h"
#include "base/limits.h"

enum { SOURCE_WINDOW = 256 << 10 }; /* of the order of a second-level cache: what was just read is scanned from it */

typedef struct {
    int fd;
    bool pipe, never_wait, ended;
    uint64_t size;       /* of a file, when it was opened */
    uint64_t at;         /* offset in the input of the window's first byte */
    Buffer window;
} Source;

/** "-" is standard input. errors: ERR_NO_ENTRY, ERR_BAD_INPUT (a folder) with text in diag */
MUST_USE Err source_open(const char *path, Source *ret_source, Diag *diag);
void source_close(Source *s);
/** Input from `offset` on, borrowed until the next call; empty at the end. A pipe keeps everything from `keep` (not after `offset`) on.
 *  want  how much is worth reading, up to SOURCE_WINDOW
 *  errors: ERR_CHANGED (the file ended early), ERR_BUSY (a pipe without data and never_wait), ERR_LIMIT */
MUST_USE Err source_peek(Source *s, uint64_t keep, uint64_t offset, size_t want, View *ret_piece);
/** Kept bytes of a pipe. */
View source_kept(const Source *s, uint64_t offset, size_t size);
