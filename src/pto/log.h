/**
 * Event logs: which session did which task when. Read from CSV and XES (IEEE 1849) files, plain or gzip. Everything is bounded and checked; what is
 * wrong is said with file:line.
 *
 * In CSV the columns are found by their usual names (case, CaseID, case:concept:name, session, groupId; activity, task, concept:name, ...; timestamp,
 * time:timestamp, time, ...; lifecycle, lifecycle:transition), or by those that LogColumns gives. Where there is a lifecycle the task is
 * "activity|lifecycle". A record without a task is counted and left out.
 */
#pragma once
#include "base/bytes.h"
#include "base/limits.h"

enum {
    LOG_EVENTS_MAX = 1 << 23,
    LOG_SESSIONS_MAX = 1 << 21,
    LOG_TASKS_MAX = 1 << 16,
    LOG_FIELD_MAX = 4096,           /* bytes of one name */
    LOG_COLUMNS_MAX = 256,
    LOG_ATTRIBUTES_MAX = 4,         /* as many as the predictor takes */
};
#define LOG_BYTES_MAX (1 * GIB) /* of the text, after unpacking */

typedef struct {
    uint32_t session, task;         /* indices into names */
    int64_t time_ms;                /* UTC since 1970 */
    int16_t utc_offset_min;
    uint32_t attributes[LOG_ATTRIBUTES_MAX]; /* log_attributes; 0: no more */
} LogEvent;

/** Different texts in the order of their first appearance. */
typedef struct { char **texts; uint32_t count, max; uint32_t *slots, slot_mask; } LogNames;

typedef struct {
    LogEvent *events;               /* in file order */
    size_t count, room;
    LogNames sessions, tasks;
    uint64_t without_task;          /* records that were left out, or that are LOG_NO_TASK */
} EventLog;

/** NULL: by their usual names. */
typedef struct { const char *session, *task, *time, *attributes[LOG_ATTRIBUTES_MAX]; bool no_lifecycle, keep_without_task; } LogColumns;
#define LOG_NO_TASK "(none)" /* with keep_without_task */

/** In order of time; of the same moment, in that of the file. room: log->count. */
typedef struct { int64_t time_ms; size_t index; } LogOrder;
void log_order(const EventLog *log, LogOrder *ret_order);

void log_free(EventLog *log);
#define AUTO_LOG __attribute__((cleanup(log_free))) EventLog

/** By its content: XES begins with '<'. errors: ERR_BAD_INPUT (file:line), ERR_LIMIT, ERR_TRUNCATED (gzip), those of the system */
MUST_USE Err log_read(const char *path, const LogColumns *columns, EventLog *ret_log, Diag *diag);

/** Pure. name: of the file, for messages. */
MUST_USE Err log_parse_csv(View text, const char *name, const LogColumns *columns, EventLog *ret_log, Diag *diag);
MUST_USE Err log_parse_xes(View text, const char *name, const LogColumns *columns, EventLog *ret_log, Diag *diag);

/** Parts of the parsers. */
MUST_USE Err log_name(LogNames *names, View text, uint32_t *ret_index);
MUST_USE Err log_add(EventLog *log, const LogEvent *event);
/**
 * The numbers that stand for an event's attributes, the same whether a log has them in columns or a request says name=value&name=value: in the order
 * of their names, each of its name and its value, empty values left out. A column's name is taken as a request would have to write it: in lower case,
 * with - for what it cannot have. NULL: no such column.
 */
void log_attributes(const char *const names[LOG_ATTRIBUTES_MAX], const Buffer values[LOG_ATTRIBUTES_MAX], uint32_t ret_numbers[LOG_ATTRIBUTES_MAX]);
void log_attributes_said(const char *pairs, uint32_t ret_numbers[LOG_ATTRIBUTES_MAX]);
/** "2012-04-03 16:55:38", "2010-01-13T08:40:25.000+02:00", "...Z", "2024/11/15 16:57" or seconds since 1970. errors: ERR_BAD_INPUT */
MUST_USE Err log_time(View text, int64_t *ret_time_ms, int16_t *ret_utc_offset_min);
