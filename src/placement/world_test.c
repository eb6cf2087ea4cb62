/*
 * Random clusters where nodes come, go, drain, fail and lie: is every micro-job decided, counted once, and never placed where it must not be?
 * COVEY_ROUNDS multiplies how many are tried; every failure names its seed. And would the test notice? Mistakes are planted between its manager and
 * placement, one at a time; each must be found.
 */
#include <math.h>
#include <stdlib.h>

#include "placement/fixture.h"
#include "placement/quorum.h"

enum { NODES = 24, TASKS = 3, JOBS = 40, COPIES_OUT_MAX = QUORUM_COPIES_MAX, STEPS_MAX = 200000, ROUNDS = 60 };
static const uint64_t ZONES[] = {0, 11, 12, 13};

typedef enum {
    NO_MISTAKE, FORGETS_LEVEL, FORGETS_EVIDENCE, FORGETS_MEMORY, FORGETS_ZONE, FORGETS_EXCLUDED_ZONE, FORGETS_EXCLUDED_NODE, FORGETS_SPOT,
    FORGETS_OWNER, FORGETS_DRAIN, FORGETS_ROOM, FORGETS_COPIES, LOSES_COPIES, DOUBLES_RESULTS, BELIEVES_THE_FIRST, MISTAKES
} Mistake;
static const char *const MISTAKE_NAMES[MISTAKES] = {
    "none", "level", "evidence", "memory", "zone", "excluded zone", "excluded node", "spot", "owner", "drain", "room", "copies' places", "lost copies",
    "results taken twice", "the first result believed"};

static Mistake mistake;       /* what is planted */
static const char *broken;    /* the first rule found broken */
#define REQUIRE(holds, rule) do { if (!(holds) && !broken) broken = (rule); } while (0)

typedef struct { bool there, liar; NodeFacts facts; PlacementNodeRef ref; uint32_t window, out; } Host;
typedef struct { unsigned host; float charge_s; PlacementWho who; } Copy;
typedef struct {
    unsigned task;
    Quorum quorum;
    Copy out[COPIES_OUT_MAX]; unsigned out_count;
    PlacementWho had[PLACEMENT_AVOID_MAX]; unsigned had_count; /* who has or had a copy that may vote */
    unsigned wanted;      /* copies to be sent */
    unsigned decided;     /* how often */
    uint8_t result;
} Job;
typedef struct {
    uint64_t seed;
    double now_s;
    Placement *p;
    Host hosts[NODES];
    TaskNeed needs[TASKS];
    uint64_t zones_allowed[TASKS][2], excluded[TASKS][2];
    PlacementTaskRef tasks[TASKS];
    Job jobs[TASKS * JOBS];
} World;

static void host_draw(World *w, unsigned i)
{
    Host *h = &w->hosts[i];
    h->facts = plain_node(i);
    h->facts.owner = random_below(&w->seed, 8); /* 0: names none */
    h->facts.zone = ZONES[random_below(&w->seed, 4)];
    h->facts.level_mask = random_below(&w->seed, 5) ? 6 : 2;
    h->facts.evidence_mask = 1u << random_below(&w->seed, 3);
    h->facts.memory_free = (uint64_t)1 << (18 + random_below(&w->seed, 6));
    h->facts.cores = (uint32_t)(1 + random_below(&w->seed, 4));
    h->facts.speed = 0.2 + 2 * random_unit(&w->seed);
    h->facts.bandwidth = random_below(&w->seed, 2) ? 1e6 : 0;
    h->facts.spot = random_below(&w->seed, 4) == 0;
    h->liar = random_below(&w->seed, 6) == 0;
    h->window = (uint32_t)(1 + random_below(&w->seed, 4));
}

/* What placement is told of it. */
static PlacementNodeRef host_put(World *w, const Host *h)
{
    NodeFacts told = h->facts;
    if (mistake == FORGETS_LEVEL) told.level_mask = 6;
    if (mistake == FORGETS_EVIDENCE) told.evidence_mask = 7;
    if (mistake == FORGETS_MEMORY) told.memory_free = UINT64_MAX;
    if (mistake == FORGETS_SPOT) told.spot = false;
    if (mistake == FORGETS_OWNER) told.owner = 0;
    return put(w->p, &told);
}

static void host_join(World *w, unsigned i)
{
    Host *h = &w->hosts[i];
    h->ref = host_put(w, h);
    h->there = true;
    h->out = 0;
    placement_set_room(w->p, h->ref, h->window);
}

