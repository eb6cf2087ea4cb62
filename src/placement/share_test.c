/* Is the swarm shared fairly, does stealing help, are stragglers found, and does the same history give the same choices? */
#include <math.h>

#include "placement/fixture.h"
#include "placement/speculate.h"

static const JobNeed NO_DATA = {0, 0};

/* Serves the task that is next, `times` times, on one endless node; how often each was. */
static void serve(Placement *p, unsigned times, unsigned *served)
{
    for (unsigned i = 0; i < times; i++) {
        PlacementTaskRef task;
        PlacementChoice c;
        ck_assert(placement_next_task(p, &task));
        ck_assert_int_eq(choose(p, task, NO_DATA, &c), PLACEMENT_CHOSEN);
        served[task]++;
    }
}

static PlacementTaskRef task_of(Placement *p, uint64_t tenant, double share, double run_s, uint64_t left)
{
    TaskNeed need = plain_task();
    need.tenant = tenant, need.share = share, need.run_s = run_s;
    const PlacementTaskRef task = add(p, &need);
    placement_set_left(p, task, left);
    return task;
}

START_TEST(tenants_share_evenly_and_their_tasks_by_share)
{
    AUTO_PLACEMENT p = new_placement();
    const NodeFacts f = plain_node(0);
    put(p, &f);
    task_of(p, 1, 1, 1, 100000);
    task_of(p, 2, 1, 1, 100000);
    task_of(p, 2, 3, 1, 100000);
    unsigned served[3] = {0};
    serve(p, 8000, served);
    ck_assert_double_eq_tol(served[0], 4000, 2);
    ck_assert_double_eq_tol(served[1], 1000, 2);
    ck_assert_double_eq_tol(served[2], 3000, 2);
}
END_TEST

START_TEST(long_runs_count_for_what_they_take)
{
    AUTO_PLACEMENT p = new_placement();
    const NodeFacts f = plain_node(0);
    put(p, &f);
    task_of(p, 1, 1, 10, 100000);
    task_of(p, 2, 1, 1, 100000);
    unsigned served[2] = {0};
    serve(p, 1100, served);
    ck_assert_double_eq_tol(served[0], 100, 2);
}
END_TEST

START_TEST(who_rested_does_not_hold_up_the_others_afterwards)
{
    AUTO_PLACEMENT p = new_placement();
    const NodeFacts f = plain_node(0);
    put(p, &f);
    task_of(p, 1, 1, 1, 100000);
    const PlacementTaskRef rested = task_of(p, 2, 1, 1, 0);
    unsigned served[3] = {0};
    serve(p, 5000, served);
    placement_set_left(p, rested, 100000);
    task_of(p, 3, 1, 1, 100000); /* and one that is new */
    served[0] = 0;
    serve(p, 300, served);
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol(served[i], 100, 2);
}
END_TEST

START_TEST(nothing_left_is_nobody_next)
{
    AUTO_PLACEMENT p = new_placement();
    const NodeFacts f = plain_node(0);
    put(p, &f);
    PlacementTaskRef task;
    ck_assert(!placement_next_task(p, &task));
    task_of(p, 1, 1, 1, 3);
    unsigned served[1] = {0};
    serve(p, 3, served);
    ck_assert(!placement_next_task(p, &task));
}
END_TEST

enum { QUEUED = 40 };

/* A node that said it was fast and is not has all of them; then an idle one joins. */
static size_t steal_from_slow(double bandwidth, uint64_t bytes, PlacementMove *ret_moves, PlacementNodeRef *ret_slow, Placement *p)
{
    NodeFacts slow = plain_node(0), idle = plain_node(1);
    idle.bandwidth = bandwidth;
    *ret_slow = put(p, &slow);
    const TaskNeed need = plain_task();
    const PlacementTaskRef task = add(p, &need);
    PlacementQueued queued[QUEUED];
    for (int i = 0; i < QUEUED; i++) {
        PlacementChoice c;
        ck_assert_int_eq(choose(p, task, (JobNeed){5, bytes}, &c), PLACEMENT_CHOSEN);
        queued[i] = (PlacementQueued){.id = (uint64_t)i, .node = c.node, .task = task, .job = {5, bytes}, .charge_s = c.charge_s};
    }
    put(p, &idle);
    size_t moves;
    ck_assert_ok(placement_steal(p, queued + 1, QUEUED - 1, ret_moves, QUEUED, &moves)); /* the first runs */
    return moves;
}

START_TEST(an_idle_node_takes_half_of_a_queue_and_from_its_end)
{
    AUTO_PLACEMENT p = new_placement();
    PlacementMove moves[QUEUED];
    PlacementNodeRef slow;
    const size_t count = steal_from_slow(0, 0, moves, &slow, p);
    ck_assert_uint_ge(count, QUEUED / 2 - 3);
    ck_assert_uint_le(count, QUEUED / 2);
    ck_assert_uint_eq(moves[0].queued, QUEUED - 2);
    for (size_t i = 0; i < count; i++) ck_assert_uint_ne(moves[i].to.node, slow);
    ck_assert_double_le(placement_node_queue_s(p, slow), QUEUED - count + 0.01);
    ck_assert_uint_eq(placement_node_outstanding(p, slow), QUEUED - count);
}
END_TEST

START_TEST(what_is_far_to_carry_stays)
{
    AUTO_PLACEMENT p = new_placement();
    PlacementMove moves[QUEUED];
    PlacementNodeRef slow;
    ck_assert_uint_eq(steal_from_slow(1000, 100 * 1000, moves, &slow, p), 0); /* 100 s each, and the whole queue is 40 */
}
END_TEST

