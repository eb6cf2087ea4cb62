/* The outer filter, through libseccomp. Everything that is not named kills the process. */
#include "warden/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

typedef struct { int call; unsigned count; struct scmp_arg_cmp args[3]; } Rule;

#define CALL(name) {SCMP_SYS(name), 0, {{0}}}
#define WITH(name, ...) {SCMP_SYS(name), sizeof((struct scmp_arg_cmp[]){__VA_ARGS__}) / sizeof(struct scmp_arg_cmp), {__VA_ARGS__}}
#define ARG_IS(n, value) {(n), SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value)}
#define ARG_LACKS(n, bits) {(n), SCMP_CMP_MASKED_EQ, (bits), 0}

static const Rule RULES[] = {
    /* what a SEE does: the same list as see/filter.c */
    CALL(pread64), CALL(pwrite64), CALL(pwritev), CALL(exit_group), CALL(rt_sigtimedwait), CALL(wait4), CALL(close_range), CALL(rt_sigreturn),
    CALL(getrandom), WITH(clone, ARG_IS(0, SIGCHLD)), WITH(dup2, ARG_IS(1, 0)), WITH(mprotect, ARG_LACKS(2, PROT_EXEC)),
    WITH(recvmsg, ARG_IS(0, 0), ARG_LACKS(2, MSG_PEEK)),
    WITH(sendmsg, ARG_IS(0, 0)), WITH(sendto, ARG_IS(0, 0)), WITH(madvise, ARG_IS(2, MADV_DONTNEED)),
    WITH(kill, ARG_IS(1, SIGKILL)),
    /* what starting needs: the exec of the image itself, then libc's and the runtime's own beginnings */
    WITH(execveat, ARG_IS(0, WALL_IMAGE_FD), ARG_IS(4, AT_EMPTY_PATH)), WITH(write, ARG_IS(0, WALL_REPORT_FD)),
    CALL(close), CALL(mlock), WITH(madvise, ARG_IS(2, MADV_DONTFORK)),
    CALL(brk), CALL(arch_prctl), CALL(set_tid_address), CALL(set_robust_list), CALL(rseq), WITH(prlimit64, {2, SCMP_CMP_EQ, 0, 0}),
    CALL(readlink), CALL(readlinkat), CALL(munmap), CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(sigaltstack),
    WITH(mmap, ARG_LACKS(2, PROT_EXEC), {3, SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS}),
    WITH(madvise, ARG_IS(2, MADV_NOHUGEPAGE)), WITH(prctl, ARG_IS(0, PR_SET_DUMPABLE), ARG_IS(1, 0)),
    WITH(prctl, ARG_IS(0, PR_SET_NO_NEW_PRIVS)), WITH(prctl, ARG_IS(0, PR_SET_SECCOMP)),
};

/* Where a task may claim staged data, as see/filter_staged.c: pages of descriptor 0, private, in the place of others. */
static const Rule STAGED_RULES[] = {
    WITH(mmap, ARG_LACKS(2, PROT_EXEC), ARG_IS(3, MAP_PRIVATE | MAP_FIXED), ARG_IS(4, 0)),
};

static int add_rules(scmp_filter_ctx filter, const Rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int failed = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rules[i].call, rules[i].count, rules[i].args);
        if (failed) return failed;
    }
    return 0;
}

Err filter_load(bool staged)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter) return FAIL(ENOMEM);
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree: the filter runs on every call of a SEE */
    if (!failed) failed = add_rules(filter, RULES, sizeof RULES / sizeof RULES[0]);
    if (!failed && staged) failed = add_rules(filter, STAGED_RULES, sizeof STAGED_RULES / sizeof STAGED_RULES[0]);
    if (!failed) failed = seccomp_load(filter);
    seccomp_release(filter);
    return failed ? FAIL(-failed) : OK;
}
