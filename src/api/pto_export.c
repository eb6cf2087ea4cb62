/* The history as CSV, in the columns that event logs have. */
#include <stdio.h>

#include "api/internal.h"
#include "base/rfc3339.h"
#include "pto/history.h"

typedef struct { covey_pto_line line; void *context; bool headed; } Export;

/* Once, when the history could be read: of one that cannot there is no table. */
static Err head(Export *x)
{
    if (x->headed) return OK;
    x->headed = true;
    return x->line(x->context, "session,task,timestamp,attributes,status,start,bytes_in,bytes_out,seconds,waited") ? FAIL(ERR_INTERRUPTED) : OK;
}

static Err on_row(void *context, const RequestEvent *e, const char *task)
{
    Export *x = context;
    TRY(head(x));
    char line[1024], time[RFC3339_TEXT_MAX];
    rfc3339_print(e->wall_ns / NS_PER_S, time);
    time[strlen(time) - 1] = '\0'; /* its Z: milliseconds come before it */
    const char *quote = strpbrk(e->session, ",\"") ? "\"" : "";
    char session[2 * EVENT_SESSION_MAX + 1];
    size_t size = 0;
    for (const char *c = e->session; *c; c++) {
        if (*c == '"') session[size++] = '"';
        session[size++] = *c;
    }
    session[size] = '\0';
    snprintf(line, sizeof line, "%s%s%s,%s,%s.%03uZ,\"%s\",%u,%s,%llu,%llu,%.6f,%.6f", quote, session, quote, task, time,
             (unsigned)(e->wall_ns / NS_PER_MS % 1000), strchr(e->attributes, '"') ? "" : e->attributes, e->status, event_start_name(e->start),
             (unsigned long long)e->bytes_in, (unsigned long long)e->bytes_out, (double)e->latency_ns / 1e9, (double)e->waited_ns / 1e9);
    return x->line(x->context, line) ? FAIL(ERR_INTERRUPTED) : OK;
}

covey_code covey_pto_export(const char *history, covey_pto_line line, void *context, uint64_t *ret_skipped, covey_error *error)
{
    Diag diag = {{0}};
    Export x = {.line = line, .context = context};
    Err e = history_each(history, NULL, on_row, &x, ret_skipped, &diag);
    if (!e.code) e = head(&x);
    return api_result(e, &diag, error);
}
