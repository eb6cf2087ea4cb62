/* Do the keys of sealed data stay out of swap, and out of core files? */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "see/rig.h"
#include "sys/test.h"

static pid_t zygote;

static void start(Rig *r, SecurityLevel level, const char *part, ChannelSealed sealed)
{
    int report_fd;
    rig_start(r, rig_exec_sealed(&zygote, &report_fd), (Wish){.level = level, .part = part, .sealed = sealed});
    if (sealed) rig_read_report(report_fd);
    else close(report_fd);
}

/* VmLck of /proc/<pid>/status, in KiB. */
static long locked_kib(pid_t pid)
{
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    while (kib < 0 && fgets(line, sizeof line, f)) sscanf(line, "VmLck: %ld kB", &kib);
    fclose(f);
    return kib;
}

START_TEST(the_session_of_a_zygote_is_locked_in_memory)
{
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        Rig r;
        start(&r, level, "echo", SEALED_SEGMENTS);
        ck_assert_int_ge(locked_kib(zygote), 4);
        rig_free(&r);
        ck_assert_int_eq(waitpid(zygote, NULL, 0), zygote);
    }
}
END_TEST

/* --- core files --- */

static void allow_core_files(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_CORE, &limit), 0);
    signal(SIGQUIT, SIG_DFL); /* jobs in the background of a shell ignore it, and what they start */
}

static bool dumps_core(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    return WCOREDUMP(status);
}

/* Whether processes are dumped at all here: otherwise this test shows less than it says. */
static void say_if_nobody_dumps(void)
{
    const pid_t other = fork();
    if (other == 0) {
        signal(SIGQUIT, SIG_DFL);
        raise(SIGQUIT);
        _exit(0);
    }
    if (!dumps_core(other)) printf("# no process leaves a core file on this machine\n");
}

START_TEST(neither_zygote_nor_see_leaves_a_core_file)
{
    const TestFolder f = test_folder();
    Rig r;
    ck_assert_int_eq(chdir(f.path), 0);
    allow_core_files();
    say_if_nobody_dumps();
    const int before = test_count_entries(f.path);

    start(&r, LEVEL_PROCESS, "forbidden", SEALED_NONE); /* its SEE is killed by the filter, with a signal that dumps */
    const ChannelSlotDone done = rig_run_one(&r, 1, "x");
    ck_assert(done.how == HOW_SIGNAL && done.signal_number == SIGSYS);
    ck_assert_int_eq(kill(zygote, SIGQUIT), 0);
    ck_assert(!dumps_core(zygote));
    ck_assert_int_eq(test_count_entries(f.path), before);
    rig_free(&r);
    ck_assert_int_eq(chdir("/"), 0);
    test_folder_remove(&f);
}
END_TEST

TEST_MAIN("see/secrets", the_session_of_a_zygote_is_locked_in_memory, neither_zygote_nor_see_leaves_a_core_file)
