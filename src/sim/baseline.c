/* Six ways to choose nodes that people use, to see what the swarm's own is worth. They keep the same hard limits, the same room on each node and the
 * same redundancy; they differ in the choice alone, and neither move queues nor copy stragglers. */
#include "sim/baseline.h"

#include <errno.h>
#include <stdlib.h>

enum { RANDOM_TRIES = 64 };

struct Baseline {
    Pick pick;          /* over nodes; open: has room */
    uint32_t *first;    /* node of each population */
    uint64_t given;     /* for taking turns */
    uint64_t *turn;     /* of each node: when it was given something */
};

typedef double (*Key)(const World *w, const Node *n);

static double load(const World *w, const Node *n)
{
    (void)w;
    return (double)n->outstanding / n->claimed_cores;
}

/* Per unit of work, by what the node says of its speed. */
static double price(const World *w, const Node *n)
{
    (void)w;
    return n->population->price / n->claimed_speed;
}

static double last_turn(const World *w, const Node *n)
{
    const struct Baseline *b = w->baseline;
    return (double)b->turn[n - w->nodes];
}

static void set_key(World *w, uint32_t node, Key key)
{
    struct Baseline *b = w->baseline;
    const Node *n = &w->nodes[node];
    pick_set(&b->pick, node, node_room(n) ? key(w, n) : PICK_CLOSED);
}

static void room_by_load(World *w, uint32_t node) { set_key(w, node, load); }
static void room_by_price(World *w, uint32_t node) { set_key(w, node, price); }
static void room_by_turn(World *w, uint32_t node) { set_key(w, node, last_turn); }

static Err changed_by_load(World *w, uint32_t node) { room_by_load(w, node); return OK; }
static Err changed_by_price(World *w, uint32_t node) { room_by_price(w, node); return OK; }
static Err changed_by_turn(World *w, uint32_t node) { room_by_turn(w, node); return OK; }

static Err open_baseline(World *w)
{
    struct Baseline *b = calloc(1, sizeof *b);
    if (!b) return FAIL(ENOMEM);
    w->baseline = b;
    b->first = calloc(w->scenario->population_count + 1, sizeof *b->first);
    b->turn = calloc(w->node_count, sizeof *b->turn);
    if (!b->first || !b->turn) return FAIL(ENOMEM);
    for (size_t p = 0; p < w->scenario->population_count; p++) b->first[p + 1] = b->first[p] + (uint32_t)w->scenario->populations[p].count;
    return pick_new(w->node_count, &b->pick);
}

static void close_baseline(World *w)
{
    struct Baseline *b = w->baseline;
    if (!b) return;
    pick_free(&b->pick);
    free(b->first);
    free(b->turn);
    free(b);
}

static bool avoided(const Node *n, const PlacementWho *avoid, size_t avoid_count)
{
    for (size_t i = 0; i < avoid_count; i++)
        if (avoid[i].node == n->hash || (n->owner && avoid[i].owner == n->owner)) return true;
    return false;
}

static bool fits(const World *w, size_t population, uint32_t job) { return node_fits(&w->scenario->populations[population], task_of_job(w, job)); }

/* The least key among nodes that fit. */
static uint32_t least(const World *w, uint32_t job)
{
    const struct Baseline *b = w->baseline;
    uint32_t best = PICK_NONE;
    for (size_t p = 0; p < w->scenario->population_count; p++) {
        if (!fits(w, p, job)) continue;
        uint32_t n = pick_least(&b->pick, b->first[p], b->first[p + 1] - b->first[p]);
        if (n != PICK_NONE && (best == PICK_NONE || b->pick.key[n] < b->pick.key[best])) best = n;
    }
    return best;
}

static uint32_t any_at_random(World *w, uint32_t job)
{
    const struct Baseline *b = w->baseline;
    uint32_t open = 0;
    for (size_t p = 0; p < w->scenario->population_count; p++)
        if (fits(w, p, job)) open += pick_open(&b->pick, b->first[p], b->first[p + 1] - b->first[p]);
    if (open == 0) return PICK_NONE;
    uint32_t k = (uint32_t)draw_below(w->seed, DRAW_CHOICE, w->choices++, open);
    for (size_t p = 0; p < w->scenario->population_count; p++) {
        if (!fits(w, p, job)) continue;
        uint32_t here = pick_open(&b->pick, b->first[p], b->first[p + 1] - b->first[p]);
        if (k < here) return pick_kth(&b->pick, b->first[p], k);
        k -= here;
    }
    return PICK_NONE;
}

