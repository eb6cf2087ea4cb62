/*
 * Small clusters, a deadline, and a task for which money counts: how near is what placement pays to what a linear program says is the least? The
 * program may cut micro-jobs in pieces, so that it is a lower bound. Minimise the sum over nodes n of price_n * x_n, where the sum of x_n is all
 * micro-jobs and x_n of them fit on n's cores before the deadline.
 */
#include <glpk.h>
#include <math.h>
#include <stdlib.h>

#include "placement/fixture.h"

enum { NODES = 12, JOBS = 600, ROUNDS = 40 };
typedef struct { double run_s, price, cores; } Offer;

/* columns: nodes; one row: the number of micro-jobs */
static double least_cost(const Offer *offers, double deadline_s)
{
    glp_term_out(GLP_OFF);
    glp_prob *lp = glp_create_prob();
    glp_set_obj_dir(lp, GLP_MIN);
    glp_add_rows(lp, 1);
    glp_set_row_bnds(lp, 1, GLP_FX, JOBS, JOBS);
    glp_add_cols(lp, NODES);
    int row[] = {0, 1};
    double one[] = {0, 1};
    for (int i = 0; i < NODES; i++) {
        glp_set_col_bnds(lp, i + 1, GLP_DB, 0, offers[i].cores * deadline_s / offers[i].run_s);
        glp_set_obj_coef(lp, i + 1, offers[i].price * offers[i].run_s / 3600);
        glp_set_mat_col(lp, i + 1, 1, row, one);
    }
    ck_assert_int_eq(glp_simplex(lp, NULL), 0);
    ck_assert_int_eq(glp_get_status(lp), GLP_OPT);
    const double cost = glp_get_obj_val(lp);
    glp_delete_prob(lp);
    return cost;
}

static void draw(Placement *p, uint64_t *seed, Offer *ret_offers, double *ret_rate)
{
    *ret_rate = 0;
    for (unsigned i = 0; i < NODES; i++) {
        NodeFacts f = plain_node(i);
        f.cores = (uint32_t)(1 + random_below(seed, 8));
        f.speed = 0.5 + 1.5 * random_unit(seed);
        f.price = 0.01 + 0.2 * random_unit(seed);
        put(p, &f);
        ret_offers[i] = (Offer){1 / f.speed, f.price, f.cores};
        *ret_rate += f.cores * f.speed;
    }
}

/* Places all with the deadline and the weights given; what it cost and when the last is done. */
static double place_all(Placement *p, double deadline_s, PlacementWeights weights, double *ret_finish_s)
{
    TaskNeed need = plain_task();
    need.deadline_s = deadline_s;
    need.weights = weights;
    const PlacementTaskRef task = add(p, &need);
    double cost = 0;
    *ret_finish_s = 0;
    for (unsigned i = 0; i < JOBS; i++) {
        PlacementChoice c;
        ck_assert_int_eq(choose(p, task, (JobNeed){0, 0}, &c), PLACEMENT_CHOSEN);
        cost += c.price;
        *ret_finish_s = fmax(*ret_finish_s, c.finish_s);
    }
    return cost;
}

START_TEST(the_cost_is_within_a_tenth_of_the_linear_program)
{
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        uint64_t seed = round;
        AUTO_PLACEMENT p = new_placement();
        Offer offers[NODES];
        double rate, finish_s;
        draw(p, &seed, offers, &rate);
        const double deadline_s = JOBS / rate * (1.2 + 3 * random_unit(&seed)); /* up to four times what all nodes together need */
        const double cost = place_all(p, deadline_s, (PlacementWeights){.availability = 100, .cost = 1}, &finish_s);
        const double least = least_cost(offers, fmax(deadline_s, finish_s));
        /* a wish, not a limit: whole micro-jobs may not all fit where pieces of them would */
        ck_assert_msg(finish_s <= 1.05 * deadline_s, "seed %lu: %.3f s, deadline %.3f s", (unsigned long)round, finish_s, deadline_s);
        ck_assert_double_ge(cost, least * (1 - 1e-9));
        ck_assert_msg(cost <= 1.10 * least, "seed %lu: cost %.6f, least %.6f", (unsigned long)round, cost, least);
    }
}
END_TEST

START_TEST(without_a_deadline_a_weight_that_dominates_pays_the_least_too)
{
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        uint64_t seed = round;
        AUTO_PLACEMENT p = new_placement();
        Offer offers[NODES];
        double rate, finish_s;
        draw(p, &seed, offers, &rate);
        const double cost = place_all(p, 0, (PlacementWeights){.availability = 1, .cost = 1000}, &finish_s), least = least_cost(offers, finish_s);
        ck_assert_msg(cost <= 1.10 * least, "seed %lu: cost %.6f, least %.6f", (unsigned long)round, cost, least);
    }
}
END_TEST

START_TEST(without_a_weight_for_cost_it_is_dearer_and_sooner)
{
    uint64_t seed = 7;
    Offer offers[NODES];
    double rate, soon_s, late_s;
    AUTO_PLACEMENT fast = new_placement();
    draw(fast, &seed, offers, &rate);
    seed = 7;
    AUTO_PLACEMENT cheap = new_placement();
    draw(cheap, &seed, offers, &rate);
    const double dear = place_all(fast, 0, (PlacementWeights){.availability = 1}, &soon_s);
    const double low = place_all(cheap, 0, (PlacementWeights){.availability = 1, .cost = 10}, &late_s);
    ck_assert_double_lt(low, dear);
    ck_assert_double_lt(soon_s, late_s);
}
END_TEST

TEST_MAIN("placement/cost", the_cost_is_within_a_tenth_of_the_linear_program, without_a_deadline_a_weight_that_dominates_pays_the_least_too,
          without_a_weight_for_cost_it_is_dearer_and_sooner)
