/**
 * What a node has to do, as far as placement knows: micro-jobs that run, each with the time when it should end, and those that wait behind them. Says
 * when a core is free for one more: exactly for runs of equal length, whatever the phases of the cores. Times in seconds on placement's clock.
 */
#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { QUEUE_CORES_MAX = 64 }; /* cores followed one by one; a node with more is followed as that many faster ones */

typedef struct {
    double *ends;             /* of the running, ascending; owned */
    uint32_t cores, running, waiting;
    double core_speed;        /* real cores for each of `cores` */
    double waiting_s;         /* what all that wait will keep a core busy */
} NodeQueue;

/** Begins, or goes on with another number of cores (what runs beyond them waits). errors: ENOMEM */
MUST_USE Err node_queue_set_cores(NodeQueue *q, uint32_t cores);
void node_queue_free(NodeQueue *q);
static inline uint32_t node_queue_count(const NodeQueue *q) { return q->running + q->waiting; }
/** charge_s: core-seconds of a real core. */
void node_queue_add(NodeQueue *q, double now_s, double charge_s);
/** One that ran for used_s has ended, and the next begins. */
void node_queue_end(NodeQueue *q, double now_s, double charge_s, double used_s);
/** One is gone without having run, the last that waits if any does. */
void node_queue_drop(NodeQueue *q, double now_s, double charge_s);
/** When the `ahead`-th that waits would get a core; ahead = waiting: one more. In the past, or 0 where a core is idle: at once. */
double node_queue_start_s(const NodeQueue *q, uint32_t ahead);
/** When the first of the running should have ended; 0: none runs. */
static inline double node_queue_first_end_s(const NodeQueue *q) { return q->running ? q->ends[0] : 0; }
