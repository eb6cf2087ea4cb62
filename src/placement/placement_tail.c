/*
 * The end of a task: when would all that is left be done, if every node that has a free core took its part (work flows like water into cores)?
 * A node that would finish one micro-job later than that, and than a fast node's next one, only makes the task longer, however idle it is. The
 * answer stays nearly the same while work goes as expected, so it is worked out by a scan once in many choices.
 */
#include "placement/placement_parts.h"

#include <math.h>

enum { SCAN_CHOICES_MIN = 16, SCAN_NODES_PER_CHOICE = 16, LEVEL_ROUNDS = 8 };

typedef struct { double rate, since_s; } Flow; /* micro-jobs per second from `since_s` on */

/* A node with no room whose work should be over and is not is believed to need as long again as it is late. */
static Flow flow_of(const Placement *p, const Class *c, const Node *n)
{
    const Terms terms = score_terms(p, &p->tasks[c->task], n, &c->job, c->content ? score_held(n, c->content) : 0);
    double since_s = fmax(p->now_s, n->core_free_s);
    if (n->room == 0 && n->outstanding >= n->cores && n->busy_until_s < p->now_s) since_s = 2 * p->now_s - n->busy_until_s;
    return (Flow){n->cores / fmax(score_charge(n, &terms), 1e-9), since_s};
}

/* When `left` micro-jobs are done: nodes that are free only later than that have no part in it. */
static double level(const Placement *p, const Class *c, double left)
{
    double end_s = INFINITY;
    for (int round = 0; round < LEVEL_ROUNDS; round++) {
        double rates = 0, weighted = left;
        for (uint32_t i = 0; i < p->node_end; i++) {
            if (c->where[i] == WHERE_OUT) continue;
            const Flow flow = flow_of(p, c, &p->nodes[i]);
            if (flow.since_s >= end_s) continue;
            rates += flow.rate;
            weighted += flow.rate * flow.since_s;
        }
        const double next_s = weighted / rates;
        if (!(next_s < end_s * (1 - 1e-9))) break;
        end_s = next_s;
    }
    return end_s;
}

static void scan(const Placement *p, Class *c)
{
    const uint64_t left = p->tasks[c->task].left;
    c->tail.left = left;
    c->tail.scanned_s = p->now_s;
    c->tail.full_s = c->tail.fastest_s = INFINITY;
    for (uint32_t i = 0; i < p->node_end; i++) {
        if (c->where[i] == WHERE_OUT) continue;
        const Flow flow = flow_of(p, c, &p->nodes[i]);
        const double run_s = p->nodes[i].cores / flow.rate;
        c->tail.fastest_s = fmin(c->tail.fastest_s, run_s);
        if (p->nodes[i].room == 0) c->tail.full_s = fmin(c->tail.full_s, flow.since_s + run_s);
    }
    c->tail.end_s = level(p, c, (double)left);
    const uint64_t by_left = left / 8, by_nodes = p->node_count / SCAN_NODES_PER_CHOICE;
    uint64_t choices = by_left > by_nodes ? by_left : by_nodes;
    if (choices < SCAN_CHOICES_MIN) choices = SCAN_CHOICES_MIN;
    c->tail.choices = choices > UINT32_MAX ? UINT32_MAX : (uint32_t)choices;
}

static bool too_late(const Class *c, double finish_s) { return finish_s > c->tail.end_s + c->tail.fastest_s && finish_s > c->tail.full_s; }

bool tail_hold(Placement *p, Class *c, double finish_s)
{
    const Task *t = &p->tasks[c->task];
    if (t->left == 0 || t->need.weights.availability == 0 || c->full == 0) return false;
    const bool stale = c->tail.choices == 0 || t->left > c->tail.left || p->now_s > c->tail.end_s;
    if (stale) scan(p, c);
    c->tail.choices--;
    if (!too_late(c, finish_s)) return false;
    if (p->now_s < c->tail.scanned_s + c->tail.fastest_s / 2) return true;
    scan(p, c); /* nothing is held back on old news */
    return too_late(c, finish_s);
}
