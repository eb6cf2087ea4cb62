/** What the line-based combiners share: reading a result line by line, saying where it is wrong, and writing the output in pieces. */
#pragma once
#include "swarm/combine.h"
#include "swarm/combine_number.h"

/** Walks one result. The last newline may be missing; a carriage return before a newline is no part of the line. */
typedef struct { View rest; uint64_t job, line; Diag *diag; } Lines; /* line: the one read last, from 1 */

static inline Lines lines_of(uint64_t job, View result, Diag *diag) { return (Lines){.rest = result, .job = job, .diag = diag}; }
/** *ret_more false at the end. errors: ERR_LIMIT (longer than COMBINE_LINE_BYTES_MAX) */
MUST_USE Err lines_next(Lines *l, View *ret_line, bool *ret_more);
/** Fails with "micro-job N, line M: ...". */
Err lines_fail(const Lines *l, int code, const char *at, const char *format, ...) __attribute__((format(printf, 4, 5)));
#define LINES_FAIL(l, code, ...) lines_fail((l), (code), __FILE__ ":" STR(__LINE__), __VA_ARGS__)
/** A field that must be a number. */
MUST_USE Err lines_number(const Lines *l, View field, Number *ret_number);
/** The text up to the next comma; *rest moves behind it and is {NULL, 0} after the last field. */
View field_next(View *rest);

/** Output, gathered into pieces that are worth a call of the sink. */
typedef struct { CombineSink sink; void *context; Buffer pending; } Output;

MUST_USE Err output_text(Output *o, View text);
MUST_USE Err output_number(Output *o, const Number *n);
MUST_USE Err output_flush(Output *o);

/** One way of combining. `add` sees no empty results. */
typedef struct {
    Err (*start)(const CombineSpec *spec, void **ret_state);
    Err (*add)(void *state, Lines *lines);
    Err (*finish)(void *state, Output *out, Diag *diag);
    void (*free)(void *state);
} CombineKind;

extern const CombineKind COMBINE_COLUMNS, COMBINE_KEYS, COMBINE_LARGEST;
