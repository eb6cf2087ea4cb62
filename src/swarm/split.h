/**
 * Cutting an input into segments, streaming, in bounded memory, deterministic: the same input and spec give the same segments.
 *
 * Record scanners are pure (split_scan.c) and know only bytes; the Splitter (split.c) feeds them from files.
 * CSV follows RFC 4180: quoted fields may hold newlines and doubled quotes; a lone quote inside an unquoted field is data.
 */
#pragma once
#include "swarm/task.h"

/** State of a record scanner between two pieces of input. */
typedef struct { SplitBy by; uint64_t record_bytes, fill; bool in_quotes, at_field_start, quote_pending; } Scan;

void scan_begin(const SplitSpec *spec, Scan *ret_scan);
/** Finds the end of the first record that ends at or after byte `least` of `piece` (so that large segments skip fast); *ret_end is one
 *  past its newline. false: no such end in this piece, the state is carried on. */
bool scan_record_end(Scan *s, View piece, size_t least, size_t *ret_end);

/** One segment. A range of a file, or (standard input) bytes. */
typedef struct {
    uint64_t index;
    const char *path;       /* borrowed until the next call; NULL for inline and count */
    uint64_t offset, size;
    View data;              /* standard input: borrowed until the next call */
    bool with_header;
} Segment;

typedef struct Splitter Splitter;

/** Opens the input. SPLIT_FILE: globs and sorts by name. errors: ERR_NO_ENTRY (no such file, no match), ERR_BAD_INPUT */
MUST_USE Err splitter_open(const TaskSpec *task, Splitter **ret_splitter, Diag *diag);
void splitter_free(Splitter **splitter);
/** The CSV header that goes in front of every segment; empty without one. */
View splitter_header(const Splitter *s);
/** Next segment; *ret_more false at the end. Bad records (unclosed quote, truncated fixed record, a record beyond SEGMENT_BYTES_MAX) are errors that name the offset and line. */
MUST_USE Err splitter_next(Splitter *s, Segment *ret_segment, bool *ret_more, Diag *diag);
/** Bytes handed out so far and in all (0 when unknown): for the progress bar. */
void splitter_progress(const Splitter *s, uint64_t *ret_done, uint64_t *ret_total);
/** What identifies the input for resuming: paths, sizes, modification times. Not available for standard input (ERR_NO_ENTRY). */
MUST_USE Err splitter_identity(const Splitter *s, Buffer *ret_identity);
