/* Event logs as CSV (RFC 4180): one pass over the text, fields copied only where they are quoted. */
#include <strings.h>

#include "base/quoted.h"
#include "pto/log.h"

typedef enum { COLUMN_SESSION, COLUMN_TASK, COLUMN_TIME, COLUMN_LIFECYCLE, COLUMN_ATTRIBUTE, COLUMNS = COLUMN_ATTRIBUTE + LOG_ATTRIBUTES_MAX } Column;

enum { NAMES_MAX = 12 };
static const char *const USUAL[COLUMN_ATTRIBUTE][NAMES_MAX] = {
    [COLUMN_SESSION] = {"case", "caseid", "case_id", "case id", "case:concept:name", "session", "session_id", "groupid", "trace"},
    [COLUMN_TASK] = {"activity", "activityid", "activity_id", "concept:name", "task", "event", "checkpoint_model_version_id"},
    [COLUMN_TIME] = {"timestamp", "completetimestamp", "complete timestamp", "time:timestamp", "time", "date", "gmt_create"},
    [COLUMN_LIFECYCLE] = {"lifecycle", "lifecycle:transition"}};
static const char *const WHAT[COLUMN_ATTRIBUTE] = {"session (case)", "task (activity)", "time", "lifecycle"};

typedef struct {
    View rest;
    const char *name;
    uint64_t line;                  /* of the record that is read */
    uint64_t next_line;
    int at[COLUMNS];                /* field of each column; -1: none */
    size_t fields;                  /* in the header */
    bool keep_without_task;
    const char *const *attributes;  /* the names that were wished for */
    Buffer value[COLUMNS];
    Diag *diag;
} Csv;

/* One field: appended to ret_value (or passed over). ret_more: another one follows in this record. */
static Err take_field(Csv *c, Buffer *value, bool *ret_more)
{
    const uint8_t *p = c->rest.data, *end = p + c->rest.size;
    bool quoted = p < end && *p == '"';
    for (p += quoted; p < end; p++) {
        if (quoted && *p == '"' && p + 1 < end && p[1] == '"') p++;
        else if (quoted && *p == '"') {
            quoted = false;
            continue;
        } else if (!quoted && (*p == ',' || *p == '\n')) break;
        else if (!quoted && *p == '\r' && p + 1 < end && p[1] == '\n') continue;
        if (*p == '\n') c->next_line++;
        if (*p == '\0') return FAIL_WHY(c->diag, ERR_BAD_INPUT, "%s:%llu: a zero byte in it", c->name, (unsigned long long)c->next_line);
        if (!value) continue;
        if (buffer_put_u8(value, *p).code)
            return FAIL_WHY(c->diag, ERR_LIMIT, "%s:%llu: a field of more than %d bytes", c->name, (unsigned long long)c->next_line, LOG_FIELD_MAX);
    }
    if (quoted) return FAIL_WHY(c->diag, ERR_BAD_INPUT, "%s:%llu: a quote that is not closed", c->name, (unsigned long long)c->line);
    *ret_more = p < end && *p == ',';
    c->next_line += p < end && *p == '\n';
    p += p < end;
    c->rest = view_of(p, (size_t)(end - p));
    return OK;
}

static Buffer *wanted(Csv *c, size_t field)
{
    for (int i = 0; i < COLUMNS; i++)
        if (c->at[i] == (int)field) return &c->value[i];
    return NULL;
}

static Err take_record(Csv *c)
{
    bool more = true;
    size_t field = 0;
    c->line = c->next_line;
    for (int i = 0; i < COLUMNS; i++) c->value[i].size = 0;
    for (; more; field++) {
        if (field == c->fields)
            return FAIL_WHY(c->diag, ERR_BAD_INPUT, "%s:%llu: more than the header's %zu fields", c->name, (unsigned long long)c->line,
                            c->fields);
        TRY(take_field(c, wanted(c, field), &more));
    }
    if (field < c->fields)
        return FAIL_WHY(c->diag, ERR_BAD_INPUT, "%s:%llu: %zu fields, the header has %zu", c->name, (unsigned long long)c->line, field, c->fields);
    return OK;
}

static bool is_name(View field, const char *name)
{
    return strlen(name) == field.size && strncasecmp(name, (const char *)field.data, field.size) == 0;
}

/* How well a name fits a column: the usual names are in order of preference. -1: not at all. */
static int fit(View field, Column column, const LogColumns *wish)
{
    const char *given = column == COLUMN_SESSION ? wish->session : column == COLUMN_TASK ? wish->task : column == COLUMN_TIME ? wish->time : NULL;
    if (column >= COLUMN_ATTRIBUTE) {
        given = wish->attributes[column - COLUMN_ATTRIBUTE];
        return given && is_name(field, given) ? 0 : -1;
    }
    if (given) return is_name(field, given) ? 0 : -1;
    if (column == COLUMN_LIFECYCLE && (wish->no_lifecycle || wish->task)) return -1;
    for (int i = 0; i < NAMES_MAX && USUAL[column][i]; i++)
        if (is_name(field, USUAL[column][i])) return i;
    return -1;
}

