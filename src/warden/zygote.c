/* Starting and ending one zygote. */
#include "warden/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/fault.h"
#include "sys/fd.h"
#include "sys/memfd.h"
#include "sys/process.h"
#include "warden/wall.h"

enum { NOBODY = 65534, ZYGOTE_PIDS = 2 };

static const uint64_t NAMESPACES = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

static Err clone_into_namespaces(int *ret_pid_fd, pid_t *ret_pid)
{
    int pid_fd = -1;
    struct clone_args args = {.flags = NAMESPACES | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pid_fd, .exit_signal = SIGCHLD};
    long pid = FAULTABLE("clone3", syscall(SYS_clone3, &args, sizeof args));
    if (pid < 0) return FAIL(errno);
    *ret_pid = (pid_t)pid;
    *ret_pid_fd = pid_fd;
    return OK;
}

static Err write_proc(pid_t pid, const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    AUTO_FD fd = -1;
    TRY(fd_open(AT_FDCWD, path, O_WRONLY, 0, &fd));
    return fd_write_all(fd, view_text(text));
}

/* Whether a user or group id exists where the warden runs: in a namespace of its own it may not. Lines of "first outside count". */
static bool is_mapped(const char *map_path, unsigned id)
{
    FILE *map = fopen(map_path, "re");
    if (!map) return false;
    unsigned first, outside, count;
    bool found = false;
    while (!found && fscanf(map, "%u %u %u", &first, &outside, &count) == 3) found = id >= first && id - first < count;
    fclose(map);
    return found;
}

/* One identity exists in there: nobody. Outside it is nobody too where the warden may choose, otherwise the warden's own user. */
static Err map_identity(pid_t pid)
{
    bool choose = geteuid() == 0 && is_mapped("/proc/self/uid_map", NOBODY) && is_mapped("/proc/self/gid_map", NOBODY);
    char uid[64], gid[64];
    snprintf(uid, sizeof uid, "%d %u 1", NOBODY, choose ? NOBODY : geteuid());
    snprintf(gid, sizeof gid, "%d %u 1", NOBODY, choose ? NOBODY : getegid());
    if (!choose) TRY(write_proc(pid, "setgroups", "deny"));
    TRY(write_proc(pid, "uid_map", uid));
    return write_proc(pid, "gid_map", gid);
}

/* Waits until the image runs (the report socket closes) or a step of the wall has failed. */
static Err wait_for_exec(int report_fd, Diag *diag)
{
    WallReport report;
    size_t n = 0;
    TRY(fd_read(report_fd, &report, sizeof report, &n));
    if (n == 0) return OK;
    if (n != sizeof report) return FAIL(ERR_PROTOCOL);
    const char *step = wall_step_text((WallStep)report.step);
    if (report.step == STEP_EXEC)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "the image cannot be executed here: %s; build it on this machine again", strerror(report.error));
    return FAIL_WHY(diag, ERR_LEVEL, "%s failed: %s; `covey doctor` says what this machine lacks", step, strerror(report.error));
}

/* In the child: nothing happens before its identity is mapped, and nothing at all if the warden died meanwhile. It inherits the warden's
 * not being dumpable, which would hide its /proc folder from an ordinary user's warden; the image will not be dumpable again. */
static _Noreturn void become_zygote(const WallPlan *plan)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    char go;
    if (write(plan->report_fd, "r", 1) != 1 || read(plan->report_fd, &go, 1) != 1) _exit(1);
    if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0) _exit(1);
    wall_enter(plan);
}

static Err release(pid_t pid, int report_fd, Diag *diag)
{
    char ready;
    size_t n;
    TRY(fd_read(report_fd, &ready, sizeof ready, &n));
    if (n != sizeof ready) return FAIL(ERR_CLOSED);
    TRY_WHY(diag, map_identity(pid), "mapping the zygote's user namespace failed");
    return fd_write_all(report_fd, VIEW("g"));
}

