/* Does the runtime do what see/channel.h, see/slot.h and WASI say? A zygote is started without a warden and spoken to directly. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/test.h"
#include "see/manifest.h"
#include "see/outcome.h"
#include "see/rig.h"

static pid_t zygote;

/* Executes the native image with one end of the channel; returns the other. */
static int exec_zygote(void)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    zygote = fork();
    if (zygote == 0) {
        dup2(pair[1], 0);
        dup2(STDERR_FILENO, 5); /* FD_REPORT, which the zygote closes: no slot must come there */
        execl(rig_image_path(), "see", (char *)NULL);
        _exit(99);
    }
    close(pair[1]);
    return pair[0];
}

static void rig_stop(Rig *r)
{
    int status = -1;
    rig_free(r);
    ck_assert_int_eq(waitpid(zygote, &status, 0), zygote);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the zygote ended with status %d", status);
}

/* At both levels: `part` ends with this outcome, and the zygote is there for the next one. */
static void expect_outcome(const char *part, Outcome outcome)
{
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        Rig r;
        rig_start(&r, exec_zygote(), (Wish){.level = level, .part = "by_input"});
        for (int round = 0; round < 2; round++) {
            ChannelSlotDone done = rig_run_one(&r, 1, part);
            ck_assert_uint_eq(done.how, HOW_ANSWERED);
            ck_assert_msg(rig_job(&r, 0, 0)->answer.outcome == outcome, "%s at %s: %s", part, level_name(level),
                          outcome_text(rig_job(&r, 0, 0)->answer.outcome));
            rig_run_one(&r, 2, "exit_zero");
            ck_assert_str_eq(rig_output(&r, 0, 0), "before\n");
        }
        rig_stop(&r);
    }
}

static void expect_output(const char *part, const char *input, const char *expected)
{
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        Rig r;
        rig_start(&r, exec_zygote(), (Wish){.level = level, .part = part});
        rig_run_one(&r, 42, input);
        ck_assert_uint_eq(rig_job(&r, 0, 0)->answer.outcome, OUTCOME_OK);
        ck_assert_str_eq(rig_output(&r, 0, 0), expected);
        rig_stop(&r);
    }
}

START_TEST(a_segment_comes_in_and_a_result_goes_out) { expect_output("echo", "one\ntwo\n", "one\ntwo\n"); }
END_TEST

START_TEST(the_end_of_main_and_exit_0_are_success)
{
    expect_outcome("exit_zero", OUTCOME_OK);
    expect_outcome("no such part", OUTCOME_OK);
}
END_TEST

START_TEST(an_exit_code_is_reported)
{
    Rig r;
    rig_start(&r, exec_zygote(), (Wish){.level = LEVEL_PROCESS, .part = "exit_seven"});
    rig_run_one(&r, 1, "");
    ck_assert_uint_eq(rig_job(&r, 0, 0)->answer.outcome, OUTCOME_EXIT_CODE);
    ck_assert_uint_eq(rig_job(&r, 0, 0)->answer.exit_code, 7);
    rig_stop(&r);
}
END_TEST

START_TEST(each_trap_is_its_own_outcome)
{
    expect_outcome("unreachable", OUTCOME_UNREACHABLE);
    expect_outcome("divide", OUTCOME_DIVISION_BY_ZERO);
    expect_outcome("indirect", OUTCOME_BAD_INDIRECT_CALL);
    expect_outcome("outside", OUTCOME_OUT_OF_BOUNDS);
    expect_outcome("outside_far", OUTCOME_OUT_OF_BOUNDS);
    expect_outcome("deep", OUTCOME_STACK_OVERFLOW);
}
END_TEST

START_TEST(limits_of_memory_and_output_are_their_own_outcomes)
{
    expect_outcome("eat_memory", OUTCOME_MEMORY_LIMIT);
    expect_outcome("flood_output", OUTCOME_OUTPUT_LIMIT);
}
END_TEST

START_TEST(a_long_log_is_cut_and_fails_nothing)
{
    expect_outcome("flood_log", OUTCOME_OK);
    Rig r;
    rig_start(&r, exec_zygote(), (Wish){.level = LEVEL_PROCESS, .part = "flood_log"});
    rig_run_one(&r, 1, "");
    ck_assert_uint_eq(rig_job(&r, 0, 0)->answer.log_size, 4096);
    ck_assert_uint_eq(rig_job(&r, 0, 0)->answer.log_truncated, 1);
    rig_stop(&r);
}
END_TEST

START_TEST(a_crash_kills_the_see_and_not_the_zygote)
{
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        Rig r;
        rig_start(&r, exec_zygote(), (Wish){.level = level, .part = "by_input"});
        ChannelSlotDone done = rig_run_one(&r, 1, "crash");
        ck_assert_uint_eq(done.how, HOW_SIGNAL);
        ck_assert_uint_eq(done.signal_number, SIGILL);
        done = rig_run_one(&r, 1, "forbidden");
        ck_assert_uint_eq(done.how, HOW_SIGNAL);
        ck_assert_uint_eq(done.signal_number, SIGSYS);
        rig_run_one(&r, 2, "exit_zero");
        ck_assert_str_eq(rig_output(&r, 0, 0), "before\n");
        rig_stop(&r);
    }
}
END_TEST

