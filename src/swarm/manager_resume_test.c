/* Whatever is killed or damaged, does resuming give the output of an undisturbed run, and run nothing twice that need not be? */
#include <fcntl.h>

#include "swarm/manager_world.h"
#include "sys/fd.h"

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

static void resume(void)
{
    w.request.resume = true;
    w.stop_after = 0;
    world_run(&w);
}

/* Runs until so many results were seen and takes the manager away without a commit, as kill -9 would. */
static void run_and_kill(uint64_t after)
{
    w.stop_after = after;
    world_run(&w);
}

START_TEST(a_killed_run_is_resumed_to_the_same_output)
{
    lines_task(100000, "");
    world_node(&w, (FakeNodeConfig){.window = 64, .batch = 16, .seed = 9, .faults = {.delay = 200}});
    run_and_kill(6000); /* more than one batch of the journal, so that something is committed */
    int64_t kept = world_query(&w, "SELECT count(*) FROM ended");
    ck_assert_int_gt(kept, 6000 - 4096); /* what is not committed is less than a batch; time commits as well */
    resume();
    ck_assert_ok(w.result);
    world_expect_echo(&w);
    ck_assert_int_eq((int64_t)w.progress.resumed, kept);
    ck_assert_uint_eq(w.results_count, 10000 - w.progress.resumed);
    ck_assert_uint_eq(w.progress.succeeded, 10000);
    ck_assert_uint_eq(w.progress.bytes_done, w.progress.bytes_total);
    ck_assert_int_eq(world_query(&w, "SELECT count(*) FROM ended"), 10000);
    world_close(&w);
}
END_TEST

START_TEST(many_kills_change_nothing)
{
    lines_task(20000, "");
    world_node(&w, (FakeNodeConfig){.window = 16, .batch = 4, .seed = 2, .faults = {.delay = 100, .crash = 20}});
    for (uint64_t round = 1; round < 20; round++) {
        run_and_kill(round * 7);
        w.request.resume = true;
    }
    resume();
    ck_assert_ok(w.result);
    world_expect_echo(&w);
    ck_assert_int_eq(world_query(&w, "SELECT count(*) FROM ended"), 2000);
    world_close(&w);
}
END_TEST

START_TEST(an_interrupt_keeps_every_result_so_far)
{
    lines_task(1000, "");
    world_node(&w, (FakeNodeConfig){0});
    world_start(&w);
    w.stop_after = 40;
    world_turn_until_done(&w);
    uint64_t seen = w.results_count;
    manager_interrupt(w.manager);
    ck_assert(manager_done(w.manager, &w.result, &w.diag));
    ck_assert_int_eq(w.result.code, ERR_INTERRUPTED);
    ck_assert_ptr_nonnull(strstr(w.diag.text, "--resume"));
    world_stop(&w);
    ck_assert_int_eq(world_query(&w, "SELECT count(*) FROM ended"), (int64_t)seen);
    resume();
    ck_assert_ok(w.result);
    ck_assert_uint_eq(w.progress.resumed, seen);
    world_expect_echo(&w);
    world_close(&w);
}
END_TEST

static void fail_some(void *context, uint32_t stage, const JobItem *item, View segment, FakeAnswer *answer)
{
    const bool *broken = context;
    world_echo(NULL, stage, item, segment, answer);
    if (*broken && item->job % 10 == 3) answer->outcome = OUTCOME_UNREACHABLE;
}

START_TEST(what_failed_is_tried_again_and_nothing_else)
{
    bool broken = true;
    lines_task(500, "");
    world_node(&w, (FakeNodeConfig){.work = fail_some, .context = &broken});
    world_run(&w);
    ck_assert_int_eq(w.result.code, ERR_TASK_FAILED);
    ck_assert_uint_eq(w.progress.failed, 5);
    broken = false;
    resume();
    ck_assert_ok(w.result);
    ck_assert_uint_eq(w.progress.resumed, 45);
    ck_assert_uint_eq(w.results_count, 5);
    world_expect_echo(&w);
    world_close(&w);
}
END_TEST

START_TEST(a_damaged_result_is_made_again)
{
    lines_task(1000, "");
    world_node(&w, (FakeNodeConfig){0});
    world_run(&w);
    ck_assert_ok(w.result);
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/spool", w.journal);
    AUTO_FD fd = -1;
    ck_assert_ok(fd_open(AT_FDCWD, path, O_RDWR, 0, &fd));
    ck_assert_ok(fd_pwrite_all(fd, VIEW("X"), 100));
    uint64_t size;
    ck_assert_ok(fd_stat_size(fd, &size));
    ck_assert_ok(fd_truncate(fd, size - 1));
    resume();
    ck_assert_ok(w.result);
    ck_assert_uint_eq(w.progress.resumed, 98);
    world_expect_echo(&w);
    world_close(&w);
}
END_TEST

