/* Hard limits and the terms of the score (the formula stands in placement.h). */
#include "placement/placement_parts.h"

#include <math.h>
#include <string.h>

static const double SECONDS_PER_HOUR = 3600;

static bool among(const uint64_t *list, size_t count, uint64_t value)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == value) return true;
    return false;
}

PlacementLimit score_limit(const Task *t, const Node *n)
{
    const TaskNeed *need = &t->need;
    if (!(n->level_mask >> need->level & 1)) return PLACEMENT_NO_LEVEL;
    if (need->evidence_mask && !(n->evidence_mask & need->evidence_mask)) return PLACEMENT_NO_EVIDENCE;
    if (n->memory_free < need->memory_max) return PLACEMENT_NO_MEMORY;
    if (need->zones_allowed_count && !among(need->zones_allowed, need->zones_allowed_count, n->zone)) return PLACEMENT_ZONE_NOT_ALLOWED;
    if (among(need->zones_excluded, need->zones_excluded_count, n->zone)) return PLACEMENT_ZONE_EXCLUDED;
    if (among(need->nodes_excluded, need->nodes_excluded_count, n->who.node)) return PLACEMENT_NODE_EXCLUDED;
    if (n->spot && !need->spot_allowed) return PLACEMENT_SPOT;
    return n->draining ? PLACEMENT_DRAINING : PLACEMENT_FITS;
}

PlacementLimit score_avoided(const Node *n, const PlacementWho *avoid, size_t avoid_count)
{
    for (size_t i = 0; i < avoid_count; i++) {
        if (avoid[i].node == n->who.node) return PLACEMENT_SAME_NODE;
        if (avoid[i].owner && avoid[i].owner == n->who.owner) return PLACEMENT_SAME_OWNER;
    }
    return PLACEMENT_FITS;
}

const char *placement_limit_text(PlacementLimit limit)
{
    static const char *const TEXT[] = {
        [PLACEMENT_FITS] = "fits", [PLACEMENT_NO_LEVEL] = "its evidence does not reach the security level",
        [PLACEMENT_NO_EVIDENCE] = "none of the accepted kinds of evidence", [PLACEMENT_NO_MEMORY] = "not enough free memory",
        [PLACEMENT_ZONE_NOT_ALLOWED] = "not in an allowed zone", [PLACEMENT_ZONE_EXCLUDED] = "in an excluded zone",
        [PLACEMENT_NODE_EXCLUDED] = "excluded by the task", [PLACEMENT_SPOT] = "a spot node, and the task does not allow them",
        [PLACEMENT_DRAINING] = "draining: it gets nothing new", [PLACEMENT_SAME_NODE] = "has or had a copy of this micro-job",
        [PLACEMENT_SAME_OWNER] = "its owner has or had a copy of this micro-job", [PLACEMENT_NO_ROOM] = "no room at this moment"};
    return (size_t)limit < sizeof TEXT / sizeof TEXT[0] ? TEXT[limit] : "unknown";
}

uint64_t score_held(const Node *n, uint64_t content)
{
    size_t low = 0, high = n->data_count;
    while (content && low < high) {
        const size_t middle = low + (high - low) / 2;
        if (n->data[middle].content == content) return n->data[middle].bytes;
        if (n->data[middle].content < content) low = middle + 1;
        else high = middle;
    }
    return 0;
}

Terms score_terms(const Placement *p, const Task *t, const Node *n, const JobNeed *job, uint64_t held)
{
    Terms terms = {.run_s = t->run_s / (n->speed * n->reliability)};
    if (job->bytes > held) terms.missing = job->bytes - held;
    if (!among(n->warm, n->warm_count, t->need.image)) {
        terms.start_s = n->start_s;
        terms.missing += t->need.image_bytes;
    }
    if (terms.missing && n->bandwidth > 0) terms.transfer_s = (double)terms.missing / n->bandwidth + n->latency_s;
    terms.queue_s = fmax(0, score_begin_s(n, &terms) - p->now_s);
    const double core_s = terms.start_s + terms.run_s;
    terms.price_s = core_s * n->price / p->price_unit;
    terms.money = core_s * n->price / SECONDS_PER_HOUR;
    return terms;
}

double score_of(const Placement *p, const Task *t, const Terms *terms)
{
    const PlacementWeights *w = &t->need.weights;
    const double done = terms->queue_s + terms->start_s + terms->run_s, spare = t->need.deadline_s > 0 ? t->need.deadline_s - p->now_s : 0;
    return w->availability * fmax(0, done - spare) + w->locality * terms->transfer_s + w->cost * terms->price_s;
}

/* Bucket 0 is nothing; bucket b holds sizes up to 2^((b - 1) / BUCKETS_PER_DOUBLING). */
uint32_t score_bucket(uint64_t bytes)
{
    if (bytes <= 1) return (uint32_t)bytes;
    const int doublings = 63 - __builtin_clzll(bytes);
    const double rest = (double)bytes / (double)((uint64_t)1 << doublings);
    return 1 + (uint32_t)doublings * BUCKETS_PER_DOUBLING + (uint32_t)ceil(log2(rest) * BUCKETS_PER_DOUBLING);
}

uint64_t score_bucket_bytes(uint32_t bucket)
{
    return bucket ? (uint64_t)fmin(exp2((double)(bucket - 1) / BUCKETS_PER_DOUBLING), 0x1p62) : 0;
}

double score_link_s(const Node *n, const Terms *terms) { return n->bandwidth > 0 ? (double)terms->missing / n->bandwidth : 0; }

double score_begin_s(const Node *n, const Terms *terms)
{
    return terms->missing && n->link_free_s > n->core_free_s ? n->link_free_s : n->core_free_s;
}

double score_pace(const Node *n, const Terms *terms) { return fmax(terms->start_s + terms->run_s, score_link_s(n, terms) * n->cores); }