START_TEST(an_endless_loop_ends_at_its_lifetime)
{
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        Rig r;
        rig_start(&r, exec_zygote(), (Wish){.level = level, .part = "by_input", .lifetime_ms = 200});
        ck_assert_uint_eq(rig_run_one(&r, 1, "loop").how, HOW_LIFETIME);
        ck_assert_uint_eq(rig_job(&r, 0, 0)->answer.outcome, OUTCOME_NONE);
        rig_run_one(&r, 2, "exit_zero");
        ck_assert_str_eq(rig_output(&r, 0, 0), "before\n");
        rig_stop(&r);
    }
}
END_TEST

START_TEST(many_short_micro_jobs_outlive_one_lifetime_together)
{
    Rig r;
    rig_start(&r, exec_zygote(), (Wish){.level = LEVEL_SHARED, .part = "echo", .lifetime_ms = 40});
    for (int i = 0; i < 200; i++) {
        ck_assert_uint_eq(rig_run_one(&r, (uint64_t)i, "x").how, HOW_ANSWERED);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    rig_stop(&r);
}
END_TEST

START_TEST(at_shared_what_follows_a_killed_micro_job_has_not_run_and_other_slots_go_on)
{
    Rig r;
    rig_start(&r, exec_zygote(), (Wish){.level = LEVEL_SHARED, .part = "by_input", .lifetime_ms = 200});
    rig_put_job(&r, 0, 0, 1, "exit_zero");
    rig_put_job(&r, 0, 1, 2, "loop");
    rig_put_job(&r, 0, 2, 3, "exit_zero");
    rig_put_job(&r, 1, 0, 4, "exit_zero");
    rig_send_run(&r, 2, (uint32_t[]){0, 1});
    ChannelSlotDone first = rig_next_done(&r), second = rig_next_done(&r);
    ck_assert_uint_eq(first.slot, 0);
    ck_assert_uint_eq(first.how, HOW_LIFETIME);
    ck_assert_uint_eq(second.slot, 1);
    ck_assert_uint_eq(second.how, HOW_ANSWERED);
    ck_assert_uint_eq(rig_job(&r, 0, 0)->answer.outcome, OUTCOME_OK);
    ck_assert_uint_eq(rig_job(&r, 0, 1)->answer.outcome, OUTCOME_NONE);
    ck_assert_uint_eq(rig_job(&r, 0, 2)->answer.outcome, OUTCOME_NONE);
    ck_assert_uint_eq(rig_job(&r, 1, 0)->answer.outcome, OUTCOME_OK);
    rig_stop(&r);
}
END_TEST

START_TEST(derived_random_is_fixed_by_task_and_micro_job)
{
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        char one[32], again[32], other[32];
        Rig r;
        rig_start(&r, exec_zygote(), (Wish){.level = level, .part = "random"});
        rig_run_one(&r, 1, "");
        memcpy(one, rig_output(&r, 0, 0), 32);
        rig_run_one(&r, 2, "");
        memcpy(other, rig_output(&r, 0, 0), 32);
        rig_run_one(&r, 1, "");
        memcpy(again, rig_output(&r, 0, 0), 32);
        ck_assert_mem_eq(one, again, 32);
        ck_assert_mem_ne(one, other, 32);
        rig_stop(&r);
    }
}
END_TEST

START_TEST(real_random_is_never_the_same_twice)
{
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        enum { RUNS = 50 };
        char seen[RUNS][32];
        Rig r;
        rig_start(&r, exec_zygote(), (Wish){.level = level, .part = "random", .real_random = true});
        for (int i = 0; i < RUNS; i++) {
            rig_run_one(&r, 1, "");
            memcpy(seen[i], rig_output(&r, 0, 0), 32);
            for (int k = 0; k < i; k++) ck_assert_mem_ne(seen[i], seen[k], 32);
        }
        rig_stop(&r);
    }
}
END_TEST

START_TEST(the_clock_is_virtual_and_a_wait_costs_no_time)
{
    expect_output("clock", "", "wall=1577836800000001000\npoll=0\nlater=5000002000\n");
}
END_TEST

START_TEST(the_environment_ends_with_who_the_micro_job_is) { expect_output("environment", "", "A=b\nCOVEY_JOB=42\nCOVEY_STAGE=0\n"); }
END_TEST

START_TEST(what_a_see_does_not_have_answers_with_the_right_error)
{
    expect_output("errors", "",
                  "path_open=8\npath_open_on_stream=54\nfd_prestat_get=8\nfd_readdir=54\nfd_sync=28\nfd_read_output=76\nfd_write_input=76\n"
                  "fd_pwrite=70\nfd_seek_output=70\nfd_seek_before_start=28\nfd_close_unknown=8\nfd_renumber_unknown=8\nsock_recv=57\n"
                  "proc_raise=52\nclock_unknown=28\n");
}
END_TEST

