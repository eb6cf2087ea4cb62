/**
 * The state of a private aggregation: taking records or outputs of blocks, merging partial results, and releasing once with noise.
 *
 * Runs in SEEs: all memory is given by the caller, nothing is allocated, no system call is made. A partial result holds raw sums: it leaves a SEE
 * only sealed to
 * the combiner's measurement. Merging is commutative and associative, so any tree gives the same; noise is drawn only by aggregate_release, which
 * works once on a state.
 * Sums are 128-bit and checked: with bounds below 2^62 steps and fewer than 2^48 records none can overflow; a partial result that claims more is
 * ERR_LIMIT.
 */
#pragma once
#include "privacy/query.h"

enum { AGGREGATE_RECORDS_LOG2 = 48, PARTIAL_HEADER_BYTES = 64 };

typedef struct Aggregate Aggregate; /* lies at the beginning of the caller's memory */

/** Bytes that aggregate_start needs: for open keys with room for `open_keys` keys, otherwise open_keys is not used. errors: ERR_LIMIT */
MUST_USE Err aggregate_size(const Query *query, uint32_t open_keys, size_t *ret_size);
/** query and its keys are borrowed for the life of the state. Memory must be aligned to 16. errors: ERR_LIMIT (too small), as query_plan */
MUST_USE Err aggregate_start(const Query *query, const Plan *plan, uint32_t open_keys, void *memory, size_t size, Aggregate **ret_aggregate);

/**
 * One record that contribution_admit let pass (unit record: any record). key, value: empty where the query has none. first_of_key: the person's
 * first with this key
 * (open keys count persons; unit record: always true).
 * errors: ERR_LIMIT (more open keys than there is room for: the segment fails as a whole)
 */
MUST_USE Err aggregate_record(Aggregate *a, View key, View value, bool first_of_key);
/** Blocks: the output of one block, numbers apart by blanks, commas or newlines; too few are filled with, and no number becomes, the value in the
 *  bounds nearest to zero;
 *  too many are dropped. A failed block is an empty text. Nothing in it can make this fail. */
void aggregate_block(Aggregate *a, View output);

/** Appends the partial result; deterministic. errors: ERR_LIMIT, ENOMEM: those of the buffer */
MUST_USE Err aggregate_save(const Aggregate *a, Buffer *out);
/** Adds a partial result. errors: ERR_CORRUPT (not one of this query, sums beyond what its records allow), ERR_LIMIT (room); the state is then
 *  unusable */
MUST_USE Err aggregate_merge(Aggregate *a, View partial);

/** A released number: value / denominator in units of `step` of the query where that applies. */
typedef struct {
    View key;                       /* sum by key, histogram, top; empty otherwise; borrowed from the state */
    PartRole role;                  /* PART_CLAMPED: the bounds check; PART_CHOICE: a quantile; otherwise PART_VALUE */
    const Part *part;               /* mechanism and parameters */
    bool negative, low_negative, high_negative;
    Rational value, low, high;      /* absolute value and ends of the interval, in the query's unit (steps are multiplied out), rounded outwards */
} Released;

/**
 * Calls `each` for every released number. Works once: the state is wiped afterwards.
 * errors: those of the source and of `each`; ERR_PROTOCOL (released before)
 */
MUST_USE Err aggregate_release(Aggregate *a, NoiseSource *source, Err (*each)(void *context, const Released *number), void *context);
/** Forgets everything. */
void aggregate_wipe(Aggregate *a);
