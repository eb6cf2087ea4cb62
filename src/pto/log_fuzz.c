/* Fuzzes both readers of event logs: whatever they take must be whole. */
#include <stdlib.h>

#include "pto/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const EventLog *log)
{
    for (size_t i = 0; i < log->count; i++)
        if (log->events[i].session >= log->sessions.count || log->events[i].task >= log->tasks.count) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const LogColumns columns = {.attributes = {"a"}}, usual = {.keep_without_task = true};
    Diag diag;
    AUTO_LOG csv = {0};
    AUTO_LOG wished = {0};
    AUTO_LOG xes = {0};
    if (!log_parse_csv(view_of(data, size), "log", &usual, &csv, &diag).code) check(&csv);
    if (!log_parse_csv(view_of(data, size), "log", &columns, &wished, &diag).code) check(&wished);
    if (!log_parse_xes(view_of(data, size), "log", &columns, &xes, &diag).code) check(&xes);
    return 0;
}
