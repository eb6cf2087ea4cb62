/* Nodes come and go: joining, crashing and being repaired, taken and given back by the spot market, cut off and healed; and the lease by which the
 * manager learns of it when nobody tells. */
#include <math.h>

#include "sim/world.h"

enum { WINDOW_DEPTH_MAX = 16 }; /* micro-jobs that wait on a node for each core, so that its link and the way to the manager do not idle it */

/* As many as arrive while one answer and the next assignment travel. */
static uint32_t window_of(const World *w, const Node *n)
{
    double depth = 1;
    for (size_t i = 0; i < w->scenario->task_count; i++) {
        const SimTask *t = &w->scenario->tasks[i];
        if (!node_fits(n->population, t)) continue;
        double way = 2 * seconds(n->population->latency_ns), run = t->run.mean / n->speed + seconds(t->start_ns);
        if (n->population->bandwidth) way += (double)t->segment_bytes / (double)n->population->bandwidth;
        depth = fmax(depth, ceil(way / run));
    }
    return n->claimed_cores * (1 + (uint32_t)fmin(depth, WINDOW_DEPTH_MAX));
}

uint64_t node_up_ns(const World *w, const Node *n) { return n->up_ns + (n->up ? w->now_ns - n->up_since_ns : 0); }

static double waiting_s(const World *w, Draw what, uint32_t node, uint32_t time, uint64_t mean_ns)
{
    Spread s = {.shape = SHAPE_EXPONENTIAL, .mean = seconds(mean_ns)};
    return spread_draw(&s, w->seed, what, (uint64_t)node << 32 | time);
}

static Err after(World *w, double s, EventKind kind, uint32_t node, uint32_t stamp)
{
    uint64_t wait = s < seconds(SCENARIO_TIME_MAX_NS) ? from_seconds(s) : SCENARIO_TIME_MAX_NS;
    return world_at(w, w->now_ns + wait, kind, node, stamp);
}

static Err plan_cut(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    uint64_t every = n->population->failures.cut_every_ns;
    return every ? after(w, waiting_s(w, DRAW_CUT, node, 2 * n->cuts, every), EVENT_CUT, node, n->stamp) : OK;
}

/* What the manager counts on at this node will not come. */
static Err lose_all(World *w, uint32_t node)
{
    for (uint32_t a = w->nodes[node].attempts, next; a != SIM_NONE; a = next) {
        next = w->attempts[a].next_of_node;
        if (w->attempts[a].state == ATTEMPT_LOST) TRY(manager_lost(w, a));
    }
    return OK;
}

static Err meet(World *w, uint32_t node)
{
    TRY(lose_all(w, node));
    w->nodes[node].known = true;
    w->room_made = true;
    return w->policy->node_changed(w, node);
}

static Err forget(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    if (!n->known) return OK;
    n->known = false;
    n->epoch++;
    TRY(w->policy->node_changed(w, node));
    if (!n->up) return lose_all(w, node);
    for (uint32_t a = n->attempts, next; a != SIM_NONE; a = next) { /* cut off: it goes on, and may answer later */
        next = w->attempts[a].next_of_node;
        TRY(w->attempts[a].state == ATTEMPT_LOST ? manager_lost(w, a) : manager_abandon(w, a));
    }
    return OK;
}

static Err come_up(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    n->up = true;
    n->stamp++;
    n->up_since_ns = n->link_free_ns = w->now_ns;
    n->images = n->population->warm ? UINT64_MAX : 0;
    n->cut = n->draining = false;
    uint64_t every = n->population->failures.crash_every_ns;
    if (every) TRY(after(w, waiting_s(w, DRAW_CRASH, node, 2 * n->boots, every), EVENT_CRASH, node, n->stamp));
    n->boots++;
    TRY(plan_cut(w, node));
    return meet(w, node);
}

static Err go_down(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    if (!n->up) return OK;
    for (uint32_t i = n->attempts; i != SIM_NONE; i = w->attempts[i].next_of_node) {
        Attempt *a = &w->attempts[i];
        if (a->state == ATTEMPT_RUNS) node_bill(w, n, w->now_ns - a->started_ns);
        if (a->state != ATTEMPT_ENDED || a->held) a->state = ATTEMPT_LOST; /* an answer that is on its way arrives */
    }
    n->link = n->ready = (Line){SIM_NONE, SIM_NONE};
    n->running = 0;
    n->up_ns += w->now_ns - n->up_since_ns;
    n->up = n->cut = false;
    n->stamp++;
    n->silent_since_ns = w->now_ns;
    return OK;
}

static Err silent(World *w, uint32_t node)
{
    w->nodes[node].silent_since_ns = w->now_ns;
    return world_at(w, w->now_ns + w->scenario->lease_ns, EVENT_LEASE, node, 0);
}