static void task_draw(World *w, unsigned i)
{
    TaskNeed *need = &w->needs[i];
    *need = plain_task();
    need->level = 1 + (uint32_t)random_below(&w->seed, 2);
    need->evidence_mask = random_below(&w->seed, 2) ? 0 : (uint32_t)(1 + random_below(&w->seed, 7));
    need->memory_max = (uint64_t)1 << (17 + random_below(&w->seed, 4));
    need->spot_allowed = random_below(&w->seed, 2);
    need->tenant = random_below(&w->seed, 2);
    need->weights = (PlacementWeights){random_unit(&w->seed), random_unit(&w->seed), random_unit(&w->seed)};
    w->zones_allowed[i][0] = 0, w->zones_allowed[i][1] = ZONES[1 + random_below(&w->seed, 3)];
    w->excluded[i][0] = ZONES[1 + random_below(&w->seed, 3)];
    w->excluded[i][1] = fact_hash(w->hosts[random_below(&w->seed, NODES)].facts.node_id);
    switch (random_below(&w->seed, 3)) {
    case 0: need->zones_allowed = w->zones_allowed[i], need->zones_allowed_count = 2; break;
    case 1: need->zones_excluded = &w->excluded[i][0], need->zones_excluded_count = 1; break;
    default: break;
    }
    if (random_below(&w->seed, 2)) need->nodes_excluded = &w->excluded[i][1], need->nodes_excluded_count = 1;
    TaskNeed told = *need;
    if (mistake == FORGETS_ZONE) told.zones_allowed_count = 0;
    if (mistake == FORGETS_EXCLUDED_ZONE) told.zones_excluded_count = 0;
    if (mistake == FORGETS_EXCLUDED_NODE) told.nodes_excluded_count = 0;
    w->tasks[i] = add(w->p, &told);
}

static bool listed(const uint64_t *list, size_t count, uint64_t value)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == value) return true;
    return false;
}

/* The hard limits, said once more in the plainest way. */
static bool allowed(const TaskNeed *need, const NodeFacts *f)
{
    if (need->evidence_mask && !(f->evidence_mask & need->evidence_mask)) return false;
    return (f->level_mask & 1u << need->level) && f->memory_free >= need->memory_max &&
           (!need->zones_allowed_count || listed(need->zones_allowed, need->zones_allowed_count, f->zone)) &&
           !listed(need->zones_excluded, need->zones_excluded_count, f->zone) &&
           !listed(need->nodes_excluded, need->nodes_excluded_count, fact_hash(f->node_id)) && (!f->spot || need->spot_allowed) && !f->draining;
}

static bool may_have(const Job *job, const TaskNeed *need, const NodeFacts *f)
{
    if (!allowed(need, f)) return false;
    for (unsigned i = 0; i < job->had_count; i++)
        if (job->had[i].node == fact_hash(f->node_id) || (f->owner && job->had[i].owner == f->owner)) return false;
    return true;
}

static unsigned host_of(const World *w, PlacementNodeRef ref)
{
    for (unsigned i = 0; i < NODES; i++)
        if (w->hosts[i].there && w->hosts[i].ref == ref) return i;
    REQUIRE(false, "a node that is not there was chosen");
    return 0;
}

static unsigned able(const World *w, const Job *job, bool with_room)
{
    unsigned count = 0;
    for (unsigned i = 0; i < NODES; i++) {
        const Host *h = &w->hosts[i];
        count += h->there && may_have(job, &w->needs[job->task], &h->facts) && (!with_room || h->out < h->window);
    }
    return count;
}

/* Asked before the choice: who is a candidate, and in which order. */
static size_t explained(const World *w, const Job *job, PlacementCandidate all[NODES])
{
    size_t count, total;
    ck_assert_ok(placement_explain(w->p, w->tasks[job->task], &(JobNeed){0, 5000}, job->had, job->had_count, all, NODES, &count, &total));
    ck_assert_uint_eq(count, placement_node_count(w->p));
    for (size_t i = 0; i < count; i++) {
        const Host *h = &w->hosts[host_of(w, all[i].node)];
        const bool fits = all[i].limit == PLACEMENT_FITS, full = all[i].limit == PLACEMENT_NO_ROOM;
        REQUIRE((fits || full) == may_have(job, &w->needs[job->task], &h->facts), "explain offers a node against a limit, or keeps one back without");
        if (fits || full) REQUIRE(full == (h->out >= h->window), "explain is wrong about room");
        if (i > 0 && all[i - 1].limit == all[i].limit && fits) REQUIRE(all[i - 1].score <= all[i].score, "explain is out of order");
    }
    return count;
}

/* The choice is what explain put first, or scores the same. */
static void check_choice(const PlacementCandidate *all, size_t count, const PlacementChoice *c)
{
    size_t i = 0;
    while (i < count && all[i].node != c->node) i++;
    ck_assert_uint_lt(i, count);
    REQUIRE(all[i].limit == PLACEMENT_FITS, "the choice is none that explain offers");
    REQUIRE(fabs(all[i].score - all[0].score) <= 1e-9 * (1 + all[0].score), "the choice is not the best that explain offers");
    REQUIRE(fabs(all[i].finish_s - c->finish_s) <= 1e-9 * (1 + c->finish_s), "explain and choice expect different ends");
}

