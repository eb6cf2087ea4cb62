/* A node's cores and what waits for them. */
#include "placement/node_queue.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void begin_run(NodeQueue *q, double end_s)
{
    uint32_t at = q->running++;
    for (; at > 0 && q->ends[at - 1] > end_s; at--) q->ends[at] = q->ends[at - 1];
    q->ends[at] = end_s;
}

static void take_run(NodeQueue *q, uint32_t at)
{
    q->running--;
    memmove(q->ends + at, q->ends + at + 1, (q->running - at) * sizeof *q->ends);
}

/* All that wait are taken to be alike. */
static void fill_cores(NodeQueue *q, double now_s)
{
    while (q->waiting && q->running < q->cores) {
        const double each_s = q->waiting_s / q->waiting;
        q->waiting--;
        q->waiting_s = q->waiting ? q->waiting_s - each_s : 0;
        begin_run(q, now_s + each_s);
    }
}

Err node_queue_set_cores(NodeQueue *q, uint32_t cores)
{
    assert(cores);
    const uint32_t followed = cores < QUEUE_CORES_MAX ? cores : QUEUE_CORES_MAX;
    if (followed != q->cores) {
        double *ends = realloc(q->ends, (followed > q->cores ? followed : q->cores) * sizeof *ends);
        if (!ends) return FAIL(ENOMEM);
        q->ends = ends;
        for (; q->running > followed; q->running--, q->waiting++) q->waiting_s += q->waiting ? q->waiting_s / q->waiting : 0;
    }
    q->cores = followed;
    q->core_speed = (double)cores / followed;
    return OK;
}

void node_queue_free(NodeQueue *q)
{
    free(q->ends);
    *q = (NodeQueue){0};
}

void node_queue_add(NodeQueue *q, double now_s, double charge_s)
{
    q->waiting++;
    q->waiting_s += charge_s / q->core_speed;
    fill_cores(q, now_s);
}

void node_queue_end(NodeQueue *q, double now_s, double charge_s, double used_s)
{
    if (q->running == 0) return; /* reported twice: what is not there cannot end */
    const double expected_s = now_s + (charge_s - used_s) / q->core_speed; /* when this one was to end */
    uint32_t at = 0;
    while (at + 1 < q->running && fabs(q->ends[at + 1] - expected_s) <= fabs(q->ends[at] - expected_s)) at++;
    take_run(q, at);
    fill_cores(q, now_s);
}

void node_queue_drop(NodeQueue *q, double now_s, double charge_s)
{
    if (q->waiting == 0) {
        if (q->running) take_run(q, q->running - 1);
        return;
    }
    q->waiting--;
    q->waiting_s = q->waiting ? fmax(0, q->waiting_s - charge_s / q->core_speed) : 0;
    fill_cores(q, now_s);
}

double node_queue_start_s(const NodeQueue *q, uint32_t ahead)
{
    if (q->running < q->cores) return 0;
    const double each_s = q->waiting ? q->waiting_s / q->waiting : 0;
    return q->ends[ahead % q->cores] + each_s * (ahead / q->cores); /* NOLINT(bugprone-integer-division): whole rounds */
}
