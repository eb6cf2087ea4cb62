/* The nodes: what is known of them, their queues, what was measured of them. */
#include "placement/placement_parts.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPEED_WEIGHT_LEAST (1.0 / 32) /* of a new sample; what the node said counts as one */
#define SPEED_MOST 2.0
#define SPEED_DRIFT 0.05      /* a belief this far from what scores use replaces it */
#define RELIABILITY_WEIGHT 0.05
#define RELIABILITY_LEAST 0.05
#define RUN_DRIFT 0.1
static const double PRICE_UNIT_DEFAULT = 0.05;

Err placement_new(const PlacementOptions *options, Placement **ret_placement)
{
    Placement *p = calloc(1, sizeof *p);
    if (!p) return FAIL(ENOMEM);
    p->price_unit = options && options->price_unit > 0 ? options->price_unit : PRICE_UNIT_DEFAULT;
    *ret_placement = p;
    return OK;
}

static void node_free(Node *n)
{
    free(n->warm);
    free(n->data);
    node_queue_free(&n->queue);
    *n = (Node){0};
}

void placement_free(Placement *p)
{
    if (!p) return;
    for (uint32_t i = 0; i < p->task_end; i++) placement_remove_task(p, i);
    for (uint32_t i = 0; i < p->class_count; i++) class_free(p->classes[i]);
    for (uint32_t i = 0; i < p->node_end; i++) node_free(&p->nodes[i]);
    for (uint32_t i = 0; i < p->holders_count; i++) free(p->holders[i].nodes);
    table_free(&p->by_id);
    table_free(&p->by_content);
    free(p->nodes);
    free(p->free_nodes);
    free(p->holders);
    free(p->tasks);
    free(p->tenants);
    free(p->aside);
    free(p);
}

void placement_tick(Placement *p, double now_s)
{
    if (now_s > p->now_s && isfinite(now_s)) p->now_s = now_s;
}

static Node *node_at(const Placement *p, PlacementNodeRef node)
{
    assert(node < p->node_end && p->nodes[node].used);
    return &p->nodes[node];
}

void node_changed(Placement *p, PlacementNodeRef node) { p->changes[p->change_count++ % CHANGES_MAX] = node; }

static bool sane(double value) { return value >= 0 && isfinite(value); }

static Err check(const NodeFacts *f)
{
    if (!f->node_id[0] || !memchr(f->node_id, 0, sizeof f->node_id)) return FAIL(ERR_BAD_INPUT);
    if (f->cores == 0 || f->cores > FACT_CORES_MAX) return FAIL(ERR_BAD_INPUT);
    if (!sane(f->speed) || f->speed == 0 || !sane(f->bandwidth) || !sane(f->latency_s) || !sane(f->start_s)) return FAIL(ERR_BAD_INPUT);
    if (!sane(f->price) || !sane(f->notice_s) || !sane(f->reliability) || f->reliability > 1) return FAIL(ERR_BAD_INPUT);
    return OK;
}

static Err room_for_nodes(Placement *p)
{
    if (p->free_count || p->node_end < p->node_room) return OK;
    if (p->node_room >= PLACEMENT_NODES_MAX) return FAIL(ERR_LIMIT);
    const uint32_t room = p->node_room ? p->node_room * 2 : 64;
    PlacementNodeRef *aside = realloc(p->aside, room * sizeof *aside), *free_nodes;
    if (!aside) return FAIL(ENOMEM);
    p->aside = aside;
    free_nodes = realloc(p->free_nodes, room * sizeof *free_nodes);
    if (!free_nodes) return FAIL(ENOMEM);
    p->free_nodes = free_nodes;
    Node *nodes = realloc(p->nodes, room * sizeof *nodes);
    if (!nodes) return FAIL(ENOMEM);
    memset(nodes + p->node_room, 0, (room - p->node_room) * sizeof *nodes);
    p->nodes = nodes;
    p->node_room = p->aside_room = room;
    return OK;
}

static int by_content(const void *a, const void *b)
{
    const NodeData *x = a, *y = b;
    return x->content < y->content ? -1 : x->content > y->content;
}

/* A copy of the list, ascending, each content once. */
static Err copy_data(const NodeFacts *f, NodeData **ret_data, uint32_t *ret_count)
{
    const size_t count = f->data_count < FACT_DATA_MAX ? f->data_count : FACT_DATA_MAX;
    NodeData *data = malloc((count + 1) * sizeof *data);
    if (!data) return FAIL(ENOMEM);
    if (count) memcpy(data, f->data, count * sizeof *data);
    qsort(data, count, sizeof *data, by_content);
    uint32_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (data[i].content && (!kept || data[kept - 1].content != data[i].content)) data[kept++] = data[i];
    *ret_data = data;
    *ret_count = kept;
    return OK;
}

