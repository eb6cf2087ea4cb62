/**
 * Whether a running micro-job is a straggler that is worth a second copy. Pure.
 *
 * After LATE (Zaharia et al., "Improving MapReduce Performance in Heterogeneous Environments", OSDI 2008): what counts is not how far it is behind
 * but when it would finish against when a copy would. The run's length is believed to be the estimate until the estimate is used up; from then on
 * as long again as it is overdue (nothing better is known of a run that outlives its estimate).
 */
#pragma once
#include "placement/placement.h"

typedef struct {
    double median_s, p95_s;   /* of this task on THIS node (reference estimates / its speed) */
    double running_s;         /* since it was given to a core */
    uint64_t samples;         /* behind the estimates; under SPECULATE_SAMPLES_MIN nothing is a straggler */
} SpeculateRun;

enum { SPECULATE_SAMPLES_MIN = 5 };

/** Estimated seconds that it still needs. */
double speculate_left_s(const SpeculateRun *run);
/** Running longer than the p95 and than 1.5 medians. */
bool speculate_straggler(const SpeculateRun *run);

/**
 * For a micro-job of the task running on `node` since `since_s` (placement's clock): whether a copy should start now, and where; the copy is charged.
 * Worth it when it is a straggler, no copy was made yet (copies_out == 1), few micro-jobs wait (they go first), and the copy would be back in less
 * than three quarters of the time that the original still needs. avoid: as in placement_choose_node; the node itself is avoided anyway.
 * errors: ENOMEM
 */
MUST_USE Err placement_speculate(Placement *p, PlacementTaskRef task, const JobNeed *job, PlacementNodeRef node, double since_s,
                                 unsigned copies_out, const PlacementWho *avoid, size_t avoid_count, bool *ret_worth, PlacementChoice *ret_choice);
