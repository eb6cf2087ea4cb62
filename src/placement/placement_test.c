/* Does placement keep the hard limits, and choose by the score that it documents? */
#include "placement/fixture.h"

#include <math.h>

static const JobNeed NOTHING_TO_MOVE = {0, 0};

/* What placement answers when the only node there is differs from a plain one as `f` says. */
static PlacementAnswer only(const NodeFacts *f, const TaskNeed *need)
{
    AUTO_PLACEMENT p = new_placement();
    put(p, f);
    PlacementChoice c;
    return choose(p, add(p, need), NOTHING_TO_MOVE, &c);
}

START_TEST(a_node_that_breaks_a_hard_limit_is_never_chosen)
{
    const uint64_t here = fact_hash("here"), there = fact_hash("there"), itself = fact_hash("node-1");
    NodeFacts f = plain_node(1);
    f.zone = here;
    const TaskNeed plain = plain_task();
    ck_assert_int_eq(only(&f, &plain), PLACEMENT_CHOSEN);

    TaskNeed need = plain;
    need.level = 3;
    ck_assert_int_eq(only(&f, &need), PLACEMENT_IMPOSSIBLE);
    need = plain, need.evidence_mask = 2 | 4;
    ck_assert_int_eq(only(&f, &need), PLACEMENT_IMPOSSIBLE);
    need.evidence_mask = 1 | 4;
    ck_assert_int_eq(only(&f, &need), PLACEMENT_CHOSEN);
    need = plain, need.memory_max = f.memory_free + 1;
    ck_assert_int_eq(only(&f, &need), PLACEMENT_IMPOSSIBLE);
    need = plain, need.zones_allowed = &there, need.zones_allowed_count = 1;
    ck_assert_int_eq(only(&f, &need), PLACEMENT_IMPOSSIBLE);
    need.zones_allowed = &here;
    ck_assert_int_eq(only(&f, &need), PLACEMENT_CHOSEN);
    need = plain, need.zones_excluded = &here, need.zones_excluded_count = 1;
    ck_assert_int_eq(only(&f, &need), PLACEMENT_IMPOSSIBLE);
    need = plain, need.nodes_excluded = &itself, need.nodes_excluded_count = 1;
    ck_assert_int_eq(only(&f, &need), PLACEMENT_IMPOSSIBLE);
    f.spot = true;
    ck_assert_int_eq(only(&f, &plain), PLACEMENT_IMPOSSIBLE);
    need = plain, need.spot_allowed = true;
    ck_assert_int_eq(only(&f, &need), PLACEMENT_CHOSEN);
    f.draining = true;
    ck_assert_int_eq(only(&f, &need), PLACEMENT_IMPOSSIBLE);
}
END_TEST

START_TEST(a_drained_node_gets_nothing_until_it_is_put_again)
{
    AUTO_PLACEMENT p = new_placement();
    const NodeFacts f = plain_node(1);
    const PlacementNodeRef node = put(p, &f);
    const TaskNeed need = plain_task();
    const PlacementTaskRef task = add(p, &need);
    PlacementChoice c;
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_CHOSEN);
    placement_drain_node(p, node);
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_IMPOSSIBLE);
    ck_assert_uint_eq(placement_node_outstanding(p, node), 1);
    ck_assert_uint_eq(put(p, &f), node);
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_CHOSEN);
    placement_remove_node(p, node);
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_IMPOSSIBLE);
    ck_assert(!placement_find_node(p, "node-1", &(PlacementNodeRef){0}));
}
END_TEST

START_TEST(a_node_without_room_is_full_and_not_impossible)
{
    AUTO_PLACEMENT p = new_placement();
    const NodeFacts f = plain_node(1);
    const PlacementNodeRef node = put(p, &f);
    const TaskNeed need = plain_task();
    const PlacementTaskRef task = add(p, &need);
    PlacementChoice c;
    placement_set_room(p, node, 2);
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_CHOSEN);
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_CHOSEN);
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_FULL);
    placement_set_room(p, node, 1);
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_CHOSEN);
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_FULL);
}
END_TEST

START_TEST(copies_go_to_other_nodes_and_other_owners)
{
    AUTO_PLACEMENT p = new_placement();
    for (unsigned i = 0; i < 6; i++) {
        NodeFacts f = plain_node(i);
        f.owner = i < 4 ? fact_hash("one owner") : 0; /* nodes 4 and 5 name none */
        put(p, &f);
    }
    const TaskNeed need = plain_task();
    const PlacementTaskRef task = add(p, &need);
    PlacementWho avoid[4];
    PlacementAnswer answer;
    for (unsigned copy = 0; copy < 4; copy++) {
        PlacementChoice c;
        ck_assert_ok(placement_choose_node(p, task, &NOTHING_TO_MOVE, avoid, copy, &answer, &c));
        ck_assert_int_eq(answer, copy < 3 ? PLACEMENT_CHOSEN : PLACEMENT_IMPOSSIBLE);
        avoid[copy] = c.who;
    }
    ck_assert_uint_ne(avoid[1].node, avoid[2].node);
}
END_TEST

