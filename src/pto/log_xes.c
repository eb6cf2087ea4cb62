/*
 * Event logs as XES (IEEE 1849-2016): as much of XML as such files have. Elements are counted by depth, so that attributes of attributes are not
 * taken for those of an event. No entities but those of XML itself, no document type: a file with one is refused.
 */
#include "base/quoted.h"
#include "pto/log.h"

typedef enum { KEY_SESSION, KEY_TASK, KEY_TIME, KEY_LIFECYCLE, KEY_ATTRIBUTE, KEYS = KEY_ATTRIBUTE + LOG_ATTRIBUTES_MAX } Key;
enum { DEPTH_MAX = 64, NAME_MAX_BYTES = 32 };

typedef struct {
    const uint8_t *at, *end;
    const char *name;
    uint64_t line;
    unsigned depth, trace_depth, event_depth; /* 0: outside */
    const LogColumns *wish;
    Buffer key, text;               /* of the attribute that is read */
    Buffer value[KEYS];
    uint64_t traces;
    bool session_known;
    uint32_t session;
    Diag *diag;
} Xes;

typedef struct { View name; bool closing, empty; } Tag;

#define WRONG(x, ...) FAIL_WHY((x)->diag, ERR_BAD_INPUT, __VA_ARGS__)
#define AT(x) (x)->name, (unsigned long long)(x)->line

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static void step(Xes *x)
{
    x->line += *x->at == '\n';
    x->at++;
}

static void skip_blanks(Xes *x)
{
    while (x->at < x->end && is_blank(*x->at)) step(x);
}

static bool starts(const Xes *x, const char *text) { return (size_t)(x->end - x->at) >= strlen(text) && memcmp(x->at, text, strlen(text)) == 0; }

static Err skip_behind(Xes *x, const char *text)
{
    while (x->at < x->end && !starts(x, text)) step(x);
    if (x->at == x->end) return WRONG(x, "%s:%llu: %s is missing", AT(x), text);
    x->at += strlen(text);
    return OK;
}

static View take_name(Xes *x)
{
    const uint8_t *begin = x->at;
    while (x->at < x->end && !is_blank(*x->at) && *x->at != '=' && *x->at != '>' && *x->at != '/') step(x);
    return view_of(begin, (size_t)(x->at - begin));
}

static Err put_code_point(Buffer *b, uint32_t c)
{
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return FAIL(ERR_BAD_INPUT);
    if (c < 0x80) return buffer_put_u8(b, (uint8_t)c);
    if (c >= 0x10000) TRY(buffer_put_u8(b, (uint8_t)(0xf0 | c >> 18)));
    if (c >= 0x800) TRY(buffer_put_u8(b, (uint8_t)(c >= 0x10000 ? 0x80 | (c >> 12 & 63) : 0xe0 | c >> 12)));
    TRY(buffer_put_u8(b, (uint8_t)(c >= 0x800 ? 0x80 | (c >> 6 & 63) : 0xc0 | c >> 6)));
    return buffer_put_u8(b, (uint8_t)(0x80 | (c & 63)));
}

static Err put_number(Buffer *b, View digits)
{
    uint32_t c = 0, base = digits.size && digits.data[0] == 'x' ? 16 : 10;
    for (size_t i = base == 16; i < digits.size; i++) {
        uint8_t d = digits.data[i];
        uint32_t n = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : d >= 'A' && d <= 'F' ? d - 'A' + 10 : 99;
        if (n >= base || c > 0x10ffff) return FAIL(ERR_BAD_INPUT);
        c = c * base + n;
    }
    return put_code_point(b, c);
}

static Err take_entity(Xes *x, Buffer *b)
{
    static const struct { const char *text, *is; } KNOWN[] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}};
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        if (!starts(x, KNOWN[i].text)) continue;
        x->at += strlen(KNOWN[i].text);
        return buffer_append(b, view_text(KNOWN[i].is));
    }
    enum { NUMBER_MAX = 12 };
    size_t n = 2;
    while (n < NUMBER_MAX && x->at + n < x->end && x->at[n] != ';') n++;
    if (!starts(x, "&#") || x->at + n >= x->end || x->at[n] != ';') return WRONG(x, "%s:%llu: an entity that is not known", AT(x));
    View digits = view_of(x->at + 2, n - 2);
    x->at += n + 1;
    TRY_WHY(x->diag, put_number(b, digits), "%s:%llu: no character", AT(x));
    return OK;
}

