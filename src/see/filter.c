/*
 * The inner wall of system calls, put up by the zygote before it says READY and inherited by every SEE. Written by hand as BPF: a library
 * inside the image would be more code than it saves. The warden's own filter (warden/filter.c) holds even for an image without this one.
 *
 * Descriptor 0 is the socket in a zygote, and the slot in a SEE; a SEE has no other, unless its task may claim staged data (see/staging.c): then
 * places, and what lies in them only once it is claimed. tests compare this list with a snapshot.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "see/filter_staged.h"
#include "see/runtime.h"

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_ARG(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define ALLOW_CALL(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##nr, 0, 1), ALLOW
/* Allowed when the low half of argument n is exactly `value`; the high half of these (int) arguments is ignored by the kernel too. */
#define ALLOW_CALL_ARG(nr, n, value) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##nr, 0, 4), LOAD_ARG(n), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), ALLOW, KILL
/* Allowed when none of `bits` is set in the low half of argument n. */
#define ALLOW_CALL_WITHOUT(nr, n, bits) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##nr, 0, 4), LOAD_ARG(n), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 1, 0), ALLOW, KILL
/* Allowed when argument n is exactly `value` and argument m has none of `bits`. */
#define ALLOW_CALL_ARG_WITHOUT(nr, n, value, m, bits) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##nr, 0, 6), LOAD_ARG(n), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 3), LOAD_ARG(m), \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 1, 0), ALLOW, KILL

/* The last one is KILL. */
static const struct sock_filter FILTER[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
    KILL,
    LOAD(nr),
    ALLOW_CALL(pread64),
    ALLOW_CALL(pwrite64),
    ALLOW_CALL(pwritev),
    ALLOW_CALL(exit_group),
    ALLOW_CALL(rt_sigtimedwait),
    ALLOW_CALL(wait4),
    ALLOW_CALL_ARG(clone, 0, SIGCHLD), /* a plain fork: no namespace, no thread; RLIMIT_NPROC lets only the zygote do it */
    ALLOW_CALL_ARG(dup2, 1, FD_SLOT),
    ALLOW_CALL(close_range),
    ALLOW_CALL_WITHOUT(mprotect, 2, PROT_EXEC),
    ALLOW_CALL_ARG_WITHOUT(recvmsg, 0, FD_SOCKET, 2, MSG_PEEK), /* looking would give descriptors without taking them: see/staging.h */
    ALLOW_CALL_ARG(sendmsg, 0, FD_SOCKET),
    ALLOW_CALL_ARG(sendto, 0, FD_SOCKET),
    ALLOW_CALL_ARG(madvise, 2, MADV_DONTNEED),
    ALLOW_CALL_ARG(kill, 1, SIGKILL),
    ALLOW_CALL(rt_sigreturn),
    ALLOW_CALL(getrandom),
    KILL,
};

void filter_install(bool staged)
{
    enum { COUNT = sizeof FILTER / sizeof FILTER[0] };
    static struct sock_filter whole[COUNT + FILTER_STAGED_COUNT];
    memcpy(whole, FILTER, sizeof FILTER);
    if (staged) memcpy(whole + COUNT - 1, FILTER_STAGED, sizeof FILTER_STAGED);
    if (staged) whole[COUNT - 1 + FILTER_STAGED_COUNT] = FILTER[COUNT - 1];
    const struct sock_fprog program = {COUNT + (staged ? FILTER_STAGED_COUNT : 0), whole};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) see_exit(6);
}
