/**
 * Adaptive replication: a node that was right often enough in a row gets single copies, and is still checked at random.
 *
 * As in BOINC (Anderson, "BOINC: A Platform for Volunteer Computing", J. Grid Computing 2020, section 4.1 "adaptive replication"): after
 * `trust_after` validated results in a row a node's micro-jobs go out as one copy, except that each is replicated with probability
 *     max(check_floor, trust_after / consecutive)      capped at 1: the longer the record, the rarer the check, never rarer than the floor
 * One result found wrong sets the node back to zero and bars it from single copies until it has twice as many validated results as the last time
 * (up to TRUST_AFTER_MAX), so that earning and spending trust in turn does not pay.
 *
 * Only results validated by a quorum of at least two count; a single copy validates nothing. Keyed by the node's hash (PlacementWho.node),
 * bounded: with REPUTATION_NODES_MAX nodes the one least recently seen that has no lie on record is forgotten first. Deterministic from the seed.
 */
#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { REPUTATION_NODES_MAX = 1 << 17, TRUST_AFTER_DEFAULT = 10, TRUST_AFTER_MAX = 1 << 20 };

typedef struct {
    uint32_t trust_after;   /* N; 0: TRUST_AFTER_DEFAULT */
    double check_floor;     /* 0: 0.05 */
    uint64_t seed;
    uint32_t nodes_max;     /* 0: REPUTATION_NODES_MAX */
} ReputationOptions;

typedef struct Reputation Reputation;
MUST_USE Err reputation_new(const ReputationOptions *options, Reputation **ret_reputation);
void reputation_free(Reputation *r);
static inline void reputation_freep(Reputation **r) { reputation_free(*r); }
#define AUTO_REPUTATION __attribute__((cleanup(reputation_freep))) Reputation *

/** Whether a micro-job of this node may go out as a single copy now; draws from the seed, so ask once for each micro-job. */
bool reputation_single(Reputation *r, uint64_t node);
/** A quorum of two or more has judged a result of the node. errors: ENOMEM */
MUST_USE Err reputation_report(Reputation *r, uint64_t node, bool right);

typedef struct {
    uint32_t consecutive;   /* validated results since the last wrong one */
    uint32_t needed;        /* before single copies */
    uint64_t right, wrong;
    double reliability;     /* (right + 1) / (right + wrong + 2): Laplace's rule of succession */
    double check;           /* the probability of a check of the next single copy; 1: not trusted */
} ReputationRecord;
/** A node that nobody has seen: all zeros, reliability 0.5, check 1. */
ReputationRecord reputation_of(const Reputation *r, uint64_t node);
