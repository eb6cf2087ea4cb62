/* What the calls that a SEE may make can be bent to: killing, forking, descriptors, dying in strange ways. */
#include "attacks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "see/runtime.h"

enum { FORKS = 1000, DESCRIPTORS = 4096 };

/* Pid 1 of a namespace takes no SIGKILL from inside: the call succeeds and does nothing. The jobs after this one show it. */
static void kill_zygote(void)
{
    if (kill(1, SIGKILL) == 0) say("the zygote was not hit\n");
    else refused();
}

/* Everybody in the namespace but the zygote and the caller: there is nobody. */
static void kill_all(void) { verdict("kill(-1)", kill(-1, SIGKILL)); }

/* The group would be the warden's, the manager's and the user's shell's, had the zygote none of its own. Hits the SEE itself in any case. */
static void kill_group(void) { verdict("kill(0)", kill(0, SIGKILL)); }

static void fork_bomb(void)
{
    int forked = 0;
    for (int i = 0; i < FORKS; i++) {
        long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (pid == 0) {
            for (;;) syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        }
        if (pid > 0) forked++;
    }
    if (forked) say("BREACH: %d processes forked\n", forked);
    else refused();
}

static void wait_for_others(void)
{
    int status;
    verdict("wait4", waitpid(-1, &status, WNOHANG));
}

/* Every descriptor but the slot is closed. */
static void scan_descriptors(void)
{
    char byte;
    int open = 0;
    for (int fd = 1; fd < DESCRIPTORS; fd++) {
        if (pread(fd, &byte, 1, 0) >= 0 || errno != EBADF) open++;
    }
    for (int fd = 1; fd < DESCRIPTORS; fd++) {
        if (syscall(SYS_dup2, fd, 0) >= 0) open++;
    }
    if (open) say("BREACH: %d descriptors beside the slot\n", open);
    else say("only the slot is open\n");
}

static void talk_to_agent(void)
{
    ChannelDone done = {CHANNEL_DONE, 1, {{0, HOW_ANSWERED, 0}}};
    verdict("send", sendto(FD_SOCKET, &done, 20, MSG_NOSIGNAL, NULL, 0));
}

static void listen_to_agent(void)
{
    char data[64];
    struct iovec part = {data, sizeof data};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    verdict("recvmsg", recvmsg(FD_SOCKET, &message, MSG_DONTWAIT));
}

static void end_silently(void) { _exit(0); }
static void end_with_code(void) { _exit(77); }
static void kill_itself_by_fault(void)
{
    int *volatile nowhere = (int *)8;
    *nowhere = 1;
}
static void illegal_instruction(void) { __builtin_trap(); }
static void loop(void) { for (volatile unsigned n = 0;; n++) continue; }

/* Kills the SEE's own slot descriptor, then returns as if nothing had happened. */
static void close_slot(void) { syscall(SYS_close_range, 0, ~0u, 0); }

const Attack PROCESS_ATTACKS[] = {
    {"kill_zygote", kill_zygote}, {"kill_all", kill_all}, {"kill_group", kill_group}, {"fork_bomb", fork_bomb},
    {"wait_for_others", wait_for_others}, {"scan_descriptors", scan_descriptors}, {"talk_to_agent", talk_to_agent},
    {"listen_to_agent", listen_to_agent}, {"end_silently", end_silently}, {"end_with_code", end_with_code},
    {"kill_itself_by_fault", kill_itself_by_fault}, {"illegal_instruction", illegal_instruction}, {"loop", loop}, {"close_slot", close_slot},
    {NULL, NULL},
};