START_TEST(bad_pointers_are_refused_by_every_call) { expect_output("bad_pointers", "some input", "all refused\n"); }
END_TEST

START_TEST(descriptors_can_be_renumbered_and_closed)
{
    Rig r;
    rig_start(&r, exec_zygote(), (Wish){.level = LEVEL_PROCESS, .part = "move_descriptors"});
    rig_run_one(&r, 1, "");
    ck_assert_str_eq(rig_output(&r, 0, 0), "cl"); /* what went to standard error after it became the result; descriptor 1 was closed */
    rig_stop(&r);
}
END_TEST

START_TEST(nothing_leaks_from_one_micro_job_to_the_next)
{
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        Rig r;
        rig_start(&r, exec_zygote(), (Wish){.level = level, .part = "leave_traces"});
        for (int i = 0; i < 200; i++) {
            rig_run_one(&r, 1, "");
            ck_assert_str_eq(rig_output(&r, 0, 0), "found=0\n");
        }
        rig_stop(&r);
    }
}
END_TEST

/* A packet that is not legal as SETUP must be answered by FAILED or by the zygote's end, never by READY. */
static void expect_refused(void (*spoil)(ChannelSetup *), const char *why)
{
    Rig r;
    ChannelSetup setup;
    ChannelFailed failed = {0};
    rig_prepare(&r, exec_zygote(), &(Wish){.level = LEVEL_PROCESS}, &setup);
    spoil(&setup);
    rig_send_setup(&r, &setup, "echo");
    ssize_t n = recv(r.socket, &failed, sizeof failed, 0);
    ck_assert_int_eq(n, sizeof failed);
    ck_assert_uint_eq(failed.type, CHANNEL_FAILED);
    ck_assert_msg(strstr(failed.text, why) != NULL, "'%s' does not say '%s'", failed.text, why);
    waitpid(zygote, NULL, 0);
}

static void wrong_type(ChannelSetup *s) { s->type = 77; }
static void wrong_version(ChannelSetup *s) { s->version = 99; }
static void too_many_slots(ChannelSetup *s) { s->slot_count = ZYGOTE_SLOTS_MAX + 1; }
static void more_slots_than_sent(ChannelSetup *s) { s->slot_count = RIG_SLOTS + 1; }
static void fewer_slots_than_sent(ChannelSetup *s) { s->slot_count = RIG_SLOTS - 1; }
static void more_strings(ChannelSetup *s) { s->arg_count = 9; }
static void fewer_strings(ChannelSetup *s) { s->env_count = 0; }
static void unknown_level(ChannelSetup *s) { s->level = LEVEL_MICROVM; }
static void small_memory(ChannelSetup *s) { s->memory_max = WASM_PAGE_BYTES; }

START_TEST(a_bad_setup_packet_is_refused_with_its_reason)
{
    expect_refused(wrong_type, "malformed");
    expect_refused(wrong_version, "channel version");
    expect_refused(too_many_slots, "malformed");
    expect_refused(more_slots_than_sent, "slots are missing");
    expect_refused(fewer_slots_than_sent, "slots are missing");
    expect_refused(more_strings, "cut off");
    expect_refused(fewer_strings, "more text than strings");
    expect_refused(unknown_level, "only the levels");
    expect_refused(small_memory, "above the task's memory limit");
}
END_TEST

START_TEST(a_bad_run_packet_ends_the_zygote)
{
    Rig r;
    int status = 0;
    rig_start(&r, exec_zygote(), (Wish){.level = LEVEL_PROCESS, .part = "echo"});
    rig_send_run(&r, 1, (uint32_t[]){RIG_SLOTS});
    ck_assert_int_eq(waitpid(zygote, &status, 0), zygote);
    ck_assert_int_eq(WEXITSTATUS(status), 2);
}
END_TEST

TEST_MAIN("see", a_segment_comes_in_and_a_result_goes_out, the_end_of_main_and_exit_0_are_success, an_exit_code_is_reported,
          each_trap_is_its_own_outcome, limits_of_memory_and_output_are_their_own_outcomes, a_long_log_is_cut_and_fails_nothing,
          a_crash_kills_the_see_and_not_the_zygote, an_endless_loop_ends_at_its_lifetime, many_short_micro_jobs_outlive_one_lifetime_together,
          at_shared_what_follows_a_killed_micro_job_has_not_run_and_other_slots_go_on, derived_random_is_fixed_by_task_and_micro_job,
          real_random_is_never_the_same_twice, the_clock_is_virtual_and_a_wait_costs_no_time,
          the_environment_ends_with_who_the_micro_job_is, what_a_see_does_not_have_answers_with_the_right_error,
          bad_pointers_are_refused_by_every_call, descriptors_can_be_renumbered_and_closed, nothing_leaks_from_one_micro_job_to_the_next,
          a_bad_setup_packet_is_refused_with_its_reason, a_bad_run_packet_ends_the_zygote)
