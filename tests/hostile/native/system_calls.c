/* System calls that a SEE has no business with. Each must kill it. One row a call; the arguments are such that it would work outside. */
#include "attacks.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "see/runtime.h"

static char text[4096] __attribute__((aligned(4096)));
static struct iovec vector = {text, sizeof text};
static struct rlimit no_limit = {RLIM_INFINITY, RLIM_INFINITY};
static char *arguments[] = {text, NULL};
static uint64_t clone_arguments[11] = {CLONE_NEWUSER, [4] = SIGCHLD};
static struct perf_event_attr event = {.size = sizeof event};
static union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
static struct { unsigned short count; void *filter; } no_filter;
static struct timespec second = {1, 0};
static int pair[2];

/* name, call, up to six arguments */
#define CALLS(X) \
    X(open, SYS_open, "/etc/passwd", O_RDONLY) \
    X(open_proc, SYS_open, "/proc/self/maps", O_RDONLY) \
    X(openat, SYS_openat, AT_FDCWD, "/proc/1/mem", O_RDWR) \
    X(openat2, SYS_openat2, AT_FDCWD, "/", text, 24) \
    X(open_by_handle, SYS_open_by_handle_at, AT_FDCWD, text, 0) \
    X(creat, SYS_creat, "/tmp/x", 0600) \
    X(socket_unix, SYS_socket, AF_UNIX, SOCK_STREAM, 0) \
    X(socket_inet, SYS_socket, AF_INET, SOCK_STREAM, 0) \
    X(socket_netlink, SYS_socket, AF_NETLINK, SOCK_RAW, 0) \
    X(socketpair, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair) \
    X(send_elsewhere, SYS_sendto, 1, text, 1, 0, NULL, 0) \
    X(receive_elsewhere, SYS_recvmsg, 3, text, 0) \
    X(bind, SYS_bind, 0, text, 2) \
    X(accept, SYS_accept, 0, NULL, NULL) \
    X(ptrace_self, SYS_ptrace, PTRACE_TRACEME, 0, 0, 0) \
    X(ptrace_zygote, SYS_ptrace, PTRACE_ATTACH, 1, 0, 0) \
    X(read_zygote_memory, SYS_process_vm_readv, 1, &vector, 1UL, &vector, 1UL, 0UL) \
    X(write_zygote_memory, SYS_process_vm_writev, 1, &vector, 1UL, &vector, 1UL, 0UL) \
    X(pidfd_open, SYS_pidfd_open, 1, 0) \
    X(pidfd_getfd, SYS_pidfd_getfd, 0, 0, 0) \
    X(kcmp, SYS_kcmp, 1, 1, 0, 0UL, 0UL) \
    X(kill_other_signal, SYS_kill, 1, SIGTERM) \
    X(kill_stop, SYS_kill, -1, SIGSTOP) \
    X(tkill, SYS_tkill, 1, SIGKILL) \
    X(tgkill, SYS_tgkill, 1, 1, SIGKILL) \
    X(queue_signal, SYS_rt_sigqueueinfo, 1, SIGKILL, text) \
    X(fork, SYS_fork) \
    X(vfork, SYS_vfork) \
    X(clone_thread, SYS_clone, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, text + 2048, 0, 0, 0) \
    X(clone_user_namespace, SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) \
    X(clone_pid_namespace, SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0) \
    X(clone_parent, SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) \
    X(clone_no_signal, SYS_clone, 0, 0, 0, 0, 0) \
    X(clone3, SYS_clone3, clone_arguments, sizeof clone_arguments) \
    X(unshare, SYS_unshare, CLONE_NEWUSER) \
    X(setns, SYS_setns, 0, 0) \
    X(execve, SYS_execve, "/bin/sh", arguments, NULL) \
    X(execve_self, SYS_execve, "/proc/self/exe", arguments, NULL) \
    X(execveat_slot, SYS_execveat, 0, "", arguments, NULL, AT_EMPTY_PATH) \
    X(execveat_image, SYS_execveat, 3, "", arguments, NULL, AT_EMPTY_PATH) \
    X(mmap_executable, SYS_mmap, NULL, 4096UL, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0UL) \
    X(mmap_slot, SYS_mmap, NULL, 4096UL, PROT_READ | PROT_WRITE, MAP_SHARED, 0, 0UL) \
    X(mmap_slot_executable, SYS_mmap, NULL, 4096UL, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0, 0UL) \
    X(mmap_anonymous, SYS_mmap, NULL, 1UL << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0UL) \
    X(mprotect_executable, SYS_mprotect, text, sizeof text, PROT_READ | PROT_EXEC) \
    X(mprotect_all, SYS_mprotect, text, sizeof text, PROT_READ | PROT_WRITE | PROT_EXEC) \
    X(pkey_mprotect, SYS_pkey_mprotect, text, sizeof text, PROT_READ | PROT_EXEC, -1) \
    X(mremap, SYS_mremap, text, sizeof text, 2 * sizeof text, MREMAP_MAYMOVE) \
    X(remap_file_pages, SYS_remap_file_pages, text, sizeof text, 0, 0UL, 0) \
    X(madvise_merge, SYS_madvise, text, sizeof text, MADV_MERGEABLE) \
    X(brk, SYS_brk, 0) \
    X(shmget, SYS_shmget, 1, 4096UL, 0600) \
    X(memfd_create, SYS_memfd_create, "x", 0) \
    X(memfd_secret, SYS_memfd_secret, 0) \
    X(io_uring_setup, SYS_io_uring_setup, 8, text) \
    X(io_uring_enter, SYS_io_uring_enter, 0, 1, 0, 0, NULL, 0UL) \
    X(io_setup, SYS_io_setup, 8, text) \
    X(bpf, SYS_bpf, BPF_MAP_CREATE, &map, sizeof map) \
    X(userfaultfd, SYS_userfaultfd, 0) \
    X(keyctl, SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) \
    X(add_key, SYS_add_key, "user", "x", "y", 1UL, KEY_SPEC_SESSION_KEYRING) \
    X(perf_event_open, SYS_perf_event_open, &event, 0, -1, -1, 0UL) \
    X(prctl_dumpable, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0) \
    X(prctl_no_death_signal, SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0) \
    X(prctl_seccomp, SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &no_filter, 0, 0) \
    X(seccomp, SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &no_filter) \
    X(arch_prctl, SYS_arch_prctl, ARCH_SET_GS, text) \
    X(personality, SYS_personality, 0x0400000) /* READ_IMPLIES_EXEC */ \
    X(setrlimit, SYS_setrlimit, RLIMIT_NPROC, &no_limit) \
    X(prlimit, SYS_prlimit64, 0, RLIMIT_NPROC, &no_limit, NULL) \
    X(setuid, SYS_setuid, 0) \
    X(capset, SYS_capset, text, text + 64) \
    X(setsid, SYS_setsid) \
    X(mount, SYS_mount, "none", "/", "tmpfs", 0UL, NULL) \
    X(pivot_root, SYS_pivot_root, ".", ".") \
    X(chroot, SYS_chroot, ".") \
    X(ioctl, SYS_ioctl, 0, 0x5413UL, text) \
    X(fcntl_unseal, SYS_fcntl, 0, F_GETFD, 0) \
    X(dup, SYS_dup, 0) \
    X(dup2_elsewhere, SYS_dup2, 0, 5) \
    X(ftruncate_slot, SYS_ftruncate, 0, 1UL << 40) \
    X(fallocate_slot, SYS_fallocate, 0, 0, 0UL, 1UL << 30) \
    X(sendfile, SYS_sendfile, 0, 0, NULL, 1UL) \
    X(copy_file_range, SYS_copy_file_range, 0, NULL, 0, NULL, 1UL, 0) \
    X(splice, SYS_splice, 0, NULL, 0, NULL, 1UL, 0) \
    X(read, SYS_read, 0, text, 1UL) \
    X(write, SYS_write, 0, text, 1UL) \
    X(getpid, SYS_getpid) \
    X(uname, SYS_uname, text) \
    X(sysinfo, SYS_sysinfo, text) \
    X(real_clock, SYS_clock_gettime, CLOCK_REALTIME, text) \
    X(sleep, SYS_nanosleep, &second, NULL) \
    X(timer, SYS_timer_create, CLOCK_MONOTONIC, NULL, text) \
    X(futex, SYS_futex, text, 0, 0, NULL, NULL, 0) \
    X(signal_handler, SYS_rt_sigaction, SIGSYS, text, NULL, 8UL) \
    X(sched_setaffinity, SYS_sched_setaffinity, 0, 8UL, text) \
    X(setpriority, SYS_setpriority, PRIO_PROCESS, 0, -20) \
    X(membarrier, SYS_membarrier, 0, 0, 0) \
    X(rseq, SYS_rseq, text, 32, 0, 0) \
    X(modify_ldt, SYS_modify_ldt, 0, text, 64UL) \
    X(iopl, SYS_iopl, 3) \
    X(reboot, SYS_reboot, 0xfee1dead, 672274793, 0, NULL) \
    X(init_module, SYS_init_module, text, 1UL, "") \
    X(kexec_load, SYS_kexec_load, 0UL, 0UL, NULL, 0UL) \
    X(syslog, SYS_syslog, 3, text, 100) \
    X(no_such_call, 1000)

#define FUNCTION(name, ...) static void call_##name(void) { verdict(#name, syscall(__VA_ARGS__)); }
CALLS(FUNCTION)

/* The other doors into the kernel: the 32-bit gate, where call 20 is getpid, and the x32 table. */
static void call_32_bit_gate(void)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    verdict("int 0x80", result);
}
static void call_x32(void) { verdict("x32 getpid", syscall(0x40000000 | SYS_getpid)); }
static void call_x32_pread(void) { verdict("x32 pread64", syscall(0x40000000 | SYS_pread64, 0, text, 1, 0)); }

#define ROW(name, ...) {#name, call_##name},
const Attack SYSTEM_CALL_ATTACKS[] = {CALLS(ROW){"32_bit_gate", call_32_bit_gate}, {"x32", call_x32}, {"x32_pread", call_x32_pread}, {NULL, NULL}};
