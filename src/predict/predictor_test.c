/* Does a predictor learn, stay within its bounds, and keep clients from harming each other? */
#include <stdio.h>

#include "base/test.h"
#include "predict/hash.h"
#include "predict/predictor_parts.h"
#include "predict/vector.h"

enum { A = 1, B, C, D, X, TASKS = X };

static Predictor *new_predictor(PredictorOptions o)
{
    Predictor *p;
    uint16_t task;
    if (o.sessions_max == 0) o.sessions_max = 256;
    if (o.contexts_max == 0) o.contexts_max = 1 << 14;
    ck_assert_ok(predictor_new(&o, &p));
    for (int i = 0; i < TASKS; i++) ck_assert_ok(predictor_task(p, view_of(&"ABCDX"[i], 1), &task));
    return p;
}

static void happen(Predictor *p, uint64_t session, uint64_t client, uint16_t task, int64_t time_ms)
{
    predictor_learn(p, &(PredictEvent){.session = session, .client = client, .task = task, .time_ms = time_ms});
}

static void session_of(Predictor *p, uint64_t session, const uint16_t *tasks, size_t count)
{
    for (size_t i = 0; i < count; i++) happen(p, session, 0, tasks[i], (int64_t)(session * 1000000 + i * 1000));
    predictor_end(p, session);
}

static Prediction ask(Predictor *p, uint64_t session)
{
    Prediction r;
    predictor_predict(p, session, NULL, &r);
    return r;
}

static void check_sum(const Prediction *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->count; i++) {
        sum += (double)r->top[i].probability;
        ck_assert(i == 0 || r->top[i].probability <= r->top[i - 1].probability);
    }
    ck_assert_msg(sum > 0.999 && sum < 1.001, "probabilities sum to %g", sum);
}

START_TEST(an_empty_history_gives_every_task_a_chance)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){0});
    Prediction r = ask(p, 1);
    ck_assert_uint_eq(r.count, TASKS + 1);
    check_sum(&r);
    ck_assert(r.wait_s < 0);
    AUTO_PREDICTOR nothing = NULL;
    ck_assert_ok(predictor_new(NULL, &nothing));
    r = ask(nothing, 1);
    ck_assert_uint_eq(r.count, 1); /* without a task only the end can come */
    ck_assert_uint_eq(r.top[0].task, PREDICT_END);
}
END_TEST

START_TEST(what_always_follows_is_predicted_and_the_end_too)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){0});
    for (uint64_t s = 1; s <= 60; s++) session_of(p, s, (uint16_t[]){A, B, C}, 3);
    happen(p, 99, 0, A, 0);
    Prediction r = ask(p, 99);
    check_sum(&r);
    ck_assert_uint_eq(r.top[0].task, B);
    ck_assert(r.top[0].probability > 0.9f);
    ck_assert_msg(r.wait_s > 0.9 && r.wait_s < 1.1, "%g s", r.wait_s);
    happen(p, 99, 0, B, 1000);
    happen(p, 99, 0, C, 2000);
    r = ask(p, 99);
    ck_assert_uint_eq(r.top[0].task, PREDICT_END);
    ck_assert(r.end > 0.8f);
}
END_TEST

START_TEST(time_tells_apart_what_the_tasks_do_not)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){0});
    for (uint64_t s = 1; s <= 300; s++) {
        bool quick = s * 2654435761u >> 13 & 1;
        happen(p, s, 0, A, 0);
        happen(p, s, 0, B, quick ? 100 : 3600000);
        happen(p, s, 0, quick ? C : D, quick ? 200 : 3700000);
        predictor_end(p, s);
    }
    happen(p, 901, 0, A, 0);
    happen(p, 901, 0, B, 100);
    happen(p, 902, 0, A, 0);
    happen(p, 902, 0, B, 3600000);
    ck_assert_uint_eq(ask(p, 901).top[0].task, C);
    ck_assert_uint_eq(ask(p, 902).top[0].task, D);
}
END_TEST

START_TEST(metadata_takes_away_what_cannot_follow)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){0});
    const uint8_t allowed[] = {0, 0, 0, 1, 1, 0}, none[TASKS + 1] = {0};
    float all[TASKS + 1];
    Prediction r;
    for (uint64_t s = 1; s <= 30; s++) session_of(p, s, (uint16_t[]){A, B, C}, 3);
    happen(p, 99, 0, A, 0);
    predictor_predict(p, 99, &(PredictMask){allowed, sizeof allowed}, &r);
    ck_assert_uint_eq(r.count, 2);
    ck_assert(r.top[0].task != B && r.top[1].task != B);
    check_sum(&r);
    for (PredictModel m = PREDICT_PPM; m < PREDICT_MODELS; m++) {
        predictor_distribution(p, 99, &(PredictMask){allowed, sizeof allowed}, m, all);
        ck_assert(all[A] == 0 && all[B] == 0 && all[X] == 0 && all[PREDICT_END] == 0);
    }
    predictor_predict(p, 99, &(PredictMask){none, sizeof none}, &r);
    ck_assert_uint_eq(r.count, 0);
}
END_TEST

