/* Lines in, pieces out. */
#include "swarm/combine_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/quoted.h"

enum { OUTPUT_PIECE = 64 << 10 };

Err lines_fail(const Lines *l, int code, const char *at, const char *format, ...)
{
    char what[DIAG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return diag_fail(l->diag, code, at, "micro-job %" PRIu64 ", line %" PRIu64 " of its result: %s", l->job, l->line, what);
}

Err lines_next(Lines *l, View *ret_line, bool *ret_more)
{
    *ret_more = l->rest.size > 0;
    if (!*ret_more) return OK;
    l->line++;
    const uint8_t *newline = memchr(l->rest.data, '\n', l->rest.size);
    size_t size = newline ? (size_t)(newline - l->rest.data) : l->rest.size;
    if (size > COMBINE_LINE_BYTES_MAX) return LINES_FAIL(l, ERR_LIMIT, "longer than %d bytes", COMBINE_LINE_BYTES_MAX);
    size_t next = size + (newline != NULL);
    bool carriage_return = newline && size && newline[-1] == '\r';
    *ret_line = view_of(l->rest.data, size - carriage_return);
    l->rest = view_of(l->rest.data + next, l->rest.size - next);
    return OK;
}

Err lines_number(const Lines *l, View field, Number *ret_number)
{
    switch (number_parse(field, ret_number)) {
    case NUMBER_OK: return OK;
    case NUMBER_OUT_OF_RANGE: return LINES_FAIL(l, ERR_BAD_INPUT, "'%s' is beyond what can be computed with", quoted(field).text);
    case NUMBER_MALFORMED: break;
    }
    return LINES_FAIL(l, ERR_BAD_INPUT, "'%s' is not a number such as 12, -0.5 or 1e-3", quoted(field).text);
}

View field_next(View *rest)
{
    View all = *rest;
    const uint8_t *comma = memchr(all.data, ',', all.size);
    if (!comma) {
        *rest = (View){0};
        return all;
    }
    size_t size = (size_t)(comma - all.data);
    *rest = view_of(comma + 1, all.size - size - 1);
    return view_of(all.data, size);
}

Err output_text(Output *o, View text)
{
    if (o->pending.size >= OUTPUT_PIECE) TRY(output_flush(o));
    return buffer_append(&o->pending, text);
}

Err output_number(Output *o, const Number *n)
{
    char text[NUMBER_TEXT_MAX];
    number_print(n, text);
    return output_text(o, view_text(text));
}

Err output_flush(Output *o)
{
    if (o->pending.size) TRY(o->sink(o->context, view_buffer(&o->pending)));
    o->pending.size = 0;
    return OK;
}
