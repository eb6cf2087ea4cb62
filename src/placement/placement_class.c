/* The classes: for jobs of one kind, the nodes with room, best first (see placement_parts.h for how). */
#include "placement/placement_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static bool before(HeapEntry a, HeapEntry b) { return a.key < b.key || (a.key == b.key && a.node < b.node); }

static void set(Class *c, Heap *h, uint32_t at, HeapEntry entry)
{
    h->entries[at] = entry;
    c->where[entry.node] = h == &c->busy ? at | WHERE_BUSY : at;
}

static void sift_up(Class *c, Heap *h, uint32_t at, HeapEntry entry)
{
    for (; at > 0 && before(entry, h->entries[(at - 1) / 2]); at = (at - 1) / 2) set(c, h, at, h->entries[(at - 1) / 2]);
    set(c, h, at, entry);
}

static void sift_down(Class *c, Heap *h, uint32_t at, HeapEntry entry)
{
    for (uint32_t child; (child = 2 * at + 1) < h->count; at = child) {
        if (child + 1 < h->count && before(h->entries[child + 1], h->entries[child])) child++;
        if (!before(h->entries[child], entry)) break;
        set(c, h, at, h->entries[child]);
    }
    set(c, h, at, entry);
}

static void heap_add(Class *c, Heap *h, HeapEntry entry) { sift_up(c, h, h->count++, entry); }

static void heap_remove(Class *c, Heap *h, uint32_t at)
{
    c->where[h->entries[at].node] = WHERE_OUT;
    const HeapEntry last = h->entries[--h->count];
    if (at == h->count) return;
    if (at > 0 && before(last, h->entries[(at - 1) / 2])) sift_up(c, h, at, last);
    else sift_down(c, h, at, last);
}

/* The key in either heap. Plain: counted from now for a free core, from the beginning of time for a busy one, so that neither changes as time
 * passes. Before a deadline: the score itself, which time may raise for a free one: then what is stored is found too low on top. */
static double key_of(const Placement *p, const Class *c, const Node *n, uint64_t held, bool *ret_free)
{
    const Task *t = &p->tasks[c->task];
    const Terms terms = score_terms(p, t, n, &c->job, held);
    const PlacementWeights *w = &t->need.weights;
    const double fixed = w->locality * terms.transfer_s + w->cost * terms.price_s, core_s = terms.start_s + terms.run_s;
    const bool is_free = terms.queue_s <= 0;
    const double begin_s = is_free ? c->plain ? 0 : p->now_s : score_begin_s(n, &terms);
    *ret_free = is_free;
    return fixed + w->availability * (c->plain ? begin_s + core_s : fmax(0, begin_s + core_s - t->need.deadline_s));
}

/* What has to be taken off a key of the heap of busy nodes to compare it with one of the heap of free ones. */
static double busy_offset(const Placement *p, const Class *c) { return c->plain ? p->tasks[c->task].need.weights.availability * p->now_s : 0; }

static uint64_t held_by(const Class *c, const Node *n) { return c->content ? score_held(n, c->content) : 0; }

double class_score(const Placement *p, const Class *c, const Node *n, uint64_t held)
{
    bool is_free;
    const double key = key_of(p, c, n, held, &is_free);
    return key - (is_free ? 0 : busy_offset(p, c));
}

static void insert(const Placement *p, Class *c, PlacementNodeRef node)
{
    const Node *n = &p->nodes[node];
    bool is_free;
    const double key = key_of(p, c, n, held_by(c, n), &is_free);
    heap_add(c, is_free ? &c->free : &c->busy, (HeapEntry){key, node});
}

void class_take(Class *c, PlacementNodeRef node)
{
    const uint32_t where = c->where[node];
    if (where == WHERE_OUT) return;
    c->eligible--;
    if (where == WHERE_FULL) c->full--;
    else heap_remove(c, where & WHERE_BUSY ? &c->busy : &c->free, where & ~WHERE_BUSY);
    c->where[node] = WHERE_OUT;
}

void class_refresh(Placement *p, Class *c, PlacementNodeRef node)
{
    const Node *n = &p->nodes[node];
    class_take(c, node);
    if (!n->used || score_limit(&p->tasks[c->task], n) != PLACEMENT_FITS) return;
    c->eligible++;
    if (n->room > 0) {
        insert(p, c, node);
        return;
    }
    c->where[node] = WHERE_FULL;
    c->full++;
}

static bool is_plain(const Placement *p, const Task *t) { return t->need.deadline_s == 0 || p->now_s >= t->need.deadline_s; }