START_TEST(copies_are_not_stolen_to_where_another_is)
{
    AUTO_PLACEMENT p = new_placement();
    NodeFacts first = plain_node(0), second = plain_node(1);
    put(p, &first);
    const TaskNeed need = plain_task();
    const PlacementTaskRef task = add(p, &need);
    PlacementChoice c;
    for (int i = 0; i < 10; i++) ck_assert_int_eq(choose(p, task, NO_DATA, &c), PLACEMENT_CHOSEN);
    put(p, &second);
    const PlacementWho other = {.node = fact_hash("node-1")};
    const PlacementQueued queued = {.node = c.node, .task = task, .charge_s = c.charge_s, .avoid = &other, .avoid_count = 1};
    PlacementMove move;
    size_t moves;
    ck_assert_ok(placement_steal(p, &queued, 1, &move, 1, &moves));
    ck_assert_uint_eq(moves, 0);
}
END_TEST

START_TEST(a_straggler_is_late_by_rank_and_by_length)
{
    const SpeculateRun run = {.median_s = 10, .p95_s = 20, .running_s = 21, .samples = 100};
    SpeculateRun r = run;
    ck_assert(speculate_straggler(&r));
    ck_assert_double_eq_tol(speculate_left_s(&r), 11, 1e-12);
    r.running_s = 19;
    ck_assert(!speculate_straggler(&r));
    r = run, r.samples = SPECULATE_SAMPLES_MIN - 1;
    ck_assert(!speculate_straggler(&r));
    r = run, r.p95_s = 10, r.running_s = 14; /* past the p95, and not long past */
    ck_assert(!speculate_straggler(&r));
    r.running_s = 4;
    ck_assert_double_eq_tol(speculate_left_s(&r), 6, 1e-12);
}
END_TEST

START_TEST(a_copy_is_made_once_elsewhere_and_only_when_it_would_be_sooner)
{
    AUTO_PLACEMENT p = new_placement();
    const NodeFacts f = plain_node(0), g = plain_node(1);
    const PlacementNodeRef stuck = put(p, &f);
    const TaskNeed need = plain_task();
    const PlacementTaskRef task = add(p, &need);
    PlacementChoice c;
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(choose(p, task, NO_DATA, &c), PLACEMENT_CHOSEN);
        placement_tick(p, i + 1);
        placement_end(p, c.node, task, c.charge_s, PLACEMENT_DONE, 1);
    }
    ck_assert_int_eq(choose(p, task, NO_DATA, &c), PLACEMENT_CHOSEN); /* starts at 20 */
    bool worth;
    placement_tick(p, 23);
    ck_assert_ok(placement_speculate(p, task, &NO_DATA, stuck, 20, 1, NULL, 0, &worth, &c));
    ck_assert(!worth); /* there is no other node */
    const PlacementNodeRef other = put(p, &g);
    ck_assert_ok(placement_speculate(p, task, &NO_DATA, stuck, 22, 1, NULL, 0, &worth, &c));
    ck_assert(!worth); /* not late */
    ck_assert_ok(placement_speculate(p, task, &NO_DATA, stuck, 20, 2, NULL, 0, &worth, &c));
    ck_assert(!worth); /* it has a copy */
    placement_set_left(p, task, 1);
    ck_assert_ok(placement_speculate(p, task, &NO_DATA, stuck, 20, 1, NULL, 0, &worth, &c));
    ck_assert(!worth); /* others have not run at all */
    placement_set_left(p, task, 0);
    ck_assert_ok(placement_speculate(p, task, &NO_DATA, stuck, 20, 1, NULL, 0, &worth, &c));
    ck_assert(worth);
    ck_assert_uint_eq(c.node, other);
    ck_assert_uint_eq(placement_node_outstanding(p, other), 1);
}
END_TEST

/* A digest of 20,000 choices with ends, joins and leaves. */
static uint64_t history(uint64_t seed)
{
    AUTO_PLACEMENT p = new_placement();
    uint64_t digest = 0;
    for (unsigned i = 0; i < 50; i++) {
        NodeFacts f = plain_node(i);
        f.speed = 0.5 + random_unit(&seed), f.cores = (uint32_t)(1 + random_below(&seed, 4)), f.bandwidth = 1e6;
        put(p, &f);
    }
    const TaskNeed need = plain_task();
    const PlacementTaskRef task = add(p, &need);
    for (unsigned i = 0; i < 20000; i++) {
        PlacementChoice c;
        ck_assert_int_eq(choose(p, task, (JobNeed){0, random_below(&seed, 100000)}, &c), PLACEMENT_CHOSEN);
        digest = (digest ^ c.node) * 0x100000001b3u;
        placement_tick(p, i * 0.02);
        if (random_below(&seed, 2)) placement_end(p, c.node, task, c.charge_s, PLACEMENT_DONE, 0.5 + random_unit(&seed));
    }
    return digest;
}

START_TEST(the_same_history_gives_the_same_choices)
{
    ck_assert_uint_eq(history(9), history(9));
    ck_assert_uint_ne(history(9), history(10));
}
END_TEST

TEST_MAIN("placement/share", tenants_share_evenly_and_their_tasks_by_share, long_runs_count_for_what_they_take,
          who_rested_does_not_hold_up_the_others_afterwards, nothing_left_is_nobody_next, an_idle_node_takes_half_of_a_queue_and_from_its_end,
          what_is_far_to_carry_stays, copies_are_not_stolen_to_where_another_is, a_straggler_is_late_by_rank_and_by_length,
          a_copy_is_made_once_elsewhere_and_only_when_it_would_be_sooner, the_same_history_gives_the_same_choices)
