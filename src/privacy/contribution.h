/**
 * How much one person may contribute: the first `records` records, and among them the first `keys` different keys with at most `per_key` records
 * each; what comes
 * after that is dropped. Which records stay depends on that person's records and their order alone, so one person's coming or going changes nothing
 * of others.
 *
 * That holds within one segment; over a dataset it holds because sealing by a person column puts all records of a person into one segment.
 * Persons are compared byte by byte, not by digest: two persons who were taken for one would have twice the sensitivity.
 * Memory is the caller's and bounded: contribution_admit says ERR_LIMIT when it is full, which must fail the segment as a whole (its default
 * output), since what
 * is dropped on account of other persons' records would break the bound.
 */
#pragma once
#include "base/bytes.h"

typedef struct { uint32_t records, keys, per_key; } ContributionLimits; /* each 1 .. CONTRIBUTION_MAX */
enum { CONTRIBUTION_MAX = 1 << 16, PERSON_BYTES_MAX = 256 };

typedef struct {
    ContributionLimits limits;
    uint8_t *memory;
    size_t size, used;
    uint32_t slot_count;
} Contribution;

/** errors: ERR_BAD_INPUT (a limit of 0 or above CONTRIBUTION_MAX), ERR_LIMIT (not even an empty table fits) */
MUST_USE Err contribution_start(ContributionLimits limits, void *memory, size_t size, Contribution *ret);
/** Whether this record counts, and whether it is the person's first one with this key. key: empty when the aggregation has none. errors: ERR_LIMIT
 *  (memory full, person or key above PERSON_BYTES_MAX) */
MUST_USE Err contribution_admit(Contribution *c, View person, View key, bool *ret_counts, bool *ret_first_of_key);
void contribution_wipe(Contribution *c);
