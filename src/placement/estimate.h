/**
 * How long a micro-job of a task runs, learnt from what was measured: a mean that outliers cannot drag away, and median and 95th percentile
 * without keeping the samples (the P-square algorithm, Jain and Chlamtac, CACM 1985). Constant memory, no clock.
 */
#pragma once
#include <stdint.h>

/** One quantile: five markers. All zeros but `part` is the beginning. */
typedef struct { double part, height[5], wanted[5]; int64_t position[5]; uint64_t samples; } Quantile;

void quantile_add(Quantile *q, double value);
/** The estimate; with fewer than five samples the one nearest in rank; 0 without any. */
double quantile_value(const Quantile *q);

typedef struct { double mean; uint64_t samples; Quantile median, p95; } RunEstimate;

/** guess: what is believed before anything was measured. */
void estimate_start(RunEstimate *e, double guess);
/** value: for the mean; rank: for the quantiles, the same unless two beliefs of a node's speed are held (placement_nodes.c). */
void estimate_add(RunEstimate *e, double value, double rank);

/** One step of a moving average that believes no value further than a factor of `most` from what it is. */
double estimate_blend(double now, double value, double weight, double most);
