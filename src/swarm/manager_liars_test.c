/* Nodes that lie: does nothing wrong get into the output when copies must agree, is nothing counted twice, and is the liar named? */
#include <fcntl.h>

#include "swarm/manager_world.h"
#include "sys/fd.h"

enum { LINES = 400, RECORDS = 4, JOBS = LINES / RECORDS };

static int lines = LINES;

static World w;

/* As across machines: copies, leases, segments within messages; five honest nodes would do. */
static void begin_combining(const char *combine, const char *redundancy)
{
    char yaml[256], image[PATH_MAX + 16];
    world_open(&w);
    world_input_lines(&w, (uint64_t)lines);
    snprintf(yaml, sizeof yaml, "input: {path: input, split: {by: lines, records: %d}}\ncombine: %s\n%s", RECORDS, combine, redundancy);
    world_task(&w, yaml);
    snprintf(image, sizeof image, "%s/x.see", w.folder.path);
    ck_assert_ok(file_replace(AT_FDCWD, image, VIEW("an image"), 0600));
    w.request.image_path = strdup(image);
    if (w.request.combine_image_path) w.request.combine_image_path = w.request.image_path;
    w.request.remote = true;
    w.request.lease_ns = w.request.wait_ns = 600 * NS_PER_S;
}

static void begin(const char *redundancy) { begin_combining("concat", redundancy); }

static void end(void)
{
    free((char *)(uintptr_t)w.request.image_path);
    world_close(&w);
}

/* The whole output is right, and each micro-job's result was counted once. */
static void expect_right(void)
{
    ck_assert_msg(w.result.code == 0, "%s (%s)", w.diag.text, err_text(w.result.code));
    world_expect_echo(&w);
    for (int i = 0; i < lines / RECORDS; i++) ck_assert_uint_eq(w.results[i], 1);
}

static void lie(void *context, uint32_t stage, const JobItem *item, View segment, FakeAnswer *answer)
{
    (void)stage, (void)item;
    ck_assert_ok(buffer_append(&answer->output, view_text(context)));
    ck_assert_ok(buffer_append(&answer->output, segment));
}

static void add_honest(int count)
{
    for (int i = 0; i < count; i++) world_node(&w, (FakeNodeConfig){.seed = (uint64_t)i + 1});
}

START_TEST(wrong_results_of_one_node_get_nowhere_and_it_is_named_as_lying)
{
    begin("redundancy: {copies: 3, agree: 2}\n");
    world_node(&w, (FakeNodeConfig){.work = lie, .context = (void *)(uintptr_t) "I say: "});
    add_honest(4);
    world_run(&w);
    expect_right();
    ck_assert_uint_eq(w.progress.nodes_lying, 1);
    ck_assert_uint_gt(w.progress.disagreements, 0);
    ck_assert_uint_ge(w.progress.extra_copies, 2 * JOBS);
    end();
}
END_TEST

START_TEST(two_liars_that_do_not_agree_with_each_other_get_nowhere)
{
    begin("redundancy: {copies: 3, agree: 2}\n");
    world_node(&w, (FakeNodeConfig){.work = lie, .context = (void *)(uintptr_t) "I say: "});
    world_node(&w, (FakeNodeConfig){.work = lie, .context = (void *)(uintptr_t) "no, I say: "});
    add_honest(4);
    world_run(&w);
    expect_right();
    ck_assert_uint_eq(w.progress.nodes_lying, 2);
    end();
}
END_TEST

/* Stated in SECURITY.md: what the data owner buys is that `agree` nodes must say the same, not more. */
START_TEST(liars_that_agree_with_each_other_are_believed)
{
    begin("redundancy: {copies: 2, agree: 2}\n");
    for (int i = 0; i < 3; i++) world_node(&w, (FakeNodeConfig){.work = lie, .context = (void *)(uintptr_t) "we say: "});
    world_run(&w);
    ck_assert_int_eq(w.result.code, 0);
    ck_assert_int_eq(memcmp(w.output.data, "we say: 0\n", 10), 0);
    ck_assert_uint_eq(w.progress.nodes_lying, 0);
    end();
}
END_TEST

START_TEST(liars_of_one_owner_do_not_have_two_votes)
{
    begin("redundancy: {copies: 2, agree: 2}\n");
    for (int i = 0; i < 3; i++) world_node(&w, (FakeNodeConfig){.work = lie, .context = (void *)(uintptr_t) "we say: ", .owner = "mallory"});
    for (int i = 0; i < 4; i++) world_node(&w, (FakeNodeConfig){.owner = i < 2 ? "alice" : "bob"});
    world_run(&w);
    expect_right();
    end();
}
END_TEST