static Err take_quoted(Xes *x, Buffer *b)
{
    uint8_t quote = x->at < x->end ? *x->at : 0;
    b->size = 0;
    if (quote != '"' && quote != '\'') return WRONG(x, "%s:%llu: a value without quotes", AT(x));
    for (x->at++; x->at < x->end && *x->at != quote;) {
        if (*x->at == '&') {
            TRY(take_entity(x, b));
            continue;
        }
        if (*x->at == '\0' || *x->at == '<') return WRONG(x, "%s:%llu: a value with a forbidden character", AT(x));
        TRY_WHY(x->diag, buffer_put_u8(b, *x->at), "%s:%llu: more than %d bytes in a value", AT(x), LOG_FIELD_MAX);
        step(x);
    }
    if (x->at == x->end) return WRONG(x, "%s:%llu: a quote that is not closed", AT(x));
    x->at++;
    return OK;
}

/* The rest of a tag; keeps its attributes "key" and "value". */
static Err take_tag(Xes *x, Tag *tag)
{
    x->key.size = x->text.size = 0;
    tag->closing = x->at < x->end && *x->at == '/';
    x->at += tag->closing;
    tag->name = take_name(x);
    for (;;) {
        AUTO_BUFFER unused = buffer_limited(LOG_FIELD_MAX);
        skip_blanks(x);
        tag->empty = starts(x, "/>");
        if (tag->empty || starts(x, ">")) break;
        View name = take_name(x);
        skip_blanks(x);
        if (name.size == 0 || !starts(x, "=")) return WRONG(x, "%s:%llu: a tag that is not closed", AT(x));
        x->at++;
        skip_blanks(x);
        TRY(take_quoted(x, view_equal(name, VIEW("key")) ? &x->key : view_equal(name, VIEW("value")) ? &x->text : &unused));
    }
    x->at += tag->empty ? 2 : 1;
    return OK;
}

static int key_of(const Xes *x)
{
    View key = view_buffer(&x->key);
    const LogColumns *w = x->wish;
    for (int i = 0; i < LOG_ATTRIBUTES_MAX; i++)
        if (w->attributes[i] && view_equal(key, view_text(w->attributes[i]))) return KEY_ATTRIBUTE + i;
    if (view_equal(key, view_text(w->task ? w->task : "concept:name"))) return KEY_TASK;
    if (view_equal(key, view_text(w->time ? w->time : "time:timestamp"))) return KEY_TIME;
    return view_equal(key, VIEW("lifecycle:transition")) && !w->no_lifecycle ? KEY_LIFECYCLE : -1;
}

/* An attribute of a trace or of an event, not one of theirs. */
static Err take_attribute(Xes *x)
{
    int key = -1;
    if (x->event_depth && x->depth == x->event_depth + 1) key = key_of(x);
    else if (x->trace_depth && !x->event_depth && x->depth == x->trace_depth + 1 &&
             view_equal(view_buffer(&x->key), view_text(x->wish->session ? x->wish->session : "concept:name")))
        key = KEY_SESSION;
    if (key < 0) return OK;
    x->value[key].size = 0;
    return buffer_append(&x->value[key], view_buffer(&x->text));
}

static Err session_of(Xes *x, EventLog *log)
{
    Buffer *name = &x->value[KEY_SESSION];
    if (x->session_known) return OK;
    if (name->size == 0) TRY(buffer_format(name, "trace %llu", (unsigned long long)x->traces));
    TRY_WHY(x->diag, log_name(&log->sessions, view_buffer(name), &x->session), "%s:%llu: too many sessions", AT(x));
    x->session_known = true;
    return OK;
}

