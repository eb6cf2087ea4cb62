/*
 * The end of a task. When could all that is left be done, each micro-job whole on one core? A node that would finish one later than that, and
 * than a full node's next one, only makes the task longer, however idle it is. The answer stays nearly the same while work goes as expected, so
 * it is worked out by a scan once in many choices; but nothing is held back on old news.
 *
 * Micro-jobs with data at hand: who has which of what is left is not looked up. Each node that holds anything is taken to hold what it would get, for
 * those are the ones worth waiting for ("Delay scheduling", Zaharia et al., EuroSys 2010).
 */
#include "placement/placement_parts.h"

#include <math.h>

enum { SCAN_CHOICES_MIN = 16, SCAN_NODES_PER_CHOICE = 16, SPANS_MAX = 1000 };
static const double SLACK = 0.05, NEAR = 0.01; /* of the fastest run: estimates are no better than that */

/* A node with no room whose work should be over and is not is believed to need as long again as it is late. */
static Flow flow_of(const Placement *p, const Class *c, const Node *n, bool at_hand)
{
    const uint64_t held = c->content ? score_held(n, c->content) : at_hand && n->data_count ? c->job.bytes : 0;
    const Terms terms = score_terms(p, &p->tasks[c->task], n, &c->job, held);
    double since_s = p->now_s + terms.queue_s;
    const double late_s = p->now_s - node_queue_first_end_s(&n->queue);
    if (n->room == 0 && n->queue.running == n->queue.cores && late_s > 0) since_s = fmax(since_s, n->core_free_s + 2 * late_s);
    return (Flow){since_s, fmax(score_pace(n, &terms), 1e-9), n->cores};
}

/* How many micro-jobs are done at `end_s`: the first begins when the node is free, then one each time one of its cores is. */
static double done_by(const Class *c, uint32_t count, double end_s)
{
    double done = 0;
    for (uint32_t i = 0; i < count; i++) {
        const Flow *f = &c->flows[i];
        const double span_s = end_s - f->since_s - f->run_s;
        if (span_s >= 0) done += 1 + floor(span_s / f->run_s * f->cores);
    }
    return done;
}

/* The earliest time by which `left` can be done. */
static double earliest_end(const Placement *p, const Class *c, uint32_t count, double left)
{
    double low = p->now_s, high = fmax(c->tail.end_s, low + c->tail.fastest_s);
    for (int i = 0; i < SPANS_MAX && done_by(c, count, high) < left; i++) {
        const double span = high - low;
        low = high;
        high += 2 * span;
    }
    while (high - low > NEAR * c->tail.fastest_s + NEAR * NEAR * NEAR * high) {
        const double middle = low + (high - low) / 2;
        if (done_by(c, count, middle) < left) low = middle;
        else high = middle;
    }
    return high;
}

static void scan(const Placement *p, Class *c, bool at_hand)
{
    const uint64_t left = p->tasks[c->task].left;
    c->tail.left = left;
    c->tail.scanned_s = p->now_s;
    c->tail.full_s = c->tail.fastest_s = INFINITY;
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->node_end; i++) {
        if (c->where[i] == WHERE_OUT) continue;
        const Flow flow = flow_of(p, c, &p->nodes[i], at_hand);
        c->flows[count++] = flow;
        c->tail.fastest_s = fmin(c->tail.fastest_s, flow.run_s);
        if (p->nodes[i].room == 0) c->tail.full_s = fmin(c->tail.full_s, flow.since_s + flow.run_s);
    }
    c->tail.end_s = earliest_end(p, c, count, (double)left);
    const uint64_t by_left = left / 8, by_nodes = p->node_count / SCAN_NODES_PER_CHOICE;
    uint64_t choices = by_left > by_nodes ? by_left : by_nodes;
    if (choices < SCAN_CHOICES_MIN) choices = SCAN_CHOICES_MIN;
    c->tail.choices = choices > UINT32_MAX ? UINT32_MAX : (uint32_t)choices;
}

static bool too_late(const Class *c, double finish_s)
{
    return finish_s > c->tail.end_s + c->tail.fastest_s * SLACK && finish_s > c->tail.full_s;
}

bool tail_hold(Placement *p, Class *c, bool at_hand, double finish_s)
{
    const Task *t = &p->tasks[c->task];
    if (t->left == 0 || t->need.weights.availability == 0 || c->full == 0) return false;
    const bool stale = c->tail.choices == 0 || t->left > c->tail.left || p->now_s > c->tail.end_s;
    if (stale) scan(p, c, at_hand);
    c->tail.choices--;
    if (!too_late(c, finish_s)) return false;
    if (p->now_s < c->tail.scanned_s + c->tail.fastest_s / 2) return true;
    scan(p, c, at_hand);
    return too_late(c, finish_s);
}