START_TEST(right_results_that_come_late_count_once_and_are_no_lie)
{
    begin("redundancy: {copies: 3, agree: 2}\n");
    world_node(&w, (FakeNodeConfig){.seed = 7, .faults = {.delay = 990}});
    add_honest(4);
    world_run(&w);
    expect_right();
    ck_assert_uint_eq(w.progress.nodes_lying, 0);
    end();
}
END_TEST

START_TEST(a_digest_that_is_not_of_the_result_is_no_vote)
{
    begin("redundancy: {copies: 3, agree: 2}\n");
    world_node(&w, (FakeNodeConfig){.seed = 3, .faults = {.copied_digest = 1000}});
    add_honest(4);
    world_run(&w);
    expect_right();
    end();
}
END_TEST

START_TEST(answers_said_twice_and_for_attempts_that_are_not_out_count_once)
{
    begin("redundancy: {copies: 3, agree: 2}\n");
    for (int i = 0; i < 5; i++) world_node(&w, (FakeNodeConfig){.seed = (uint64_t)i, .faults = {.repeat = 1000, .wrong_attempt = 500}});
    world_run(&w);
    expect_right();
    ck_assert_uint_ge(w.progress.dropped, 3 * JOBS);
    ck_assert_uint_eq(w.progress.nodes_lying, 0);
    end();
}
END_TEST

/* It claims a thousand cores, takes whatever it is given, and answers nothing, while its lease is whole. */
START_TEST(who_claims_more_than_it_can_do_holds_up_nothing_where_stragglers_are_copied)
{
    lines = 8000;
    begin("redundancy: {copies: 1, speculate: true}\n");
    world_node(&w, (FakeNodeConfig){.silent = true, .cores = 1024, .window = 65536, .batch = 64});
    add_honest(3);
    world_run(&w);
    expect_right();
    ck_assert_uint_gt(w.progress.speculative + w.progress.moved, 0);
    end();
}
END_TEST

/* --- what ends in noise --- */

enum { STAGES = 4 };
static uint32_t ran[STAGES][JOBS];

/* Segments give the same each time, and what combines never does. */
static void noisy(void *context, uint32_t stage, const JobItem *item, View segment, FakeAnswer *answer)
{
    static unsigned turn;
    (void)context;
    ck_assert(stage < STAGES && item->job < JOBS);
    ran[stage][item->job]++;
    if (stage == 0) ck_assert_ok(buffer_append(&answer->output, segment));
    else ck_assert_ok(buffer_format(&answer->output, "noise %u", turn++));
}

static void run_noisy(bool is_private)
{
    memset(ran, 0, sizeof ran);
    begin_combining("{image: r.see}", "redundancy: {copies: 3, agree: 2}\n");
    if (is_private) w.task.privacy = calloc(1, sizeof *w.task.privacy);
    for (uint64_t i = 0; i < WORLD_NODES_MAX; i++) world_node(&w, (FakeNodeConfig){.work = noisy, .seed = i + 1});
    world_run(&w);
}

START_TEST(combining_a_private_task_is_one_copy_and_its_segments_are_compared)
{
    run_noisy(true);
    ck_assert_msg(w.result.code == 0, "%s (%s)", w.diag.text, err_text(w.result.code));
    uint64_t combined = 0;
    for (int i = 0; i < JOBS; i++) {
        ck_assert_uint_ge(ran[0][i], 2);
        for (int stage = 1; stage < STAGES; stage++) {
            ck_assert_msg(ran[stage][i] <= 1, "micro-job %d of stage %d ran %u times", i, stage, ran[stage][i]);
            combined += ran[stage][i];
        }
    }
    ck_assert_uint_gt(combined, 0);
    end();
    run_noisy(false); /* where answers must agree, noise never does */
    ck_assert_err(w.result, ERR_TASK_FAILED);
    end();
}
END_TEST

TEST_MAIN("swarm/manager_liars", wrong_results_of_one_node_get_nowhere_and_it_is_named_as_lying,
          two_liars_that_do_not_agree_with_each_other_get_nowhere,
          liars_that_agree_with_each_other_are_believed, liars_of_one_owner_do_not_have_two_votes,
          right_results_that_come_late_count_once_and_are_no_lie,
          a_digest_that_is_not_of_the_result_is_no_vote, answers_said_twice_and_for_attempts_that_are_not_out_count_once,
          who_claims_more_than_it_can_do_holds_up_nothing_where_stragglers_are_copied,
          combining_a_private_task_is_one_copy_and_its_segments_are_compared)
