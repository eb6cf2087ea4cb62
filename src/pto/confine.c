/* Dropping rights, by the kernel's own means. */
#include "pto/confine.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/fault.h"

Err confine_user(const char *user, const char *folder, Diag *diag)
{
    const struct passwd *who = getpwnam(user);
    if (!who) return FAIL_WHY(diag, ERR_USAGE, "%s: there is no such user", user);
    if (who->pw_uid == geteuid()) return OK;
    if (geteuid() != 0) return FAIL_WHY(diag, ERR_DENIED, "only root can become another user; start it as %s, or leave --user out", user);
    if (folder && FAULTABLE("chown", chown(folder, who->pw_uid, who->pw_gid)) < 0) return FAIL_WHY(diag, errno, "%s: cannot be given to %s", folder, user);
    bool done = FAULTABLE("setgroups", setgroups(0, NULL)) == 0 && FAULTABLE("setresgid", setresgid(who->pw_gid, who->pw_gid, who->pw_gid)) == 0
                && FAULTABLE("setresuid", setresuid(who->pw_uid, who->pw_uid, who->pw_uid)) == 0;
    if (!done) return FAIL_WHY(diag, errno, "cannot become %s", user);
    return setuid(0) == 0 ? FAIL_WHY(diag, ERR_DENIED, "could become root again after becoming %s", user) : OK;
}

static int forbid(scmp_filter_ctx filter)
{
    static const int CALLS[] = {
        SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd),
        SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
        SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(kexec_load), SCMP_SYS(keyctl), SCMP_SYS(add_key),
        SCMP_SYS(request_key), SCMP_SYS(open_by_handle_at), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(io_uring_setup)};
    int rc = 0;
    for (size_t i = 0; i < sizeof CALLS / sizeof CALLS[0] && rc == 0; i++) rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, CALLS[i], 0);
    if (rc == 0) rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
    /* A new process is a clone without CLONE_THREAD. clone3's flags lie in memory, out of a filter's sight; without it libraries call clone. */
    if (rc == 0) rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    if (rc == 0) rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return rc;
}

Err confine_calls(void)
{
    const struct rlimit none = {0, 0};
    if (FAULTABLE("prctl", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) < 0 || FAULTABLE("prctl", prctl(PR_SET_DUMPABLE, 0)) < 0) return FAIL(errno);
    if (FAULTABLE("setrlimit", setrlimit(RLIMIT_CORE, &none)) < 0) return FAIL(errno);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter) return FAIL(ENOMEM);
    int rc = forbid(filter);
    if (rc == 0) rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc < 0 ? FAIL(-rc) : OK;
}
