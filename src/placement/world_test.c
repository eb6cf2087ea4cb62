/*
 * Random clusters where nodes come, go, drain, fail and lie: is every micro-job decided, counted once, and never placed where it must not be?
 * COVEY_ROUNDS multiplies how many are tried; every failure names its seed.
 */
#include <stdlib.h>

#include "placement/fixture.h"
#include "placement/quorum.h"

enum { NODES = 24, TASKS = 3, JOBS = 40, COPIES_OUT_MAX = QUORUM_COPIES_MAX, STEPS_MAX = 200000, ROUNDS = 60 };
static const uint64_t ZONES[] = {0, 11, 12, 13};

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

static void host_join(World *w, unsigned i)
{
    Host *h = &w->hosts[i];
    h->ref = put(w->p, &h->facts);
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
    w->tasks[i] = add(w->p, need);
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
    ck_abort_msg("a node that is not there was chosen");
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
        ck_assert_int_eq(fits || full, may_have(job, &w->needs[job->task], &h->facts));
        if (fits || full) ck_assert_int_eq(full, h->out >= h->window);
        if (i > 0 && all[i - 1].limit == all[i].limit && fits) ck_assert_double_le(all[i - 1].score, all[i].score);
    }
    return count;
}

/* The choice is what explain put first, or scores the same. */
static void check_choice(const PlacementCandidate *all, size_t count, const PlacementChoice *c)
{
    size_t i = 0;
    while (i < count && all[i].node != c->node) i++;
    ck_assert_uint_lt(i, count);
    ck_assert_int_eq(all[i].limit, PLACEMENT_FITS);
    ck_assert_double_eq_tol(all[i].score, all[0].score, 1e-9 * (1 + all[0].score));
    ck_assert_double_eq_tol(all[i].finish_s, c->finish_s, 1e-9 * (1 + c->finish_s));
}

static bool send_copy(World *w, Job *job)
{
    PlacementCandidate all[NODES];
    const size_t count = explained(w, job, all);
    PlacementAnswer answer;
    PlacementChoice c;
    ck_assert_ok(placement_choose_node(w->p, w->tasks[job->task], &(JobNeed){0, 5000}, job->had, job->had_count, &answer, &c));
    if (answer == PLACEMENT_IMPOSSIBLE) ck_assert_uint_eq(able(w, job, false), 0);
    if (answer == PLACEMENT_FULL) ck_assert_uint_eq(able(w, job, true), 0);
    if (answer != PLACEMENT_CHOSEN) return false;
    const unsigned i = host_of(w, c.node);
    Host *h = &w->hosts[i];
    ck_assert(may_have(job, &w->needs[job->task], &h->facts));
    ck_assert_uint_lt(h->out, h->window);
    check_choice(all, count, &c);
    h->out++;
    job->out[job->out_count++] = (Copy){i, c.charge_s, c.who};
    job->had[job->had_count++] = c.who;
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
    if (!job->decided) ask_for(job, quorum_state(&job->quorum, job->out_count + job->wanted));
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
    if (was_agreed) ck_assert(!counted);
    else ck_assert(counted); /* placement never gave a second copy to a node or owner */
    if (!was_agreed && quorum_digest(&job->quorum)) {
        job->decided++;
        job->result = quorum_digest(&job->quorum)[0];
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
        placement_drain_node(w->p, h->ref);
        h->facts.draining = true;
    } else {
        h->facts.draining = false;
        ck_assert_uint_eq(put(w->p, &h->facts), h->ref);
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
    for (unsigned n = 0; n < TASKS * JOBS; n++) {
        Job *job = &w->jobs[(first + n) % (TASKS * JOBS)];
        if (!job->decided && job->wanted && n < 8) moved |= send_copy(w, job);
        if (!job->out_count || random_below(&w->seed, 3)) continue;
        finish_copy(w, job, (unsigned)random_below(&w->seed, job->out_count));
        moved = true;
    }
    placement_tick(w->p, w->now_s += random_unit(&w->seed));
    return moved;
}

static void run_world(uint64_t seed)
{
    World *w = world_new(seed);
    for (unsigned steps = 0; steps < 400; steps++) {
        step(w);
        if (random_below(&w->seed, 4) == 0) something_happens(w);
    }
    for (unsigned i = 0; i < NODES; i++) { /* peace: all nodes there and honest about it */
        Host *h = &w->hosts[i];
        h->facts.draining = false;
        if (h->there) put(w->p, &h->facts);
        else host_join(w, i);
    }
    for (unsigned idle = 0, steps = 0; idle < 400 && steps < STEPS_MAX; steps++) idle = step(w) ? 0 : idle + 1;
    for (unsigned j = 0; j < TASKS * JOBS; j++) {
        const Job *job = &w->jobs[j];
        ck_assert_msg(job->decided <= 1, "seed %lu: counted %u times", (unsigned long)seed, job->decided);
        ck_assert_uint_eq(job->out_count, 0);
        if (job->decided && job->quorum.rule.agree > 1) ck_assert_uint_eq(job->result, 1); /* liars never agree with each other */
        const bool stuck = able(w, job, false) == 0, hopeless = quorum_state(&job->quorum, 0).state == QUORUM_HOPELESS;
        ck_assert_msg(job->decided || stuck || hopeless, "seed %lu: job %u is lost", (unsigned long)seed, j);
    }
    for (unsigned i = 0; i < NODES; i++) ck_assert_uint_eq(placement_node_outstanding(w->p, w->hosts[i].ref), 0);
    placement_free(w->p);
    free(w);
}

START_TEST(no_job_is_lost_none_is_counted_twice_and_no_limit_is_broken)
{
    const char *scale = getenv("COVEY_ROUNDS");
    const uint64_t rounds = ROUNDS * (scale && atoi(scale) > 0 ? (uint64_t)atoi(scale) : 1);
    for (uint64_t seed = 1; seed <= rounds; seed++) run_world(seed);
}
END_TEST

TEST_MAIN("placement/world", no_job_is_lost_none_is_counted_twice_and_no_limit_is_broken)
