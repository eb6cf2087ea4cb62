/* Columns of private tasks, read by the reader that the built-in image has: what passes here is found there. */
#include "keybroker/columns.h"

#include <errno.h>
#include <stdlib.h>

#include "aggregate/records.h"
#include "base/quoted.h"

enum { LISTED_BYTES_MAX = 600 };
static const PrivacyString NAMED[] = {PRIVACY_PERSON, PRIVACY_COLUMN, PRIVACY_BY, PRIVACY_WHERE};
enum { NAMED_COUNT = sizeof NAMED / sizeof NAMED[0] };

/* The header as it is, on one line, fit for a terminal. */
static void list(View columns, char ret_text[LISTED_BYTES_MAX + 4])
{
    size_t size = 0;
    while (columns.size && (columns.data[columns.size - 1] == '\n' || columns.data[columns.size - 1] == '\r')) columns.size--;
    for (; size < columns.size && size < LISTED_BYTES_MAX; size++) {
        const uint8_t c = columns.data[size];
        ret_text[size] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    memcpy(ret_text + size, size < columns.size ? "..." : "", size < columns.size ? 4 : 1);
}

static Err read_header(Records *r, View columns)
{
    Err e = records_feed(r, columns);
    if (!e.code) e = records_end(r);
    return e.code == ERR_NO_ENTRY ? OK : e; /* which one is looked at */
}

static Err check(Records *r, View columns, const PrivacyRequest *request, Diag *diag)
{
    char listed[LISTED_BYTES_MAX + 4];
    for (int i = 0; i < NAMED_COUNT; i++) {
        const char *name = request_string(request, NAMED[i]);
        r->names[i] = name[0] ? name : NULL;
    }
    TRY(read_header(r, columns));
    for (int i = 0; i < NAMED_COUNT; i++) {
        if (!r->names[i] || r->found[i]) continue;
        list(columns, listed);
        return FAIL_WHY(diag, ERR_BAD_INPUT, "the dataset has no column '%s': nothing was charged; its columns are: %s", quoted(view_text(r->names[i])).text, listed);
    }
    return OK;
}

Err columns_check(View columns, const PrivacyRequest *request, Diag *diag)
{
    if (columns.size == 0) return OK;
    Records *r = calloc(1, sizeof *r);
    if (!r) return FAIL(ENOMEM);
    Err e = check(r, columns, request, diag);
    free(r);
    return e;
}
