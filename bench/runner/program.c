/* Programs, timed from outside. */
#include "bench/runner/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/fd.h"

extern char **environ;

static Err read_all(int fd, Buffer *output)
{
    for (;;) {
        uint8_t piece[4096];
        size_t n;
        TRY(fd_read(fd, piece, sizeof piece, &n));
        if (n == 0) return OK;
        TRY(buffer_append(output, view_of(piece, n)));
    }
}

static Err spawn(const char *const *argv, int output, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) return FAIL(ENOMEM);
    int e = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (e == 0 && output >= 0) e = posix_spawn_file_actions_adddup2(&actions, output, 1);
    char *const *arguments = (char *const *)(uintptr_t)argv; /* exec does not write to it; its type is older than const */
    if (e == 0) e = posix_spawnp(ret_pid, argv[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return e ? FAIL(e) : OK;
}

static double processor_seconds(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) + (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

Err program_run(const char *const *argv, ProgramRun *ret_run, Buffer *ret_output)
{
    int ends[2] = {-1, -1};
    if (ret_output && pipe2(ends, O_CLOEXEC) < 0) return FAIL(errno);
    AUTO_FD from = ends[0], to = ends[1];

    uint64_t start = clock_monotonic_ns();
    pid_t pid;
    TRY(spawn(argv, to, &pid));
    fd_close(&to);
    Err e = ret_output ? read_all(from, ret_output) : OK;
    fd_close(&from);
    struct rusage usage;
    int status;
    if (wait4(pid, &status, 0, &usage) != pid) return FAIL(errno);
    if (e.code) return e;
    *ret_run = (ProgramRun){.seconds = (double)(clock_monotonic_ns() - start) / 1e9, .processor = processor_seconds(&usage),
                            .memory_peak = (uint64_t)usage.ru_maxrss * 1024, .status = status};
    return OK;
}

Err program_must_run(const char *const *argv, ProgramRun *ret_run, Buffer *ret_output, Diag *diag)
{
    TRY_WHY(diag, program_run(argv, ret_run, ret_output), "cannot run %s", argv[0]);
    int status = ret_run->status;
    if (status == 0) return OK;
    if (WIFSIGNALED(status)) return FAIL_WHY(diag, ERR_TOOL, "%s was killed by signal %d", argv[0], WTERMSIG(status));
    return FAIL_WHY(diag, ERR_TOOL, "%s ended with exit code %d", argv[0], WEXITSTATUS(status));
}

Err program_number(const char *const *argv, double *ret_number, Diag *diag)
{
    AUTO_BUFFER output = buffer_limited(4096);
    ProgramRun run;
    TRY(program_must_run(argv, &run, &output, diag));
    TRY(buffer_put_u8(&output, 0));
    char *end;
    double number = strtod((const char *)output.data, &end);
    if (end == (const char *)output.data) return FAIL_WHY(diag, ERR_TOOL, "%s printed no number", argv[0]);
    *ret_number = number;
    return OK;
}

bool program_exists(const char *name)
{
    const char *path = getenv("PATH");
    char folders[8192];
    snprintf(folders, sizeof folders, "%s", path ? path : "/usr/bin:/bin");
    char *rest = folders;
    for (const char *folder; (folder = strsep(&rest, ":"));) {
        char file[8500];
        snprintf(file, sizeof file, "%s/%s", folder, name);
        if (access(file, X_OK) == 0) return true;
    }
    return false;
}