static Err copy_lists(Placement *p, PlacementNodeRef node, const NodeFacts *f)
{
    Node *n = &p->nodes[node];
    if (!n->warm && !(n->warm = malloc(FACT_WARM_MAX * sizeof *n->warm))) return FAIL(ENOMEM);
    TRY(node_queue_set_cores(&n->queue, f->cores));
    NodeData *data;
    uint32_t data_count;
    TRY(copy_data(f, &data, &data_count));
    holders_remove(p, node);
    free(n->data);
    n->data = data;
    n->data_count = data_count;
    n->warm_count = (uint32_t)(f->warm_count < FACT_WARM_MAX ? f->warm_count : FACT_WARM_MAX);
    if (n->warm_count) memcpy(n->warm, f->warm, n->warm_count * sizeof *n->warm);
    return holders_add(p, node);
}

static void begin(Placement *p, Node *n, const NodeFacts *f, uint64_t name)
{
    memcpy(n->id, f->node_id, sizeof n->id);
    n->who.node = name;
    n->reliability = n->reliability_measured = 1;
    n->room = PLACEMENT_ROOM_FREE;
    n->used = true;
    p->node_count++;
}

static void set_facts(Node *n, const NodeFacts *f)
{
    n->who.owner = f->owner;
    n->zone = f->zone;
    n->memory_free = f->memory_free;
    n->level_mask = f->level_mask;
    n->evidence_mask = f->evidence_mask;
    n->cores = f->cores;
    n->draining = f->draining;
    n->spot = f->spot;
    n->bandwidth = f->bandwidth;
    n->latency_s = f->latency_s;
    n->start_s = f->start_s;
    n->price = f->price;
    n->speed_said = f->speed;
    if (n->speed_samples == 0) n->speed = n->speed_measured = f->speed;
    if (f->reliability > 0) n->reliability = n->reliability_measured = fmax(f->reliability, RELIABILITY_LEAST);
}

static Err find_or_add(Placement *p, const NodeFacts *f, PlacementNodeRef *ret_node)
{
    const uint64_t name = fact_hash(f->node_id);
    uint32_t node;
    if (table_find(&p->by_id, name, &node)) {
        if (strcmp(p->nodes[node].id, f->node_id) != 0) return FAIL(ERR_BAD_INPUT); /* two ids with one hash: the first keeps it */
        *ret_node = node;
        return OK;
    }
    TRY(room_for_nodes(p));
    node = p->free_count ? p->free_nodes[p->free_count - 1] : p->node_end;
    TRY(table_put(&p->by_id, name, node));
    if (p->free_count) p->free_count--;
    else p->node_end++;
    begin(p, &p->nodes[node], f, name);
    *ret_node = node;
    return OK;
}

Err placement_put_node(Placement *p, const NodeFacts *facts, PlacementNodeRef *ret_node)
{
    assert(p && facts && ret_node);
    TRY(check(facts));
    const uint32_t before = p->node_count;
    PlacementNodeRef node;
    TRY(find_or_add(p, facts, &node));
    const Err e = copy_lists(p, node, facts);
    if (e.code && p->node_count > before) placement_remove_node(p, node);
    if (e.code) return e;
    set_facts(&p->nodes[node], facts);
    node_changed(p, node);
    *ret_node = node;
    return OK;
}

void placement_remove_node(Placement *p, PlacementNodeRef node)
{
    Node *n = node_at(p, node);
    holders_remove(p, node);
    table_remove(&p->by_id, n->who.node);
    node_free(n);
    p->free_nodes[p->free_count++] = node;
    p->node_count--;
    node_changed(p, node);
}

void placement_drain_node(Placement *p, PlacementNodeRef node)
{
    node_at(p, node)->draining = true;
    node_changed(p, node);
}

void placement_set_room(Placement *p, PlacementNodeRef node, uint32_t room)
{
    Node *n = node_at(p, node);
    const bool opens = n->room == 0 && room > 0;
    n->room = room;
    if (opens) node_changed(p, node); /* what becomes full is found out when it is looked at */
}

bool placement_find_node(const Placement *p, const char *node_id, PlacementNodeRef *ret_node)
{
    uint32_t node;
    if (!table_find(&p->by_id, fact_hash(node_id), &node) || strcmp(p->nodes[node].id, node_id) != 0) return false;
    *ret_node = node;
    return true;
}