START_TEST(where_sessions_do_not_end_the_end_is_no_candidate)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){.no_end = true});
    for (uint64_t s = 1; s <= 30; s++) session_of(p, s, (uint16_t[]){A, B}, 2);
    happen(p, 99, 0, A, 0);
    happen(p, 99, 0, B, 1000);
    Prediction r = ask(p, 99);
    ck_assert(r.end == 0);
    check_sum(&r);
    for (size_t i = 0; i < r.count; i++) ck_assert_uint_ne(r.top[i].task, PREDICT_END);
}
END_TEST

START_TEST(clocks_may_jump)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){0});
    static const int64_t TIMES[] = {0, INT64_MAX, INT64_MIN, 5000, -1, INT64_MAX / 2};
    for (uint64_t s = 1; s <= 20; s++)
        for (size_t i = 0; i < sizeof TIMES / sizeof TIMES[0]; i++) {
            predictor_learn(p, &(PredictEvent){.session = s, .task = A, .time_ms = TIMES[i], .utc_offset_min = i % 2 ? INT16_MAX : INT16_MIN});
            Prediction r = ask(p, s);
            check_sum(&r);
            ck_assert(r.wait_s == r.wait_s); /* a number */
        }
}
END_TEST

START_TEST(unknown_tasks_are_learned_from_and_never_predicted)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){0});
    for (uint64_t s = 1; s <= 40; s++) {
        happen(p, s, 0, A, 0);
        happen(p, s, 0, PREDICT_UNKNOWN, 1000);
        happen(p, s, 0, C, 2000);
        predictor_end(p, s);
    }
    happen(p, 99, 0, A, 0);
    happen(p, 99, 0, PREDICT_UNKNOWN, 1000);
    Prediction r = ask(p, 99);
    ck_assert_uint_eq(r.top[0].task, C);
    check_sum(&r);
    happen(p, 98, 0, 700, 0); /* a number that nobody got */
    r = ask(p, 98);
    check_sum(&r);
}
END_TEST

START_TEST(names_are_bounded)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){0});
    uint16_t task;
    uint8_t longest[PREDICT_NAME_MAX + 1] = {0};
    for (int i = TASKS; i < PREDICT_TASKS_MAX; i++) {
        int name = i << 8;
        ck_assert_ok(predictor_task(p, view_of(&name, sizeof name), &task));
        ck_assert_uint_eq(task, (unsigned)i + 1);
    }
    ck_assert_err(predictor_task(p, VIEW("one more"), &task), ERR_LIMIT);
    ck_assert_ok(predictor_task(p, VIEW("B"), &task));
    ck_assert_uint_eq(task, B);
    ck_assert_err(predictor_task(p, view_of(longest, sizeof longest), &task), ERR_USAGE);
    ck_assert_err(predictor_task(p, (View){0}, &task), ERR_USAGE);
    happen(p, 1, 0, PREDICT_TASKS_MAX, 0);
    Prediction r = ask(p, 1);
    ck_assert_uint_eq(r.count, PREDICT_TOP_MAX);
}
END_TEST

START_TEST(a_hundred_thousand_sessions_take_no_more_memory_than_a_few)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){.sessions_max = 1000});
    size_t before = predictor_memory(p);
    for (uint64_t s = 1; s <= 100000; s++) {
        happen(p, s, 0, A, (int64_t)s);
        happen(p, s, 0, B, (int64_t)s + 1);
    }
    ck_assert_uint_eq(predictor_memory(p), before);
    ck_assert_uint_le(p->sessions.used, 1000);
    ck_assert_ptr_nonnull(session_find(&p->sessions, 100000));
    ck_assert_ptr_nonnull(session_find(&p->sessions, 99001));
    ck_assert_ptr_null(session_find(&p->sessions, 99000));
    happen(p, 100000, 0, A, 100002);
    Prediction r = ask(p, 100000);
    ck_assert_uint_eq(r.top[0].task, B);
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
    Predictor *p;
    ck_assert_err(predictor_new(&(PredictorOptions){.client_share = 1.5}, &p), ERR_USAGE);
    ck_assert_err(predictor_new(&(PredictorOptions){.client_share = -1}, &p), ERR_USAGE);
    ck_assert_err(predictor_new(&(PredictorOptions){.sessions_max = UINT32_MAX}, &p), ERR_USAGE);
}
END_TEST

