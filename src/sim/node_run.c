/* What a node does with what it was given: waits for its bytes (node_link.c), runs it on a core, sends the result. */
#include <math.h>

#include "sim/world.h"

/* Lines of attempts: for the link, for a core. */

void line_join(World *w, Line *line, uint32_t attempt)
{
    w->attempts[attempt].next_in_line = SIM_NONE;
    if (line->last == SIM_NONE) line->first = attempt;
    else w->attempts[line->last].next_in_line = attempt;
    line->last = attempt;
}

void line_leave(World *w, Line *line, uint32_t attempt)
{
    uint32_t *link = &line->first, before = SIM_NONE;
    while (*link != attempt && *link != SIM_NONE) {
        before = *link;
        link = &w->attempts[*link].next_in_line;
    }
    if (*link == SIM_NONE) return;
    *link = w->attempts[attempt].next_in_line;
    if (line->last == attempt) line->last = before;
}

Err node_receive(World *w, uint32_t attempt)
{
    Attempt *a = &w->attempts[attempt];
    Node *n = &w->nodes[a->node];
    if (!n->up || n->cut) { /* nobody is there: the manager learns it when the lease ends */
        a->state = ATTEMPT_LOST;
        return OK;
    }
    return link_fetch(w, attempt);
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
    while (n->ready.first != SIM_NONE && n->running < n->claimed_cores) {
        uint32_t attempt = n->ready.first;
        line_leave(w, &n->ready, attempt);
        TRY(start(w, attempt));
    }
    return OK;
}

Err node_ready(World *w, uint32_t attempt)
{
    Attempt *a = &w->attempts[attempt];
    Node *n = &w->nodes[a->node];
    if (a->state != ATTEMPT_TRAVELS) return OK;
    TRY(link_fetched(w, attempt));
    a->state = ATTEMPT_READY;
    line_join(w, &n->ready, attempt);
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

Err node_drop(World *w, uint32_t attempt)
{
    Attempt *a = &w->attempts[attempt];
    Node *n = &w->nodes[a->node];
    if (a->state == ATTEMPT_TRAVELS) return link_call_off(w, attempt);
    if (a->state == ATTEMPT_READY) line_leave(w, &n->ready, attempt);
    if (a->state != ATTEMPT_RUNS) return OK;
    node_bill(w, n, w->now_ns - a->started_ns);
    n->running--;
    a->state = ATTEMPT_LOST;
    return n->up ? start_next(w, n) : OK;
}
