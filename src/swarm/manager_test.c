/* Does the manager run every segment once, combine in input order, retry what is worth it, and say plainly what went wrong? */
#include <errno.h>

#include "swarm/manager_world.h"

#define LINES "input: {path: input, split: {by: lines, records: 10}}\n"

static World w;

static void lines_task(uint64_t lines, const char *more)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml, LINES "%s", more);
    world_open(&w);
    world_input_lines(&w, lines);
    world_task(&w, yaml);
}

START_TEST(every_segment_is_run_once_and_combined_in_input_order)
{
    lines_task(10000, "");
    world_node(&w, (FakeNodeConfig){.window = 64, .batch = 16});
    world_node(&w, (FakeNodeConfig){.seed = 7, .faults = {.delay = 300}});
    world_run(&w);
    ck_assert_ok(w.result);
    world_expect_echo(&w);
    ck_assert_uint_eq(w.progress.micro_jobs, 1000);
    ck_assert_uint_eq(w.progress.succeeded, 1000);
    ck_assert_uint_eq(w.progress.sees_started, 1000);
    ck_assert_uint_eq(w.progress.dropped, 0);
    ck_assert_uint_eq(w.progress.bytes_done, w.progress.bytes_total);
    ck_assert(w.progress.splitting_done);
    for (uint64_t i = 0; i < 1000; i++) ck_assert_uint_eq(w.results[i], 1);
    ck_assert_int_eq(world_query(&w, "SELECT count(*) FROM ended"), 1000);
    world_close(&w);
}
END_TEST

START_TEST(without_a_journal_the_output_is_the_same)
{
    lines_task(10000, "");
    w.request.journal_dir = NULL;
    world_node(&w, (FakeNodeConfig){.seed = 3, .faults = {.delay = 500}});
    world_run(&w);
    ck_assert_ok(w.result);
    world_expect_echo(&w);
    ck_assert_int_ne(access(w.journal, F_OK), 0);
    world_close(&w);
}
END_TEST

START_TEST(an_empty_input_gives_an_empty_output)
{
    lines_task(0, "");
    world_node(&w, (FakeNodeConfig){0});
    world_run(&w);
    ck_assert_ok(w.result);
    ck_assert_uint_eq(w.output.size, 0);
    ck_assert_uint_eq(w.progress.micro_jobs, 0);
    world_close(&w);
}
END_TEST

static void count_one(void *context, uint32_t stage, const JobItem *item, View segment, FakeAnswer *answer)
{
    (void)context, (void)stage;
    ck_assert(item->kind == SEGMENT_NONE && segment.size == 0);
    ck_assert_ok(buffer_format(&answer->output, "1,%llu\n", (unsigned long long)item->job));
}

START_TEST(a_count_is_folded_by_a_built_in_combiner)
{
    world_open(&w);
    world_task(&w, "input: {count: 5000}\ncombine: sum\n");
    world_node(&w, (FakeNodeConfig){.work = count_one, .seed = 1, .faults = {.delay = 100}});
    world_run(&w);
    ck_assert_ok(w.result);
    world_expect_output(&w, VIEW("5000,12497500\n"));
    world_close(&w);
}
END_TEST

START_TEST(a_window_is_never_passed)
{
    lines_task(5000, "");
    world_node(&w, (FakeNodeConfig){.window = 5, .batch = 5});
    world_node(&w, (FakeNodeConfig){.window = 1, .batch = 1});
    world_start(&w);
    world_turn_until_done(&w);
    ck_assert_ok(w.result);
    ck_assert_uint_le(fake_node_counts(w.nodes[0]).outstanding_max, 5);
    ck_assert_uint_le(fake_node_counts(w.nodes[1]).outstanding_max, 1);
    ck_assert_uint_gt(fake_node_counts(w.nodes[1]).jobs, 0);
    world_close(&w);
}
END_TEST

/* Fails job 3 in the way that `context` says, for ever. */
static void fail_one(void *context, uint32_t stage, const JobItem *item, View segment, FakeAnswer *answer)
{
    const uint32_t *outcome = context;
    world_echo(NULL, stage, item, segment, answer);
    if (item->job != 3) return;
    answer->outcome = *outcome;
    answer->exit_code = *outcome == OUTCOME_EXIT_CODE ? 42 : 0;
    ck_assert_ok(buffer_format(&answer->log, "attempt %u", item->attempt));
}

static void run_failing(uint32_t outcome, const char *more)
{
    lines_task(50, more);
    world_node(&w, (FakeNodeConfig){.work = fail_one, .context = &outcome});
    world_run(&w);
}