/* Puts the image first in the list; the last falls out. Whether it was new. */
static bool warm_up(Node *n, uint64_t image)
{
    uint32_t i = 0;
    while (i < n->warm_count && n->warm[i] != image) i++;
    const bool is_new = i == n->warm_count;
    if (is_new && n->warm_count < FACT_WARM_MAX) n->warm_count++;
    if (i >= FACT_WARM_MAX) i = FACT_WARM_MAX - 1;
    memmove(n->warm + 1, n->warm, i * sizeof *n->warm);
    n->warm[0] = image;
    return is_new;
}

static double core_free(const Node *n) { return node_queue_start_s(&n->queue, n->queue.waiting); }

void node_charge(Placement *p, PlacementNodeRef node, const Task *t, double charge_s, double link_s)
{
    Node *n = node_at(p, node);
    if (link_s > 0) n->link_free_s = fmax(n->link_free_s, p->now_s) + link_s;
    node_queue_add(&n->queue, p->now_s, charge_s);
    n->core_free_s = fmax(n->core_free_s, core_free(n));
    if (n->room != PLACEMENT_ROOM_FREE && n->room > 0) n->room--;
    if (warm_up(n, t->need.image)) node_changed(p, node);
}

/* One is gone without having run. What is still to travel is taken to be shared evenly by all that are there. */
static void link_credit(Placement *p, PlacementNodeRef node)
{
    Node *n = &p->nodes[node];
    const uint32_t all = node_queue_count(&n->queue);
    if (all == 0 || n->link_free_s <= p->now_s) return;
    n->link_free_s -= (n->link_free_s - p->now_s) / all;
    node_changed(p, node);
}

void node_credit(Placement *p, PlacementNodeRef node, double charge_s, double used_s)
{
    Node *n = node_at(p, node);
    if (used_s < 0) link_credit(p, node);
    if (used_s < 0) node_queue_drop(&n->queue, p->now_s, charge_s);
    else node_queue_end(&n->queue, p->now_s, charge_s, used_s);
    const double before = n->core_free_s;
    n->core_free_s = core_free(n);
    if (n->core_free_s < before && before > p->now_s) node_changed(p, node);
}

static bool drifted(double used, double believed, double most) { return fabs(believed - used) > most * used; }

/* speed: as measured, or 0. */
static void learn_node(Placement *p, PlacementNodeRef node, bool good, double speed)
{
    Node *n = &p->nodes[node];
    if (speed > 0) {
        n->speed_samples++;
        const double weight = fmax(1 / (double)(n->speed_samples + 1), SPEED_WEIGHT_LEAST);
        n->speed_measured = estimate_blend(n->speed_measured, speed, weight, SPEED_MOST);
    }
    n->reliability_measured = fmax(RELIABILITY_LEAST, n->reliability_measured + RELIABILITY_WEIGHT * ((good ? 1 : 0) - n->reliability_measured));
    if (!drifted(n->speed, n->speed_measured, SPEED_DRIFT) && !drifted(n->reliability, n->reliability_measured, SPEED_DRIFT)) return;
    n->speed = n->speed_measured;
    n->reliability = n->reliability_measured;
    node_changed(p, node);
}

void placement_end(Placement *p, PlacementNodeRef node, PlacementTaskRef task, float charge_s, PlacementEnd end, double measured_s)
{
    Node *n = node_at(p, node);
    assert(task < p->task_end);
    Task *t = &p->tasks[task];
    const bool measured = end == PLACEMENT_DONE && measured_s > 0 && isfinite(measured_s);
    node_credit(p, node, charge_s, end == PLACEMENT_BACK ? -1 : measured ? measured_s : charge_s);
    if (end == PLACEMENT_BACK || !t->used) return;
    /* the mean by what nodes say of their speed: by what is measured of them, both would drift together, for only their ratio shows */
    if (measured) estimate_add(&t->run, measured_s * n->speed_said, measured_s * n->speed_measured);
    learn_node(p, node, end == PLACEMENT_DONE, measured ? t->run.mean / measured_s : 0);
    if (!drifted(t->run_s, t->run.mean, RUN_DRIFT)) return;
    t->run_s = t->run.mean;
    t->generation++;
}

size_t placement_node_count(const Placement *p) { return p->node_count; }
double placement_node_speed(const Placement *p, PlacementNodeRef node) { return node_at(p, node)->speed_measured; }
double placement_node_queue_s(const Placement *p, PlacementNodeRef node) { return fmax(0, node_at(p, node)->core_free_s - p->now_s); }
uint32_t placement_node_outstanding(const Placement *p, PlacementNodeRef node) { return node_queue_count(&node_at(p, node)->queue); }
