/*
 * A hostile image without the runtime: no libc, no inner filter, nothing but the warden's wall around it. It speaks just enough of the
 * channel (see/channel.h) to be given work, and breaks it where its last argument says. A system call that ought to be impossible and is
 * not shows up as a micro-job that succeeds with the result "BREACH".
 */
#include <asm/unistd.h>
#include <linux/sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "see/channel.h"
#include "see/note.h"
#include "see/outcome.h"
#include "see/slot.h"

SEE_NOTE(.memory_pages_initial = 1, .memory_pages_max = 1, .builder = "tests/hostile/raw");

enum { SOCKET = 0, WALL_REPORT = 5, AT_EMPTY_PATH_FLAG = 0x1000, SIGCHLD_NUMBER = 17, SIGKILL_NUMBER = 9, RLIMIT_NPROC_NUMBER = 6 };

static unsigned char packet[CHANNEL_PACKET_MAX];
static union { struct cmsghdr align; char bytes[CMSG_SPACE(ZYGOTE_SLOTS_MAX * sizeof(int))]; } control;
static int slot_fds[ZYGOTE_SLOTS_MAX];
static unsigned char data[4096] __attribute__((aligned(4096)));

#ifdef HOG_BYTES /* the second image made of this source: it needs more memory than its task gives */
static volatile unsigned char hog[HOG_BYTES];
static void eat(void) { for (size_t i = 0; i < sizeof hog; i += 4096) hog[i] = 1; }
#else
static void eat(void) { }
#endif

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return result;
}
#define CALL1(name, a) call(__NR_##name, (long)(a), 0, 0, 0, 0, 0)
#define CALL3(name, a, b, c) call(__NR_##name, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define CALL6(name, a, b, c, d, e, f) call(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* The compiler may call these even where nothing is linked. */
void *memset(void *to, int value, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int value, size_t size)
{
    for (volatile unsigned char *p = to; size > 0; size--) *p++ = (unsigned char)value;
    return to;
}
void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    volatile unsigned char *p = to;
    for (const unsigned char *q = from; size > 0; size--) *p++ = *q++;
    return to;
}

static _Noreturn void end(int code) { for (;;) CALL1(exit_group, code); }
static int same(const char *a, const char *b)
{
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

static long receive(struct msghdr *message, void *to, size_t room)
{
    static struct iovec part;
    part = (struct iovec){to, room};
    message->msg_iov = &part;
    message->msg_iovlen = 1;
    return CALL3(recvmsg, SOCKET, message, 0);
}
static void send_packet(const void *bytes, size_t size) { CALL6(sendto, SOCKET, bytes, size, MSG_NOSIGNAL, 0, 0); }

/* The last argument of the task. */
static const char *receive_setup(void)
{
    struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control};
    if (receive(&message, packet, sizeof packet) < (long)sizeof(ChannelSetup)) end(1);
    const ChannelSetup *setup = (const void *)packet;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (!c || setup->slot_count > ZYGOTE_SLOTS_MAX) end(2);
    memcpy(slot_fds, CMSG_DATA(c), setup->slot_count * sizeof(int));
    const char *text = (const char *)(setup + 1), *last = text;
    for (uint32_t i = 0; i < setup->arg_count; i++) {
        last = text;
        while (*text++) continue;
    }
    return last;
}

static void answer(uint32_t slot, const char *result, uint64_t size)
{
    SlotAsk ask;
    CALL6(pread64, slot_fds[slot], &ask, sizeof ask, SLOT_JOB_OFFSET(0), 0, 0);
    SlotAnswer a = {.outcome = OUTCOME_OK, .output_size = size};
    CALL6(pwrite64, slot_fds[slot], result, size, ask.output_offset, 0, 0);
    CALL6(pwrite64, slot_fds[slot], &a, sizeof a, SLOT_JOB_OFFSET(0) + offsetof(SlotJob, answer), 0, 0);
}

static void done(uint32_t slot, uint32_t count)
{
    ChannelDone d = {CHANNEL_DONE, count, {{slot, HOW_ANSWERED, 0}}};
    send_packet(&d, offsetof(ChannelDone, slots) + sizeof d.slots[0]);
}

/* A small program that would say so, at the start of every slot, where execveat may find it under the image's own number. */
static long execute_slot(void)
{
    static const unsigned char SCRIPT[] = "#!/bin/sh\n";
    static char *const none[] = {NULL};
    for (int i = 0; i < 4; i++) CALL6(pwrite64, slot_fds[i], SCRIPT, sizeof SCRIPT, 0, 0, 0);
    return CALL6(execveat, 3, "", none, none, AT_EMPTY_PATH_FLAG, 0);
}

static long fork_bomb(void)
{
    long forked = -1;
    for (int i = 0; i < 1000; i++) {
        long pid = CALL6(clone, SIGCHLD_NUMBER, 0, 0, 0, 0, 0);
        if (pid == 0) {
            for (;;) CALL6(clone, SIGCHLD_NUMBER, 0, 0, 0, 0, 0);
        }
        if (pid > 0) forked++; /* the first is what a zygote may have: one SEE */
    }
    return forked > 0 ? forked : -1;
}

/* Descriptors that nobody gave it. */
static long foreign_descriptors(void)
{
    long found = -1;
    for (int fd = 0; fd < 1024; fd++) {
        int own = fd == SOCKET || fd == WALL_REPORT; /* where a zygote reports to the warden: written once, never read */
        for (int i = 0; i < ZYGOTE_SLOTS_MAX; i++) own |= fd == slot_fds[i];
        if (!own && CALL6(pread64, fd, data, 1, 0, 0, 0) != -9 /* EBADF */) found = fd;
    }
    return found;
}

