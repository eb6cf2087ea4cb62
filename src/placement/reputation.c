/* Records of nodes in a table; a list by last use says whom to forget. */
#include "placement/reputation.h"

#include "placement/table.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const double CHECK_FLOOR_DEFAULT = 0.05;
enum { NOBODY = UINT32_MAX };

typedef struct {
    uint64_t node, right, wrong;
    uint32_t consecutive, needed, older, newer; /* neighbours by last use */
} Record;

struct Reputation {
    uint32_t trust_after, nodes_max;
    double check_floor;
    uint64_t random;
    Table by_node;
    Record *records;
    uint32_t count, room, oldest, newest;
};

Err reputation_new(const ReputationOptions *options, Reputation **ret_reputation)
{
    Reputation *r = calloc(1, sizeof *r);
    if (!r) return FAIL(ENOMEM);
    r->trust_after = options && options->trust_after ? options->trust_after : TRUST_AFTER_DEFAULT;
    if (r->trust_after > TRUST_AFTER_MAX) r->trust_after = TRUST_AFTER_MAX;
    r->check_floor = options && options->check_floor > 0 ? fmin(options->check_floor, 1) : CHECK_FLOOR_DEFAULT;
    r->random = options ? options->seed : 0;
    r->nodes_max = options && options->nodes_max && options->nodes_max < REPUTATION_NODES_MAX ? options->nodes_max : REPUTATION_NODES_MAX;
    r->oldest = r->newest = NOBODY;
    *ret_reputation = r;
    return OK;
}

void reputation_free(Reputation *r)
{
    if (!r) return;
    table_free(&r->by_node);
    free(r->records);
    free(r);
}

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014); the upper 53 bits as a number in [0, 1). */
static double draw(Reputation *r)
{
    uint64_t z = r->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static double check_of(const Reputation *r, const Record *one)
{
    if (one->consecutive < one->needed) return 1;
    return fmin(1, fmax(r->check_floor, (double)one->needed / one->consecutive));
}

static void unlink_record(Reputation *r, uint32_t at)
{
    const Record *one = &r->records[at];
    if (one->older == NOBODY) r->oldest = one->newer;
    else r->records[one->older].newer = one->newer;
    if (one->newer == NOBODY) r->newest = one->older;
    else r->records[one->newer].older = one->older;
}

static void link_newest(Reputation *r, uint32_t at)
{
    Record *one = &r->records[at];
    one->older = r->newest;
    one->newer = NOBODY;
    if (r->newest == NOBODY) r->oldest = at;
    else r->records[r->newest].newer = at;
    r->newest = at;
}

/* The one least recently seen without a lie; when all have lied, the one least recently seen. */
static uint32_t forget_one(Reputation *r)
{
    uint32_t at = r->oldest;
    while (at != NOBODY && r->records[at].wrong) at = r->records[at].newer;
    if (at == NOBODY) at = r->oldest;
    unlink_record(r, at);
    table_remove(&r->by_node, r->records[at].node);
    return at;
}

/* Where a new one goes. */
static Err free_record(Reputation *r, uint32_t *ret_at)
{
    if (r->count == r->room && r->room < r->nodes_max) {
        uint32_t room = r->room ? r->room * 2 : 16;
        if (room > r->nodes_max) room = r->nodes_max;
        Record *records = realloc(r->records, room * sizeof *records);
        if (!records) return FAIL(ENOMEM);
        r->records = records;
        r->room = room;
    }
    *ret_at = r->count < r->room ? r->count : forget_one(r);
    return OK;
}

static Err new_record(Reputation *r, uint64_t node, uint32_t *ret_at)
{
    uint32_t at;
    TRY(free_record(r, &at));
    TRY(table_put(&r->by_node, node, at)); /* needs memory only while the records grow: nobody was forgotten then */
    if (at == r->count) r->count++;
    r->records[at] = (Record){.node = node, .needed = r->trust_after};
    link_newest(r, at);
    *ret_at = at;
    return OK;
}

bool reputation_single(Reputation *r, uint64_t node)
{
    uint32_t at;
    if (!table_find(&r->by_node, node, &at)) return false;
    const double check = check_of(r, &r->records[at]);
    return check < 1 && draw(r) >= check;
}

Err reputation_report(Reputation *r, uint64_t node, bool right)
{
    assert(node);
    uint32_t at;
    if (table_find(&r->by_node, node, &at)) {
        unlink_record(r, at);
        link_newest(r, at);
    } else {
        TRY(new_record(r, node, &at));
    }
    Record *one = &r->records[at];
    if (right) {
        one->right++;
        if (one->consecutive < UINT32_MAX) one->consecutive++;
        return OK;
    }
    one->wrong++;
    one->consecutive = 0;
    one->needed = one->needed * 2 < TRUST_AFTER_MAX ? one->needed * 2 : TRUST_AFTER_MAX;
    return OK;
}

ReputationRecord reputation_of(const Reputation *r, uint64_t node)
{
    uint32_t at;
    if (!table_find(&r->by_node, node, &at)) return (ReputationRecord){.reliability = 0.5, .check = 1};
    const Record *one = &r->records[at];
    return (ReputationRecord){.consecutive = one->consecutive, .needed = one->needed, .right = one->right, .wrong = one->wrong,
                              .check = check_of(r, one), .reliability = ((double)one->right + 1) / ((double)one->right + (double)one->wrong + 2)};
}
