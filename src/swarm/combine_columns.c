/* sum, min, max, mean: every result is the same table of numbers, folded cell by cell. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "swarm/combine_text.h"

enum { COLUMNS_CELLS_MAX = 4 << 20 };

typedef union { Sum sum; Number best; } Cell;

typedef struct {
    CombineBy by;
    uint64_t results;         /* folded so far */
    Cell *cells;
    size_t cell_count, cell_room;
    size_t *line_ends;        /* index of the first cell behind each line */
    size_t line_count, line_room;
} Columns;

static Err start(const CombineSpec *spec, void **ret_state)
{
    Columns *c = calloc(1, sizeof *c);
    if (!c) return FAIL(ENOMEM);
    c->by = spec->by;
    *ret_state = c;
    return OK;
}

static void end(void *state)
{
    Columns *c = state;
    free(c->cells);
    free(c->line_ends);
    free(c);
}

/** Room for one more element of an array that doubles. */
static Err grow(void **array, size_t count, size_t *room, size_t element)
{
    if (count < *room) return OK;
    size_t more = *room ? *room * 2 : 16;
    void *grown = reallocarray(*array, more, element);
    if (!grown) return FAIL(ENOMEM);
    *array = grown;
    *room = more;
    return OK;
}

static Err grow_cells(Columns *c)
{
    void *cells = c->cells;
    TRY(grow(&cells, c->cell_count, &c->cell_room, sizeof *c->cells));
    c->cells = cells;
    return OK;
}

static Err grow_lines(Columns *c)
{
    void *ends = c->line_ends;
    TRY(grow(&ends, c->line_count, &c->line_room, sizeof *c->line_ends));
    c->line_ends = ends;
    return OK;
}

static bool fold(const Columns *c, Cell *cell, const Number *n)
{
    if (c->by == COMBINE_SUM || c->by == COMBINE_MEAN) return sum_add(&cell->sum, n);
    int order = c->results == 0 ? 0 : number_compare(n, &cell->best);
    bool better = c->results == 0 || (c->by == COMBINE_MIN ? order < 0 : order > 0);
    if (better) cell->best = *n;
    return true;
}

/** The first result fixes how many numbers each line has. */
static Err add_line(Columns *c, const Lines *l, View line, size_t index, size_t *at)
{
    bool first = c->results == 0;
    size_t begin = *at, end_of_line = first ? SIZE_MAX : c->line_ends[index];
    for (View rest = line; rest.data;) {
        Number n;
        TRY(lines_number(l, field_next(&rest), &n));
        if (*at >= COLUMNS_CELLS_MAX) return LINES_FAIL(l, ERR_LIMIT, "more than %d numbers in a result", COLUMNS_CELLS_MAX);
        if (*at >= end_of_line)
            return LINES_FAIL(l, ERR_BAD_INPUT, "more than %zu numbers; earlier results have that many", end_of_line - begin);
        if (first) {
            TRY(grow_cells(c));
            c->cells[c->cell_count++] = (Cell){0};
        }
        if (!fold(c, &c->cells[(*at)++], &n)) return LINES_FAIL(l, ERR_LIMIT, "the sum is beyond 128 bits or beyond a double");
    }
    if (!first && *at < end_of_line)
        return LINES_FAIL(l, ERR_BAD_INPUT, "%zu numbers; earlier results have %zu", *at - begin, end_of_line - begin);
    if (!first) return OK;
    TRY(grow_lines(c));
    c->line_ends[c->line_count++] = *at;
    return OK;
}

static Err add(void *state, Lines *l)
{
    Columns *c = state;
    size_t cell = 0, index = 0;
    for (;; index++) {
        View line;
        bool more;
        TRY(lines_next(l, &line, &more));
        if (!more) break;
        if (c->results && index >= c->line_count)
            return LINES_FAIL(l, ERR_BAD_INPUT, "more than %zu lines; earlier results have that many", c->line_count);
        TRY(add_line(c, l, line, index, &cell));
    }
    if (index < c->line_count)
        return LINES_FAIL(l, ERR_BAD_INPUT, "the result ends here; earlier results have %zu lines", c->line_count);
    c->results++;
    return OK;
}

static bool value_of(const Columns *c, const Cell *cell, Number *ret_value)
{
    if (c->by == COMBINE_SUM) return sum_total(&cell->sum, ret_value);
    if (c->by == COMBINE_MEAN) return sum_mean(&cell->sum, c->results, ret_value);
    *ret_value = cell->best;
    return true;
}

static Err finish(void *state, Output *out, Diag *diag)
{
    Columns *c = state;
    size_t at = 0;
    for (size_t line = 0; line < c->line_count; line++) {
        for (; at < c->line_ends[line]; at++) {
            Number n;
            if (!value_of(c, &c->cells[at], &n))
                return FAIL_WHY(diag, ERR_LIMIT, "line %zu of the output: a sum is beyond a double", line + 1);
            TRY(output_number(out, &n));
            TRY(output_text(out, at + 1 < c->line_ends[line] ? VIEW(",") : VIEW("\n")));
        }
    }
    return OK;
}

const CombineKind COMBINE_COLUMNS = {start, add, finish, end};