START_TEST(the_terms_are_those_of_the_formula)
{
    AUTO_PLACEMENT p = new_placement();
    NodeFacts f = plain_node(1);
    f.speed = 2, f.bandwidth = 1000, f.latency_s = 0.5, f.start_s = 3, f.price = 0.1, f.reliability = 0.5;
    put(p, &f);
    TaskNeed need = plain_task();
    need.weights = (PlacementWeights){.locality = 2, .availability = 3, .cost = 5};
    need.run_s = 4, need.image_bytes = 1024;
    const PlacementTaskRef task = add(p, &need);
    PlacementCandidate c;
    size_t count, total;
    ck_assert_ok(placement_explain(p, task, &(JobNeed){9, 2048}, NULL, 0, &c, 1, &count, &total));
    ck_assert_uint_eq(count, 1);
    ck_assert_double_eq_tol(c.transfer_s, (2048 + 1024) / 1000.0 + 0.5, 1e-9);
    ck_assert_double_eq(c.start_s, 3);
    ck_assert_double_eq_tol(c.run_s, 4 / 2.0 / 0.5, 1e-9);
    ck_assert_double_eq_tol(c.price, 7 * 0.1 / 3600, 1e-12);
    ck_assert_double_eq_tol(c.score, 3 * 7 + 2 * c.transfer_s + 5 * 7 * 0.1 / 0.05, 1e-9);
    PlacementChoice chosen;
    ck_assert_int_eq(choose(p, task, (JobNeed){9, 2048}, &chosen), PLACEMENT_CHOSEN);
    ck_assert_double_eq_tol(chosen.finish_s, c.finish_s, 1e-9);
    ck_assert_ok(placement_explain(p, task, &(JobNeed){9, 2048}, NULL, 0, &c, 1, &count, &total));
    ck_assert_double_eq(c.start_s, 0); /* warm by now */
    ck_assert_double_eq_tol(c.queue_s, 7, 1e-6);
}
END_TEST

START_TEST(a_transfer_keeps_the_link_from_others_and_no_core)
{
    AUTO_PLACEMENT p = new_placement();
    NodeFacts f = plain_node(1);
    f.cores = 4, f.bandwidth = 1024;
    const NodeData held = {.content = 9, .bytes = 8192};
    f.data = &held, f.data_count = 1;
    put(p, &f);
    const TaskNeed need = plain_task();
    const PlacementTaskRef task = add(p, &need);
    const JobNeed far = {.content = 5, .bytes = 8192}, near = {.content = 9, .bytes = 8192};
    PlacementChoice first, second;
    PlacementCandidate c;
    size_t count, total;
    ck_assert_int_eq(choose(p, task, far, &first), PLACEMENT_CHOSEN);
    ck_assert_double_eq_tol(first.finish_s, 8 + 1, 1e-6);
    ck_assert_int_eq(choose(p, task, far, &second), PLACEMENT_CHOSEN);
    ck_assert_double_eq_tol(second.finish_s, 8 + 8 + 1, 1e-6); /* one after the other */
    ck_assert_ok(placement_explain(p, task, &near, NULL, 0, &c, 1, &count, &total));
    ck_assert_double_eq(c.queue_s, 0); /* what is at hand needs no link, and cores are free */
    placement_end(p, second.node, task, second.charge_s, PLACEMENT_BACK, 0);
    ck_assert_ok(placement_explain(p, task, &far, NULL, 0, &c, 1, &count, &total));
    ck_assert_double_eq_tol(c.queue_s, 8, 1e-6);
}
END_TEST

START_TEST(data_at_hand_wins_until_its_queue_is_longer_than_the_way)
{
    AUTO_PLACEMENT p = new_placement();
    const NodeData data = {.content = 42, .bytes = (uint64_t)1 << 40};
    NodeFacts far = plain_node(1), near = plain_node(2);
    far.bandwidth = near.bandwidth = 1024;
    near.data = &data, near.data_count = 1;
    put(p, &far);
    const PlacementNodeRef holder = put(p, &near);
    const TaskNeed need = plain_task();
    const PlacementTaskRef task = add(p, &need);
    PlacementChoice c;
    for (int i = 0; i < 4; i++) { /* 4 s away; equal at the fifth, and the first put wins among equals */
        ck_assert_int_eq(choose(p, task, (JobNeed){42, 4096}, &c), PLACEMENT_CHOSEN);
        ck_assert_uint_eq(c.node, holder);
    }
    ck_assert_int_eq(choose(p, task, (JobNeed){42, 4096}, &c), PLACEMENT_CHOSEN);
    ck_assert_uint_ne(c.node, holder);
}
END_TEST

