/* Does the agent give each micro-job exactly one right answer, whatever its SEEs, zygotes and warden do? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/fake_warden.h"
#include "node/test_world.h"
#include "sys/clock.h"

enum { JOBS = 300 };
static const SecurityLevel LEVELS[] = {LEVEL_SHARED, LEVEL_PROCESS};

static uint32_t count_right(const World *w, uint32_t count)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < count; i++) right += world_right(w, i);
    return right;
}

static uint32_t count_outcome(const World *w, uint32_t count, Outcome outcome)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) found += w->jobs[i].outcome == outcome;
    return found;
}

START_TEST(every_micro_job_is_answered_once_and_rightly)
{
    for (int i = 0; i < 2; i++) {
        World *w = world_new(NULL, false, LEVELS[i]);
        world_run(w, JOBS);
        ck_assert_uint_eq(count_right(w, JOBS), JOBS);
        ck_assert_str_eq(w->jobs[7].log, "log");
        ck_assert_uint_eq(w->retried, 0);
        if (LEVELS[i] == LEVEL_PROCESS) ck_assert_uint_eq(w->sees_started, JOBS);
        else ck_assert_uint_le(w->sees_started, 2); /* the second one may come too late to be told of */
        world_free(w);
    }
}
END_TEST

/* --- hostile SEEs --- */

START_TEST(an_illegal_answer_is_malformed_and_costs_only_its_own_micro_job)
{
    static const char *const BEHAVIOURS[] = {
        "unknown-outcome", "host-outcome", "output-too-large", "output-huge", "log-too-large", "log-truncated-strangely", "exit-code-with-ok",
        "exit-code-zero", "memory-impossible", "no-answer"};
    for (size_t b = 0; b < 2 * sizeof BEHAVIOURS / sizeof BEHAVIOURS[0]; b++) {
        World *w = world_new(BEHAVIOURS[b / 2], true, LEVELS[b % 2]);
        world_run(w, JOBS);
        ck_assert_msg(count_outcome(w, JOBS, OUTCOME_MALFORMED) == 1, "%s", BEHAVIOURS[b / 2]);
        ck_assert_msg(count_right(w, JOBS) == JOBS - 1, "%s", BEHAVIOURS[b / 2]);
        for (uint32_t i = 0; i < JOBS; i++) ck_assert(w->jobs[i].outcome == OUTCOME_OK || w->jobs[i].output_size == 0);
        world_free(w);
    }
}
END_TEST

START_TEST(a_zygote_that_breaks_the_channel_is_replaced_and_at_most_its_running_micro_job_pays)
{
    static const char *const BEHAVIOURS[] = {
        "unknown-slot", "slot-of-nobody", "unknown-how", "no-how", "packet-too-large", "packet-too-short", "unknown-type", "ready-twice",
        "count-too-large", "descriptors", "failed-late", "done-twice"};
    for (size_t b = 0; b < 2 * sizeof BEHAVIOURS / sizeof BEHAVIOURS[0]; b++) {
        World *w = world_new(BEHAVIOURS[b / 2], true, LEVELS[b % 2]);
        world_run(w, JOBS);
        uint32_t malformed = count_outcome(w, JOBS, OUTCOME_MALFORMED);
        ck_assert_msg(malformed <= 2, "%s: %u", BEHAVIOURS[b / 2], malformed);
        ck_assert_msg(count_right(w, JOBS) + malformed == JOBS, "%s", BEHAVIOURS[b / 2]);
        world_free(w);
    }
}
END_TEST

START_TEST(a_zygote_that_answers_before_it_was_asked_is_replaced)
{
    static const char *const BEHAVIOURS[] = {"done-before-ready", "done-before-run", "wrong-version"};
    for (size_t b = 0; b < 2 * sizeof BEHAVIOURS / sizeof BEHAVIOURS[0]; b++) {
        World *w = world_new(BEHAVIOURS[b / 2], true, LEVELS[b % 2]);
        world_run(w, JOBS);
        ck_assert_msg(count_right(w, JOBS) + count_outcome(w, JOBS, OUTCOME_MALFORMED) == JOBS, "%s", BEHAVIOURS[b / 2]);
        ck_assert_uint_ge(count_right(w, JOBS), JOBS - 1);
        world_free(w);
    }
}
END_TEST

START_TEST(how_a_see_ended_becomes_the_outcome)
{
    static const struct { const char *behaviour; Outcome outcome; } WAYS[] = {
        {"forbidden-call", OUTCOME_FORBIDDEN_CALL}, {"crash", OUTCOME_CRASHED}, {"lifetime", OUTCOME_LIFETIME}, {"fork-failed", OUTCOME_LOST}};
    for (size_t b = 0; b < 8; b++) {
        World *w = world_new(WAYS[b / 2].behaviour, false, LEVELS[b % 2]);
        world_run(w, 5);
        ck_assert_uint_eq(count_outcome(w, 5, WAYS[b / 2].outcome), 5);
        ck_assert_uint_eq(w->retried, outcome_may_retry(WAYS[b / 2].outcome) ? 10 : 0);
        world_free(w);
    }
}
END_TEST

START_TEST(a_see_finds_nothing_of_the_one_before_it_in_its_slot)
{
    World *w = world_new("leave-traces", false, LEVEL_PROCESS);
    world_run(w, JOBS);
    ck_assert_uint_eq(count_right(w, JOBS), JOBS);
    world_free(w);
}
END_TEST

/* --- deaths --- */

