/* Which requests: a part of a log, its activities as tasks of the service. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/replay.h"
#include "base/rfc3339.h"
#include "pto/log.h"
#include "sys/fd.h"

static void print_time(int64_t time_ms, char ret_text[40])
{
    char text[RFC3339_TEXT_MAX];
    rfc3339_print(time_ms > 0 ? (uint64_t)time_ms / 1000 : 0, text);
    snprintf(ret_text, 40, "%s", text);
}

static Err take_part(Replay *r, const EventLog *log, const LogOrder *order, size_t known, const uint32_t *tasks, Diag *diag)
{
    const covey_replay_options *o = r->options;
    size_t from = o->from, count = o->requests ? o->requests : known;
    if (from >= known) return FAIL_WHY(diag, ERR_USAGE, "%s: has %zu requests; there is none after %zu", o->log, known, from);
    if (count > known - from) count = known - from;
    if (count > REPLAY_REQUESTS_MAX) count = REPLAY_REQUESTS_MAX;
    r->requests = calloc(count, sizeof *r->requests);
    if (!r->requests) return FAIL(ENOMEM);
    int64_t begin = order[from].time_ms;
    for (size_t i = 0; i < count; i++) {
        const LogEvent *e = &log->events[order[from + i].index];
        double at = (double)(order[from + i].time_ms - begin) * (double)NS_PER_MS / o->speedup;
        r->requests[i] = (ReplayRequest){.at_ns = (uint64_t)at, .task = tasks[e->task], .session = e->session};
    }
    r->count = count;
    r->before = from;
    print_time(begin, r->first_time);
    print_time(order[from + count - 1].time_ms, r->last_time);
    return OK;
}

static Err order_events(Replay *r, const EventLog *log, Diag *diag)
{
    LogOrder *order = calloc(log->count + 1, sizeof *order);
    uint32_t *tasks = calloc(log->tasks.count + 1, sizeof *tasks);
    size_t known = 0;
    Err e = order && tasks ? OK : FAIL(ENOMEM);
    for (uint32_t i = 0; i < log->tasks.count && !e.code; i++) tasks[i] = service_find_like(&r->service, log->tasks.texts[i]);
    if (!e.code) log_order(log, order);
    for (size_t i = 0; i < log->count && !e.code; i++)
        if (tasks[log->events[order[i].index].task] != UINT32_MAX) order[known++] = order[i];
    if (!e.code && !known) e = FAIL_WHY(diag, ERR_BAD_INPUT, "%s: none of its tasks is one of service '%s'", r->options->log, r->service.name);
    if (!e.code) e = take_part(r, log, order, known, tasks, diag);
    free(order);
    free(tasks);
    return e;
}

Err replay_read(Replay *r, Diag *diag)
{
    const covey_replay_options *o = r->options;
    AUTO_LOG log = {0};
    const LogColumns columns = {.session = o->session_column, .task = o->task_column, .time = o->time_column};
    TRY(log_read(o->log, &columns, &log, diag));
    TRY(order_events(r, &log, diag));
    r->sessions = calloc(log.sessions.count + 1, sizeof *r->sessions);
    if (!r->sessions) return FAIL(ENOMEM);
    for (; r->session_count < log.sessions.count; r->session_count++) {
        r->sessions[r->session_count] = strdup(log.sessions.texts[r->session_count]);
        if (!r->sessions[r->session_count]) return FAIL(ENOMEM);
    }
    return OK;
}

Err replay_write_future(const Replay *r, const char *path, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited((size_t)REPLAY_REQUESTS_MAX * (SERVICE_NAME_MAX + 1));
    for (size_t i = 0; i < r->count; i++) TRY(buffer_format(&text, "%s\n", r->service.tasks[r->requests[i].task].name));
    TRY_WHY(diag, file_replace(AT_FDCWD, path, view_buffer(&text), 0600), "%s", path);
    return OK;
}

void replay_free(Replay *r)
{
    for (uint32_t i = 0; r->sessions && i < r->session_count; i++) free(r->sessions[i]);
    free(r->sessions);
    free(r->requests);
    buffer_free(&r->body);
    service_free(&r->service);
    loop_free(&r->loop);
}
