/* Does the agent give each micro-job exactly one right answer, and each task its due? */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "node/fake_warden.h"
#include "node/test_world.h"
#include "sys/clock.h"

enum { JOBS = 300 };
static const SecurityLevel LEVELS[] = {LEVEL_SHARED, LEVEL_PROCESS};

START_TEST(every_micro_job_is_answered_once_and_rightly)
{
    for (int i = 0; i < 2; i++) {
        World *w = world_new(NULL, false, LEVELS[i]);
        world_run(w, JOBS);
        ck_assert_uint_eq(world_count_right(w, JOBS), JOBS);
        ck_assert_str_eq(w->jobs[7].log, "log");
        ck_assert_uint_eq(w->retried, 0);
        if (LEVELS[i] == LEVEL_PROCESS) ck_assert_uint_eq(w->sees_started, JOBS);
        else ck_assert_uint_le(w->sees_started, 2); /* the second one may come too late to be told of */
        world_free(w);
    }
}
END_TEST

/* --- opening and closing --- */

START_TEST(the_wardens_refusal_reaches_the_manager_word_for_word)
{
    World *w = world_new("refuse", false, LEVEL_PROCESS);
    world_run(w, 1);
    ck_assert(w->refused && !w->ready);
    ck_assert_int_eq(w->refused_code, ERR_UNTRUSTED);
    ck_assert_str_eq(w->refused_text, "the image is signed by nobody you trust");
    world_free(w);
}
END_TEST

typedef struct { int told, code; char why[64]; Err answer; } Decided;

static Err on_decided(void *context, const TaskId *task, const uint8_t measurement[32], Err verdict, const char *why)
{
    Decided *d = context;
    ck_assert_int_eq(task->bytes[0], 7);
    ck_assert_ptr_nonnull(measurement);
    d->told++;
    d->code = verdict.code;
    snprintf(d->why, sizeof d->why, "%s", why);
    return d->answer;
}

static World *world_that_tells(const char *behaviour, Decided *d)
{
    World *w = world_without_agent(behaviour, false, LEVEL_PROCESS);
    w->decided = on_decided;
    w->decided_context = d;
    ck_assert_ok(world_join(w, NULL));
    return w;
}

START_TEST(whether_an_image_may_run_is_told_once_and_it_does_not_run_when_that_fails)
{
    Decided d = {0};
    World *w = world_that_tells(NULL, &d);
    world_run(w, 20);
    ck_assert_uint_eq(world_count_right(w, 20), 20);
    ck_assert_int_eq(d.told, 1);
    ck_assert_int_eq(d.code, 0);
    world_free(w);

    d = (Decided){0};
    w = world_that_tells("refuse", &d);
    world_run(w, 1);
    ck_assert_int_eq(d.told, 1);
    ck_assert_int_eq(d.code, ERR_UNTRUSTED);
    ck_assert_str_eq(d.why, "the image is signed by nobody you trust");
    world_free(w);

    d = (Decided){.answer = FAIL(ENOSPC)};
    w = world_that_tells(NULL, &d);
    world_run(w, 1);
    ck_assert(w->refused && !w->ready);
    ck_assert_int_eq(w->refused_code, ENOSPC);
    ck_assert_ptr_nonnull(strstr(w->refused_text, "the audit log of the node cannot be written, so the image does not run"));
    world_free(w);
}
END_TEST

START_TEST(what_a_zygote_says_before_it_gives_up_is_shown_without_control_characters)
{
    World *w = world_new("failed", false, LEVEL_PROCESS);
    world_run(w, 1);
    ck_assert(w->refused);
    ck_assert_str_eq(w->refused_text, "a SEE could not be set up: no ?[31mroom");
    world_free(w);
}
END_TEST

START_TEST(an_image_that_cannot_be_opened_and_a_level_that_is_not_there_are_refused)
{
    World *w = world_new(NULL, false, LEVEL_MICROVM);
    world_run(w, 1);
    ck_assert_int_eq(w->refused_code, ERR_LEVEL);
    w->refused = false;
    w->open.level = LEVEL_PROCESS;
    w->open.image_path = VIEW("/no/such/image.see");
    world_run(w, 1);
    ck_assert_int_eq(w->refused_code, ENOENT);
    ck_assert_str_eq(w->refused_text, "/no/such/image.see: cannot open the image: No such file or directory");
    world_free(w);
}
END_TEST