START_TEST(a_failure_leaves_the_others_results_and_is_reported_once)
{
    run_failing(OUTCOME_EXIT_CODE, "");
    ck_assert_int_eq(w.result.code, ERR_TASK_FAILED);
    ck_assert_str_eq(w.diag.text, "1 of 5 micro-jobs failed for good; the first: micro-job 3: exit code is not 0 (42)");
    ck_assert_uint_eq(w.output.size, 4 * 30 - 10); /* lines 0-9 have one digit */
    ck_assert_uint_eq(w.failure_count, 1);
    ck_assert_uint_eq(w.failures[0].job, 3);
    ck_assert_uint_eq(w.failures[0].attempts, 1);
    ck_assert_str_eq(w.failures[0].log, "attempt 1");
    ck_assert_uint_eq(w.progress.succeeded, 4);
    ck_assert_uint_eq(w.progress.failed, 1);
    ck_assert_int_eq(world_query(&w, "SELECT exit_code FROM ended WHERE outcome = 2"), 42);
    world_close(&w);
}
END_TEST

START_TEST(what_may_end_differently_is_tried_as_often_as_the_task_says)
{
    run_failing(OUTCOME_CRASHED, "attempts: 5\n");
    ck_assert_int_eq(w.result.code, ERR_TASK_FAILED);
    ck_assert_uint_eq(w.failures[0].attempts, 5);
    ck_assert_uint_eq(w.progress.retried, 4);
    ck_assert_str_eq(w.failures[0].log, "attempt 5");
    world_close(&w);
}
END_TEST

START_TEST(an_exceeded_lifetime_is_tried_once_more_only)
{
    run_failing(OUTCOME_LIFETIME, "attempts: 5\n");
    ck_assert_int_eq(w.result.code, ERR_TASK_FAILED);
    ck_assert_uint_eq(w.failures[0].attempts, 2);
    world_close(&w);
}
END_TEST

START_TEST(what_never_runs_fails_after_a_limit)
{
    run_failing(OUTCOME_NONE, "");
    ck_assert_int_eq(w.result.code, ERR_TASK_FAILED);
    ck_assert_uint_eq(w.failures[0].outcome, OUTCOME_LOST);
    ck_assert_uint_eq(w.failures[0].attempts, 0);
    world_close(&w);
}
END_TEST

START_TEST(when_all_nodes_refuse_the_first_reason_is_the_tasks)
{
    lines_task(50, "");
    world_node(&w, (FakeNodeConfig){.refuse_code = ERR_LEVEL, .refuse_text = "no user namespaces here:\n enable them"});
    world_node(&w, (FakeNodeConfig){.refuse_code = ERR_UNTRUSTED, .refuse_text = "other"});
    world_run(&w);
    ck_assert_int_eq(w.result.code, ERR_LEVEL);
    ck_assert_str_eq(w.diag.text, "no user namespaces here:  enable them");
    world_close(&w);
}
END_TEST

START_TEST(one_node_that_does_not_refuse_is_enough)
{
    lines_task(50, "");
    world_node(&w, (FakeNodeConfig){.refuse_code = ERR_LEVEL, .refuse_text = "not me"});
    world_node(&w, (FakeNodeConfig){0});
    world_run(&w);
    ck_assert_ok(w.result);
    world_close(&w);
}
END_TEST

START_TEST(a_node_below_the_level_gets_nothing_even_if_it_says_it_is_ready)
{
    lines_task(50, "security: {level: microvm}\n");
    world_node(&w, (FakeNodeConfig){.level_mask = 1u << LEVEL_PROCESS | 1u << LEVEL_SHARED});
    world_start(&w);
    world_turn_until_done(&w);
    ck_assert_int_eq(w.result.code, ERR_LEVEL);
    ck_assert_ptr_nonnull(strstr(w.diag.text, "microvm"));
    ck_assert_uint_eq(fake_node_counts(w.nodes[0]).jobs, 0);
    world_close(&w);
}
END_TEST

START_TEST(a_node_without_the_memory_gets_nothing)
{
    lines_task(50, "");
    world_node(&w, (FakeNodeConfig){.memory_free = 1 * MIB});
    world_run(&w);
    ck_assert_int_eq(w.result.code, ENOMEM);
    ck_assert_ptr_nonnull(strstr(w.diag.text, "64 MiB"));
    world_close(&w);
}
END_TEST

START_TEST(without_any_node_the_task_ends_after_the_grace)
{
    lines_task(50, "");
    w.request.node_grace_ns = 20 * NS_PER_MS;
    world_run(&w);
    ck_assert_int_eq(w.result.code, ERR_CLOSED);
    world_close(&w);
}
END_TEST

START_TEST(a_node_that_falls_silent_loses_its_micro_jobs_to_others)
{
    lines_task(500, "security: {lifetime: 10ms}\n");
    w.request.node_grace_ns = 30 * NS_PER_MS;
    world_node(&w, (FakeNodeConfig){.silent = true});
    world_node(&w, (FakeNodeConfig){0});
    world_start(&w);
    world_turn_until_done(&w);
    ck_assert_ok(w.result);
    world_expect_echo(&w);
    ck_assert_uint_gt(fake_node_counts(w.nodes[0]).jobs, 0);
    world_close(&w);
}
END_TEST

