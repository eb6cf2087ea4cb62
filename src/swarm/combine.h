/**
 * Built-in combiners: fold the results of a task, given in input order, into one output. Memory is bounded by what the combiner must
 * keep (keys, N records), never by the number of results. Deterministic: order of input fixes every byte of the output.
 *
 *   concat        results one after another
 *   sum min max mean   each result is lines of comma-separated numbers, all results of one shape; folded column by column, line by line.
 *                 Integers are exact (128 bits, overflow is an error), otherwise double with compensated summation (Neumaier 1974),
 *                 printed as the shortest text that reads back the same
 *   sum-by-key    lines "key,number[,number...]"; output sorted by key, bytewise; a quoted CSV key may hold commas
 *   top: N        lines whose last field is a number; the N largest, ties by earlier input
 */
#pragma once
#include "swarm/task.h"

/** Where output goes, piece by piece. */
typedef Err (*CombineSink)(void *context, View bytes);
typedef struct Combiner Combiner;

enum { COMBINE_KEYS_MAX = 16 << 20, COMBINE_LINE_BYTES_MAX = 1 << 20 };

MUST_USE Err combiner_new(const CombineSpec *spec, CombineSink sink, void *context, Combiner **ret_combiner);
/** One result. A malformed one is an error that names micro-job and line. errors: ERR_BAD_INPUT, ERR_LIMIT */
MUST_USE Err combiner_add(Combiner *c, uint64_t job, View result, Diag *diag);
MUST_USE Err combiner_finish(Combiner *c, Diag *diag);
void combiner_free(Combiner **combiner);
