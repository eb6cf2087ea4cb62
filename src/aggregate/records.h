/**
 * CSV records (RFC 4180) out of a stream of pieces, for the built-in image: only the columns that are wanted are kept. Memory is fixed; the bytes are
 * anybody's. A record is judged by itself: however long or strange one is, it changes nothing of the others. What does not fit is cut off.
 */
#pragma once
#include "base/bytes.h"

enum { RECORD_COLUMNS_MAX = 5, RECORD_FIELD_MAX = 1024 };

typedef Err (*RecordSink)(void *context, const View *fields);

typedef struct {
    const char *names[RECORD_COLUMNS_MAX]; /* NULL: not wanted */
    RecordSink sink;                       /* fields[i] is the value under names[i]; empty where the record has none */
    void *context;
    /* private: */
    uint32_t places[RECORD_COLUMNS_MAX];   /* the header's */
    bool found[RECORD_COLUMNS_MAX];
    bool header_done, quoted, after_quote, inside, after_return, any; /* inside: not at the field's start */
    uint32_t column, size, mark;           /* mark: bytes of a byte order mark that have come */
    char field[RECORD_FIELD_MAX];
    char kept[RECORD_COLUMNS_MAX][RECORD_FIELD_MAX];
    uint32_t kept_sizes[RECORD_COLUMNS_MAX];
} Records;

/** errors: of the sink; ERR_NO_ENTRY (the header lacks a column) */
MUST_USE Err records_feed(Records *r, View piece);
/** The last record may lack its newline. errors: the same, and ERR_NO_ENTRY where there was no header at all */
MUST_USE Err records_end(Records *r);