START_TEST(numbers_from_outside_are_checked)
{
    AUTO_PLACEMENT p = new_placement();
    PlacementNodeRef node = 77;
    NodeFacts f = plain_node(1);
    f.cores = 0;
    ck_assert_err(placement_put_node(p, &f, &node), ERR_BAD_INPUT);
    f = plain_node(1), f.speed = 0;
    ck_assert_err(placement_put_node(p, &f, &node), ERR_BAD_INPUT);
    f = plain_node(1), f.price = NAN;
    ck_assert_err(placement_put_node(p, &f, &node), ERR_BAD_INPUT);
    f = plain_node(1), f.bandwidth = -1;
    ck_assert_err(placement_put_node(p, &f, &node), ERR_BAD_INPUT);
    f = plain_node(1), f.reliability = 1.5;
    ck_assert_err(placement_put_node(p, &f, &node), ERR_BAD_INPUT);
    f = plain_node(1), f.node_id[0] = 0;
    ck_assert_err(placement_put_node(p, &f, &node), ERR_BAD_INPUT);
    memset(f.node_id, 'x', sizeof f.node_id);
    ck_assert_err(placement_put_node(p, &f, &node), ERR_BAD_INPUT);
    ck_assert_uint_eq(node, 77);
    ck_assert_uint_eq(placement_node_count(p), 0);
    TaskNeed need = plain_task();
    PlacementTaskRef task;
    need.level = 32;
    ck_assert_err(placement_add_task(p, &need, &task), ERR_BAD_INPUT);
    need = plain_task(), need.weights.cost = INFINITY;
    ck_assert_err(placement_add_task(p, &need, &task), ERR_BAD_INPUT);
    need = plain_task(), need.zones_allowed_count = FACT_LIST_MAX + 1;
    ck_assert_err(placement_add_task(p, &need, &task), ERR_LIMIT);
}
END_TEST

START_TEST(speed_is_corrected_by_what_is_measured)
{
    AUTO_PLACEMENT p = new_placement();
    const NodeFacts f = plain_node(1), g = plain_node(2);
    const PlacementNodeRef slow = put(p, &f), fair = put(p, &g);
    const TaskNeed need = plain_task();
    const PlacementTaskRef task = add(p, &need);
    for (int i = 0; i < 200; i++) { /* two at a time, so that both have work */
        PlacementChoice c[2];
        for (int j = 0; j < 2; j++) ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c[j]), PLACEMENT_CHOSEN);
        placement_tick(p, 10 * (i + 1));
        for (int j = 0; j < 2; j++) placement_end(p, c[j].node, task, c[j].charge_s, PLACEMENT_DONE, c[j].node == slow ? 4 : 1);
    }
    ck_assert_double_gt(placement_node_speed(p, fair), 2 * placement_node_speed(p, slow));
    PlacementChoice c;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_CHOSEN);
        ck_assert_uint_eq(c.node, fair);
    }
}
END_TEST

START_TEST(the_last_job_waits_for_the_fast_node_and_not_forever)
{
    AUTO_PLACEMENT p = new_placement();
    NodeFacts fast = plain_node(1), slow = plain_node(2);
    slow.speed = 0.1;
    const PlacementNodeRef quick = put(p, &fast);
    put(p, &slow);
    const TaskNeed need = plain_task();
    const PlacementTaskRef task = add(p, &need);
    placement_set_room(p, quick, 1);
    placement_set_left(p, task, 2);
    PlacementChoice c;
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_CHOSEN);
    ck_assert_uint_eq(c.node, quick);
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_HOLD);
    double now_s = 0;
    for (; now_s < 60 && choose(p, task, NOTHING_TO_MOVE, &c) == PLACEMENT_HOLD; now_s += 0.5) placement_tick(p, now_s);
    ck_assert_uint_ne(c.node, quick); /* it never came back */
    ck_assert_double_ge(now_s, 2);
    ck_assert_double_le(now_s, 15);
}
END_TEST

START_TEST(far_from_the_end_slow_nodes_work_too)
{
    AUTO_PLACEMENT p = new_placement();
    NodeFacts fast = plain_node(1), slow = plain_node(2);
    slow.speed = 0.1;
    const PlacementNodeRef quick = put(p, &fast);
    put(p, &slow);
    const TaskNeed need = plain_task();
    const PlacementTaskRef task = add(p, &need);
    placement_set_room(p, quick, 1);
    placement_set_left(p, task, 100);
    PlacementChoice c;
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_CHOSEN);
    ck_assert_int_eq(choose(p, task, NOTHING_TO_MOVE, &c), PLACEMENT_CHOSEN);
    ck_assert_uint_ne(c.node, quick);
}
END_TEST

TEST_MAIN("placement", a_node_that_breaks_a_hard_limit_is_never_chosen, a_drained_node_gets_nothing_until_it_is_put_again,
          a_node_without_room_is_full_and_not_impossible, copies_go_to_other_nodes_and_other_owners, the_terms_are_those_of_the_formula,
          a_transfer_keeps_the_link_from_others_and_no_core, data_at_hand_wins_until_its_queue_is_longer_than_the_way,
          numbers_from_outside_are_checked, speed_is_corrected_by_what_is_measured, the_last_job_waits_for_the_fast_node_and_not_forever,
          far_from_the_end_slow_nodes_work_too)
