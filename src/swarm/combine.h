/**
 * Built-in combiners: fold the results of a task, given in input order, into one output. Memory is bounded by what the combiner must
 * keep (keys, N records), never by the number of results. Deterministic: order of input fixes every byte of the output.
 *
 *   concat        results one after another
 *   sum min max mean   each result is lines of comma-separated numbers, all results of one shape; folded cell by cell. mean is the
 *                 arithmetic mean of the results (to weigh, emit sum and count and use sum)
 *   sum-by-key    lines "key,number[,number...]"; output sorted by key, bytewise; a quoted CSV key may hold commas and newlines
 *   top: N        lines whose last field is a number; the N largest, largest first, ties by earlier input
 *
 * Numbers are strict (combine_number.h). Integers are exact (128 bits, overflow is an error); other numbers are doubles with compensated
 * summation, printed as the shortest text that reads back the same. An empty result adds nothing and does not count for the mean; a task
 * whose results are all empty, or that has none, has an empty output. docs/task-file.md tells the user.
 */
#pragma once
#include "swarm/task.h"

/** Where output goes, piece by piece. */
typedef Err (*CombineSink)(void *context, View bytes);
typedef struct Combiner Combiner;

enum { COMBINE_KEYS_MAX = 16 << 20, COMBINE_LINE_BYTES_MAX = 1 << 20 };

/** errors: ERR_USAGE for COMBINE_MODULE, which is no built-in combiner */
MUST_USE Err combiner_new(const CombineSpec *spec, CombineSink sink, void *context, Combiner **ret_combiner);
/** One result. A malformed one is an error that names micro-job and line; after an error only combiner_free is left.
 *  errors: ERR_BAD_INPUT, ERR_LIMIT, what the sink returns */
MUST_USE Err combiner_add(Combiner *c, uint64_t job, View result, Diag *diag);
MUST_USE Err combiner_finish(Combiner *c, Diag *diag);
void combiner_free(Combiner **combiner);
