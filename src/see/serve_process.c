/*
 * Level `process`: one fork per micro-job. The zygote never runs code of the module; the child is the SEE. It keeps one descriptor, its
 * slot, in the place where the zygote has its socket, and ends after its one micro-job. The zygote kills it at its lifetime and reaps it
 * before the next one starts, so that there is never a neighbour to see.
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "see/sealed.h"

enum { DONE_BATCH = 8 }; /* answers are sent together: waking the agent costs more than a result waits */

static _Noreturn void run_as_see(uint32_t slot, bool genuine)
{
    if (dup2(setup.slot_fds[slot], FD_SLOT) < 0) see_exit(3);
    if (syscall(SYS_close_range, FD_SLOT + 1, ~0u, 0) < 0) see_exit(3);
    job_run(FD_SLOT, 0, genuine);
    see_exit(0);
}

static ChannelSlotDone wait_for(pid_t see, uint32_t slot)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const uint64_t lifetime = setup.head.lifetime_ns;
    const struct timespec limit = {(time_t)(lifetime / NS_PER_S), (long)(lifetime % NS_PER_S)};
    int ended;
    do ended = sigtimedwait(&child, NULL, &limit); while (ended < 0 && errno == EINTR);
    bool killed = ended < 0;
    if (killed) kill(see, SIGKILL);

    int status = 0;
    if (waitpid(see, &status, 0) != see) return (ChannelSlotDone){slot, HOW_SIGNAL, SIGKILL};
    if (killed) {
        const struct timespec now = {0};
        sigtimedwait(&child, NULL, &now); /* the signal of the death just reaped must not end the next one's wait */
    }
    if (killed && WIFSIGNALED(status)) return (ChannelSlotDone){slot, HOW_LIFETIME, 0};
    if (WIFSIGNALED(status)) return (ChannelSlotDone){slot, HOW_SIGNAL, (uint16_t)WTERMSIG(status)};
    return (ChannelSlotDone){slot, HOW_ANSWERED, 0};
}

static ChannelSlotDone run_slot(uint32_t slot)
{
    bool genuine = !is_sealed() || session_prepare(setup.slot_fds[slot], 0);
    long see = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (see == 0) run_as_see(slot, genuine);
    if (see < 0) return (ChannelSlotDone){slot, HOW_FORK_FAILED, 0};
    return wait_for((pid_t)see, slot);
}

_Noreturn void serve_process(void)
{
    uint32_t slots[ZYGOTE_SLOTS_MAX];
    ChannelSlotDone done[DONE_BATCH];
    for (;;) {
        uint32_t count = serve_receive(slots), finished = 0;
        for (uint32_t i = 0; i < count; i++) {
            done[finished++] = run_slot(slots[i]);
            if (finished < DONE_BATCH && i + 1 < count) continue;
            serve_done(done, finished);
            finished = 0;
        }
    }
}