/* Spot: the next sample of the trace in which this node's being there changes. */

static uint64_t sample_of(const World *w, const Node *n)
{
    return (w->now_ns - n->population->joins_ns) / n->population->trace.gap_ns + n->trace_offset;
}

static Err plan_trace(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    const Trace *t = &n->population->trace;
    uint64_t now = sample_of(w, n), next = now + 1;
    bool there = trace_up(t, now, n->trace_member);
    while (next < now + t->count && trace_up(t, next, n->trace_member) == there) next++;
    if (next == now + t->count) return OK; /* it never changes */
    uint64_t at = n->population->joins_ns + (next - n->trace_offset) * t->gap_ns, notice = n->population->notice_ns;
    if (!there) return world_at(w, at, EVENT_RETURN, node, 0);
    if (notice) TRY(world_at(w, at > notice + w->now_ns ? at - notice : w->now_ns, EVENT_NOTICE, node, 0));
    return world_at(w, at, EVENT_PREEMPT, node, 0);
}

/* It is going to be taken, and its drain is the real one (swarm/manager_members.c): what has not begun it gives back, and of what runs another node
 * gets a copy at once. That runs on; the first right answer counts. */
static Err take_notice(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    if (!n->up) return OK;
    n->draining = true;
    if (n->known) TRY(w->policy->node_changed(w, node));
    for (uint32_t i = n->attempts, next; i != SIM_NONE; i = next) {
        const Attempt *a = &w->attempts[i];
        next = a->next_of_node;
        if (a->state == ATTEMPT_TRAVELS || a->state == ATTEMPT_READY) TRY(manager_recall(w, i, true));
        else if (a->state == ATTEMPT_RUNS) TRY(manager_copy(w, i));
    }
    return OK;
}

static Err take(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    bool told = n->draining && n->up;
    n->taken = true;
    bool was_up = n->up;
    TRY(go_down(w, node));
    if (told) TRY(forget(w, node));
    else if (was_up) TRY(silent(w, node));
    return plan_trace(w, node);
}

static Err give_back(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    n->taken = false;
    TRY(plan_trace(w, node));
    return n->crashed || n->up ? OK : come_up(w, node);
}

static Err join(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    const Trace *t = &n->population->trace;
    n->window = window_of(w, n);
    n->taken = t->count && !trace_up(t, sample_of(w, n), n->trace_member);
    if (!n->taken) TRY(come_up(w, node));
    return t->count ? plan_trace(w, node) : OK;
}

static Err crash(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    n->crashed = true;
    double repair_s = waiting_s(w, DRAW_CRASH, node, 2 * n->boots + 1, n->population->failures.crash_repair_ns);
    TRY(go_down(w, node));
    TRY(silent(w, node));
    return after(w, repair_s, EVENT_REPAIRED, node, 0);
}

static Err cut(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    double lasts_s = waiting_s(w, DRAW_CUT, node, 2 * n->cuts + 1, n->population->failures.cut_lasts_ns);
    n->cut = true;
    n->cuts++;
    link_cut(w, n);
    TRY(silent(w, node));
    return after(w, lasts_s, EVENT_HEALED, node, n->stamp);
}

static Err heal(World *w, uint32_t node)
{
    Node *n = &w->nodes[node];
    n->cut = false;
    TRY(link_heal(w, n));
    for (uint32_t i = n->attempts; i != SIM_NONE; i = w->attempts[i].next_of_node) {
        Attempt *a = &w->attempts[i];
        if (!a->held) continue;
        a->held = false;
        TRY(world_at(w, node_result_time(w, a), EVENT_RESULT, i, a->stamp));
    }
    TRY(plan_cut(w, node));
    return meet(w, node);
}

Err node_begin(World *w, uint32_t node) { return world_at(w, w->nodes[node].population->joins_ns, EVENT_UP, node, 0); }

Err node_event(World *w, const Event *e)
{
    Node *n = &w->nodes[e->subject];
    bool holds = n->stamp == e->stamp;
    switch ((EventKind)e->kind) {
    case EVENT_UP: return join(w, e->subject);
    case EVENT_CRASH: return holds ? crash(w, e->subject) : OK;
    case EVENT_REPAIRED: n->crashed = false; return n->taken || n->up ? OK : come_up(w, e->subject);
    case EVENT_NOTICE: return take_notice(w, e->subject);
    case EVENT_PREEMPT: return take(w, e->subject);
    case EVENT_RETURN: return give_back(w, e->subject);
    case EVENT_CUT: return holds ? cut(w, e->subject) : OK;
    case EVENT_HEALED: return holds ? heal(w, e->subject) : OK;
    case EVENT_LEASE: return (n->up && !n->cut) || w->now_ns < n->silent_since_ns + w->scenario->lease_ns ? OK : forget(w, e->subject);
    default: return OK;
    }
}