/* Honest clients do A B C; one client floods A X in session after session. How often are the honest served right? */
static double honest_hits(double client_share, bool flood)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){.client_share = client_share, .client_burst = 100});
    unsigned hits = 0, asked = 0;
    uint64_t session = 1;
    for (uint64_t round = 0; round < 400; round++) {
        const uint16_t tasks[] = {A, B, C};
        for (int i = 0; i < 3; i++) {
            if (i && round >= 200) {
                hits += ask(p, session).top[0].task == tasks[i];
                asked++;
            }
            happen(p, session, 1000 + round % 50, tasks[i], (int64_t)round * 60000 + i * 1000);
        }
        predictor_end(p, session++);
        for (int k = 0; flood && k < 40; k++, session++) {
            happen(p, session, 7, A, (int64_t)round * 60000 + 5000 + k);
            happen(p, session, 7, X, (int64_t)round * 60000 + 6000 + k);
            predictor_end(p, session);
        }
    }
    return (double)hits / asked;
}

START_TEST(a_client_that_floods_a_pattern_costs_the_others_nothing)
{
    double quiet = honest_hits(0, false), bounded = honest_hits(0, true), unbounded = honest_hits(1, true);
    printf("# hits of honest clients: %.3f without a flood, %.3f with one, %.3f if nothing bounded it\n", quiet, bounded, unbounded);
    ck_assert(quiet > 0.99);
    ck_assert(bounded > quiet - 0.02);
    ck_assert(unbounded < 0.6); /* else the test shows nothing */
}
END_TEST

START_TEST(a_flooder_is_still_served_by_its_own_sessions)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){.client_burst = 10});
    for (uint64_t s = 1; s <= 200; s++) session_of(p, s, (uint16_t[]){A, B, C}, 3);
    for (int i = 0; i < 400; i++) happen(p, 5000, 7, i % 2 ? X : D, 1000000000 + i * 1000);
    ck_assert_uint_eq(ask(p, 5000).top[0].task, D);
}
END_TEST

/* Two kinds of stream: one that PPM knows all of, one that it knows nothing of. In both the blend must not lose to it. */
static void compare_with_ppm(bool random)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){0});
    Random r = {11};
    double blend = 0, ppm = 0;
    float x[TASKS + 1];
    unsigned asked = 0;
    for (uint64_t s = 1; s <= 600; s++)
        for (uint16_t i = 0; i < 6; i++) {
            uint16_t task = (uint16_t)(1 + (random ? random_next(&r) % 4 : i % 3));
            predictor_distribution(p, s, NULL, PREDICT_BLEND, x);
            blend -= (double)log_of(x[task]);
            predictor_distribution(p, s, NULL, PREDICT_PPM, x);
            ppm -= (double)log_of(x[task]);
            asked++;
            happen(p, s, 0, task, (int64_t)(s * 60000 + i * 1000u));
        }
    printf("# log loss: blend %.4f, ppm %.4f\n", blend / asked, ppm / asked);
    ck_assert(blend / asked <= ppm / asked + 0.001);
}

START_TEST(the_blend_does_not_lose_to_ppm)
{
    compare_with_ppm(false);
    compare_with_ppm(true);
}
END_TEST

START_TEST(the_same_events_give_the_same_answers)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){0});
    AUTO_PREDICTOR q = new_predictor((PredictorOptions){0});
    for (uint64_t s = 1; s <= 50; s++) {
        session_of(p, s, (uint16_t[]){A, B, (uint16_t)(C + s % 3)}, 3);
        session_of(q, s, (uint16_t[]){A, B, (uint16_t)(C + s % 3)}, 3);
    }
    for (uint16_t t = A; t <= (uint16_t)X; t++) {
        happen(p, 99, 0, t, t * 1000);
        happen(q, 99, 0, t, t * 1000);
        Prediction x = ask(p, 99), y = ask(q, 99);
        ck_assert_uint_eq(x.count, y.count);
        ck_assert(memcmp(x.top, y.top, x.count * sizeof x.top[0]) == 0);
    }
}
END_TEST

/* With room for one state only, each session's is computed again from its events, and says the same. */
START_TEST(a_neural_state_that_was_lost_is_computed_again)
{
    Predictor *each[2];
    float x[TASKS + 1], y[TASKS + 1];
    for (uint32_t i = 0; i < 2; i++) {
        Net *n;
        each[i] = new_predictor((PredictorOptions){.states_max = i ? 64 : 1});
        ck_assert_ok(net_new(&(NetShape){.model = PREDICT_LSTM, .tasks = TASKS, .hidden = 8, .layers = 1}, 3, &n)); /* it does not know X */
        ck_assert_ok(predictor_set_net(each[i], n));
    }
    for (int i = 0; i < 20; i++)
        for (uint64_t s = 1; s <= 3; s++) {
            for (int k = 0; k < 2; k++) happen(each[k], s, 0, (uint16_t)(1 + (i + (int)s) % TASKS), i * 1000);
            predictor_distribution(each[0], s, NULL, PREDICT_LSTM, x);
            predictor_distribution(each[1], s, NULL, PREDICT_LSTM, y);
            ck_assert(memcmp(x, y, sizeof x) == 0); /* NOLINT(bugprone-suspicious-memory-comparison): the same bits are meant */
        }
    predictor_free(each[0]);
    predictor_free(each[1]);
}
END_TEST

