/**
 * The state of a private aggregation: taking records or outputs of blocks, merging partial results, and releasing once with noise.
 *
 * Runs in SEEs: all memory is given by the caller, nothing is allocated, no system call is made. A partial result holds raw sums: it leaves a SEE
 * only
 * sealed to the combiner's measurement. Merging is commutative and associative, so any tree gives the same; noise is drawn only by
 * aggregate_release, which
 * works once on a state. Sums are 128-bit and checked: with bounds below 2^62 steps and fewer than 2^48 records none can overflow; a partial result
 * that
 * claims more is ERR_CORRUPT.
 *
 * Room for open keys is the same in all states whose partial results are merged. A key that finds none is dropped, and that is carried on: what is
 * released then is decided with noise (query.h), and one person's record cannot decide whether anything fails.
 *
 * Time: a value is added, compared and clamped without branches on it. Keys are looked up in tables, so memory access depends on keys; what a SEE's
 * neighbours
 * could measure of that is not hidden. Noise: `steady` of the source.
 */
#pragma once
#include "privacy/query.h"

enum { AGGREGATE_RECORDS_LOG2 = 48 };

typedef struct Aggregate Aggregate; /* lies at the beginning of the caller's memory */

/** Bytes that aggregate_start needs: for open keys with room for `open_keys` keys, otherwise open_keys is not used. errors: ERR_LIMIT */
MUST_USE Err aggregate_size(const Query *query, uint32_t open_keys, size_t *ret_size);
/** The query and what it points to are borrowed for the life of the state; the plan is copied. plan: NULL where only partial results are made, which
 *  need no noise; aggregate_plan gives it before a release. Memory must be aligned to 16. errors: ERR_LIMIT (too small) */
MUST_USE Err aggregate_start(const Query *query, const Plan *plan, uint32_t open_keys, void *memory, size_t size, Aggregate **ret_aggregate);
void aggregate_plan(Aggregate *a, const Plan *plan);

/**
 * One record that contribution_admit let pass (unit record: any record). key, value: empty where the query has none. first_of_key: the person's
 * first with
 * this key (open keys count persons; unit record: always true). A key that was not declared, or is longer than QUERY_KEY_BYTES_MAX (an open one:
 * QUERY_OPEN_KEY_BYTES_MAX), is dropped.
 * errors: ERR_LIMIT (2^48 records), ERR_PROTOCOL (released before, or a query of blocks)
 */
MUST_USE Err aggregate_record(Aggregate *a, View key, View value, bool first_of_key);
/**
 * Blocks: the output of one block, numbers apart by blanks, commas or newlines. Too few are filled with, and what is no number becomes, the value
 * in the bounds
 * nearest to zero; too many are dropped, and so is a block beyond block_count. A failed block is an empty text. Nothing in it can make this fail.
 */
void aggregate_block(Aggregate *a, View output);

/** Appends the partial result; deterministic. errors: ERR_LIMIT, ENOMEM: those of the buffer */
MUST_USE Err aggregate_save(const Aggregate *a, Buffer *out);
/** Adds a partial result. errors: ERR_CORRUPT (not one of this query, sums beyond what its records allow); the state is then
 *  unusable */
MUST_USE Err aggregate_merge(Aggregate *a, View partial);

/** A released number, and the interval that holds the answer without noise with the query's confidence. In the query's unit: steps are multiplied
 *  out. */
typedef struct {
    View key;                       /* sum by key, histogram, top; empty otherwise; borrowed from the state or the query */
    PartRole role;                  /* PART_CLAMPED: the bounds check; PART_ROOM: how many open keys; PART_CHOICE: a quantile; otherwise PART_VALUE */
    uint32_t index;                 /* which quantile, which output of a block, which place in a top; otherwise 0 */
    const Part *part;               /* mechanism and parameters; mean, variance: those of the numerator, the others stand beside it in the plan */
    bool negative, low_negative, high_negative;
    Rational value, low, high;      /* absolute values; the interval is rounded outwards */
} Released;

/**
 * Calls `each` for every released number: the bounds check first. Works once: the state is wiped afterwards, also when it fails.
 * errors: those of the source and of `each`; ERR_LIMIT (a number that does not fit); ERR_PROTOCOL (released before, or no plan)
 */
MUST_USE Err aggregate_release(Aggregate *a, NoiseSource *source, Err (*each)(void *context, const Released *number), void *context);
/** Forgets everything but that it was released. */
void aggregate_wipe(Aggregate *a);
