/* Is every answer that a SEE must not give refused, and every legal one kept as it is? */
#include <signal.h>

#include "base/test.h"
#include "node/answer.h"

static const AnswerLimits LIMITS = {.output_max = 1000, .log_max = 100};

static Outcome judge(SlotAnswer a) { return answer_check(&a, &LIMITS); }

START_TEST(only_outcomes_that_a_see_may_claim_are_believed)
{
    for (uint32_t outcome = 0; outcome < 200; outcome++) {
        bool exit = outcome == OUTCOME_EXIT_CODE;
        Outcome verdict = judge((SlotAnswer){.outcome = outcome, .exit_code = exit ? 7 : 0});
        ck_assert_int_eq(verdict, outcome_from_see(outcome) ? outcome : OUTCOME_MALFORMED);
    }
    ck_assert_int_eq(judge((SlotAnswer){.outcome = UINT32_MAX}), OUTCOME_MALFORMED);
}
END_TEST

START_TEST(sizes_up_to_the_limits_are_legal_and_one_more_is_not)
{
    ck_assert_int_eq(judge((SlotAnswer){.outcome = OUTCOME_OK, .output_size = 1000, .log_size = 100, .log_truncated = 1}), OUTCOME_OK);
    ck_assert_int_eq(judge((SlotAnswer){.outcome = OUTCOME_OK, .output_size = 1001}), OUTCOME_MALFORMED);
    ck_assert_int_eq(judge((SlotAnswer){.outcome = OUTCOME_OK, .output_size = UINT64_MAX}), OUTCOME_MALFORMED);
    ck_assert_int_eq(judge((SlotAnswer){.outcome = OUTCOME_OK, .log_size = 101}), OUTCOME_MALFORMED);
    ck_assert_int_eq(judge((SlotAnswer){.outcome = OUTCOME_OK, .log_truncated = 2}), OUTCOME_MALFORMED);
    ck_assert_int_eq(judge((SlotAnswer){.outcome = OUTCOME_OK, .memory_peak = UINT64_MAX}), OUTCOME_MALFORMED);
}
END_TEST

START_TEST(an_exit_code_belongs_to_its_outcome_alone)
{
    ck_assert_int_eq(judge((SlotAnswer){.outcome = OUTCOME_EXIT_CODE, .exit_code = 3}), OUTCOME_EXIT_CODE);
    ck_assert_int_eq(judge((SlotAnswer){.outcome = OUTCOME_EXIT_CODE}), OUTCOME_MALFORMED);
    ck_assert_int_eq(judge((SlotAnswer){.outcome = OUTCOME_OK, .exit_code = 3}), OUTCOME_MALFORMED);
}
END_TEST

START_TEST(nothing_of_a_malformed_answer_is_used)
{
    SlotAnswer a = {.outcome = OUTCOME_OK, .output_size = 1001, .log_size = 50, .log_truncated = 1, .memory_peak = 5};
    answer_check(&a, &LIMITS);
    static const SlotAnswer expected = {.outcome = OUTCOME_MALFORMED};
    ck_assert_mem_eq(&a, &expected, sizeof a);
}
END_TEST

START_TEST(output_counts_only_with_ok)
{
    SlotAnswer a = {.outcome = OUTCOME_UNREACHABLE, .output_size = 10, .log_size = 50};
    ck_assert_int_eq(answer_check(&a, &LIMITS), OUTCOME_UNREACHABLE);
    ck_assert_uint_eq(a.output_size, 0);
    ck_assert_uint_eq(a.log_size, 50);
}
END_TEST

START_TEST(each_way_to_end_has_its_outcome)
{
    ck_assert_int_eq(outcome_of_end(HOW_LIFETIME, 0), OUTCOME_LIFETIME);
    ck_assert_int_eq(outcome_of_end(HOW_SIGNAL, SIGSYS), OUTCOME_FORBIDDEN_CALL);
    ck_assert_int_eq(outcome_of_end(HOW_SIGNAL, SIGSEGV), OUTCOME_CRASHED);
    ck_assert_int_eq(outcome_of_end(HOW_SIGNAL, UINT32_MAX), OUTCOME_CRASHED);
    ck_assert_int_eq(outcome_of_end(HOW_FORK_FAILED, 0), OUTCOME_LOST);
    ck_assert_int_eq(outcome_of_end(HOW_ANSWERED, 0), OUTCOME_MALFORMED);
    ck_assert_int_eq(outcome_of_end(4711, 0), OUTCOME_MALFORMED);
}
END_TEST

TEST_MAIN("node/answer", only_outcomes_that_a_see_may_claim_are_believed, sizes_up_to_the_limits_are_legal_and_one_more_is_not,
          an_exit_code_belongs_to_its_outcome_alone, nothing_of_a_malformed_answer_is_used, output_counts_only_with_ok,
          each_way_to_end_has_its_outcome)