static Err take(World *w, uint32_t node, PlacementAnswer *ret_answer, PlacementChoice *ret_choice)
{
    struct Baseline *b = w->baseline;
    *ret_answer = node == PICK_NONE ? PLACEMENT_FULL : PLACEMENT_CHOSEN;
    if (node == PICK_NONE) return OK;
    b->turn[node] = ++b->given;
    *ret_choice = (PlacementChoice){.node = node, .who = {w->nodes[node].hash, w->nodes[node].owner}};
    return OK;
}

/* By key; those to be avoided are closed for the moment. */
static Err choose_least(World *w, uint32_t job, const PlacementWho *avoid, size_t avoid_count, PlacementAnswer *ret_answer,
                        PlacementChoice *ret_choice)
{
    struct Baseline *b = w->baseline;
    uint32_t node, closed_count = 0, closed_room = 0, *closed = NULL;
    double *keys = NULL;
    Err e = OK;
    while ((node = least(w, job)) != PICK_NONE && avoided(&w->nodes[node], avoid, avoid_count)) {
        if (closed_count == closed_room) {
            closed_room = closed_room ? 2 * closed_room : 16;
            uint32_t *more = reallocarray(closed, closed_room, sizeof *more);
            if (more) closed = more;
            double *more_keys = reallocarray(keys, closed_room, sizeof *more_keys);
            if (more_keys) keys = more_keys;
            if (!more || !more_keys) e = FAIL(ENOMEM);
            if (e.code) break;
        }
        closed[closed_count] = node;
        keys[closed_count++] = b->pick.key[node];
        pick_set(&b->pick, node, PICK_CLOSED);
    }
    while (closed_count--) pick_set(&b->pick, closed[closed_count], keys[closed_count]);
    free(closed);
    free(keys);
    return e.code ? e : take(w, node, ret_answer, ret_choice);
}

static uint32_t random_allowed(World *w, uint32_t job, const PlacementWho *avoid, size_t avoid_count)
{
    for (int i = 0; i < RANDOM_TRIES; i++) {
        uint32_t node = any_at_random(w, job);
        if (node == PICK_NONE || !avoided(&w->nodes[node], avoid, avoid_count)) return node;
    }
    return PICK_NONE;
}

static Err choose_random(World *w, uint32_t job, const PlacementWho *avoid, size_t avoid_count, PlacementAnswer *ret_answer,
                         PlacementChoice *ret_choice)
{
    return take(w, random_allowed(w, job, avoid, avoid_count), ret_answer, ret_choice);
}

static Err choose_two(World *w, uint32_t job, const PlacementWho *avoid, size_t avoid_count, PlacementAnswer *ret_answer, PlacementChoice *ret_choice)
{
    uint32_t a = random_allowed(w, job, avoid, avoid_count), b = random_allowed(w, job, avoid, avoid_count);
    if (a == PICK_NONE || b == PICK_NONE) return take(w, a == PICK_NONE ? b : a, ret_answer, ret_choice);
    return take(w, load(w, &w->nodes[b]) < load(w, &w->nodes[a]) ? b : a, ret_answer, ret_choice);
}

/* Where its data is; the least loaded of the others when no holder has room. */
static Err choose_local(World *w, uint32_t job, const PlacementWho *avoid, size_t avoid_count, PlacementAnswer *ret_answer,
                        PlacementChoice *ret_choice)
{
    uint32_t best = PICK_NONE;
    for (uint32_t i = 0; w->holders && i < SCENARIO_REPLICAS_MAX; i++) {
        uint32_t node = w->holders[(size_t)job * SCENARIO_REPLICAS_MAX + i];
        if (node == SIM_NONE) continue;
        const Node *n = &w->nodes[node];
        if (!node_room(n) || !fits(w, n->population_index, job) || avoided(n, avoid, avoid_count)) continue;
        if (best == PICK_NONE || load(w, n) < load(w, &w->nodes[best])) best = node;
    }
    return best == PICK_NONE ? choose_least(w, job, avoid, avoid_count, ret_answer, ret_choice) : take(w, best, ret_answer, ret_choice);
}

#define BASELINE(by) .open = open_baseline, .close = close_baseline, .node_changed = changed_by_##by, .room_changed = room_by_##by, \
                     .next_task = policy_next_in_turn

const Policy BASELINES[BASELINE_COUNT] = {
    {.name = "random", .about = "any node with room", BASELINE(load), .choose = choose_random},
    {.name = "round-robin", .about = "the node with room whose turn was longest ago", BASELINE(turn), .choose = choose_least},
    {.name = "least-loaded", .about = "the node with the fewest micro-jobs per core", BASELINE(load), .choose = choose_least},
    {.name = "two-choices", .about = "the less loaded of two at random (Mitzenmacher 2001)", BASELINE(load), .choose = choose_two},
    {.name = "locality", .about = "where its data is, else the least loaded", BASELINE(load), .choose = choose_local},
    {.name = "cheapest", .about = "the lowest price for the work", BASELINE(price), .choose = choose_least},
};
