/* What both parsers of event logs fill: events, and the names of sessions and tasks. */
#include <errno.h>
#include <stdlib.h>

#include "pto/log.h"

static const uint32_t HASH_BEGIN = 2166136261u; /* FNV-1a; names are the log's own, a slow table hurts its reader only */
static uint32_t hash_byte(uint32_t hash, uint8_t byte) { return (hash ^ byte) * 16777619u; }

static uint32_t hash_more(uint32_t hash, View text)
{
    for (size_t i = 0; i < text.size; i++) hash = hash_byte(hash, text.data[i]);
    return hash;
}

static uint32_t hash_of(View text) { return hash_more(HASH_BEGIN, text); }

static uint8_t letter_of_name(char c)
{
    if (c >= 'A' && c <= 'Z') return (uint8_t)(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ? (uint8_t)c : '-';
}

static int compare_names(const char *a, const char *b)
{
    while (*a && *b && letter_of_name(*a) == letter_of_name(*b)) a++, b++;
    return (*a ? letter_of_name(*a) : 0) - (*b ? letter_of_name(*b) : 0);
}

void log_attributes(const char *const names[LOG_ATTRIBUTES_MAX], const Buffer values[LOG_ATTRIBUTES_MAX], uint32_t ret_numbers[LOG_ATTRIBUTES_MAX])
{
    int order[LOG_ATTRIBUTES_MAX], count = 0;
    for (int i = 0; i < LOG_ATTRIBUTES_MAX; i++) {
        ret_numbers[i] = 0;
        if (!names[i] || values[i].size == 0) continue;
        int at = count++;
        for (; at > 0 && compare_names(names[i], names[order[at - 1]]) < 0; at--) order[at] = order[at - 1];
        order[at] = i;
    }
    for (int k = 0; k < count; k++) {
        uint32_t hash = HASH_BEGIN;
        for (const char *c = names[order[k]]; *c; c++) hash = hash_byte(hash, letter_of_name(*c));
        ret_numbers[k] = hash_more(hash_byte(hash, '='), view_buffer(&values[order[k]])) | 1;
    }
}

/* A request's are in the order of their names already (gateway/route). */
void log_attributes_said(const char *pairs, uint32_t ret_numbers[LOG_ATTRIBUTES_MAX])
{
    int count = 0;
    memset(ret_numbers, 0, LOG_ATTRIBUTES_MAX * sizeof *ret_numbers);
    for (const char *c = pairs; *c && count < LOG_ATTRIBUTES_MAX;) {
        size_t size = strcspn(c, "&");
        if (size && c[size - 1] != '=') ret_numbers[count++] = hash_of(view_of(c, size)) | 1;
        c += size + (c[size] == '&');
    }
}

static int by_time(const void *a, const void *b)
{
    const LogOrder *x = a, *y = b;
    if (x->time_ms != y->time_ms) return x->time_ms < y->time_ms ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

void log_order(const EventLog *log, LogOrder *ret_order)
{
    for (size_t i = 0; i < log->count; i++) ret_order[i] = (LogOrder){log->events[i].time_ms, i};
    qsort(ret_order, log->count, sizeof *ret_order, by_time);
}

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
