/* Does a module combiner see all results, in order, in groups within bounds, and does its tree end in one result? */
#include <fcntl.h>

#include "swarm/manager_world.h"
#include "sys/fd.h"

#define LINES "input: {path: input, split: {by: lines, records: 1}}\ncombine: {image: r.see}\n"

static World w;
static uint64_t runs[STAGE_MAX + 1];
static size_t largest;

static void lines_task(uint64_t lines)
{
    world_open(&w);
    world_input_lines(&w, lines);
    world_task(&w, LINES);
    memset(runs, 0, sizeof runs);
    largest = 0;
}

/* Order and completeness show when nothing is folded: the tree must put the input together again. */
static void count_runs(void *context, uint32_t stage, const JobItem *item, View segment, FakeAnswer *answer)
{
    runs[stage]++;
    if (stage && segment.size > largest) largest = segment.size;
    world_echo(context, stage, item, segment, answer);
}

START_TEST(the_results_go_through_a_tree_in_order)
{
    lines_task(COMBINE_FANIN_MAX * 300);
    world_node(&w, (FakeNodeConfig){.work = count_runs, .window = 512, .batch = 64, .seed = 4, .faults = {.delay = 200}});
    world_run(&w);
    ck_assert_ok(w.result);
    world_expect_echo(&w);
    ck_assert_uint_eq(runs[1], 300);
    ck_assert_uint_eq(runs[2], 2);
    ck_assert_uint_eq(runs[3], 1);
    ck_assert_uint_eq(runs[4], 0);
    ck_assert_uint_eq(w.progress.micro_jobs, COMBINE_FANIN_MAX * 300);
    ck_assert_uint_eq(w.progress.succeeded, COMBINE_FANIN_MAX * 300);
    ck_assert_uint_eq(w.progress.stage, 3);
    world_close(&w);
}
END_TEST

START_TEST(without_a_journal_too)
{
    lines_task(COMBINE_FANIN_MAX * 3);
    w.request.journal_dir = NULL;
    world_node(&w, (FakeNodeConfig){.work = count_runs});
    world_run(&w);
    ck_assert_ok(w.result);
    world_expect_echo(&w);
    ck_assert_uint_eq(runs[1], 3);
    ck_assert_uint_eq(runs[2], 1);
    world_close(&w);
}
END_TEST

START_TEST(a_lone_result_is_combined_too)
{
    lines_task(1);
    world_node(&w, (FakeNodeConfig){.work = count_runs});
    world_run(&w);
    ck_assert_ok(w.result);
    world_expect_echo(&w);
    ck_assert_uint_eq(runs[1], 1);
    ck_assert_uint_eq(runs[2], 0);
    world_close(&w);
}
END_TEST

START_TEST(no_result_means_no_run_and_an_empty_output)
{
    lines_task(0);
    world_node(&w, (FakeNodeConfig){.work = count_runs});
    world_run(&w);
    ck_assert_ok(w.result);
    ck_assert_uint_eq(w.output.size, 0);
    ck_assert_uint_eq(runs[1], 0);
    world_close(&w);
}
END_TEST

static void large_result(void *context, uint32_t stage, const JobItem *item, View segment, FakeAnswer *answer)
{
    if (stage) {
        count_runs(context, stage, item, view_of(segment.data, 0), answer);
        if (segment.size > largest) largest = segment.size;
        ck_assert_ok(buffer_format(&answer->output, "%zu;", segment.size));
        return;
    }
    runs[0]++;
    ck_assert_ok(buffer_reserve(&answer->output, 700 * KIB));
    memset(answer->output.data, 'x', 700 * KIB);
    answer->output.size = 700 * KIB;
}

START_TEST(groups_of_large_results_hold_two_so_that_every_level_shrinks)
{
    lines_task(7);
    world_node(&w, (FakeNodeConfig){.work = large_result});
    world_run(&w);
    ck_assert_ok(w.result);
    ck_assert_uint_eq(runs[1], 4); /* 2 + 2 + 2 + 1 */
    ck_assert_uint_eq(runs[2], 1);
    ck_assert_uint_eq(largest, 1400 * KIB);
    world_expect_output(&w, VIEW("31;")); /* "1433600;" three times and "716800;" */
    world_close(&w);
}
END_TEST

START_TEST(a_kill_while_combining_is_resumed_there)
{
    lines_task(COMBINE_FANIN_MAX * 40);
    world_node(&w, (FakeNodeConfig){.work = count_runs});
    world_start(&w);
    while (runs[1] < 5) ck_assert_ok(loop_turn(w.loop, 5));
    world_stop(&w);
    memset(runs, 0, sizeof runs);
    w.request.resume = true;
    world_run(&w);
    ck_assert_ok(w.result);
    world_expect_echo(&w);
    ck_assert_uint_eq(runs[0], 0);
    world_close(&w);
}
END_TEST

START_TEST(a_level_made_from_other_results_is_not_resumed)
{
    lines_task(COMBINE_FANIN_MAX * 4);
    world_node(&w, (FakeNodeConfig){.work = count_runs});
    world_run(&w);
    ck_assert_ok(w.result);
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/spool", w.journal);
    AUTO_FD fd = -1;
    ck_assert_ok(fd_open(AT_FDCWD, path, O_RDWR, 0, &fd));
    ck_assert_ok(fd_pwrite_all(fd, VIEW("X"), 0)); /* the first result of the first level */
    memset(runs, 0, sizeof runs);
    w.request.resume = true;
    world_run(&w);
    ck_assert_ok(w.result);
    world_expect_echo(&w);
    ck_assert_uint_eq(runs[0], 1);
    ck_assert_uint_eq(runs[1], 4);
    ck_assert_uint_eq(runs[2], 1);
    world_close(&w);
}
END_TEST

static void fail_first_group(void *context, uint32_t stage, const JobItem *item, View segment, FakeAnswer *answer)
{
    world_echo(context, stage, item, segment, answer);
    if (stage == 1 && item->job == 0) answer->outcome = OUTCOME_OUT_OF_BOUNDS;
}

START_TEST(a_failed_combining_run_is_said_to_be_one)
{
    lines_task(COMBINE_FANIN_MAX + 1);
    world_node(&w, (FakeNodeConfig){.work = fail_first_group});
    world_run(&w);
    ck_assert_int_eq(w.result.code, ERR_TASK_FAILED);
    ck_assert_ptr_nonnull(strstr(w.diag.text, "combining run 0"));
    ck_assert_uint_eq(w.failures[0].stage, 1);
    world_expect_output(&w, VIEW("256\n"));
    world_close(&w);
}
END_TEST

TEST_MAIN("swarm/manager_tree", the_results_go_through_a_tree_in_order, without_a_journal_too, a_lone_result_is_combined_too,
          no_result_means_no_run_and_an_empty_output, groups_of_large_results_hold_two_so_that_every_level_shrinks,
          a_kill_while_combining_is_resumed_there, a_level_made_from_other_results_is_not_resumed, a_failed_combining_run_is_said_to_be_one)
