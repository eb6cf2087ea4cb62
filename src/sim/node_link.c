/* A node's link: what must travel to it before a run, one transfer after the other in the order of the assignments. What is called off gives its
 * place to the next, but for an image, which is fetched to its end; a cut stops the transfer that is under way, which begins anew when it heals. The
 * origin's link is one for all. */
#include "sim/world.h"

/* Bytes that must travel to the node before the run. The image comes once, with the first attempt. */
static uint64_t missing_bytes(const World *w, const Attempt *a)
{
    const SimTask *t = task_of_job(w, a->job);
    uint64_t missing = 0;
    if (!(w->nodes[a->node].images >> w->jobs[a->job].task & 1)) missing += t->image_bytes;
    if (!node_holds(w, a->node, a->job)) missing += t->segment_bytes;
    return missing;
}

static uint64_t transfer_end(World *w, const Node *n, uint64_t start, uint64_t bytes)
{
    uint64_t end = start;
    if (w->scenario->origin_bandwidth) {
        start = later(start, w->origin_free_ns);
        w->origin_free_ns = start + from_seconds((double)bytes / (double)w->scenario->origin_bandwidth);
        end = w->origin_free_ns;
    }
    if (n->population->bandwidth) end = later(end, start + from_seconds((double)bytes / (double)n->population->bandwidth));
    return end;
}

/* `started_ns`: when the assignment is there; `ends_ns`: when its transfer began. */
static Err begin_next(World *w, Node *n)
{
    while (n->link.first != SIM_NONE && !n->cut) {
        uint32_t attempt = n->link.first;
        Attempt *a = &w->attempts[attempt];
        uint64_t start = later(later(w->now_ns, a->started_ns), n->link_free_ns), bytes = missing_bytes(w, a);
        if (bytes > 0) {
            w->tally.bytes += bytes;
            a->ends_ns = start;
            return world_at(w, transfer_end(w, n, start, bytes), EVENT_READY, attempt, a->stamp);
        }
        line_leave(w, &n->link, attempt); /* the image that it waited for is here */
        TRY(world_at(w, start, EVENT_READY, attempt, a->stamp));
    }
    return OK;
}

Err link_fetch(World *w, uint32_t attempt)
{
    Attempt *a = &w->attempts[attempt];
    Node *n = &w->nodes[a->node];
    bool idle = n->link.first == SIM_NONE;
    a->started_ns = w->now_ns + n->population->latency_ns;
    if (missing_bytes(w, a) == 0) return world_at(w, later(a->started_ns, n->link_free_ns), EVENT_READY, attempt, a->stamp);
    line_join(w, &n->link, attempt);
    return idle ? begin_next(w, n) : OK;
}

Err link_fetched(World *w, uint32_t attempt)
{
    Node *n = &w->nodes[w->attempts[attempt].node];
    if (n->link.first != attempt) return OK; /* nothing had to travel */
    line_leave(w, &n->link, attempt);
    n->images |= (uint64_t)1 << w->jobs[w->attempts[attempt].job].task;
    return begin_next(w, n);
}

/* An image that is on the way comes whole: other micro-jobs of the task will want it. */
static void keep_image(const World *w, Node *n, const Attempt *a)
{
    uint64_t bit = (uint64_t)1 << w->jobs[a->job].task, bytes = task_of_job(w, a->job)->image_bytes;
    if (n->images & bit || n->cut || a->ends_ns > w->now_ns) return;
    n->images |= bit;
    if (n->population->bandwidth) n->link_free_ns = later(w->now_ns, a->ends_ns + from_seconds((double)bytes / (double)n->population->bandwidth));
}

Err link_call_off(World *w, uint32_t attempt)
{
    const Attempt *a = &w->attempts[attempt];
    Node *n = &w->nodes[a->node];
    bool under_way = n->link.first == attempt;
    line_leave(w, &n->link, attempt);
    if (!under_way) return OK;
    keep_image(w, n, a);
    return begin_next(w, n);
}

void link_cut(World *w, Node *n)
{
    if (n->link.first != SIM_NONE) w->attempts[n->link.first].stamp++; /* its end falls through */
}

Err link_heal(World *w, Node *n) { return begin_next(w, n); }
