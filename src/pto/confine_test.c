/* After confine_calls: is a new process, program or connection out of reach, and do threads still work? */
#include "pto/confine.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

static char *const NOTHING[] = {NULL};

static int by_fork(void) { return fork() == 0 ? 0 : 1; }
static int by_system_call_fork(void) { return syscall(SYS_fork) == 0 ? 0 : 1; }
static int by_vfork(void) { return syscall(SYS_vfork) == 0 ? 0 : 1; }
static int by_clone(void) { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0 ? 0 : 1; }
static int by_clone_into_namespaces(void) { return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) == 0 ? 0 : 1; }
static int by_spawn(void)
{
    pid_t pid;
    return posix_spawn(&pid, "/bin/true", NULL, NULL, NOTHING, NOTHING);
}
static int by_exec(void) { return execve("/bin/true", NOTHING, NOTHING); }
static int by_ptrace(void) { return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL); }

/* clone3 keeps its flags in memory, where a filter cannot look: it does not exist, and libraries fall back to clone. */
static int by_clone3(void)
{
    uint64_t arguments[8] = {[4] = SIGCHLD};
    return syscall(SYS_clone3, arguments, sizeof arguments) < 0 && errno == ENOSYS ? 42 : 1;
}

static int by_socket(int family, int type)
{
    const int fd = socket(family, type, 0);
    if (fd < 0) return errno == EACCES ? 43 : 1;
    close(fd);
    return 42;
}
static int by_internet(void) { return by_socket(AF_INET, SOCK_STREAM); }
static int by_unix_socket(void) { return by_socket(AF_UNIX, SOCK_SEQPACKET); }

static void *add(void *number)
{
    *(int *)number += 40;
    return NULL;
}

static int by_threads(void)
{
    pthread_t thread;
    int number = 2;
    return pthread_create(&thread, NULL, add, &number) || pthread_join(thread, NULL) ? 1 : number;
}

/* How a process ends that gives up its rights and then does this. */
static int ending_of(int (*act)(void))
{
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) _exit(confine_calls().code ? 99 : act());
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(a_new_process_or_program_by_any_call_is_the_end)
{
    static int (*const ACTS[])(void) = {by_fork, by_system_call_fork, by_vfork, by_clone, by_clone_into_namespaces, by_spawn, by_exec, by_ptrace};
    for (size_t i = 0; i < sizeof ACTS / sizeof *ACTS; i++) {
        const int status = ending_of(ACTS[i]);
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "act %zu ended with status %#x", i, (unsigned)status);
    }
}
END_TEST

START_TEST(clone3_and_networks_do_not_exist)
{
    ck_assert_int_eq(ending_of(by_clone3), 42 << 8);
    ck_assert_int_eq(ending_of(by_internet), 43 << 8);
}
END_TEST

START_TEST(threads_and_unix_sockets_still_work)
{
    ck_assert_int_eq(ending_of(by_threads), 42 << 8);
    ck_assert_int_eq(ending_of(by_unix_socket), 42 << 8);
}
END_TEST

TEST_MAIN("pto/confine", a_new_process_or_program_by_any_call_is_the_end, clone3_and_networks_do_not_exist, threads_and_unix_sockets_still_work)
