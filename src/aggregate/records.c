/*
 * CSV records, byte by byte. The first one is the header, which every segment begins with.
 *
 * Where a record ends must be exactly where sealing saw its end (swarm/split_scan.c, api/csv_field.c), in malformed records too: a quote that only
 * this reader took for an opening one would swallow the records of other persons, and one that only sealing took for one would let a person be many.
 */
#include "aggregate/records.h"

static void end_field(Records *r)
{
    for (int i = 0; i < RECORD_COLUMNS_MAX; i++) {
        if (!r->names[i]) continue;
        if (!r->header_done) {
            bool mine = !r->found[i] && strlen(r->names[i]) == r->size && memcmp(r->names[i], r->field, r->size) == 0;
            if (mine) r->places[i] = r->column;
            r->found[i] |= mine;
        } else if (r->places[i] == r->column) {
            memcpy(r->kept[i], r->field, r->size);
            r->kept_sizes[i] = r->size;
        }
    }
    r->column++;
    r->size = 0;
    r->after_quote = r->inside = r->after_return = false;
}

static Err end_header(Records *r)
{
    for (int i = 0; i < RECORD_COLUMNS_MAX; i++)
        if (r->names[i] && !r->found[i]) return FAIL(ERR_NO_ENTRY);
    r->header_done = true;
    return OK;
}

static Err end_record(Records *r)
{
    View fields[RECORD_COLUMNS_MAX];
    const bool blank = !r->any; /* an empty line is no record */
    end_field(r);
    r->column = 0;
    r->any = false;
    if (blank && r->header_done) {
        memset(r->kept_sizes, 0, sizeof r->kept_sizes);
        return OK;
    }
    if (!r->header_done) return end_header(r);
    for (int i = 0; i < RECORD_COLUMNS_MAX; i++) fields[i] = view_of(r->kept[i], r->kept_sizes[i]);
    Err e = r->sink(r->context, fields);
    memset(r->kept_sizes, 0, sizeof r->kept_sizes);
    return e;
}

static void put(Records *r, char c)
{
    if (r->size < sizeof r->field) r->field[r->size++] = c;
}

/** The carriage return before a newline, or at the end, is no part of the last field. */
static void drop_return(Records *r)
{
    if (r->after_return && r->size > 0 && r->field[r->size - 1] == '\r') r->size--;
    r->after_return = false;
}

static void put_quoted(Records *r, char c)
{
    if (c != '"') put(r, c);
    else r->quoted = false, r->after_quote = true;
}

/* A quote opens at a field's start, or right behind a closing one, where it was meant as data; anywhere else it is data like any other. */
static Err put_plain(Records *r, char c)
{
    const bool opens = c == '"' && (!r->inside || r->after_quote), doubled = r->after_quote;
    r->after_quote = false;
    if (c != '\n') r->after_return = c == '\r';
    if (opens) {
        if (doubled) put(r, c);
        r->quoted = r->inside = true;
    } else if (c == ',') {
        end_field(r);
    } else if (c == '\n') {
        drop_return(r);
        return end_record(r);
    } else {
        put(r, c);
        r->inside = true;
    }
    return OK;
}

static Err take(Records *r, char c)
{
    if (c != '\n' && c != '\r') r->any = true;
    if (!r->quoted) return put_plain(r, c);
    put_quoted(r, c);
    return OK;
}

/** A byte order mark before the header is no part of its first name. */
static Err take_first(Records *r, char c)
{
    static const char MARK[] = "\xef\xbb\xbf";
    if (c == MARK[r->mark]) {
        r->mark++;
        return OK;
    }
    const uint32_t begun = r->mark;
    r->mark = sizeof MARK - 1;
    for (uint32_t i = 0; i < begun; i++) TRY(take(r, MARK[i]));
    return take(r, c);
}

Err records_feed(Records *r, View piece)
{
    for (size_t i = 0; i < piece.size; i++) TRY(r->mark < 3 ? take_first(r, (char)piece.data[i]) : take(r, (char)piece.data[i]));
    return OK;
}

Err records_end(Records *r)
{
    r->quoted = false;
    drop_return(r);
    if (r->any) TRY(end_record(r));
    return r->header_done ? OK : FAIL(ERR_NO_ENTRY);
}
