/**
 * A private aggregation: what is asked, what it costs, which noise follows, and which error is to be expected; all known before any data is seen.
 *
 * Neighbours are datasets of which one has a person more (unit record: a record more). Sensitivities, with R1 = min(r, k c) and R2 = min(r c, k
 * c^2) for r
 * records and k keys a person and c records a person and key (all 1 for unit record; k = 1 and c = r where there are no keys), and values in [lower,
 * upper] steps, M = max(|lower|, |upper|), W = upper - lower:
 *
 *     count       R1                                            released: count
 *     sum         R1 M                                          sum
 *     mean        of y = 2x - lower - upper: R1 W; count: R1    (lower + upper + sum / count) / 2, clamped to the bounds
 *     variance    of y: R1 W; of 2y^2 - W^2: R1 W^2; count: R1  (mean of y^2 - (mean of y)^2) / 4, clamped to [0, W^2 / 4]
 *     histogram   L1 R1, L2^2 R2                                a count for each declared key (others are dropped)
 *     quantiles   of the distance of the rank from q = a/b, in 1/b: R1 max(a, b - a); permute-and-flip among `bins` equal bins; the middle of one.
 *     Two more
 *                 choices, aimed below and above by what they may be off, are the ends of the interval
 *     sum by key  L1 M R1, L2^2 M^2 R2                          declared keys; open keys are selected first by stability
 *     top         as histogram or sum by key                    the n largest of what was released (post-processing)
 *     blocks      L1 d W, L2^2 d W^2 for d outputs              mean of the outputs of disjoint blocks (GUPT, SIGMOD 2012): a person, who is in one
 *                                                               block, can change that block's outputs wholly
 *
 * Shares of the spending: equal ones for each noise of a number; quantiles: a half for the value, a quarter for each end; a tenth of the whole for
 * the bounds check.
 * Open keys, at most QUERY_OPEN_KEY_BYTES_MAX long: memory has room for so many, and nothing may show whether it sufficed. A tenth of the
 * spending goes to how many different keys there are (one more than the room stands for any number beyond): that number plus noise plus a margin
 * must be within the room, or no key is released. The margin is such that an input with a key that found no room, and a neighbour of one, pass
 * with at most delta (propose, test, release: Dwork, Lei, STOC 2009).
 * Then the number of persons that have a key, plus noise, must reach a threshold T such that a key that a single person has passes with at most
 * delta / k: Korolova, Kenthapadi, Mishra, Ntoulas, WWW 2009; Vadhan 2017, section 3.3. Keys are sorted before noise is drawn.
 * Noise: discrete Laplace of L1 / epsilon for epsilon, discrete Gaussian of L2^2 / (2 rho) for rho; for (epsilon, delta) the one of smaller
 * variance, the
 * Gaussian with zcdp_rho(epsilon, delta) (a half of delta when the other half selects keys). A choice is epsilon-DP: out of rho, epsilon^2 / 2 = rho.
 * truncate: counts are not below 0, means of blocks are within the bounds. Post-processing, so free (geometric truncation: Ghosh, Roughgarden,
 * Sundararajan,
 * STOC 2009).
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
    QUERY_OPEN_KEY_BYTES_MAX = 64, /* so that room for keys is room for their bytes */
    QUERY_OPEN_ROOM = 4096,        /* different open keys that there is room for */
    QUERY_QUANTILES_MAX = 64,
    QUERY_BINS_MAX = 1 << 14,
    QUERY_OUTPUTS_MAX = 256,       /* numbers that one block gives */
    QUERY_PARTS_MAX = 5,           /* different noises in one query */
    QUERY_RANKS_MAX = 1 << 14,     /* denominator of a quantile */
};

/** rho, or epsilon; either with delta where keys are open; epsilon with delta wherever the Gaussian is allowed too. The others 0 (RATIONAL_ZERO). */
typedef struct { Rational epsilon, delta, rho; } Spend;

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
    Rational confidence;           /* of the intervals; 0/1 is 0.95 */
} Query;

typedef enum { PART_VALUE, PART_COUNT, PART_SQUARES, PART_SELECT, PART_CLAMPED, PART_CHOICE, PART_ENDS, PART_ROOM } PartRole;

/** One noise of a query: of which law, for which sensitivity, out of which share of the spending. */
typedef struct {
    PartRole role;
    UInt128 l1, l2_squared;        /* sensitivity, in steps */
    Law law;                       /* LAW_NONE for PART_CHOICE and PART_ENDS */
    Rational gamma_unit;           /* PART_CHOICE, PART_ENDS: see noise_choose; scores in 1/b of a rank */
    Spend share;                   /* epsilon or rho of one draw; PART_SELECT: and delta */
    UInt128 threshold;             /* PART_SELECT: noisy persons >= threshold pass; PART_ROOM: noisy keys and the threshold must be within the room */
    UInt128 interval;              /* half-width at the confidence, shared by the parts of one number (union bound): VALUE in steps (mean,
                                    * variance: half steps), COUNT in records, SQUARES as its sensitivity; choices in 1/b of a rank */
} Part;

typedef struct {
    Part parts[QUERY_PARTS_MAX];
    uint32_t part_count;
    Loss loss;                     /* of the whole query: what the ledger is charged */
} Plan;

/** The name of a kind as in a task file: "count", "sum", "mean", "variance", "histogram", "quantiles", "sum-by-key", "top", "sample-and-aggregate".
 *  */
const char *query_name(QueryKind kind);
MUST_USE bool query_named(View name, QueryKind *ret_kind);
/** The limits that count for a query, see above: for contribution_start. */
ContributionLimits query_limits(const Query *query);
/** What query_plan refuses as ERR_BAD_INPUT, apart from any noise: enough for partial results, and far quicker. */
MUST_USE Err query_check(const Query *query, Diag *diag);
/** errors: ERR_BAD_INPUT (the Diag, which may be NULL, says what: no spending, open keys without delta, keys out of order, ...), ERR_LIMIT */
MUST_USE Err query_plan(const Query *query, Plan *ret_plan, Diag *diag);
/** Of a quantile of its own, out of a choice's part, which says those of the most demanding one: what noise_choose gets, and by how much the rank may
 *  be off, in 1/b. */
Rational query_gamma(const Query *query, const Part *part, uint32_t index);
UInt128 query_rank_interval(const Query *query, const Part *part, uint32_t index);
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
 * The number of blocks of least expected error: noise of range * noise / k against the error of smaller blocks. noise: the deviation of the sum's
 * noise as a share of the range (plan_block_noise), sqrt(2) / epsilon for one output. With measures as in GUPT section 4.3 the one whose block size
 * is best; without, an error of range / (block records) is assumed, so that k^2 = noise * records. At least 1, at most `records`.
 */
uint64_t blocks_of_least_error(uint64_t records, double noise, const BlockMeasure *measures, size_t count);
/** That noise, of a query of blocks; it does not depend on how many blocks there are. */
double plan_block_noise(const Query *query, const Plan *plan);
