/* CSV records, byte by byte. The first one is the header, which every segment begins with. */
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
    r->after_quote = false;
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

static void put_quoted(Records *r, char c)
{
    if (c != '"') put(r, c);
    else r->quoted = false, r->after_quote = true;
}

/* A quote behind a closing quote is one that was meant. */
static Err put_plain(Records *r, char c)
{
    if (c == '"' && r->after_quote) {
        put(r, c);
        r->quoted = true;
        r->after_quote = false;
    } else if (c == '"' && r->size == 0) {
        r->quoted = true;
    } else if (c == ',') {
        end_field(r);
    } else if (c == '\n') {
        return end_record(r);
    } else if (c != '\r') {
        put(r, c);
    }
    return OK;
}

Err records_feed(Records *r, View piece)
{
    for (size_t i = 0; i < piece.size; i++) {
        const char c = (char)piece.data[i];
        if (c != '\n' && c != '\r') r->any = true;
        if (r->quoted) put_quoted(r, c);
        else TRY(put_plain(r, c));
    }
    return OK;
}

Err records_end(Records *r)
{
    r->quoted = false;
    if (r->any) TRY(end_record(r));
    return r->header_done ? OK : FAIL(ERR_NO_ENTRY);
}
