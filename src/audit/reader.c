/* An audit log line by line. */
#include "audit/reader.h"

#include <assert.h>

#include "sys/fd.h"

_Static_assert(sizeof((LineReader *)0)->data >= 2 * (AUDIT_READ_BYTES_MAX + 1), "a whole line always fits behind what was read");

void line_reader_start(LineReader *r, int fd, uint64_t line, uint64_t offset)
{
    assert(r && fd >= 0);
    r->fd = fd;
    r->line = line;
    r->end = offset;
    r->at = r->filled = 0;
    r->over = false;
}

static Err fill(LineReader *r)
{
    memmove(r->data, r->data + r->at, r->filled - r->at);
    r->filled -= r->at;
    r->at = 0;
    size_t n;
    TRY(fd_pread(r->fd, r->data + r->filled, sizeof r->data - r->filled, r->end + r->filled, &n));
    r->filled += n;
    r->over = n == 0;
    return OK;
}

Err line_reader_next(LineReader *r, View *ret_line, LineFound *ret_found)
{
    for (;;) {
        const uint8_t *start = r->data + r->at;
        size_t have = r->filled - r->at;
        const uint8_t *newline = memchr(start, '\n', have);
        size_t size = newline ? (size_t)(newline - start) : have;
        if (size > AUDIT_READ_BYTES_MAX) return FAIL(ERR_LIMIT);
        if (!newline && !r->over) {
            TRY(fill(r));
            continue;
        }
        *ret_found = newline ? LINE_WHOLE : have ? LINE_TORN : LINE_NONE;
        *ret_line = view_of(start, size);
        if (!newline) return OK; /* asked again, it says the same again */
        r->line++;
        r->at += size + 1;
        r->end += size + 1;
        return OK;
    }
}