START_TEST(a_death_costs_at_most_a_retry)
{
    static const char *const BEHAVIOURS[] = {"die", "close", "die-in-setup", "kill-warden", "warden-dies-at-start", "warden-garbage",
                                             "warden-lies", "die-halfway", "crash-halfway"};
    for (size_t b = 0; b < 2 * sizeof BEHAVIOURS / sizeof BEHAVIOURS[0]; b++) {
        World *w = world_new(BEHAVIOURS[b / 2], true, LEVELS[b % 2]);
        world_run(w, JOBS);
        ck_assert_msg(count_right(w, JOBS) == JOBS, "%s at %s: %u", BEHAVIOURS[b / 2], level_name(LEVELS[b % 2]), count_right(w, JOBS));
        ck_assert_uint_le(w->retried, 2);
        world_free(w);
    }
}
END_TEST

START_TEST(deaths_at_random_moments_cost_only_retries)
{
    static const char *const BEHAVIOURS[] = {"die-sometimes", "kill-warden-sometimes"};
    for (size_t b = 0; b < 4; b++) {
        World *w = world_new(BEHAVIOURS[b / 2], false, LEVELS[b % 2]);
        world_run(w, 5 * JOBS);
        uint32_t lost = count_outcome(w, 5 * JOBS, OUTCOME_LOST); /* three times in a row, by a micro-job with bad luck */
        ck_assert_msg(count_right(w, 5 * JOBS) + lost == 5 * JOBS && lost <= 3, "%u lost", lost);
        world_free(w);
    }
}
END_TEST

START_TEST(a_hung_zygote_is_ended_and_its_micro_job_outlived_its_lifetime)
{
    World *w = world_new("hang", true, LEVEL_PROCESS);
    w->open.lifetime_ns = 100 * NS_PER_MS;
    uint64_t began = clock_monotonic_ns();
    world_run(w, JOBS);
    ck_assert_uint_eq(count_right(w, JOBS), JOBS);
    ck_assert_uint_eq(w->retried, 1);
    ck_assert_uint_lt(clock_monotonic_ns() - began, 10 * NS_PER_S);
    world_free(w);
}
END_TEST

START_TEST(a_task_whose_zygotes_always_die_is_given_up_with_every_micro_job_answered)
{
    for (int i = 0; i < 2; i++) {
        World *w = world_new("die", false, LEVELS[i]);
        w->no_retries = true;
        world_open(w);
        world_until(w, w->ready);
        world_run(w, 40);
        ck_assert(w->refused);
        ck_assert_int_eq(w->refused_code, ERR_TASK_FAILED);
        ck_assert_ptr_nonnull(strstr(w->refused_text, "died without finishing"));
        ck_assert_uint_eq(w->outstanding, 0);
        ck_assert_uint_eq(count_outcome(w, 40, OUTCOME_LOST) + w->unrun, 40);
        world_free(w);
    }
}
END_TEST

START_TEST(wardens_that_always_die_end_the_task_and_not_the_agent)
{
    World *w = world_new("warden-dies-at-start", false, LEVEL_PROCESS);
    world_run(w, 1);
    ck_assert(w->refused);
    ck_assert_int_eq(w->refused_code, ERR_CLOSED);
    setenv(FAKE_BEHAVIOUR, "good", 1);
    w->refused = false;
    w->open.stage = 4;
    world_run(w, 10);
    ck_assert_uint_eq(count_right(w, 10), 10);
    world_free(w);
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
    ck_assert_ok(message_begin_jobs(&message, &(BatchHead){w->open.id, 9, 11}));
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
    ck_assert_uint_eq(count_right(w, JOBS), JOBS);
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
    ck_assert_uint_eq(count_right(w, 10), 10);
    world_free(w);
}
END_TEST

/* --- micro-jobs --- */

static void send_one(World *w, JobItem item)
{
    AUTO_BUFFER message = buffer_limited(MIB);
    BatchHead head = {w->open.id, w->open.stage, w->open.node};
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
        ck_assert_uint_eq(count_outcome(w, 60, OUTCOME_INPUT_ERROR), 60);
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
        ck_assert_uint_eq(count_outcome(w, 60, OUTCOME_OK), 60);
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
        every_micro_job_is_answered_once_and_rightly, an_illegal_answer_is_malformed_and_costs_only_its_own_micro_job,
        a_zygote_that_breaks_the_channel_is_replaced_and_at_most_its_running_micro_job_pays, a_zygote_that_answers_before_it_was_asked_is_replaced,
        how_a_see_ended_becomes_the_outcome, a_see_finds_nothing_of_the_one_before_it_in_its_slot, a_death_costs_at_most_a_retry,
        deaths_at_random_moments_cost_only_retries, a_hung_zygote_is_ended_and_its_micro_job_outlived_its_lifetime,
        a_task_whose_zygotes_always_die_is_given_up_with_every_micro_job_answered, wardens_that_always_die_end_the_task_and_not_the_agent,
        the_wardens_refusal_reaches_the_manager_word_for_word, what_a_zygote_says_before_it_gives_up_is_shown_without_control_characters,
        an_image_that_cannot_be_opened_and_a_level_that_is_not_there_are_refused, micro_jobs_of_a_task_that_is_not_open_are_refused,
        a_second_copy_of_an_opening_changes_nothing_and_closing_frees_the_place, malformed_messages_are_dropped,
        a_segment_is_read_from_its_file_behind_the_header, input_that_cannot_be_read_says_why_and_harms_no_other,
        where_a_file_ends_early_only_the_segments_behind_its_end_fail, more_than_the_window_is_given_back_unrun, a_large_segment_and_then_small_ones_share_the_slots};
    return test_run("node/agent", tests, sizeof tests / sizeof tests[0]);
}
