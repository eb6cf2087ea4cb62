/**
 * Cutting an input into segments, streaming, in bounded memory, deterministic: the same input and spec give the same segments.
 *
 * Record scanners are pure (split_scan.c) and know only bytes; the Splitter (split.c) feeds them from files and pipes (split_source.c).
 * Every byte after the CSV header is in exactly one segment, in order. A segment ends with the record that reaches the target; a last
 * record without a newline counts. An empty input has no segments. A file gives ranges, which nobody has copied; a pipe gives bytes.
 *
 * CSV follows RFC 4180: quoted fields may hold newlines and doubled quotes; a lone quote inside an unquoted field is data. A UTF-8 byte
 * order mark in front stays with the first record (the header, where there is one) and does not hide a quote behind it.
 */
#pragma once
#include "dataset/sealed.h"
#include "swarm/task.h"

/** State of a record scanner between two pieces of input. */
typedef struct { SplitBy by; uint64_t record_bytes, fill; bool in_quotes, at_field_start, quote_pending; uint8_t bom_left; } Scan;

/** At the start of an input. */
void scan_begin(const SplitSpec *spec, Scan *ret_scan);
/** Finds the end of the first record that ends at or after byte `least` of `piece` (so that large segments skip fast); *ret_end is one
 *  past its newline, and the scanner then stands at the start of the next record. false: no such end in this piece; the state is
 *  carried on. */
bool scan_record_end(Scan *s, View piece, size_t least, size_t *ret_end);
/** The same for the *count-th such end (*count at least 1). false: *count is less by those that were passed. */
bool scan_records(Scan *s, View piece, size_t least, uint64_t *count, size_t *ret_end);
/** Whether an input must not end here: inside quotes, or inside a fixed record. */
bool scan_open(const Scan *s);
/** For error messages: sets *quote to `offset` plus the place of the last opening quote in the piece, if there is one. Byte by byte. */
void scan_last_quote(Scan *s, View piece, uint64_t offset, uint64_t *quote);
uint64_t count_newlines(View bytes);

/** One segment. A range of a file, or (standard input and other pipes) bytes. Of a sealed dataset: a range of ciphertext. */
typedef struct {
    uint64_t index;
    const char *path;       /* borrowed until the next call; NULL for inline and count */
    uint64_t offset, size;
    View data;              /* pipes: borrowed until the next call */
    bool with_header;
    bool sealed;
    uint64_t plain_size;    /* of a sealed segment; 0 otherwise */
} Segment;

typedef struct Splitter Splitter;

enum { SPLIT_FILES_MAX = 4 << 20 };

/** Opens the input; what it needs of the task is copied. SPLIT_FILE: globs and sorts by name, bytewise; folders are passed over.
 *  A CSV header is read here (from a pipe, this waits for it). errors: ERR_NO_ENTRY (no such file, no match), ERR_BAD_INPUT */
MUST_USE Err splitter_open(const TaskSpec *task, Splitter **ret_splitter, Diag *diag);
void splitter_free(Splitter **splitter);
/** The dataset when the input is a sealed one (splitter_open finds out by itself), for its facts and its footer; NULL otherwise. */
const SealedFile *splitter_sealed(const Splitter *s);
/** The CSV header that goes in front of every segment, its newline included; empty without one. */
View splitter_header(const Splitter *s);
/** Next segment; *ret_more false at the end. Bad records (unclosed quote, truncated fixed record, a record beyond SEGMENT_BYTES_MAX) are
 *  errors that name the offset and line. errors: ERR_BAD_INPUT, ERR_CHANGED (the file became shorter), ERR_BUSY (see splitter_poll_fd) */
MUST_USE Err splitter_next(Splitter *s, Segment *ret_segment, bool *ret_more, Diag *diag);
/** What a micro-job of a private task over blocks of sealed segments is made of: split_sealed_pieces. Empty for all others.
 *  errors: as sealed_segment */
MUST_USE Err splitter_pieces(Splitter *s, uint64_t index, Buffer *ret_pieces);
/** For a caller that must not wait: from now on splitter_next gives ERR_BUSY while a pipe has no data (nothing is lost; call again when the
 *  returned descriptor is readable). -1: the input is a file, splitter_next never waits. The descriptor stays the splitter's. */
int splitter_poll_fd(Splitter *s);
/** Bytes handed out so far and in all (0 when unknown): for the progress bar. */
void splitter_progress(const Splitter *s, uint64_t *ret_done, uint64_t *ret_total);
/** What identifies the input for resuming: names, sizes, modification times; of a sealed dataset its signed footer. Not
 * available for pipes (ERR_NO_ENTRY). */
MUST_USE Err splitter_identity(const Splitter *s, Buffer *ret_identity);
