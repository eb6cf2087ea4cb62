/* What a node does with what it was given: fetches it over its link, runs it on a core, sends the result. */
#include <math.h>

#include "sim/world.h"

/* Bytes that must travel to the node before the run. The image comes once, with the first attempt. */
static uint64_t missing_bytes(World *w, const Attempt *a, uint64_t *ret_images)
{
    const SimTask *t = task_of_job(w, a->job);
    uint64_t bit = (uint64_t)1 << w->jobs[a->job].task, missing = 0;
    *ret_images = bit;
    if (!(w->nodes[a->node].images & bit)) missing += t->image_bytes;
    if (!node_holds(w, a->node, a->job)) missing += t->segment_bytes;
    return missing;
}

/* Links are used by one transfer at a time, in the order of the assignments; so is the origin's. */
static uint64_t transfer_end(World *w, Node *n, uint64_t bytes)
{
    uint64_t start = later(w->now_ns + n->population->latency_ns, n->link_free_ns), end = start;
    if (bytes == 0) return w->now_ns + n->population->latency_ns;
    if (w->scenario->origin_bandwidth) {
        start = later(start, w->origin_free_ns);
        w->origin_free_ns = start + from_seconds((double)bytes / (double)w->scenario->origin_bandwidth);
        end = w->origin_free_ns;
    }
    if (n->population->bandwidth) end = later(end, start + from_seconds((double)bytes / (double)n->population->bandwidth));
    n->link_free_ns = end;
    return end;
}

Err node_receive(World *w, uint32_t attempt)
{
    Attempt *a = &w->attempts[attempt];
    Node *n = &w->nodes[a->node];
    if (!n->up || n->cut) { /* nobody is there: the manager learns it when the lease ends */
        a->state = ATTEMPT_LOST;
        return OK;
    }
    uint64_t image, missing = missing_bytes(w, a, &image);
    n->images |= image;
    w->tally.bytes += missing;
    return world_at(w, transfer_end(w, n, missing), EVENT_READY, attempt, a->stamp);
}

static double slowness(const World *w, const Attempt *a)
{
    const SimFailures *f = &w->nodes[a->node].population->failures;
    uint64_t index = (uint64_t)a->job << 20 ^ a->node;
    return draw_unit(w->seed, DRAW_STRAGGLER, index) < f->straggler_share ? f->straggler_factor : 1;
}

static Err start(World *w, uint32_t attempt)
{
    Attempt *a = &w->attempts[attempt];
    Node *n = &w->nodes[a->node];
    double run_s = job_work_s(w->scenario, w->seed, w->jobs[a->job].task, a->job) / n->speed * slowness(w, a);
    n->running++;
    a->state = ATTEMPT_RUNS;
    a->started_ns = w->now_ns;
    a->ends_ns = w->now_ns + task_of_job(w, a->job)->start_ns + from_seconds(run_s);
    return world_at(w, a->ends_ns, EVENT_FINISHED, attempt, a->stamp);
}

/* The first of the line that is still wanted gets the free core. */
static Err start_next(World *w, Node *n)
{
    while (n->ready_first != SIM_NONE && n->running < n->claimed_cores) {
        uint32_t attempt = n->ready_first;
        Attempt *a = &w->attempts[attempt];
        n->ready_first = a->next_ready;
        if (n->ready_first == SIM_NONE) n->ready_last = SIM_NONE;
        a->next_ready = SIM_NONE;
        TRY(start(w, attempt));
    }
    return OK;
}

Err node_ready(World *w, uint32_t attempt)
{
    Attempt *a = &w->attempts[attempt];
    Node *n = &w->nodes[a->node];
    if (a->state != ATTEMPT_TRAVELS) return OK;
    a->state = ATTEMPT_READY;
    if (n->ready_last == SIM_NONE) n->ready_first = attempt;
    else w->attempts[n->ready_last].next_ready = attempt;
    n->ready_last = attempt;
    return start_next(w, n);
}

/* What the core was occupied for is paid for, whatever comes of it. */
void node_bill(World *w, Node *n, uint64_t occupied_ns)
{
    n->busy_ns += occupied_ns;
    w->tally.cost += seconds(occupied_ns) / 3600 * n->population->price;
}

uint64_t node_result_time(const World *w, const Attempt *a)
{
    const Node *n = &w->nodes[a->node];
    const SimTask *t = task_of_job(w, a->job);
    uint64_t at = w->now_ns + n->population->latency_ns;
    if (n->population->bandwidth) at += from_seconds((double)t->result_bytes / (double)n->population->bandwidth);
    if (n->liar && n->population->failures.lies == LIE_LATE) at += 3 * w->scenario->lease_ns / 2; /* just late enough to have been given up */
    return at;
}

Err node_finished(World *w, uint32_t attempt)
{
    Attempt *a = &w->attempts[attempt];
    Node *n = &w->nodes[a->node];
    n->running--;
    node_bill(w, n, w->now_ns - a->started_ns);
    a->state = ATTEMPT_ENDED;
    a->ends_ns = w->now_ns;
    a->held = n->cut;
    w->tally.bytes += task_of_job(w, a->job)->result_bytes;
    if (!a->held) TRY(world_at(w, node_result_time(w, a), EVENT_RESULT, attempt, a->stamp));
    return start_next(w, n);
}

static void leave_line(World *w, Node *n, uint32_t attempt)
{
    uint32_t *link = &n->ready_first, before = SIM_NONE;
    while (*link != attempt) {
        before = *link;
        link = &w->attempts[*link].next_ready;
    }
    *link = w->attempts[attempt].next_ready;
    if (n->ready_last == attempt) n->ready_last = before;
}

Err node_drop(World *w, uint32_t attempt)
{
    Attempt *a = &w->attempts[attempt];
    Node *n = &w->nodes[a->node];
    if (a->state == ATTEMPT_READY) leave_line(w, n, attempt);
    if (a->state != ATTEMPT_RUNS) return OK;
    node_bill(w, n, w->now_ns - a->started_ns);
    n->running--;
    a->state = ATTEMPT_LOST;
    return n->up ? start_next(w, n) : OK;
}
