/* Does PPM give the probabilities that can be worked out on paper? */
#include "base/test.h"
#include "predict/ppm.h"
#include "predict/predict.h"

enum { A = 1, B, C, D, SYMBOLS };

static Predictor *new_predictor(void)
{
    Predictor *p;
    uint16_t task;
    const PredictorOptions o = {.sessions_max = 64, .contexts_max = 1024, .models = 1u << PREDICT_PPM, .client_share = 1};
    ck_assert_ok(predictor_new(&o, &p));
    for (int i = 1; i < SYMBOLS; i++) ck_assert_ok(predictor_task(p, view_of(&"abcd"[i - 1], 1), &task));
    return p;
}

static void happen(Predictor *p, uint64_t session, const char *tasks)
{
    for (; *tasks; tasks++) predictor_learn(p, &(PredictEvent){.session = session, .task = (uint16_t)(*tasks - 'a' + 1)});
}

static void ck_near(float got, double wanted) { ck_assert_msg(got > wanted - 1e-5 && got < wanted + 1e-5, "%.7f, not %.7f", (double)got, wanted); }

START_TEST(without_anything_learned_all_tasks_are_equal)
{
    AUTO_PREDICTOR p = new_predictor();
    float r[SYMBOLS];
    predictor_distribution(p, 1, NULL, PREDICT_PPM, r);
    for (int t = 0; t < SYMBOLS; t++) ck_near(r[t], 0.2);
}
END_TEST

/*
 * "abac" begins sessions 1 and 2. After "a" (order 1, with the start before it: order 2):
 *   order 2 "start, a": b twice: b 2/3, escape 1/3
 *   order 1 "a": b 2, c 2; b is excluded: c 2/3 of the escape, and a third of it goes on
 *   order 0: a 4, b 2, c 2; a is what is left of them: 4/5 of the rest; then the end and d share
 */
START_TEST(escapes_are_those_of_method_c_with_exclusion)
{
    AUTO_PREDICTOR p = new_predictor();
    float r[SYMBOLS];
    happen(p, 1, "abac");
    happen(p, 2, "abac");
    happen(p, 3, "a");
    /* order 0 has a 5, b 2, c 2 by now; "start" was followed by a three times */
    predictor_distribution(p, 3, NULL, PREDICT_PPM, r);
    ck_near(r[B], 2 / 3.0);
    ck_near(r[C], 1 / 3.0 * 2 / 3);
    ck_near(r[A], 1 / 9.0 * 5 / 6);
    ck_near(r[PREDICT_END], 1 / 9.0 / 6 / 2);
    ck_near(r[D], 1 / 9.0 / 6 / 2);
}
END_TEST

START_TEST(the_end_of_a_session_is_learned_like_a_task)
{
    AUTO_PREDICTOR p = new_predictor();
    float r[SYMBOLS];
    for (uint64_t session = 1; session <= 3; session++) {
        happen(p, session, "ab");
        predictor_end(p, session);
    }
    happen(p, 9, "ab");
    predictor_distribution(p, 9, NULL, PREDICT_PPM, r);
    ck_near(r[PREDICT_END], 3 / 4.0);
}
END_TEST

START_TEST(an_unknown_context_leaves_the_word_to_shorter_ones)
{
    AUTO_PREDICTOR p = new_predictor();
    float r[SYMBOLS];
    happen(p, 1, "abab");
    happen(p, 2, "da"); /* "d, a" was never followed; "a" was, by b, twice */
    predictor_distribution(p, 2, NULL, PREDICT_PPM, r);
    ck_near(r[B], 2 / 3.0);
}
END_TEST

TEST_MAIN("predict/ppm", without_anything_learned_all_tasks_are_equal, escapes_are_those_of_method_c_with_exclusion,
          the_end_of_a_session_is_learned_like_a_task, an_unknown_context_leaves_the_word_to_shorter_ones)