static Err take_header(Csv *c, const LogColumns *wish)
{
    int best[COLUMNS];
    bool more = true;
    if (c->rest.size >= 3 && memcmp(c->rest.data, "\xef\xbb\xbf", 3) == 0) c->rest = view_of(c->rest.data + 3, c->rest.size - 3);
    for (int i = 0; i < COLUMNS; i++) c->at[i] = best[i] = -1;
    for (; more; c->fields++) {
        AUTO_BUFFER name = buffer_limited(LOG_FIELD_MAX);
        if (c->fields == LOG_COLUMNS_MAX) return FAIL_WHY(c->diag, ERR_LIMIT, "%s:1: more than %d columns", c->name, LOG_COLUMNS_MAX);
        TRY(take_field(c, &name, &more));
        for (int i = 0; i < COLUMNS; i++) {
            int f = fit(view_buffer(&name), (Column)i, wish);
            if (f < 0 || (best[i] >= 0 && best[i] <= f)) continue;
            best[i] = f;
            c->at[i] = (int)c->fields;
        }
    }
    for (int i = 0; i < COLUMN_LIFECYCLE; i++)
        if (c->at[i] < 0) return FAIL_WHY(c->diag, ERR_BAD_INPUT, "%s:1: no column for the %s; name it", c->name, WHAT[i]);
    for (int i = 0; i < LOG_ATTRIBUTES_MAX; i++)
        if (wish->attributes[i] && c->at[COLUMN_ATTRIBUTE + i] < 0)
            return FAIL_WHY(c->diag, ERR_BAD_INPUT, "%s:1: no column %s", c->name, quoted(view_text(wish->attributes[i])).text);
    return OK;
}

static Err add_record(Csv *c, EventLog *log)
{
    LogEvent e = {0};
    View session = view_buffer(&c->value[COLUMN_SESSION]), time = view_buffer(&c->value[COLUMN_TIME]);
    Buffer *task = &c->value[COLUMN_TASK];
    if (session.size == 0) return FAIL_WHY(c->diag, ERR_BAD_INPUT, "%s:%llu: no session", c->name, (unsigned long long)c->line);
    if (task->size == 0) {
        log->without_task++;
        if (!c->keep_without_task) return OK;
        TRY(buffer_append(task, view_text(LOG_NO_TASK)));
    }
    if (log_time(time, &e.time_ms, &e.utc_offset_min).code)
        return FAIL_WHY(c->diag, ERR_BAD_INPUT, "%s:%llu: %s is not a time", c->name, (unsigned long long)c->line, quoted(time).text);
    if (c->at[COLUMN_LIFECYCLE] >= 0) {
        TRY(buffer_put_u8(task, '|'));
        TRY(buffer_append(task, view_buffer(&c->value[COLUMN_LIFECYCLE])));
    }
    log_attributes(c->attributes, &c->value[COLUMN_ATTRIBUTE], e.attributes);
    TRY_WHY(c->diag, log_name(&log->sessions, session, &e.session), "%s:%llu: too many sessions", c->name, (unsigned long long)c->line);
    TRY_WHY(c->diag, log_name(&log->tasks, view_buffer(task), &e.task), "%s:%llu: too many tasks", c->name, (unsigned long long)c->line);
    TRY_WHY(c->diag, log_add(log, &e), "%s:%llu: too many events", c->name, (unsigned long long)c->line);
    return OK;
}

static Err parse(Csv *c, const LogColumns *columns, EventLog *log)
{
    TRY(take_header(c, columns));
    while (c->rest.size) {
        size_t blank = c->rest.data[0] == '\r' && c->rest.size > 1 ? 1 : 0;
        if (c->rest.data[blank] == '\n') { /* an empty line */
            c->rest = view_of(c->rest.data + blank + 1, c->rest.size - blank - 1);
            c->next_line++;
            continue;
        }
        TRY(take_record(c));
        TRY(add_record(c, log));
    }
    return OK;
}

Err log_parse_csv(View text, const char *name, const LogColumns *columns, EventLog *ret_log, Diag *diag)
{
    Csv c = {.rest = text, .name = name, .next_line = 1, .diag = diag, .keep_without_task = columns->keep_without_task,
             .attributes = columns->attributes};
    EventLog log = {.sessions.max = LOG_SESSIONS_MAX, .tasks.max = LOG_TASKS_MAX};
    for (int i = 0; i < COLUMNS; i++) c.value[i] = buffer_limited(LOG_FIELD_MAX);
    Err e = parse(&c, columns, &log);
    for (int i = 0; i < COLUMNS; i++) buffer_free(&c.value[i]);
    if (e.code) log_free(&log);
    else *ret_log = log;
    return e;
}
