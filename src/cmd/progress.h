/** How far a task is: a bar on a terminal, a line every few seconds elsewhere. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "api/covey.h"

enum { PROGRESS_LINE_MAX = 256, PROGRESS_LINE_EVERY_S = 5 };

typedef struct {
    FILE *out;
    const char *task;
    bool terminal, bar_shown;
    double next_line_s; /* of the run, when the next plain line is due */
    unsigned nodes_ready; /* that the last plain line told of */
} Progress;

void progress_begin(Progress *p, const char *task);
void progress_show(Progress *p, const covey_progress *c);
/** What happens before the first micro-job; on a terminal only. */
void progress_note(Progress *p, const char *what, const char *which);
/** Takes the bar away. */
void progress_end(Progress *p);

/** The text of it, pure; `columns` 0: without a bar. */
void progress_format(const char *task, const covey_progress *c, unsigned columns, char *ret_text, size_t room);
