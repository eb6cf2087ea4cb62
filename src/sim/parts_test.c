/* Do the parts of the simulation do what they say: the event queue, the tree that picks nodes, the random values, the spot groups? */
#include "base/test.h"

#include <math.h>
#include <stdlib.h>

#include "sim/events.h"
#include "sim/pick.h"
#include "sim/random.h"
#include "sim/trace.h"

static uint64_t below(uint64_t *index, uint64_t limit) { return draw_below(20261130, DRAW_CHECK, (*index)++, limit); }

START_TEST(events_come_by_time_and_those_of_one_time_in_the_order_they_were_put)
{
    Events q = {0};
    Event e, last = {0};
    uint64_t draws = 0, put = 0, taken = 0;
    for (int i = 0; i < 20000; i++) {
        if (below(&draws, 3)) {
            /* as in a simulation: never before what was taken last */
            ck_assert_ok(events_put(&q, (Event){.at_ns = last.at_ns + below(&draws, 50), .subject = (uint32_t)put++}));
        } else if (events_take(&q, &e)) {
            ck_assert(taken == 0 || e.at_ns > last.at_ns || (e.at_ns == last.at_ns && e.subject > last.subject));
            last = e;
            taken++;
        }
    }
    while (events_take(&q, &e)) {
        ck_assert(e.at_ns > last.at_ns || (e.at_ns == last.at_ns && e.subject > last.subject));
        last = e;
        taken++;
    }
    ck_assert_uint_eq(put, taken);
    events_free(&q);
}
END_TEST

enum { PLACES = 37 };

static uint32_t naive_least(const double *keys, uint32_t first, uint32_t count)
{
    uint32_t best = PICK_NONE;
    for (uint32_t i = first; i < first + count; i++)
        if (keys[i] < PICK_CLOSED && (best == PICK_NONE || keys[i] < keys[best])) best = i;
    return best;
}

START_TEST(the_tree_picks_what_a_look_at_all_would)
{
    Pick p;
    double keys[PLACES];
    uint64_t draws = 0;
    ck_assert_ok(pick_new(PLACES, &p));
    for (uint32_t i = 0; i < PLACES; i++) keys[i] = PICK_CLOSED;
    for (int round = 0; round < 5000; round++) {
        uint32_t place = (uint32_t)below(&draws, PLACES), first = (uint32_t)below(&draws, PLACES), open = 0;
        uint32_t count = 1 + (uint32_t)below(&draws, PLACES - first);
        keys[place] = below(&draws, 3) ? (double)below(&draws, 10) : PICK_CLOSED;
        pick_set(&p, place, keys[place]);
        ck_assert_uint_eq(pick_least(&p, first, count), naive_least(keys, first, count));
        for (uint32_t i = first; i < first + count; i++) {
            if (keys[i] >= PICK_CLOSED) continue;
            ck_assert_uint_eq(pick_kth(&p, first, open), i);
            open++;
        }
        ck_assert_uint_eq(pick_open(&p, first, count), open);
    }
    pick_free(&p);
}
END_TEST

/* Mean and coefficient of variation of 200,000 draws, within 3 % (heavy tails: 6 %). */
START_TEST(spreads_have_the_mean_and_the_variation_that_they_say)
{
    static const Spread SPREADS[] = {
        {SHAPE_FIXED, 3, 0}, {SHAPE_UNIFORM, 2, 0.4}, {SHAPE_EXPONENTIAL, 0.5, 1}, {SHAPE_LOGNORMAL, 4, 0.6}, {SHAPE_PARETO, 1, 0.4}};
    enum { DRAWS = 200000 };
    for (size_t s = 0; s < sizeof SPREADS / sizeof *SPREADS; s++) {
        double sum = 0, squares = 0;
        for (uint64_t i = 0; i < DRAWS; i++) {
            const double value = spread_draw(&SPREADS[s], 7, DRAW_RUN, i);
            ck_assert(value >= 0 && isfinite(value));
            sum += value;
            squares += value * value;
        }
        const double mean = sum / DRAWS, cv = sqrt(fmax(0, squares / DRAWS - mean * mean)) / mean;
        const double slack = SPREADS[s].shape == SHAPE_PARETO ? 0.06 : 0.03;
        ck_assert_double_eq_tol(mean, SPREADS[s].mean, SPREADS[s].mean * slack);
        ck_assert_double_eq_tol(cv, SPREADS[s].cv, SPREADS[s].cv * slack + 1e-6);
    }
}
END_TEST

START_TEST(a_value_is_a_function_of_seed_use_and_index)
{
    ck_assert_uint_eq(draw_bits(1, DRAW_RUN, 5), draw_bits(1, DRAW_RUN, 5));
    ck_assert_uint_ne(draw_bits(1, DRAW_RUN, 5), draw_bits(2, DRAW_RUN, 5));
    ck_assert_uint_ne(draw_bits(1, DRAW_RUN, 5), draw_bits(1, DRAW_CORES, 5));
    ck_assert_uint_ne(draw_bits(1, DRAW_RUN, 5), draw_bits(1, DRAW_RUN, 6));
    unsigned counts[7] = {0};
    for (uint64_t i = 0; i < 70000; i++) counts[draw_below(3, DRAW_CHOICE, i, 7)]++;
    for (int i = 0; i < 7; i++) ck_assert(counts[i] > 10000 - 500 && counts[i] < 10000 + 500); /* five deviations of 93 */
}
END_TEST

START_TEST(as_many_machines_of_a_group_are_there_as_its_trace_says_and_it_begins_anew)
{
    uint32_t up[] = {2, 0, 3};
    const Trace t = {.gap_ns = 1, .up = up, .most = 3, .count = 3};
    for (uint64_t sample = 0; sample < 9; sample++) {
        unsigned there = 0;
        for (uint32_t member = 0; member < t.most; member++) there += trace_up(&t, sample, member);
        ck_assert_uint_eq(there, up[sample % 3]);
    }
}
END_TEST

TEST_MAIN("sim/parts", events_come_by_time_and_those_of_one_time_in_the_order_they_were_put, the_tree_picks_what_a_look_at_all_would,
          spreads_have_the_mean_and_the_variation_that_they_say, a_value_is_a_function_of_seed_use_and_index,
          as_many_machines_of_a_group_are_there_as_its_trace_says_and_it_begins_anew)