static bool send_copy(World *w, Job *job)
{
    PlacementCandidate all[NODES];
    const size_t count = explained(w, job, all);
    PlacementAnswer answer;
    PlacementChoice c;
    const size_t avoid_count = mistake == FORGETS_COPIES ? 0 : job->had_count;
    ck_assert_ok(placement_choose_node(w->p, w->tasks[job->task], &(JobNeed){0, 5000}, job->had, avoid_count, &answer, &c));
    if (answer == PLACEMENT_IMPOSSIBLE) REQUIRE(able(w, job, false) == 0, "impossible, though a node may have it");
    if (answer == PLACEMENT_FULL) REQUIRE(able(w, job, true) == 0, "full, though a node has room");
    if (answer != PLACEMENT_CHOSEN) return false;
    const unsigned i = host_of(w, c.node);
    Host *h = &w->hosts[i];
    REQUIRE(may_have(job, &w->needs[job->task], &h->facts), "a hard limit is broken");
    REQUIRE(h->out < h->window, "more than there is room for");
    check_choice(all, count, &c);
    if (broken) return false;
    if (mistake == FORGETS_ROOM) placement_set_room(w->p, h->ref, h->window);
    h->out++;
    const PlacementWho who = {fact_hash(h->facts.node_id), h->facts.owner};
    job->out[job->out_count++] = (Copy){i, c.charge_s, who};
    job->had[job->had_count++] = who;
    job->wanted--;
    return true;
}

static void forget_who(Job *job, PlacementWho who)
{
    for (unsigned i = 0; i < job->had_count; i++)
        if (job->had[i].node == who.node) {
            job->had[i] = job->had[--job->had_count];
            return;
        }
}

static void ask_for(Job *job, QuorumAnswer a)
{
    if (a.state == QUORUM_MORE) job->wanted += a.more;
    if (a.state == QUORUM_AGREED) job->wanted = 0;
}

/* A copy is gone with its node, which has no vote and may be asked again. */
static void lose_copy(Job *job, unsigned at)
{
    forget_who(job, job->out[at].who);
    job->out[at] = job->out[--job->out_count];
    if (!job->decided && mistake != LOSES_COPIES) ask_for(job, quorum_state(&job->quorum, job->out_count + job->wanted));
}

static void host_leave(World *w, unsigned i)
{
    Host *h = &w->hosts[i];
    placement_remove_node(w->p, h->ref);
    h->there = false;
    for (unsigned j = 0; j < TASKS * JOBS; j++)
        for (unsigned k = w->jobs[j].out_count; k-- > 0;)
            if (w->jobs[j].out[k].host == i) lose_copy(&w->jobs[j], k);
}

static void finish_copy(World *w, Job *job, unsigned at)
{
    const Copy copy = job->out[at];
    Host *h = &w->hosts[copy.host];
    ck_assert(h->there && h->out > 0);
    job->out[at] = job->out[--job->out_count];
    h->out--;
    placement_end(w->p, h->ref, w->tasks[job->task], copy.charge_s, h->liar ? PLACEMENT_BAD : PLACEMENT_DONE, 1 / h->facts.speed);
    placement_set_room(w->p, h->ref, h->window - h->out);
    QuorumVote vote = {.node = copy.who.node, .owner = copy.who.owner};
    vote.digest[0] = h->liar ? (uint8_t)(2 + copy.host) : 1;
    bool counted;
    const bool was_agreed = quorum_digest(&job->quorum) != NULL;
    ask_for(job, quorum_vote(&job->quorum, &vote, job->out_count + job->wanted, &counted));
    REQUIRE(counted == !was_agreed, was_agreed ? "a vote after the decision counted" : "two copies on one node or owner");
    if ((!was_agreed || mistake == DOUBLES_RESULTS) && quorum_digest(&job->quorum)) {
        job->decided++;
        job->result = mistake == BELIEVES_THE_FIRST ? job->quorum.votes[0].digest[0] : quorum_digest(&job->quorum)[0];
    }
}

static void something_happens(World *w)
{
    const unsigned i = (unsigned)random_below(&w->seed, NODES);
    Host *h = &w->hosts[i];
    if (!h->there) {
        if (random_below(&w->seed, 2)) host_draw(w, i); /* another machine under the same name */
        host_join(w, i);
    } else if (random_below(&w->seed, 3) == 0) {
        host_leave(w, i);
    } else if (!h->facts.draining) {
        if (mistake != FORGETS_DRAIN) placement_drain_node(w->p, h->ref);
        h->facts.draining = true;
    } else {
        h->facts.draining = false;
        ck_assert_uint_eq(host_put(w, h), h->ref);
    }
}

