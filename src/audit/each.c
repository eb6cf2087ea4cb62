/* Reading an audit log entry by entry. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>

#include "audit/reader.h"
#include "sys/fd.h"

static const char *text_of(const json_t *entry, const char *key) { return json_string_value(json_object_get(entry, key)); }

/* The parser has seen the line already: all fields are there. */
static Err visit_entry(View line, uint64_t number, AuditVisit visit, void *context)
{
    json_t *o = json_loadb((const char *)line.data, line.size, 0, NULL);
    char *json = strndup((const char *)line.data, line.size);
    AuditEntry entry = {.line = number, .json = json, .time = text_of(o, "time"), .event = text_of(o, "event"), .by = text_of(o, "by"),
                        .task = text_of(o, "task"), .seq = (uint64_t)json_integer_value(json_object_get(o, "seq"))};
    Err e = o && json ? visit(context, &entry) : FAIL(ENOMEM);
    free(json);
    json_decref(o);
    return e;
}

static Err each_line(LineReader *reader, AuditVisit visit, void *context)
{
    for (;;) {
        View line;
        LineFound found;
        AuditLine parsed;
        TRY(line_reader_next(reader, &line, &found));
        if (found != LINE_WHOLE) return OK;
        TRY(audit_line_parse(line, &parsed));
        if ((reader->line == 1) != (parsed.kind == LINE_HEADER)) return FAIL(ERR_CORRUPT);
        if (parsed.kind == LINE_ENTRY) TRY(visit_entry(line, reader->line, visit, context));
    }
}

Err audit_each(const char *path, AuditVisit visit, void *context, Diag *diag)
{
    assert(path && visit);

    AUTO_FD fd = -1;
    Err e = fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0, &fd);
    if (e.code == ENOENT) return FAIL_WHY(diag, ERR_NO_ENTRY, "%s: %s", path, err_text(ENOENT));
    TRY_WHY(diag, e, "%s", path);
    LineReader reader;
    line_reader_start(&reader, fd, 0, 0);
    e = each_line(&reader, visit, context);
    if (e.code == ERR_CORRUPT)
        return FAIL_WHY(diag, ERR_CORRUPT, "%s:%llu: is not a line of an audit log", path, (unsigned long long)reader.line);
    TRY_WHY(diag, e, "%s", path);
    return OK;
}