START_TEST(micro_jobs_of_a_task_that_is_not_open_are_refused)
{
    World *w = world_new(NULL, false, LEVEL_PROCESS);
    AUTO_BUFFER message = buffer_limited(KIB);
    ck_assert_ok(message_begin_jobs(&message, &(BatchHead){w->open.id, 9, 11, w->open.manager}));
    ck_assert_ok(message_add_job(&message, &(JobItem){.attempt = 1}));
    world_send(w, &message);
    world_until(w, w->refused);
    ck_assert_int_eq(w->refused_code, ERR_NO_ENTRY);
    world_free(w);
}
END_TEST

START_TEST(a_second_copy_of_an_opening_changes_nothing_and_closing_frees_the_place)
{
    World *w = world_new(NULL, false, LEVEL_SHARED);
    world_open(w);
    world_open(w); /* a second TASK_READY would fail the test */
    world_run(w, 10);
    AUTO_BUFFER message = buffer_limited(KIB);
    ck_assert_ok(message_put_task_close(&message, &(TaskClose){w->open.id, w->open.stage, w->open.node}));
    world_send(w, &message);
    w->ready = false;
    w->answered = 0;
    memset(w->jobs, 0, WORLD_JOBS_MAX * sizeof *w->jobs);
    world_run(w, JOBS);
    ck_assert_uint_eq(world_count_right(w, JOBS), JOBS);
    world_free(w);
}
END_TEST

START_TEST(malformed_messages_are_dropped)
{
    World *w = world_new(NULL, false, LEVEL_SHARED);
    static const char *const MESSAGES[] = {"\x02", "\x02\x01garbage", "\x05", "\x05\x01garbage", "\x07\x01", "\xff", "\x01"};
    for (size_t i = 0; i < sizeof MESSAGES / sizeof MESSAGES[0]; i++) {
        AUTO_BUFFER message = buffer_limited(KIB);
        ck_assert_ok(buffer_append(&message, view_text(MESSAGES[i])));
        world_send(w, &message);
    }
    world_run(w, 10);
    ck_assert_uint_eq(world_count_right(w, 10), 10);
    world_free(w);
}
END_TEST

/* --- micro-jobs --- */

static void send_one(World *w, JobItem item)
{
    AUTO_BUFFER message = buffer_limited(MIB);
    BatchHead head = {w->open.id, w->open.stage, w->open.node, w->open.manager};
    item.attempt = w->jobs[item.job].attempt = WORLD_ATTEMPTS;
    ck_assert_ok(message_begin_jobs(&message, &head));
    ck_assert_ok(message_add_job(&message, &item));
    w->outstanding++;
    world_send(w, &message);
}

START_TEST(a_segment_is_read_from_its_file_behind_the_header)
{
    for (int i = 0; i < 2; i++) {
        World *w = world_new(NULL, false, LEVELS[i]);
        w->open.header = VIEW("a,b\n");
        world_open(w);
        world_until(w, w->ready);
        char path[] = "/tmp/covey-test-input-XXXXXX";
        int fd = mkstemp(path);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, "1,2\n3,4\n5,6\n", 12), 12);
        send_one(w, (JobItem){.job = 0, .kind = SEGMENT_RANGE, .offset = 4, .size = 4, .path = view_text(path), .with_header = true});
        send_one(w, (JobItem){.job = 1, .kind = SEGMENT_RANGE, .offset = 8, .size = 4, .path = view_text(path)});
        send_one(w, (JobItem){.job = 2, .kind = SEGMENT_NONE});
        world_until(w, w->answered == 3);
        ck_assert_str_eq(w->jobs[0].output, "0.3:a,b\n3,4\n");
        ck_assert_str_eq(w->jobs[1].output, "1.3:5,6\n");
        ck_assert_str_eq(w->jobs[2].output, "2.3:");
        close(fd);
        unlink(path);
        world_free(w);
    }
}
END_TEST

START_TEST(input_that_cannot_be_read_says_why_and_harms_no_other)
{
    for (int i = 0; i < 2; i++) {
        World *w = world_new(NULL, false, LEVELS[i]);
        world_open(w);
        world_until(w, w->ready);
        for (uint32_t job = 0; job < 60; job += 3) {
            send_one(w, (JobItem){.job = job, .kind = SEGMENT_RANGE, .size = 4, .path = VIEW("/no/such/file")});
            send_one(w, (JobItem){.job = job + 1, .kind = SEGMENT_RANGE, .offset = UINT64_C(1) << 40, .size = 4, .path = VIEW("/proc/self/exe")});
            send_one(w, (JobItem){.job = job + 2, .kind = SEGMENT_RANGE, .size = 4, .path = VIEW("/tmp")});
        }
        send_one(w, (JobItem){.job = 60, .kind = SEGMENT_NONE});
        world_until(w, w->answered == 61);
        ck_assert_uint_eq(world_count_outcome(w, 60, OUTCOME_INPUT_ERROR), 60);
        ck_assert_str_eq(w->jobs[0].log, "cannot read /no/such/file at byte 0: No such file or directory\n");
        ck_assert_str_eq(w->jobs[1].log, "cannot read /proc/self/exe at byte 1099511627776: the file ends before that\n");
        ck_assert_str_eq(w->jobs[2].log, "cannot read /tmp at byte 0: malformed input\n");
        ck_assert_str_eq(w->jobs[60].output, "60.3:");
        world_free(w);
    }
}
END_TEST

