/* Putting a figure together. */
#include "bench/runner/figure.h"

#include <assert.h>
#include <stdio.h>

Row *figure_add(Figure *f, const char *who, const char *unit, Spread spread, double ratio)
{
    assert(f->row_count < FIGURE_ROWS_MAX);
    Row *row = &f->rows[f->row_count++];
    *row = (Row){.unit = unit, .spread = spread, .ratio = ratio};
    snprintf(row->who, sizeof row->who, "%s", who);
    return row;
}

static void judge(Row *row, bool met, const char *relation, double limit, const char *what)
{
    snprintf(row->target, sizeof row->target, "%s %g %s", relation, limit, what);
    row->state = met ? TARGET_MET : TARGET_MISSED;
}

void row_at_most(Row *row, double value, double limit, const char *what) { judge(row, value <= limit, "at most", limit, what); }
void row_at_least(Row *row, double value, double limit, const char *what) { judge(row, value >= limit, "at least", limit, what); }

void figure_note(Figure *f, const char *format, ...)
{
    size_t used = strlen(f->note);
    va_list args;
    va_start(args, format);
    vsnprintf(f->note + used, sizeof f->note - used, format, args);
    va_end(args);
}