/* Not negative: it worked. Most do not come back. */
static long attack(const char *name)
{
    static uint64_t no_limit[2] = {UINT64_MAX, UINT64_MAX};
    if (same(name, "open")) return CALL3(open, "/", 0, 0);
    if (same(name, "openat")) return CALL3(openat, -100, "/proc/self/exe", 0);
    if (same(name, "readlink")) return CALL3(readlink, "/proc/self/exe", data, sizeof data);
    if (same(name, "socket")) return CALL3(socket, AF_INET, SOCK_STREAM, 0);
    if (same(name, "socketpair")) return CALL6(socketpair, AF_UNIX, SOCK_STREAM, 0, data, 0, 0);
    if (same(name, "ptrace")) return CALL3(ptrace, 0, 0, 0);
    if (same(name, "kill_group")) return CALL3(kill, 0, SIGKILL_NUMBER, 0) < 0 ? -1 : -2;
    if (same(name, "kill_all")) return CALL3(kill, -1, SIGKILL_NUMBER, 0);
    if (same(name, "fork_bomb")) return fork_bomb();
    if (same(name, "clone_user")) return CALL6(clone, CLONE_NEWUSER | SIGCHLD_NUMBER, 0, 0, 0, 0, 0);
    if (same(name, "unshare")) return CALL1(unshare, CLONE_NEWUSER);
    if (same(name, "execute_slot")) return execute_slot();
    if (same(name, "execve")) return CALL3(execve, "/bin/sh", data, data);
    if (same(name, "mmap_executable")) return CALL6(mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (same(name, "mmap_slot")) return CALL6(mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, slot_fds[0], 0);
    if (same(name, "mprotect_executable")) return CALL3(mprotect, data, 4096, PROT_READ | PROT_EXEC);
    if (same(name, "setrlimit")) return CALL6(prlimit64, 0, RLIMIT_NPROC_NUMBER, no_limit, 0, 0, 0);
    if (same(name, "mount")) return CALL6(mount, "none", "/", "tmpfs", 0, 0, 0);
    if (same(name, "io_uring")) return CALL3(io_uring_setup, 8, data, 0);
    if (same(name, "bpf")) return CALL3(bpf, 0, data, 64);
    if (same(name, "memfd")) return CALL3(memfd_create, "x", 0, 0);
    if (same(name, "dumpable")) return CALL3(prctl, 4, 1, 0);
    if (same(name, "death_signal")) return CALL3(prctl, 1, 0, 0);
    if (same(name, "foreign_descriptors")) return foreign_descriptors();
    return 0;
}

static void break_the_start(const char *name)
{
    ChannelFailed failed = {.type = CHANNEL_FAILED};
    ChannelReady ready = {CHANNEL_READY, CHANNEL_VERSION, WASM_PAGE_BYTES};
    if (same(name, "start_exit")) end(0);
    if (same(name, "start_silent")) for (;;) CALL3(recvmsg, SOCKET, data, 0);
    if (same(name, "start_spin")) for (;;) continue;
    if (same(name, "start_garbage")) memset(data, 0xee, 300), send_packet(data, 300);
    if (same(name, "start_empty")) send_packet(data, 0);
    if (same(name, "start_wrong_version")) ready.version = 99, send_packet(&ready, sizeof ready);
    if (same(name, "start_ready_twice")) send_packet(&ready, sizeof ready);
    if (same(name, "start_flood")) for (;;) send_packet(&ready, sizeof ready);
    if (same(name, "start_escape")) {
        memset(failed.text, 0x1b, sizeof failed.text); /* no NUL, and what a terminal would obey */
        send_packet(&failed, sizeof failed);
        end(0);
    }
}

/* True when the attack was on the channel, and has been made. */
static int break_the_run(const char *name, uint32_t slot)
{
    if (same(name, "run_exit")) end(0);
    else if (same(name, "run_silent")) for (;;) CALL3(recvmsg, SOCKET, data, 0);
    else if (same(name, "run_spin")) for (;;) continue;
    else if (same(name, "run_garbage")) memset(data, 0xee, 300), send_packet(data, 300);
    else if (same(name, "run_wrong_slot")) done(ZYGOTE_SLOTS_MAX + 7, 1);
    else if (same(name, "run_other_slot")) done(slot + 1, 1);
    else if (same(name, "run_count")) done(slot, 0x40000000);
    else if (same(name, "run_no_answer")) done(slot, 1);
    else if (same(name, "run_done_twice")) answer(slot, "ok\n", 3), done(slot, 1), done(slot, 1);
    else if (same(name, "run_flood")) for (;;) done(slot, 1);
    else return 0;
    return 1;
}

_Noreturn void start(void);
_Noreturn void start(void)
{
    eat();
    const char *name = receive_setup();
    break_the_start(name);
    ChannelReady ready = {CHANNEL_READY, CHANNEL_VERSION, WASM_PAGE_BYTES};
    send_packet(&ready, sizeof ready);
    for (;;) {
        static ChannelRun run;
        struct msghdr message = {0};
        if (receive(&message, &run, sizeof run) <= 0) end(0);
        for (uint32_t i = 0; i < run.count && i < ZYGOTE_SLOTS_MAX; i++) {
            uint32_t slot = run.slots[i];
            if (break_the_run(name, slot)) continue;
            if (same(name, "succeed")) answer(slot, "ok\n", 3);
            else if (attack(name) >= 0) answer(slot, "BREACH\n", 7);
            else answer(slot, "refused\n", 8);
            done(slot, 1);
        }
    }
}

__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n and $-16, %rsp\n call start\n");
