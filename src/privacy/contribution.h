/**
 * How much one person may contribute: the first `records` records, and among them the first `keys` different keys with at most `per_key` records
 * each; what comes after that is dropped. Which records stay depends on that person's records and their order alone, so one person's coming or going
 * changes nothing of others.
 *
 * That holds within one segment; over a dataset it holds because sealing by a person column puts all records of a person into one segment.
 * Persons are compared byte by byte, not by digest or by their beginnings: when one of two persons who are taken for one goes, the other may
 * contribute more, which is twice the sensitivity. A record whose person or key is longer than PERSON_BYTES_MAX does not count.
 * Memory is the caller's. It must follow from the segment's public size (contribution_size), since running out of it would depend on the data.
 */
#pragma once
#include "base/bytes.h"

typedef struct { uint32_t records, keys, per_key; } ContributionLimits; /* each 1 .. CONTRIBUTION_MAX */
enum { CONTRIBUTION_MAX = 1 << 16, PERSON_BYTES_MAX = 256,
       CONTRIBUTION_SEGMENT_BYTES_MAX = 2 << 20 /* of one whose persons are counted: the built-in image has memory for as many as it may hold */ };

typedef struct {
    ContributionLimits limits;
    uint8_t *memory;
    size_t size, used;
    uint32_t slot_count, entry_count;
} Contribution;

/** Bytes that are enough for any segment of that many bytes and that many different records. */
size_t contribution_size(size_t segment_bytes, uint64_t records);
/** How many different records a segment of that many bytes can have at most. */
uint64_t contribution_records(size_t segment_bytes);
/** errors: ERR_BAD_INPUT (a limit of 0 or above CONTRIBUTION_MAX), ERR_LIMIT (not even an empty table fits, or 4 GiB and more) */
MUST_USE Err contribution_start(ContributionLimits limits, void *memory, size_t size, Contribution *ret);
/**
 * Whether this record counts, and whether it is the person's first one that counts with this key. An empty key is a key like any other: where an
 * aggregation has none, per_key is what `records` is (query_limits).
 * errors: ERR_LIMIT (memory full)
 */
MUST_USE Err contribution_admit(Contribution *c, View person, View key, bool *ret_counts, bool *ret_first_of_key);