START_TEST(reasons_name_the_models_and_what_they_have_seen)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){0});
    PredictReason why[PREDICT_REASONS_MAX];
    float shares[PREDICT_SHARES];
    for (uint64_t s = 1; s <= 30; s++) session_of(p, s, (uint16_t[]){A, B, C}, 3);
    happen(p, 99, 0, A, 0);
    size_t count = predictor_explain(p, 99, why, shares);
    ck_assert_uint_eq(count, VIEW_COUNT + 1);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(why[i].model, "ppm") == 0) ck_assert_int_eq(why[i].order, 2); /* the start, A */
        if (strcmp(why[i].model, "last task") != 0) continue;
        ck_assert_uint_eq(why[i].total, 30);
        ck_assert_uint_eq(why[i].distinct, 1);
        ck_assert_uint_eq(why[i].best.task, B);
    }
    float sum = shares[0] + shares[1] + shares[2];
    ck_assert(sum > 0.999f && sum < 1.001f);
}
END_TEST

static void distributions(Predictor *p, float ret_ppm[TASKS + 1], float ret_blend[TASKS + 1])
{
    predictor_distribution(p, 99, NULL, PREDICT_PPM, ret_ppm);
    predictor_distribution(p, 99, NULL, PREDICT_BLEND, ret_blend);
}

START_TEST(counts_and_weights_are_learned_each_by_itself_and_weights_can_be_taken_over)
{
    AUTO_PREDICTOR p = new_predictor((PredictorOptions){0});
    AUTO_PREDICTOR q = new_predictor((PredictorOptions){0});
    float ppm[TASKS + 1], blend[TASKS + 1], ppm_then[TASKS + 1], blend_then[TASKS + 1];
    for (uint64_t s = 1; s <= 20; s++) session_of(p, s, (uint16_t[]){A, s % 3 ? B : C, D}, 3);
    happen(p, 99, 0, A, 0);
    distributions(p, ppm, blend);
    predictor_set_learning(p, PREDICT_LEARN_WEIGHTS);
    for (uint64_t s = 100; s < 130; s++) session_of(p, s, (uint16_t[]){A, C, D}, 3);
    distributions(p, ppm_then, blend_then);
    ck_assert_mem_eq(ppm, ppm_then, sizeof ppm);
    ck_assert_mem_ne(blend, blend_then, sizeof blend);
    predictor_set_learning(p, PREDICT_LEARN_NOTHING);
    for (uint64_t s = 200; s < 230; s++) session_of(p, s, (uint16_t[]){A, D, D}, 3);
    distributions(p, ppm, blend);
    ck_assert_mem_eq(ppm, ppm_then, sizeof ppm);
    ck_assert_mem_eq(blend, blend_then, sizeof blend);
    predictor_set_learning(q, PREDICT_LEARN_COUNTS); /* the same counts, and weights that are as in the beginning */
    for (uint64_t s = 1; s <= 20; s++) session_of(q, s, (uint16_t[]){A, s % 3 ? B : C, D}, 3);
    happen(q, 99, 0, A, 0);
    distributions(q, ppm, blend);
    ck_assert_mem_eq(ppm, ppm_then, sizeof ppm);
    ck_assert_mem_ne(blend, blend_then, sizeof blend);
    predictor_take_weights(q, p);
    distributions(q, ppm, blend);
    ck_assert_mem_eq(blend, blend_then, sizeof blend);
}
END_TEST

TEST_MAIN("predict/predictor", an_empty_history_gives_every_task_a_chance, what_always_follows_is_predicted_and_the_end_too,
          time_tells_apart_what_the_tasks_do_not, metadata_takes_away_what_cannot_follow, where_sessions_do_not_end_the_end_is_no_candidate,
          clocks_may_jump, unknown_tasks_are_learned_from_and_never_predicted, names_are_bounded,
          a_hundred_thousand_sessions_take_no_more_memory_than_a_few, options_out_of_range_are_refused,
          a_client_that_floods_a_pattern_costs_the_others_nothing, a_flooder_is_still_served_by_its_own_sessions, the_blend_does_not_lose_to_ppm,
          the_same_events_give_the_same_answers, a_neural_state_that_was_lost_is_computed_again, reasons_name_the_models_and_what_they_have_seen,
          counts_and_weights_are_learned_each_by_itself_and_weights_can_be_taken_over)
