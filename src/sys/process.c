/* Starting programs: fork, a child that prepares itself with async-signal-safe calls only, and a pipe that tells how exec went. */
#include "sys/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/fault.h"
#include "sys/fd.h"

/* What the child shall be. Descriptors 0 to 2 are taken from `standard` where that is not -1; `extra`, where not -1, becomes 3. */
typedef struct {
    const char *program;
    const char *const *argv;
    const char *directory;
    int standard[3];
    int extra;
    bool search_path, own_group;
    pid_t parent;
} Spawn;

static int reset_signals(void)
{
    /* The kernel's own call: libc refuses the two signals that it keeps for itself, and a parent may have left those ignored too. */
    static const uint64_t STANDARD[4]; /* handler (SIG_DFL), flags, restorer, mask */
    for (int i = 1; i < NSIG; i++) syscall(SYS_rt_sigaction, i, STANDARD, NULL, sizeof(uint64_t)); /* fails for SIGKILL and SIGSTOP alone */
    sigset_t none;
    sigemptyset(&none);
    return FAULTABLE("sigprocmask", sigprocmask(SIG_SETMASK, &none, NULL));
}

static int place_descriptors(const Spawn *s)
{
    for (int i = 0; i < 3; i++)
        if (s->standard[i] >= 0 && FAULTABLE("dup2", dup2(s->standard[i], i)) < 0) return -1;
    unsigned first = 3;
    if (s->extra >= 0) {
        /* dup2 onto itself would keep O_CLOEXEC */
        int rc = s->extra == 3 ? FAULTABLE("fcntl", fcntl(3, F_SETFD, 0)) : FAULTABLE("dup2", dup2(s->extra, 3));
        if (rc < 0) return -1;
        first = 4;
    }
    return FAULTABLE("close_range", close_range(first, ~0U, CLOSE_RANGE_CLOEXEC));
}

/* In the child: never returns; an errno that goes up the pipe says that it failed. Nothing here allocates or locks. */
__attribute__((noreturn)) static void become(const Spawn *s, int errors)
{
    if (FAULTABLE("prctl", prctl(PR_SET_PDEATHSIG, SIGKILL)) < 0) goto failed;
    if (getppid() != s->parent) _exit(127); /* it died before the line above */
    if (reset_signals() < 0 || place_descriptors(s) < 0) goto failed;
    if (s->own_group && FAULTABLE("setpgid", setpgid(0, 0)) < 0) goto failed;
    if (s->directory && FAULTABLE("chdir", chdir(s->directory)) < 0) goto failed;
    char *const *argv = (char *const *)(uintptr_t)s->argv; /* exec does not write to it; its type is older than const */
    if (s->search_path) (void)FAULTABLE("execvp", execvp(s->program, argv));
    else (void)FAULTABLE("execv", execv(s->program, argv));
failed:;
    int error = errno;
    (void)!write(errors, &error, sizeof error);
    _exit(127);
}

static int pid_open(pid_t pid) { return FAULTABLE("pidfd_open", (int)syscall(SYS_pidfd_open, pid, 0)); }

/* A pipe whose ends lie above 3, where the child's own descriptors will not overwrite them. */
static Err pipe_above(int ret_fds[2])
{
    int low[2];
    if (FAULTABLE("pipe2", pipe2(low, O_CLOEXEC)) < 0) return FAIL(errno);
    AUTO_FD read_low = low[0], write_low = low[1];
    AUTO_FD read_end = FAULTABLE("fcntl", fcntl(read_low, F_DUPFD_CLOEXEC, 4));
    if (read_end < 0) return FAIL(errno);
    int write_end = FAULTABLE("fcntl", fcntl(write_low, F_DUPFD_CLOEXEC, 4));
    if (write_end < 0) return FAIL(errno);
    ret_fds[0] = fd_take(&read_end);
    ret_fds[1] = write_end;
    return OK;
}

/* The end of the pipe without a word: exec closed it. */
static Err exec_result(int errors)
{
    int error = 0;
    size_t n;
    TRY(fd_read(errors, &error, sizeof error, &n));
    return n == sizeof error ? FAIL(error) : OK;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
}

