/* The wall around a zygote: what happens in the child between clone3 and execveat. */
#include "warden/wall.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/level.h"
#include "base/limits.h"
#include "sys/fault.h"
#include "warden/filter.h"

enum { STACK_BYTES = 8 << 20, RUNTIME_BYTES = 64 << 20, LOCKED_BYTES = 64 << 10, ZYGOTE_PROCESSES = 2, CAPABILITY_LAST = 63 };

static const char *const STEP_TEXT[] = {
    [STEP_MAP] = "mapping the user namespace",
    [STEP_MOUNT] = "making an empty file system",
    [STEP_LIMITS] = "setting resource limits",
    [STEP_IDENTITY] = "giving up identity",
    [STEP_CAPABILITIES] = "giving up capabilities",
    [STEP_DESCRIPTORS] = "closing descriptors",
    [STEP_FILTER] = "loading the system call filter",
    [STEP_EXEC] = "executing the image",
};

const char *wall_step_text(WallStep step) { return step <= STEP_EXEC ? STEP_TEXT[step] : "starting"; }

/* The root becomes an empty, read-only file system; the old one is gone. */
static int empty_file_system(void)
{
    if (FAULTABLE("mount", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) < 0) return -1;
    if (FAULTABLE("mount", mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0,nr_inodes=2,mode=0555")) < 0) return -1;
    if (FAULTABLE("chdir", chdir("/tmp")) < 0) return -1;
    if (FAULTABLE("pivot_root", syscall(SYS_pivot_root, ".", ".")) < 0) return -1;
    if (FAULTABLE("umount2", umount2(".", MNT_DETACH)) < 0) return -1;
    if (FAULTABLE("chdir", chdir("/")) < 0) return -1;
    return FAULTABLE("mount", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
}

static int limit(int resource, uint64_t value)
{
    struct rlimit r = {value, value};
    return FAULTABLE("setrlimit", setrlimit((__rlimit_resource_t)resource, &r));
}

static int limits(const WallPlan *plan)
{
    /* `shared` keeps a second, pristine copy of what the module starts with */
    uint64_t data = (plan->level == LEVEL_SHARED ? 2 : 1) * plan->memory_max + RUNTIME_BYTES;
    if (limit(RLIMIT_CORE, 0) < 0 || limit(RLIMIT_STACK, STACK_BYTES) < 0 || limit(RLIMIT_DATA, data) < 0) return -1;
    /* the zygote and one SEE: a fork bomb has nowhere to go */
    return limit(RLIMIT_NOFILE, ZYGOTE_SLOTS_MAX + 16) < 0 || limit(RLIMIT_MEMLOCK, LOCKED_BYTES) < 0 ||
                   limit(RLIMIT_NPROC, ZYGOTE_PROCESSES) < 0
               ? -1
               : 0;
}

static int no_identity(void)
{
    setgroups(0, NULL); /* an ordinary user's namespace forbids it, and has nothing to give up */
    return FAULTABLE("sethostname", sethostname("see", 3));
}

static int no_capabilities(void)
{
    for (int c = 0; c <= CAPABILITY_LAST; c++)
        if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 && errno != EINVAL) return -1;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -1;
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}, {0}};
    if (FAULTABLE("capset", syscall(SYS_capset, &head, none)) < 0) return -1;
    if (FAULTABLE("prctl", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) < 0) return -1;
    /* last, because giving up privileges clears it */
    return FAULTABLE("prctl", prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
}

/* Descriptor 0 is the socket, WALL_IMAGE_FD the image, WALL_REPORT_FD the report, WALL_ZYGOTE_FD the zygote's own; image and report close on exec. */
static int descriptors(const WallPlan *plan)
{
    int socket = fcntl(plan->socket_fd, F_DUPFD, 10), image = fcntl(plan->image_fd, F_DUPFD, 10), report = fcntl(plan->report_fd, F_DUPFD, 10);
    int own = fcntl(plan->zygote_fd, F_DUPFD, 10);
    if (socket < 0 || image < 0 || report < 0 || own < 0 || dup2(own, WALL_ZYGOTE_FD) < 0) return -1;
    if (dup2(socket, 0) < 0 || dup3(image, WALL_IMAGE_FD, O_CLOEXEC) < 0 || dup3(report, WALL_REPORT_FD, O_CLOEXEC) < 0) return -1;
    if (close(1) < 0 && errno != EBADF) return -1;
    if (close(2) < 0 && errno != EBADF) return -1;
    return FAULTABLE("close_range", (int)syscall(SYS_close_range, WALL_ZYGOTE_FD + 1, ~0u, 0));
}

static _Noreturn void report_and_exit(int fd, WallStep step)
{
    WallReport report = {(int)step, errno};
    (void)!write(fd, &report, sizeof report);
    _exit(1);
}

_Noreturn void wall_enter(const WallPlan *plan)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); /* a process group reaches across pid namespaces: kill(0) must find nobody else in ours */
    if (empty_file_system() < 0) report_and_exit(plan->report_fd, STEP_MOUNT);
    if (no_identity() < 0) report_and_exit(plan->report_fd, STEP_IDENTITY);
    if (limits(plan) < 0) report_and_exit(plan->report_fd, STEP_LIMITS);
    if (no_capabilities() < 0) report_and_exit(plan->report_fd, STEP_CAPABILITIES);
    char none_sent;
    if (recv(plan->report_fd, &none_sent, 1, MSG_DONTWAIT) == 0) _exit(1); /* the warden died before its death could kill us */
    if (descriptors(plan) < 0) report_and_exit(plan->report_fd, STEP_DESCRIPTORS);
    Err e = filter_load(plan->staged);
    errno = e.code;
    if (e.code) report_and_exit(WALL_REPORT_FD, STEP_FILTER);
    char *const argv[] = {(char[]){"see"}, NULL}, *const envp[] = {NULL};
    syscall(SYS_execveat, WALL_IMAGE_FD, "", argv, envp, AT_EMPTY_PATH);
    report_and_exit(WALL_REPORT_FD, STEP_EXEC);
}