static Err end_event(Xes *x, EventLog *log)
{
    LogEvent e = {0};
    Buffer *task = &x->value[KEY_TASK];
    View time = view_buffer(&x->value[KEY_TIME]);
    TRY(session_of(x, log));
    e.session = x->session;
    if (task->size == 0) {
        log->without_task++;
        if (!x->wish->keep_without_task) return OK;
        TRY(buffer_append(task, view_text(LOG_NO_TASK)));
    }
    if (log_time(time, &e.time_ms, &e.utc_offset_min).code) return WRONG(x, "%s:%llu: %s is not a time", AT(x), quoted(time).text);
    if (x->value[KEY_LIFECYCLE].size) {
        TRY_WHY(x->diag, buffer_put_u8(task, '|'), "%s:%llu: a task of more than %d bytes", AT(x), LOG_FIELD_MAX);
        TRY_WHY(x->diag, buffer_append(task, view_buffer(&x->value[KEY_LIFECYCLE])), "%s:%llu: a task of more than %d bytes", AT(x), LOG_FIELD_MAX);
    }
    log_attributes(x->wish->attributes, &x->value[KEY_ATTRIBUTE], e.attributes);
    TRY_WHY(x->diag, log_name(&log->tasks, view_buffer(task), &e.task), "%s:%llu: too many tasks", AT(x));
    TRY_WHY(x->diag, log_add(log, &e), "%s:%llu: too many events", AT(x));
    return OK;
}

static Err open_tag(Xes *x, const Tag *tag)
{
    if (x->depth == DEPTH_MAX) return FAIL_WHY(x->diag, ERR_LIMIT, "%s:%llu: more than %d elements in each other", AT(x), DEPTH_MAX);
    x->depth++;
    if (!x->trace_depth && view_equal(tag->name, VIEW("trace"))) {
        x->trace_depth = x->depth;
        x->session_known = false;
        x->value[KEY_SESSION].size = 0;
        x->traces++;
    } else if (x->trace_depth && !x->event_depth && view_equal(tag->name, VIEW("event"))) {
        x->event_depth = x->depth;
        for (int i = KEY_TASK; i < KEYS; i++) x->value[i].size = 0;
    } else return take_attribute(x);
    return OK;
}

static Err close_tag(Xes *x, EventLog *log)
{
    if (x->depth == 0) return WRONG(x, "%s:%llu: an end without a beginning", AT(x));
    bool event = x->depth == x->event_depth;
    if (event) x->event_depth = 0;
    if (x->depth == x->trace_depth) x->trace_depth = 0;
    x->depth--;
    return event ? end_event(x, log) : OK;
}

static Err take_markup(Xes *x, EventLog *log)
{
    Tag tag;
    if (starts(x, "<!--")) return skip_behind(x, "-->");
    if (starts(x, "<?")) return skip_behind(x, "?>");
    if (starts(x, "<!")) return WRONG(x, "%s:%llu: document types are not read", AT(x));
    x->at++;
    TRY(take_tag(x, &tag));
    if (tag.closing) return close_tag(x, log);
    TRY(open_tag(x, &tag));
    return tag.empty ? close_tag(x, log) : OK;
}

static Err parse(Xes *x, EventLog *log)
{
    while (x->at < x->end) {
        if (*x->at == '<') TRY(take_markup(x, log));
        else step(x);
    }
    if (x->depth) return FAIL_WHY(x->diag, ERR_TRUNCATED, "%s:%llu: the end of the log is missing", AT(x));
    if (!x->traces) return WRONG(x, "%s:%llu: no trace in it", AT(x));
    return OK;
}

Err log_parse_xes(View text, const char *name, const LogColumns *columns, EventLog *ret_log, Diag *diag)
{
    Xes x = {.at = text.data, .end = text.data + text.size, .name = name, .line = 1, .wish = columns, .diag = diag,
             .key = buffer_limited(LOG_FIELD_MAX), .text = buffer_limited(LOG_FIELD_MAX)};
    EventLog log = {.sessions.max = LOG_SESSIONS_MAX, .tasks.max = LOG_TASKS_MAX};
    for (int i = 0; i < KEYS; i++) x.value[i] = buffer_limited(LOG_FIELD_MAX);
    Err e = parse(&x, &log);
    for (int i = 0; i < KEYS; i++) buffer_free(&x.value[i]);
    buffer_free(&x.key);
    buffer_free(&x.text);
    if (e.code) log_free(&log);
    else *ret_log = log;
    return e;
}
