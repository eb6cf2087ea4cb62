/* Reads the input again, from the file or from what is kept of the pipe, to name a line. */
#include "swarm/split_where.h"

#include <inttypes.h>

#include "sys/fd.h"

enum { WHERE_WINDOW = 64 << 10 };

/** Up to WHERE_WINDOW bytes from `offset`; empty when they can't be had any more. */
static View look(const Source *source, uint64_t offset, uint64_t end, uint8_t room[WHERE_WINDOW])
{
    size_t size = end - offset < WHERE_WINDOW ? (size_t)(end - offset) : WHERE_WINDOW;
    if (source->pipe) return source_kept(source, offset, size);
    Err e = fd_pread(source->fd, room, size, offset, &size);
    return e.code ? (View){0} : view_of(room, size);
}

uint64_t where_quote(const Source *source, const SplitSpec *spec, uint64_t start, uint64_t end)
{
    uint8_t room[WHERE_WINDOW];
    uint64_t quote = start;
    Scan scan;
    scan_begin(spec, &scan);
    if (start > 0) scan.bom_left = 0;
    for (uint64_t at = start; at < end;) {
        View piece = look(source, at, end, room);
        if (piece.size == 0) break;
        scan_last_quote(&scan, piece, at, &quote);
        at += piece.size;
    }
    return quote;
}

Err where_fail(const Source *source, const char *path, uint64_t start, uint64_t lines, uint64_t offset, const char *what, Diag *diag)
{
    uint8_t room[WHERE_WINDOW];
    uint64_t line = source->pipe ? lines + 1 : 1;
    for (uint64_t at = source->pipe ? start : 0; at < offset;) {
        View piece = look(source, at, offset, room);
        if (piece.size == 0) break;
        line += count_newlines(piece);
        at += piece.size;
    }
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    return FAIL_WHY(diag, ERR_BAD_INPUT, "%s:%" PRIu64 ": %s (byte %" PRIu64 ")", name, line, what, offset);
}
