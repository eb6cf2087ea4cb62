/* Does placement keep the hard limits, and then spread evenly? */
#include "placement/window_choice.h"

#include "base/test.h"

static const PlacementNeed NEED = {.level = 2, .memory_max = 100};

START_TEST(a_node_below_the_level_or_without_the_memory_is_never_chosen)
{
    const PlacementNode nodes[] = {{.level_mask = 1u << 1, .memory_free = 1000, .window = 10},
                                   {.level_mask = 1u << 2, .memory_free = 99, .window = 10}};
    ck_assert(placement_choose(nodes, 2, &NEED) == PLACEMENT_NONE);
    ck_assert_int_eq(placement_possible(nodes, 2, &NEED), 0);
    ck_assert(placement_choose(NULL, 0, &NEED) == PLACEMENT_NONE);
}
END_TEST

START_TEST(a_full_node_is_possible_and_not_chosen)
{
    const PlacementNode nodes[] = {{.level_mask = 4, .memory_free = 100, .window = 10, .outstanding = 10},
                                   {.level_mask = 4, .memory_free = 100, .window = 10, .outstanding = 11}, {.level_mask = 4, .memory_free = 100}};
    ck_assert(placement_choose(nodes, 3, &NEED) == PLACEMENT_NONE);
    ck_assert_int_ne(placement_possible(nodes, 3, &NEED), 0);
}
END_TEST

START_TEST(the_largest_free_share_wins_and_the_first_of_equals)
{
    PlacementNode nodes[] = {{.level_mask = 4, .memory_free = 100, .window = 100, .outstanding = 60},
                             {.level_mask = 4, .memory_free = 100, .window = 4, .outstanding = 1},
                             {.level_mask = 4, .memory_free = 100, .window = 8, .outstanding = 2}};
    ck_assert_uint_eq(placement_choose(nodes, 3, &NEED), 1);
    nodes[1].outstanding = 4;
    ck_assert_uint_eq(placement_choose(nodes, 3, &NEED), 2);
    nodes[2].outstanding = 8;
    ck_assert_uint_eq(placement_choose(nodes, 3, &NEED), 0);
}
END_TEST

START_TEST(a_level_beyond_the_mask_is_impossible)
{
    const PlacementNode node = {.level_mask = ~0u, .memory_free = 100, .window = 1};
    const PlacementNeed need = {.level = 32};
    ck_assert_int_eq(placement_possible(&node, 1, &need), 0);
}
END_TEST

START_TEST(windows_fill_in_proportion)
{
    PlacementNode nodes[] = {{.level_mask = 4, .memory_free = 100, .window = 30}, {.level_mask = 4, .memory_free = 100, .window = 10}};
    for (int i = 0; i < 20; i++) nodes[placement_choose(nodes, 2, &NEED)].outstanding++;
    ck_assert_uint_eq(nodes[0].outstanding, 15);
    ck_assert_uint_eq(nodes[1].outstanding, 5);
}
END_TEST

TEST_MAIN("placement/window_choice", a_node_below_the_level_or_without_the_memory_is_never_chosen, a_full_node_is_possible_and_not_chosen,
          the_largest_free_share_wins_and_the_first_of_equals, a_level_beyond_the_mask_is_impossible, windows_fill_in_proportion)
