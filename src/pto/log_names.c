/* What both parsers of event logs fill: events, and the names of sessions and tasks. */
#include <errno.h>
#include <stdlib.h>

#include "pto/log.h"

static uint32_t hash_of(View text) /* FNV-1a; names are the log's own, a slow table hurts its reader only */
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < text.size; i++) hash = (hash ^ text.data[i]) * 16777619u;
    return hash;
}

uint32_t log_attribute(View text) { return text.size ? hash_of(text) | 1 : 0; }

static Err grow(LogNames *n)
{
    uint32_t size = n->slot_mask ? (n->slot_mask + 1) * 2 : 64;
    uint32_t *slots = calloc(size, sizeof *slots);
    char **texts = realloc(n->texts, size / 2 * sizeof *texts);
    if (texts) n->texts = texts;
    if (!slots || !texts) {
        free(slots);
        return FAIL(ENOMEM);
    }
    for (uint32_t i = 0; i < n->count; i++) {
        uint32_t at = hash_of(view_text(n->texts[i]));
        while (slots[at & (size - 1)]) at++;
        slots[at & (size - 1)] = i + 1;
    }
    free(n->slots);
    n->slots = slots;
    n->slot_mask = size - 1;
    return OK;
}

static Err append(LogNames *n, View text)
{
    if (n->count == n->max) return FAIL(ERR_LIMIT);
    char *copy = malloc(text.size + 1);
    if (!copy) return FAIL(ENOMEM);
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    n->texts[n->count++] = copy;
    return OK;
}

Err log_name(LogNames *n, View text, uint32_t *ret_index)
{
    if (!n->slots || n->count * 2 > n->slot_mask) TRY(grow(n));
    uint32_t at = hash_of(text), found;
    while ((found = n->slots[at & n->slot_mask]) && !view_equal(view_text(n->texts[found - 1]), text)) at++;
    if (!found) {
        TRY(append(n, text));
        n->slots[at & n->slot_mask] = found = n->count;
    }
    *ret_index = found - 1;
    return OK;
}

Err log_add(EventLog *log, const LogEvent *event)
{
    if (log->count == LOG_EVENTS_MAX) return FAIL(ERR_LIMIT);
    if (log->count == log->room) {
        size_t room = log->room ? log->room * 2 : 1024;
        LogEvent *events = realloc(log->events, room * sizeof *events);
        if (!events) return FAIL(ENOMEM);
        log->events = events;
        log->room = room;
    }
    log->events[log->count++] = *event;
    return OK;
}

static void free_names(LogNames *n)
{
    for (uint32_t i = 0; i < n->count; i++) free(n->texts[i]);
    free(n->texts);
    free(n->slots);
}

void log_free(EventLog *log)
{
    free(log->events);
    free_names(&log->sessions);
    free_names(&log->tasks);
    *log = (EventLog){0};
}
