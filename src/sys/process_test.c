/* Do programs get exactly what they should, and does every end of theirs reach us? */
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "sys/fd.h"
#include "sys/test.h"

static Err shell(const char *script, const char *directory, Buffer *output, int *status)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    return process_run(argv, directory, output, status);
}

START_TEST(output_and_status_come_back)
{
    AUTO_BUFFER output = buffer_limited(1000);
    int status = -1;
    ck_assert_ok(shell("echo out; echo err >&2; exit 7", NULL, &output, &status));
    ck_assert(view_equal(view_buffer(&output), VIEW("out\nerr\n")));
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

START_TEST(a_signal_is_told_from_an_exit_code)
{
    AUTO_BUFFER output = buffer_limited(1000);
    int status = -1;
    ck_assert_ok(shell("kill -KILL $$", NULL, &output, &status));
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}
END_TEST

START_TEST(the_folder_is_the_one_asked_for_and_standard_input_is_empty)
{
    AUTO_BUFFER output = buffer_limited(1000);
    int status = -1;
    ck_assert_ok(shell("pwd; wc -c", "/usr", &output, &status));
    ck_assert(view_equal(view_buffer(&output), VIEW("/usr\n0\n")));
}
END_TEST

START_TEST(output_beyond_the_limit_is_dropped_and_does_not_block)
{
    AUTO_BUFFER output = buffer_limited(10);
    int status = -1;
    ck_assert_ok(shell("yes | head -c 1000000; exit 3", NULL, &output, &status));
    ck_assert(view_equal(view_buffer(&output), VIEW("y\ny\ny\ny\ny\n")));
    ck_assert_int_eq(WEXITSTATUS(status), 3);
}
END_TEST

START_TEST(what_cannot_be_started_says_why_and_touches_nothing)
{
    int before = test_open_descriptors();
    AUTO_BUFFER output = buffer_limited(10);
    ck_assert_ok(buffer_append(&output, VIEW("kept")));
    int status = 4711;
    const char *const missing[] = {"covey-no-such-program", NULL};
    ck_assert_err(process_run(missing, NULL, &output, &status), ENOENT);
    ck_assert_err(shell("true", "/no/such/folder", &output, &status), ENOENT);
    const char *const folder[] = {"/usr", NULL};
    ck_assert_err(process_run(folder, NULL, &output, &status), EACCES);
    ck_assert_int_eq(status, 4711);
    ck_assert(view_equal(view_buffer(&output), VIEW("kept")));
    ck_assert_int_eq(test_open_descriptors(), before);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}
END_TEST

START_TEST(a_program_starts_with_default_signals_whatever_its_parent_does)
{
    signal(SIGPIPE, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    AUTO_BUFFER output = buffer_limited(1000);
    int status;
    const char *const argv[] = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", NULL};
    ck_assert_ok(process_run(argv, NULL, &output, &status));
    ck_assert_msg(view_equal(view_buffer(&output), VIEW("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n")), "%.*s",
                  (int)output.size, (const char *)output.data);
}
END_TEST

/* Starts a shell that talks over its descriptor 3; gives our end. */
static int spawn_shell(const char *script, pid_t *pid, int *pid_fd)
{
    int ends[2];
    ck_assert_ok(socket_pair(ends));
    const char *const argv[] = {"sh", "-c", script, NULL};
    ck_assert_ok(process_spawn("/bin/sh", argv, ends[1], pid, pid_fd));
    close(ends[1]);
    return ends[0];
}

START_TEST(a_spawned_program_has_its_socket_as_3_and_inherits_nothing_else)
{
    int leak = open("/dev/null", O_RDONLY); /* not closed on exec, as a careless library may have it */
    ck_assert_int_ge(leak, 3);
    pid_t pid;
    AUTO_FD pid_fd = -1;
    AUTO_FD socket = spawn_shell("exec ls /proc/self/fd >&3", &pid, &pid_fd);
    char data[100];
    AUTO_BUFFER all = buffer_limited(1000);
    for (size_t size;;) {
        ck_assert_ok(fd_read(socket, data, sizeof data, &size));
        if (size == 0) break;
        ck_assert_ok(buffer_append(&all, view_of(data, size)));
    }
    ck_assert(view_equal(view_buffer(&all), VIEW("0\n1\n2\n3\n4\n"))); /* 4: ls reads the folder through it */
    int status;
    ck_assert_ok(process_wait(pid_fd, &status));
    ck_assert_int_eq(status, 0);
    close(leak);
}
END_TEST

/* In a child, without assertions, because libcheck itself reports through descriptor 3. */
static int spawn_with_3(int socket)
{
    if (socket != 3 && dup3(socket, 3, O_CLOEXEC) < 0) return 1;
    const char *const argv[] = {"sh", "-c", "echo here >&3", NULL};
    pid_t pid;
    AUTO_FD pid_fd = -1;
    int status = 0;
    if (process_spawn("/bin/sh", argv, 3, &pid, &pid_fd).code) return 2;
    return process_wait(pid_fd, &status).code || status ? 3 : 0;
}

START_TEST(the_socket_may_be_descriptor_3_already)
{
    int ends[2];
    ck_assert_ok(socket_pair(ends));
    pid_t child = fork();
    if (child == 0) _exit(spawn_with_3(ends[1]));
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    char data[10];
    size_t size;
    ck_assert_ok(fd_read(ends[0], data, sizeof data, &size));
    ck_assert(view_equal(view_of(data, size), VIEW("here\n")));
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(a_killed_program_is_reaped_with_its_signal)
{
    pid_t pid;
    AUTO_FD pid_fd = -1;
    AUTO_FD socket = spawn_shell("exec sleep 1000", &pid, &pid_fd);
    ck_assert_int_eq(poll(&(struct pollfd){.fd = pid_fd, .events = POLLIN}, 1, 0), 0);
    ck_assert_int_eq(getpgid(pid), pid); /* Ctrl-C on our terminal is not for it */
    process_kill(pid_fd);
    int status;
    ck_assert_ok(process_wait(pid_fd, &status));
    ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    process_kill(pid_fd);
    ck_assert_err(process_wait(pid_fd, &status), ECHILD);
}
END_TEST

START_TEST(a_spawned_program_dies_with_its_parent)
{
    int ends[2];
    ck_assert_ok(socket_pair(ends));
    pid_t parent = fork();
    if (parent == 0) {
        const char *const argv[] = {"sleep", "1000", NULL};
        pid_t pid;
        int pid_fd;
        if (process_spawn("/bin/sleep", argv, ends[1], &pid, &pid_fd).code) _exit(1);
        _exit(0);
    }
    close(ends[1]);
    ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
    char byte;
    size_t size = 1;
    ck_assert_ok(fd_read(ends[0], &byte, 1, &size)); /* the sleeper held the last other end */
    ck_assert_uint_eq(size, 0);
    close(ends[0]);
}
END_TEST

START_TEST(the_own_folder_is_where_the_executable_lies)
{
    char expected[PATH_BYTES_MAX], directory[PATH_BYTES_MAX];
    ssize_t n = readlink("/proc/self/exe", expected, sizeof expected - 1);
    ck_assert_int_gt(n, 0);
    expected[n] = '\0';
    *strrchr(expected, '/') = '\0';
    ck_assert_ok(process_own_directory(directory, sizeof directory));
    ck_assert_str_eq(directory, expected);
    ck_assert_err(process_own_directory(directory, strlen(expected)), ENAMETOOLONG);
    ck_assert_ok(process_own_directory(directory, strlen(expected) + 1));
}
END_TEST

TEST_MAIN("sys/process", output_and_status_come_back, a_signal_is_told_from_an_exit_code,
          the_folder_is_the_one_asked_for_and_standard_input_is_empty, output_beyond_the_limit_is_dropped_and_does_not_block,
          what_cannot_be_started_says_why_and_touches_nothing, a_program_starts_with_default_signals_whatever_its_parent_does,
          a_spawned_program_has_its_socket_as_3_and_inherits_nothing_else, the_socket_may_be_descriptor_3_already,
          a_killed_program_is_reaped_with_its_signal, a_spawned_program_dies_with_its_parent,
          the_own_folder_is_where_the_executable_lies)