static Err class_reserve(Class *c, uint32_t capacity)
{
    if (c->capacity >= capacity) return OK;
    free(c->free.entries);
    free(c->busy.entries);
    free(c->where);
    free(c->flows);
    c->capacity = 0;
    c->free.entries = malloc(capacity * sizeof *c->free.entries);
    c->busy.entries = malloc(capacity * sizeof *c->busy.entries);
    c->where = malloc(capacity * sizeof *c->where);
    c->flows = malloc(capacity * sizeof *c->flows);
    if (!c->free.entries || !c->busy.entries || !c->where || !c->flows) return FAIL(ENOMEM);
    c->capacity = capacity;
    return OK;
}

static Err class_build(Placement *p, Class *c)
{
    const Task *t = &p->tasks[c->task];
    TRY(class_reserve(c, p->node_room));
    c->generation = t->generation;
    c->plain = is_plain(p, t);
    c->read = p->change_count;
    c->free.count = c->busy.count = c->eligible = c->full = 0;
    for (uint32_t i = 0; i < c->capacity; i++) c->where[i] = WHERE_OUT;
    for (uint32_t i = 0; i < p->node_end; i++) class_refresh(p, c, i);
    return OK;
}

static Err class_update(Placement *p, Class *c)
{
    const Task *t = &p->tasks[c->task];
    const uint64_t behind = p->change_count - c->read;
    if (c->capacity < p->node_room || c->generation != t->generation || c->plain != is_plain(p, t) || behind > CHANGES_MAX || behind > p->node_end)
        return class_build(p, c);
    for (; c->read < p->change_count; c->read++) class_refresh(p, c, p->changes[c->read % CHANGES_MAX]);
    return OK;
}

void class_free(Class *c)
{
    free(c->free.entries);
    free(c->busy.entries);
    free(c->where);
    free(c->flows);
    free(c);
}

void class_forget_task(Placement *p, PlacementTaskRef task)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->class_count; i++) {
        if (p->classes[i]->task == task) class_free(p->classes[i]);
        else p->classes[kept++] = p->classes[i];
    }
    p->class_count = kept;
}

/* A place in the table: a new one, or that of the class longest not used. */
static Err class_place(Placement *p, Class **ret_class)
{
    if (p->class_count < CLASSES_MAX) {
        Class *c = calloc(1, sizeof *c);
        if (!c) return FAIL(ENOMEM);
        *ret_class = p->classes[p->class_count++] = c;
        return OK;
    }
    Class *oldest = p->classes[0];
    for (uint32_t i = 1; i < p->class_count; i++)
        if (p->classes[i]->used_at < oldest->used_at) oldest = p->classes[i];
    *ret_class = oldest;
    return OK;
}

Err class_get(Placement *p, PlacementTaskRef task, const JobNeed *job, Class **ret_class)
{
    const uint32_t bucket = score_bucket(job->bytes);
    const Holders *holders = holders_of(p, job->content);
    const uint64_t content = holders && holders->count > HOLDERS_SHORT_MAX ? job->content : 0;
    Class *c = NULL;
    for (uint32_t i = 0; i < p->class_count && !c; i++) {
        Class *one = p->classes[i];
        if (one->task == task && one->bucket == bucket && one->content == content) c = one;
    }
    if (c) {
        TRY(class_update(p, c));
    } else {
        TRY(class_place(p, &c));
        c->task = PLACEMENT_TASKS_MAX; /* nobody's, should there be no memory to build it */
        c->bucket = bucket;
        c->content = content;
        c->job = (JobNeed){.content = content, .bytes = score_bucket_bytes(bucket)};
        c->tail.choices = 0;
        c->task = task;
        const Err e = class_build(p, c);
        if (e.code) c->task = PLACEMENT_TASKS_MAX;
        if (e.code) return e;
    }
    c->used_at = ++p->uses;
    *ret_class = c;
    return OK;
}

/* Brings what stands on top of the heap up to date: true when it is, false when it had to move. */
static bool settle(Placement *p, Class *c, Heap *h)
{
    const HeapEntry top = h->entries[0];
    const Node *n = &p->nodes[top.node];
    bool is_free;
    const double key = key_of(p, c, n, held_by(c, n), &is_free);
    if (n->room == 0 || is_free != (h == &c->free)) {
        class_refresh(p, c, top.node);
        return false;
    }
    if (key <= top.key) return true;
    sift_down(c, h, 0, (HeapEntry){key, top.node});
    return false;
}

bool class_best(Placement *p, Class *c, PlacementNodeRef *ret_node)
{
    const double offset = busy_offset(p, c);
    for (;;) {
        bool busy_first = c->free.count == 0 ||
                          (c->busy.count && before((HeapEntry){c->busy.entries[0].key - offset, c->busy.entries[0].node}, c->free.entries[0]));
        Heap *h = busy_first ? &c->busy : &c->free;
        if (h->count == 0) return false;
        if (!settle(p, c, h)) continue;
        *ret_node = h->entries[0].node;
        return true;
    }
}