START_TEST(when_the_only_node_falls_silent_for_good_the_task_ends)
{
    lines_task(500, "security: {lifetime: 10ms}\n");
    w.request.node_grace_ns = 30 * NS_PER_MS;
    world_node(&w, (FakeNodeConfig){.silent = true});
    world_start(&w);
    world_turn_until_done(&w);
    ck_assert_int_eq(w.result.code, ERR_CLOSED);
    ck_assert_ptr_nonnull(strstr(w.diag.text, "run again with --resume"));
    ck_assert_uint_gt(fake_node_counts(w.nodes[0]).jobs, 0);
    world_close(&w);
}
END_TEST

START_TEST(an_output_that_nobody_takes_stops_the_task)
{
    lines_task(50, "");
    w.output.limit = 20;
    world_node(&w, (FakeNodeConfig){0});
    world_run(&w);
    ck_assert_int_eq(w.result.code, ERR_LIMIT);
    world_close(&w);
}
END_TEST

START_TEST(a_malformed_result_names_its_micro_job)
{
    lines_task(50, "combine: sum\n");
    uint32_t ok = OUTCOME_OK;
    world_node(&w, (FakeNodeConfig){.work = fail_one, .context = &ok, .seed = 1});
    world_input(&w, "1\n2\nx\n", 6);
    world_task(&w, "input: {path: input, split: {by: lines, records: 1}}\ncombine: sum\n");
    world_run(&w);
    ck_assert_int_eq(w.result.code, ERR_BAD_INPUT);
    ck_assert_msg(strstr(w.diag.text, "micro-job 2") != NULL, "%s", w.diag.text);
    world_close(&w);
}
END_TEST

START_TEST(an_input_from_a_pipe_is_held_until_its_micro_jobs_end)
{
    world_open(&w);
    int pipe_fds[2];
    ck_assert_int_eq(pipe(pipe_fds), 0);
    AUTO_BUFFER text = buffer_limited(64 * KIB);
    for (int i = 0; i < 5000; i++) ck_assert_ok(buffer_format(&text, "%d\n", i));
    ck_assert_int_eq(write(pipe_fds[1], text.data, text.size), (ssize_t)text.size);
    close(pipe_fds[1]);
    ck_assert_int_ge(dup2(pipe_fds[0], STDIN_FILENO), 0);
    close(pipe_fds[0]);
    world_task(&w, "input: {path: '-', split: {by: lines, records: 7}}\n");
    w.request.journal_dir = NULL;
    world_node(&w, (FakeNodeConfig){.seed = 5, .faults = {.delay = 100, .crash = 50}});
    world_run(&w);
    ck_assert_ok(w.result);
    world_expect_output(&w, view_buffer(&text));
    world_close(&w);
}
END_TEST

/* The oldest micro-job is answered last of all: the others must not pile up without limit behind it. */
START_TEST(no_more_is_cut_when_the_oldest_is_far_behind)
{
    world_open(&w);
    world_task(&w, "input: {count: 300000}\ncombine: sum\n");
    w.request.journal_dir = NULL;
    world_node(&w, (FakeNodeConfig){.work = count_one, .window = 4096, .batch = 1024, .hold = true});
    world_start(&w);
    uint64_t most = 0;
    while (!manager_done(w.manager, &w.result, &w.diag)) {
        ck_assert_ok(loop_turn(w.loop, 100));
        manager_progress(w.manager, &w.progress);
        if (w.results[0] == 0 && w.progress.micro_jobs > most) most = w.progress.micro_jobs;
    }
    ck_assert_ok(w.result);
    ck_assert_uint_eq(most, 1 << 18); /* WINDOW_AHEAD_MAX: it went that far, and no farther */
    world_expect_output(&w, VIEW("300000,44999850000\n"));
    world_close(&w);
}
END_TEST

TEST_MAIN("swarm/manager", every_segment_is_run_once_and_combined_in_input_order, without_a_journal_the_output_is_the_same,
          an_empty_input_gives_an_empty_output, a_count_is_folded_by_a_built_in_combiner, a_window_is_never_passed,
          a_failure_leaves_the_others_results_and_is_reported_once, what_may_end_differently_is_tried_as_often_as_the_task_says,
          an_exceeded_lifetime_is_tried_once_more_only, what_never_runs_fails_after_a_limit,
          when_all_nodes_refuse_the_first_reason_is_the_tasks, one_node_that_does_not_refuse_is_enough,
          a_node_below_the_level_gets_nothing_even_if_it_says_it_is_ready, a_node_without_the_memory_gets_nothing,
          without_any_node_the_task_ends_after_the_grace, a_node_that_falls_silent_loses_its_micro_jobs_to_others,
          when_the_only_node_falls_silent_for_good_the_task_ends,
          an_output_that_nobody_takes_stops_the_task, a_malformed_result_names_its_micro_job,
          an_input_from_a_pipe_is_held_until_its_micro_jobs_end, no_more_is_cut_when_the_oldest_is_far_behind)
