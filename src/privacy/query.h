/**
 * A private aggregation: what is asked, what it costs, which noise follows, and which error is to be expected; all known before any data is seen.
 *
 * Neighbours are datasets of which one has a person more (unit record: a record more). Sensitivities, with r records and k keys a person, c records
 * a person and
 * key (all 1 for unit record), and values in [lower, upper] steps, M = max(|lower|, |upper|), W = upper - lower:
 *
 *     count       r                                             released: count
 *     sum         r M                                           sum
 *     mean        of 2x - lower - upper: r W, and count: r      middle + sum / (2 count), half of the loss each; clamped to the bounds
 *     variance    of y = 2x - lower - upper: r W; of 2y^2 - W^2: r W^2; count: r     (mean of y^2 - (mean of y)^2) / 4, a third of the loss each
 *     histogram   L1 min(r, k c), L2^2 min(r^2, k c^2)          a count for each declared key (others are dropped)
 *     quantiles   of 'how far is the rank from q = a/b':        permute-and-flip among the edges of `bins` equal bins; r max(a, b - a) in units of
 *     1/b
 *     sum by key  L1 M min(r, k c), L2^2 M^2 min(r^2, k c^2)    declared keys; open keys are selected first by stability
 *     top         as histogram or sum by key                    the n largest of what was released (post-processing)
 *     blocks      W for each output (any person can change one block wholly)   mean of the outputs of disjoint blocks: GUPT, SIGMOD 2012
 *
 * Open keys: the number of persons that have a key, plus noise, must reach a threshold T such that a key that a single person has passes with at
 * most delta / k:
 * Korolova, Kenthapadi, Mishra, Ntoulas, WWW 2009; Vadhan 2017, section 3.3. Half of the loss selects, half releases. Keys are sorted before noise
 * is drawn.
 * Noise: discrete Laplace of L1 / epsilon for a pure or an (epsilon, delta) loss, discrete Gaussian of L2^2 / (2 rho) for rho; for (epsilon, delta)
 * the one of
 * smaller deviation, the Gaussian with the rho of zcdp_rho. Truncation (`range`): the released number is clamped to what is possible.
 */
#pragma once
#include "privacy/account.h"
#include "privacy/contribution.h"
#include "privacy/values.h"

typedef enum {
    QUERY_COUNT, QUERY_SUM, QUERY_MEAN, QUERY_VARIANCE, QUERY_HISTOGRAM, QUERY_QUANTILES, QUERY_SUM_BY_KEY, QUERY_TOP, QUERY_BLOCKS,
    QUERY_KINDS
} QueryKind;

enum {
    QUERY_KEYS_MAX = 1 << 16,      /* declared, or open ones in memory */
    QUERY_KEY_BYTES_MAX = 256,
    QUERY_QUANTILES_MAX = 64,
    QUERY_BINS_MAX = 1 << 14,
    QUERY_OUTPUTS_MAX = 256,       /* numbers that one block gives */
    QUERY_PARTS_MAX = 4,           /* noises of different law in one query */
};

typedef struct { Rational epsilon, delta, rho; } Spend; /* rho, or epsilon with or without delta; the others 0 */

typedef struct {
    QueryKind kind;
    Spend spend;
    bool by_person;                /* else by record: limits are 1 */
    ContributionLimits limits;
    Bounds bounds;                 /* sum, mean, variance, quantiles, sum by key, top of sums, blocks */
    bool of_values;                /* top: of sums, not of counts */
    const View *keys;              /* declared keys, sorted, none twice; borrowed */
    uint32_t key_count;
    bool open_keys;                /* histogram, sum by key, top: no declared keys */
    const Rational *quantiles;     /* each 0 .. 1; borrowed */
    uint32_t quantile_count, bins, top, outputs;
    uint64_t block_count;          /* blocks: how many, known beforehand; a block that failed gives the default output */
    bool check_bounds;             /* also release how many values were clamped, for a tenth of the spending */
    bool truncate;                 /* counts and sums are clamped to what is possible (a count is not below 0) */
    Rational confidence;           /* of the intervals; 0 is 0.95 */
} Query;

typedef enum { PART_VALUE, PART_COUNT, PART_SQUARES, PART_SELECT, PART_CLAMPED, PART_CHOICE } PartRole;

/** One noise of a query: of which law, for which sensitivity, out of which share of the spending. */
typedef struct {
    PartRole role;
    UInt128 l1, l2_squared;        /* sensitivity, in steps */
    Law law;                       /* LAW_NONE for PART_CHOICE */
    Rational gamma_unit;           /* PART_CHOICE: see noise_choose */
    Spend share;
    UInt128 threshold;             /* PART_SELECT: noisy persons >= threshold pass */
    UInt128 interval;              /* half-width in steps at the query's confidence (parts of one number share it by a union bound) */
} Part;

typedef struct {
    Part parts[QUERY_PARTS_MAX + 1];
    uint32_t part_count;
    Loss loss;                     /* of the whole query: what the ledger is charged */
} Plan;

/** The name of a kind as in a task file: "count", "sum", "mean", "variance", "histogram", "quantiles", "sum-by-key", "top", "sample-and-aggregate".
 *  */
const char *query_name(QueryKind kind);
MUST_USE bool query_named(View name, QueryKind *ret_kind);
/** errors: ERR_BAD_INPUT (the Diag, which may be NULL, says what: no spending, open keys without delta, keys out of order, ...), ERR_LIMIT */
MUST_USE Err query_plan(const Query *query, Plan *ret_plan, Diag *diag);
/**
 * Root mean square error that the formula promises for one released number, in the query's own unit; `records` is the number of records (mean,
 * variance: it
 * divides; may be an estimate; otherwise unused). For showing only (double). Quantiles: of the rank, as a share of 1.
 */
double plan_error(const Query *query, const Plan *plan, uint64_t records);
/** One line: mechanism, parameters exactly, sensitivity. NUL-terminated. */
void part_print(const Part *part, char *ret_text, size_t size);

/** A measurement on public or aged data: by how much the output of a block of that size is off the whole's, root mean square, as a share of the
 *  range. */
typedef struct { uint64_t block_records; Rational error; } BlockMeasure;
/**
 * The number of blocks of least expected error: noise of range sqrt(2) / (k epsilon) against the error of smaller blocks. With measures as in GUPT
 * section 4.3 the one whose
 * block size is best; without, an error of range / (block records) is assumed, so that k^2 = sqrt(2) records / epsilon. At least 1, at most
 * `records`.
 */
uint64_t blocks_of_least_error(uint64_t records, Rational epsilon, const BlockMeasure *measures, size_t count);
