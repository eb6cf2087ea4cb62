/* Are logs cut as the protocols say, and is nothing known before it could be? */
#include <math.h>
#include <stdio.h>

#include "base/test.h"
#include "pto/eval.h"

/* Sessions begin an hour after each other; each has a b c, 10 minutes apart, so that they overlap by nothing. The file has them backwards. */
static EventLog backwards(unsigned sessions)
{
    EventLog log;
    Diag diag = {0};
    AUTO_BUFFER text = buffer_limited(1 << 20);
    ck_assert_ok(buffer_format(&text, "case,activity,timestamp\n"));
    for (unsigned i = sessions; i-- > 0;)
        for (unsigned k = 0; k < 3; k++) ck_assert_ok(buffer_format(&text, "s%u,%c,%u\n", i, 'a' + k, 1000000 + i * 3600 + k * 600));
    Err e = log_parse_csv(view_buffer(&text), "log", &(LogColumns){0}, &log, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    return log;
}

static Plan plan_of(const EventLog *log, Protocol protocol, Predictor **p)
{
    Plan plan;
    Diag diag = {0};
    ck_assert_ok(predictor_new(&(PredictorOptions){.sessions_max = 64, .contexts_max = 64}, p));
    Err e = plan_make(log, protocol, *p, &plan, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    return plan;
}

START_TEST(chrono80_tests_the_last_fifth_by_first_event_and_asks_for_the_end)
{
    AUTO_LOG log = backwards(20);
    AUTO_PREDICTOR p = NULL;
    AUTO_PLAN plan = plan_of(&log, PROTOCOL_CHRONO80, &p);
    ck_assert_uint_eq(plan.cases_of[PART_FIT], 14);
    ck_assert_uint_eq(plan.cases_of[PART_VALIDATION], 2);
    ck_assert_uint_eq(plan.cases_of[PART_TEST], 4);
    ck_assert_uint_eq(plan.asked[PART_TEST], 4 * 3);
    for (size_t i = 0; i < plan.step_count; i++) {
        const PlanStep *s = &plan.steps[i];
        const PredictEvent *first = &plan.events[plan.cases[s->session].first];
        ck_assert_int_eq(s->part == PART_TEST, first->time_ms >= (1000000 + 16 * 3600) * INT64_C(1000));
        if (s->event == 2) ck_assert_uint_eq(s->target, PREDICT_END);
    }
}
END_TEST

START_TEST(tax_trains_on_two_thirds_in_file_order_and_never_asks_for_the_end)
{
    AUTO_LOG log = backwards(20);
    AUTO_PREDICTOR p = NULL;
    AUTO_PLAN plan = plan_of(&log, PROTOCOL_TAX, &p);
    ck_assert_uint_eq(plan.cases_of[PART_TEST], 20 - 14); /* round(21 / 3) * 2 */
    ck_assert_uint_eq(plan.asked[PART_TEST], 6 * 1);      /* of a b c: what follows b */
    for (size_t i = 0; i < plan.step_count; i++)
        if (plan.steps[i].asked) ck_assert(plan.steps[i].event == 1 && plan.steps[i].target == 3);
    ck_assert_str_eq(log.sessions.texts[plan.events[plan.cases[19].first].session - 1], "s0"); /* the file's last */
}
END_TEST

START_TEST(gentd26_asks_before_each_request_of_the_last_half)
{
    AUTO_LOG log = backwards(20);
    AUTO_PREDICTOR p = NULL;
    AUTO_PLAN plan = plan_of(&log, PROTOCOL_GENTD26, &p);
    ck_assert(plan.ask_before && !plan.end_is_target);
    ck_assert_uint_eq(plan.step_count, 60);
    ck_assert_uint_eq(plan.asked[PART_TEST], 30);
    for (size_t i = 1; i < plan.step_count; i++) ck_assert_int_ge(plan.steps[i].time_ms, plan.steps[i - 1].time_ms);
    ck_assert_uint_eq(plan.steps[0].event, 0); /* a client's first request is asked, too */
    ck_assert(plan.steps[0].asked);
}
END_TEST

START_TEST(an_end_is_seen_only_after_a_silence)
{
    AUTO_LOG log = backwards(20);
    AUTO_PREDICTOR p = NULL;
    AUTO_PLAN plan = plan_of(&log, PROTOCOL_CHRONO80, &p);
    ck_assert_double_eq(plan.silence_s, 600);
    for (size_t i = 0; i < plan.step_count; i++) {
        const PlanCase *c = &plan.cases[plan.steps[i].session];
        if (plan.steps[i].event == c->count) ck_assert_int_eq(plan.steps[i].time_ms, plan.events[c->first + 2].time_ms + 600000);
    }
}
END_TEST

START_TEST(nothing_of_the_test_part_is_in_the_training_data)
{
    AUTO_LOG log = backwards(20);
    for (Protocol protocol = PROTOCOL_CHRONO80; protocol <= PROTOCOL_GENTD26; protocol++) {
        AUTO_PREDICTOR p = NULL;
        AUTO_PLAN plan = plan_of(&log, protocol, &p);
        AUTO_TRAINING_DATA d = {0};
        ck_assert_ok(training_data_make(&plan, &d));
        for (size_t i = 0; i < plan.step_count; i++) {
            const PlanStep *s = &plan.steps[i];
            const PlanCase *c = &plan.cases[s->session];
            if (s->part != PART_TEST || s->event == c->count) continue;
            size_t at = c->first + s->event;
            for (int set = 0; set < DATA_SETS; set++) {
                if (protocol != PROTOCOL_GENTD26) ck_assert_uint_eq(d.targets[set][at], PREDICT_UNKNOWN);
                else if (s->event) ck_assert_uint_eq(d.targets[set][at - 1], PREDICT_UNKNOWN);
            }
        }
        ck_assert_uint_gt(d.counts[DATA_FIT], 0);
    }
}
END_TEST

START_TEST(a_log_that_is_too_small_is_refused)
{
    AUTO_LOG log = backwards(9);
    AUTO_PREDICTOR p = NULL;
    Plan plan;
    Diag diag = {0};
    ck_assert_ok(predictor_new(NULL, &p));
    ck_assert_err(plan_make(&log, PROTOCOL_CHRONO80, p, &plan, &diag), ERR_BAD_INPUT);
    ck_assert_str_eq(diag.text, "9 cases are too few for chrono80: malformed input");
}
END_TEST

START_TEST(scores_are_what_paper_says)
{
    Score s = {0};
    score_add(&s, (const float[]){0.5f, 0.25f, 0.125f, 0.125f}, 0, 4, 0);
    score_add(&s, (const float[]){0.5f, 0.25f, 0.125f, 0.125f}, 0, 4, 3); /* of two equal ones the second: place 4 */
    ck_assert_double_eq(score_top1(&s), 0.5);
    ck_assert_double_eq(score_top3(&s), 0.5);
    ck_assert(fabs(score_log_loss(&s) - (log(2) + log(8)) / 2) < 1e-6);
    ck_assert(score_ece(&s) < 1e-6); /* sure by a half, right in a half */
    score_add(&s, (const float[]){0.9f, 0.05f, 0.05f, 0}, 1, 4, 1); /* the first is no candidate */
    ck_assert_uint_eq(s.top1, 2);
}
END_TEST

START_TEST(a_whole_run_learns_what_is_there_and_the_same_seed_repeats_it)
{
    AUTO_LOG log = backwards(120);
    EvalResult r[2];
    Diag diag = {0};
    for (int i = 0; i < 2; i++) {
        const EvalOptions o = {.training = {.seed = 4, .epochs_max = 60, .threads = i ? 2 : 1}, .with_test = true};
        Err e = eval_run(&log, PROTOCOL_CHRONO80, &o, &r[i], &diag);
        ck_assert_msg(e.code == 0, "%s", diag.text);
    }
    for (int m = EVAL_PPM; m < EVAL_MODELS; m++) {
        ck_assert(r[0].rows[m].there);
        ck_assert_double_eq(score_top1(&r[0].rows[m].test), 1);
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): the same bits are meant */
        ck_assert(memcmp(&r[0].rows[m].test, &r[1].rows[m].test, sizeof r[0].rows[m].test) == 0);
    }
    ck_assert(score_log_loss(&r[0].rows[EVAL_BLEND].test) < 0.05);
}
END_TEST

static int stop(void *context, const char *what, double done)
{
    (void)context;
    (void)done;
    return strcmp(what, "lstm") == 0;
}

START_TEST(training_ends_when_it_is_told_to)
{
    AUTO_LOG log = backwards(120);
    EvalResult r;
    Diag diag = {0};
    for (unsigned threads = 1; threads <= 2; threads++) {
        const EvalOptions o = {.training = {.seed = 4, .epochs_max = 1000000, .threads = threads, .progress = stop}, .with_test = true};
        ck_assert_err(eval_run(&log, PROTOCOL_CHRONO80, &o, &r, &diag), ERR_INTERRUPTED);
    }
}
END_TEST

TEST_MAIN("pto/eval", chrono80_tests_the_last_fifth_by_first_event_and_asks_for_the_end,
          tax_trains_on_two_thirds_in_file_order_and_never_asks_for_the_end, gentd26_asks_before_each_request_of_the_last_half,
          an_end_is_seen_only_after_a_silence, nothing_of_the_test_part_is_in_the_training_data, a_log_that_is_too_small_is_refused,
          scores_are_what_paper_says, a_whole_run_learns_what_is_there_and_the_same_seed_repeats_it, training_ends_when_it_is_told_to)