static Err start(Spawn *s, pid_t *ret_pid, int *ret_pid_fd)
{
    int ends[2];
    TRY(pipe_above(ends));
    AUTO_FD errors = ends[0], child_end = ends[1];
    s->parent = getpid();
    pid_t pid = FAULTABLE("fork", fork());
    if (pid < 0) return FAIL(errno);
    if (pid == 0) become(s, child_end);
    fd_close(&child_end);

    int pid_fd = pid_open(pid);
    Err e = pid_fd < 0 ? FAIL(errno) : exec_result(errors);
    if (e.code) {
        kill(pid, SIGKILL);
        reap(pid);
        fd_close(&pid_fd);
        return e;
    }
    *ret_pid = pid;
    *ret_pid_fd = pid_fd;
    return OK;
}

Err process_spawn(const char *program, const char *const *argv, int fd, pid_t *ret_pid, int *ret_pid_fd)
{
    assert(program && argv && argv[0] && fd >= 0 && ret_pid && ret_pid_fd);

    Spawn s = {.program = program, .argv = argv, .standard = {-1, -1, -1}, .extra = fd, .own_group = true};
    return start(&s, ret_pid, ret_pid_fd);
}

/* Keeps what fits and reads on, so that the program does not block on a full pipe. */
static Err collect(int fd, Buffer *output)
{
    uint8_t piece[4096];
    for (;;) {
        size_t n;
        TRY(fd_read(fd, piece, sizeof piece, &n));
        if (n == 0) return OK;
        size_t room = output->limit - output->size;
        TRY(buffer_append(output, view_of(piece, n < room ? n : room)));
    }
}

Err process_run(const char *const *argv, const char *directory, Buffer *ret_output, int *ret_status)
{
    assert(argv && argv[0] && ret_output && ret_status);

    AUTO_FD null = -1;
    TRY(fd_open(AT_FDCWD, "/dev/null", O_RDONLY, 0, &null));
    int ends[2];
    TRY(pipe_above(ends));
    AUTO_FD output = ends[0], child_end = ends[1];
    Spawn s = {.program = argv[0], .argv = argv, .directory = directory, .standard = {null, child_end, child_end}, .extra = -1, .search_path = true};
    pid_t pid;
    AUTO_FD pid_fd = -1;
    TRY(start(&s, &pid, &pid_fd));
    fd_close(&child_end);

    size_t before = ret_output->size;
    Err e = collect(output, ret_output);
    if (e.code) process_kill(pid_fd);
    Err waited = process_wait(pid_fd, ret_status);
    if (waited.code) { /* whatever kept it from being waited for: it must not stay behind */
        process_kill(pid_fd);
        reap(pid);
    }
    if (!e.code) e = waited;
    if (e.code) ret_output->size = before;
    return e;
}

void process_kill(int pid_fd) { syscall(SYS_pidfd_send_signal, pid_fd, SIGKILL, NULL, 0); }

static int as_waitpid_status(const siginfo_t *info)
{
    switch (info->si_code) {
    case CLD_EXITED: return W_EXITCODE(info->si_status, 0);
    case CLD_DUMPED: return W_EXITCODE(0, info->si_status) | WCOREFLAG;
    default: return W_EXITCODE(0, info->si_status);
    }
}

Err process_wait(int pid_fd, int *ret_status)
{
    siginfo_t info = {0};
    int rc;
    do rc = FAULTABLE("waitid", waitid(P_PIDFD, (id_t)pid_fd, &info, WEXITED));
    while (rc < 0 && errno == EINTR);
    if (rc < 0) return FAIL(errno);
    *ret_status = as_waitpid_status(&info);
    return OK;
}

Err process_own_directory(char *ret_path, size_t room)
{
    char path[PATH_BYTES_MAX];
    ssize_t n = FAULTABLE("readlink", readlink("/proc/self/exe", path, sizeof path));
    if (n < 0) return FAIL(errno);
    if ((size_t)n == sizeof path) return FAIL(ENAMETOOLONG);
    while (n > 1 && path[n - 1] != '/') n--;
    size_t size = n > 1 ? (size_t)n - 1 : 1; /* "/" stays */
    if (size >= room) return FAIL(ENAMETOOLONG);
    memcpy(ret_path, path, size);
    ret_path[size] = '\0';
    return OK;
}