static World *world_new(uint64_t seed)
{
    World *w = calloc(1, sizeof *w);
    ck_assert_ptr_nonnull(w);
    w->seed = seed;
    w->p = new_placement();
    for (unsigned i = 0; i < NODES; i++) host_draw(w, i), host_join(w, i);
    for (unsigned i = 0; i < TASKS; i++) task_draw(w, i);
    for (unsigned j = 0; j < TASKS * JOBS; j++) {
        w->jobs[j].task = j % TASKS;
        const QuorumRule rules[TASKS] = {{1, 1, 1}, {2, 2, 9}, {3, 2, 9}};
        quorum_start(&w->jobs[j].quorum, &rules[j % TASKS]);
        w->jobs[j].wanted = rules[j % TASKS].copies;
    }
    return w;
}

/* One step; false when nothing is out and nothing could be sent. */
static bool step(World *w)
{
    bool moved = false;
    const unsigned first = (unsigned)random_below(&w->seed, TASKS * JOBS);
    for (unsigned n = 0; n < TASKS * JOBS && !broken; n++) {
        Job *job = &w->jobs[(first + n) % (TASKS * JOBS)];
        if (!job->decided && job->wanted && n < 8) moved |= send_copy(w, job);
        if (!job->out_count || random_below(&w->seed, 3)) continue;
        finish_copy(w, job, (unsigned)random_below(&w->seed, job->out_count));
        moved = true;
    }
    placement_tick(w->p, w->now_s += random_unit(&w->seed));
    return moved;
}

/* All nodes there, and honest about it; until nothing moves any more. */
static void peace(World *w)
{
    for (unsigned i = 0; i < NODES; i++) {
        Host *h = &w->hosts[i];
        h->facts.draining = false;
        if (h->there) host_put(w, h);
        else host_join(w, i);
    }
    for (unsigned idle = 0, steps = 0; idle < 400 && steps < STEPS_MAX && !broken; steps++) idle = step(w) ? 0 : idle + 1;
}

static void check_end(const World *w)
{
    for (unsigned j = 0; j < TASKS * JOBS; j++) {
        const Job *job = &w->jobs[j];
        REQUIRE(job->decided <= 1, "a micro-job is counted twice");
        REQUIRE(job->out_count == 0, "a copy never came back");
        if (job->decided && job->quorum.rule.agree > 1) REQUIRE(job->result == 1, "a lie passes"); /* liars never agree with each other */
        const bool stuck = able(w, job, false) == 0, hopeless = quorum_state(&job->quorum, 0).state == QUORUM_HOPELESS;
        REQUIRE(job->decided || stuck || hopeless, "a micro-job is lost");
    }
    for (unsigned i = 0; i < NODES; i++) REQUIRE(placement_node_outstanding(w->p, w->hosts[i].ref) == 0, "placement counts what is not there");
}

/* The first rule that was broken, or NULL. */
static const char *run_world(uint64_t seed)
{
    broken = NULL;
    World *w = world_new(seed);
    for (unsigned steps = 0; steps < 400 && !broken; steps++) {
        step(w);
        if (random_below(&w->seed, 4) == 0) something_happens(w);
    }
    if (!broken) peace(w);
    if (!broken) check_end(w);
    placement_free(w->p);
    free(w);
    return broken;
}

START_TEST(no_job_is_lost_none_is_counted_twice_and_no_limit_is_broken)
{
    const char *scale = getenv("COVEY_ROUNDS");
    const uint64_t rounds = ROUNDS * (scale && atoi(scale) > 0 ? (uint64_t)atoi(scale) : 1);
    for (uint64_t seed = 1; seed <= rounds; seed++) {
        const char *rule = run_world(seed);
        ck_assert_msg(!rule, "seed %lu: %s", (unsigned long)seed, rule);
    }
}
END_TEST

START_TEST(every_planted_mistake_is_found)
{
    for (mistake = NO_MISTAKE + 1; mistake < MISTAKES; mistake++) {
        const char *rule = NULL;
        for (uint64_t seed = 1; seed <= ROUNDS && !rule; seed++) rule = run_world(seed);
        ck_assert_msg(rule, "%s: nobody noticed", MISTAKE_NAMES[mistake]);
        printf("# %s: %s\n", MISTAKE_NAMES[mistake], rule);
        fflush(stdout);
    }
}
END_TEST

TEST_MAIN("placement/world", no_job_is_lost_none_is_counted_twice_and_no_limit_is_broken, every_planted_mistake_is_found)