START_TEST(an_output_that_was_not_saved_is_made_again_without_running_anything)
{
    lines_task(1000, "");
    world_node(&w, (FakeNodeConfig){0});
    world_run(&w);
    ck_assert_ok(w.result);
    resume();
    ck_assert_ok(w.result);
    ck_assert_uint_eq(w.results_count, 0);
    ck_assert_uint_eq(w.progress.resumed, 100);
    world_expect_echo(&w);
    world_close(&w);
}
END_TEST

START_TEST(a_settled_task_has_no_results_left_and_runs_anew)
{
    lines_task(1000, "");
    world_node(&w, (FakeNodeConfig){0});
    world_start(&w);
    world_turn_until_done(&w);
    ck_assert_ok(w.result);
    ck_assert_ok(manager_settle(w.manager));
    world_stop(&w);
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/spool", w.journal);
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    ck_assert_int_eq(world_query(&w, "SELECT count(*) FROM ended"), 100); /* what happened can still be read */
    resume();
    ck_assert_ok(w.result);
    ck_assert_uint_eq(w.progress.resumed, 0);
    ck_assert_uint_eq(w.results_count, 100);
    world_expect_echo(&w);
    world_close(&w);
}
END_TEST

START_TEST(resuming_where_nothing_ran_runs_all)
{
    lines_task(100, "");
    world_node(&w, (FakeNodeConfig){0});
    resume();
    ck_assert_ok(w.result);
    world_expect_echo(&w);
    world_close(&w);
}
END_TEST

static void expect_changed(void)
{
    w.request.resume = true;
    world_run(&w);
    ck_assert_int_eq(w.result.code, ERR_CHANGED);
    ck_assert_ptr_nonnull(strstr(w.diag.text, "run without --resume"));
}

START_TEST(another_image_input_or_task_is_not_resumed)
{
    lines_task(100, "");
    world_node(&w, (FakeNodeConfig){0});
    world_run(&w);
    ck_assert_ok(w.result);
    w.request.measurement[5] ^= 1;
    expect_changed();
    w.request.measurement[5] ^= 1;
    w.request.combine_measurement[0] ^= 1;
    expect_changed();
    w.request.combine_measurement[0] ^= 1;
    resume();
    ck_assert_ok(w.result);
    world_input_lines(&w, 101);
    expect_changed();
    world_input_lines(&w, 100);
    world_task(&w, LINES "attempts: 2\n");
    expect_changed();
    world_close(&w);
}
END_TEST

static uint8_t seen_seed[32];

static Err watch_open(void *context, const char *subject, View message)
{
    (void)context, (void)subject;
    TaskOpen open;
    if (message_type(message) == MESSAGE_TASK_OPEN && message_get_task_open(message, &open).code == 0) memcpy(seen_seed, open.seed, sizeof seen_seed);
    return OK;
}

START_TEST(the_seed_is_the_same_in_every_run_of_the_same_task)
{
    uint8_t first[32];
    lines_task(100, "");
    world_node(&w, (FakeNodeConfig){0});
    for (int run = 0; run < 2; run++) {
        world_start(&w);
        BusSubscription *s;
        ck_assert_ok(bus_subscribe(w.bus, "covey.node.n0", watch_open, NULL, &s));
        world_turn_until_done(&w);
        bus_unsubscribe(&s);
        world_stop(&w);
        ck_assert_ok(w.result);
        if (run == 0) memcpy(first, seen_seed, sizeof first);
    }
    ck_assert_mem_eq(first, seen_seed, sizeof first);
    static const uint8_t ZEROS[32];
    ck_assert_mem_ne(first, ZEROS, sizeof first);
    world_close(&w);
}
END_TEST

TEST_MAIN("swarm/manager_resume", a_killed_run_is_resumed_to_the_same_output, many_kills_change_nothing, an_interrupt_keeps_every_result_so_far,
          what_failed_is_tried_again_and_nothing_else, a_damaged_result_is_made_again,
          an_output_that_was_not_saved_is_made_again_without_running_anything, a_settled_task_has_no_results_left_and_runs_anew,
          resuming_where_nothing_ran_runs_all, another_image_input_or_task_is_not_resumed, the_seed_is_the_same_in_every_run_of_the_same_task)