START_TEST(where_a_file_ends_early_only_the_segments_behind_its_end_fail)
{
    enum { SEGMENTS = 60, SEGMENT = 10, THERE = 25 };
    for (int i = 0; i < 2; i++) {
        World *w = world_new(NULL, false, LEVELS[i]);
        world_open(w);
        world_until(w, w->ready);
        char path[] = "/tmp/covey-test-input-XXXXXX";
        int fd = mkstemp(path);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(ftruncate(fd, THERE * SEGMENT + SEGMENT / 2), 0);
        for (uint32_t job = 0; job < SEGMENTS; job++)
            send_one(w, (JobItem){.job = job, .kind = SEGMENT_RANGE, .offset = job * SEGMENT, .size = SEGMENT, .path = view_text(path)});
        world_until(w, w->answered == SEGMENTS);
        for (uint32_t job = 0; job < SEGMENTS; job++) ck_assert_uint_eq(w->jobs[job].outcome, job < THERE ? OUTCOME_OK : OUTCOME_INPUT_ERROR);
        close(fd);
        unlink(path);
        world_free(w);
    }
}
END_TEST

START_TEST(more_than_the_window_is_given_back_unrun)
{
    World *w = world_new("hang", false, LEVEL_PROCESS);
    world_open(w);
    world_until(w, w->ready);
    w->no_retries = true;
    for (uint32_t i = 0; i < w->window.window + 10; i++) send_one(w, (JobItem){.job = i, .kind = SEGMENT_NONE});
    world_until(w, w->answered == 10);
    ck_assert_uint_eq(w->unrun, 10);
    world_free(w);
}
END_TEST

START_TEST(a_large_segment_and_then_small_ones_share_the_slots)
{
    for (int i = 0; i < 2; i++) {
        World *w = world_new("leave-traces", false, LEVELS[i]);
        w->open.output_max = 64 * MIB;
        world_open(w);
        world_until(w, w->ready);
        char path[] = "/tmp/covey-test-input-XXXXXX";
        int fd = mkstemp(path);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(ftruncate(fd, 4000000), 0);
        for (uint32_t job = 0; job < 60; job++)
            send_one(w, (JobItem){.job = job, .kind = SEGMENT_RANGE, .size = job % 3 ? job : 4000000, .path = view_text(path)});
        world_until(w, w->answered == 60);
        ck_assert_uint_eq(world_count_outcome(w, 60, OUTCOME_OK), 60);
        for (uint32_t job = 0; job < 60; job++) ck_assert_uint_eq(w->jobs[job].output_size, (job % 3 ? job : 4000000) + (job < 10 ? 4 : 5));
        close(fd);
        unlink(path);
        world_free(w);
    }
}
END_TEST

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "warden") == 0) fake_warden_run();
    const TTest *const tests[] = {
        every_micro_job_is_answered_once_and_rightly, the_wardens_refusal_reaches_the_manager_word_for_word,
        whether_an_image_may_run_is_told_once_and_it_does_not_run_when_that_fails,
        what_a_zygote_says_before_it_gives_up_is_shown_without_control_characters,
        an_image_that_cannot_be_opened_and_a_level_that_is_not_there_are_refused,
        micro_jobs_of_a_task_that_is_not_open_are_refused,
        a_second_copy_of_an_opening_changes_nothing_and_closing_frees_the_place, malformed_messages_are_dropped,
        a_segment_is_read_from_its_file_behind_the_header, input_that_cannot_be_read_says_why_and_harms_no_other,
        where_a_file_ends_early_only_the_segments_behind_its_end_fail, more_than_the_window_is_given_back_unrun,
        a_large_segment_and_then_small_ones_share_the_slots};
    return test_run("node/agent", tests, sizeof tests / sizeof tests[0]);
}