static void kill_and_reap(int *pid_fd)
{
    int status;
    process_kill(*pid_fd);
    Err e = process_wait(*pid_fd, &status);
    if (e.code) (void)syscall(SYS_waitid, P_PIDFD, *pid_fd, NULL, WEXITED, NULL);
    fd_close(pid_fd);
}

static void give_up(Zygote *z)
{
    kill_and_reap(&z->pid_fd);
    fd_close(&z->start_fd);
    cgroup_remove(&z->cgroup);
}

Err zygote_begin(const WardenStart *start, int image_fd, int socket_fd, Zygote *ret_zygote, Diag *diag)
{
    int ends[2];
    if (FAULTABLE("socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) < 0) return FAIL(errno);
    AUTO_FD ours = ends[0], theirs = ends[1];
    AUTO_FD report = -1;
    TRY(memfd_fixed("zygote-report", ZYGOTE_REPORTS * sizeof(ZygoteReport), &report));

    pid_t pid = 0;
    int pid_fd = -1;
    TRY_WHY(diag, clone_into_namespaces(&pid_fd, &pid), "namespaces for a SEE cannot be made; `covey doctor` says what this machine lacks");
    if (pid == 0) {
        const WallPlan plan = {image_fd, socket_fd, theirs, report, start->memory_max, (int)start->level, (start->flags & WARDEN_STAGED) != 0};
        close(ours);
        become_zygote(&plan);
    }
    fd_close(&theirs);

    Zygote z = {.id = start->zygote, .pid = pid, .pid_fd = pid_fd, .start_fd = fd_take(&ours), .report_fd = -1, .level = start->level, .cpu = -1};
    memcpy(z.measurement, start->measurement, sizeof z.measurement);
    uint64_t memory = start->slot_bytes_max ? (ZYGOTE_PIDS * start->memory_max) + start->slot_bytes_max + 64 * MIB : 0;
    cgroup_enter(pid, start->zygote, ZYGOTE_PIDS, memory, &z.cgroup);
    Err e = release(pid, z.start_fd, diag);
    if (e.code) {
        give_up(&z);
        return e;
    }
    z.report_fd = fd_take(&report);
    *ret_zygote = z;
    return OK;
}

Err zygote_started(Zygote *z, Diag *diag)
{
    Err e = wait_for_exec(z->start_fd, diag);
    if (e.code) {
        fd_close(&z->report_fd);
        give_up(z);
        return e;
    }
    fd_close(&z->start_fd);
    return OK;
}

static bool has_task(const ZygoteReport *r)
{
    static const uint8_t NONE[sizeof r->task_policy];
    return memcmp(r->task_policy, NONE, sizeof NONE) != 0;
}

/* Whoever is behind its wall may write there at any time: what was taken once stands, and a task is taken once. */
Err zygote_report(Zygote *z, ZygoteReport *ret_report)
{
    while (z->reports < ZYGOTE_REPORTS && !(z->reports && has_task(&z->report))) {
        ZygoteReport report;
        TRY(fd_pread_all(z->report_fd, &report, sizeof report, z->reports * sizeof report));
        if (report.level == 0) break;
        bool same_key = z->reports == 0 || memcmp(report.see_key, z->report.see_key, sizeof report.see_key) == 0;
        if (report.level != z->level || !same_key) return FAIL(ERR_PROTOCOL);
        z->report = report;
        z->reports++;
    }
    if (z->reports == 0) return FAIL(ERR_BUSY);
    *ret_report = z->report;
    return OK;
}

void zygote_end(Zygote *z, int *ret_status)
{
    process_kill(z->pid_fd);
    *ret_status = 0;
    Err e = process_wait(z->pid_fd, ret_status);
    if (e.code) kill_and_reap(&z->pid_fd);
    fd_close(&z->pid_fd);
    fd_close(&z->start_fd);
    fd_close(&z->report_fd);
    cgroup_remove(&z->cgroup);
}
