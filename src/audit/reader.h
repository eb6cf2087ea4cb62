/**
 * An audit log line by line, from a descriptor, in constant memory. A last line without its newline is told apart: it is torn.
 */
#pragma once
#include "audit/line.h"

typedef struct {
    int fd;               /* borrowed */
    uint64_t line;        /* number of the line read last; the first is 1 */
    uint64_t end;         /* offset behind it */
    size_t at, filled;
    bool over;            /* the file has no more */
    uint8_t data[64 << 10];
} LineReader;

typedef enum { LINE_NONE, LINE_WHOLE, LINE_TORN } LineFound;

/** Begins behind line `line`, which ends at `offset`; 0 and 0 is the beginning. */
void line_reader_start(LineReader *r, int fd, uint64_t line, uint64_t offset);
/** *ret_line, without its newline, lives until the next call. errors: ERR_LIMIT (longer than AUDIT_READ_BYTES_MAX), those of the system */
MUST_USE Err line_reader_next(LineReader *r, View *ret_line, LineFound *ret_found);
