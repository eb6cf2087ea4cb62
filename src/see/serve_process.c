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

/* Ends are told together: waking the agent costs more than a result waits. But none waits for a micro-job that takes long. */
enum { DONE_BATCH = 8, PATIENCE_NS = 1000000 };
typedef struct { ChannelSlotDone ends[DONE_BATCH]; uint32_t count; } Batch;
static Batch *done; /* on the stack: after each fork the zygote's first write to a page faults, and to that one it writes anyway */

static void tell_done(void)
{
    if (done->count) serve_done(done->ends, done->count);
    done->count = 0;
}

static _Noreturn void run_as_see(uint32_t slot, const SlotJob *record, bool genuine)
{
    int slot_fd = FD_SLOT;
    if (dup2(setup.slot_fds[slot], FD_SLOT) < 0) see_exit(3);
    if (setup.head.staged) staging_keep(slot_fd = setup.slot_fds[slot]); /* claims need descriptor 0 */
    else if (syscall(SYS_close_range, FD_SLOT + 1, ~0u, 0) < 0) see_exit(3);
    SlotJob own; /* on the stack, a page that is written to anyway */
    if (!record && job_read(slot_fd, 1, &own)) record = &own; /* sealed: the zygote has read it */
    if (!record) see_exit(3);
    job_run(slot_fd, 0, &record->ask, genuine);
    see_exit(0);
}

/* True when the signal of a child's end came within that time. */
static bool child_ended(uint64_t ns)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const struct timespec limit = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    int signal_number;
    do signal_number = sigtimedwait(&child, NULL, &limit); while (signal_number < 0 && errno == EINTR);
    return signal_number >= 0;
}

static bool outlives(uint64_t lifetime)
{
    uint64_t patience = lifetime < PATIENCE_NS ? lifetime : PATIENCE_NS;
    if (child_ended(patience)) return false;
    tell_done();
    return !child_ended(lifetime - patience);
}

/* Sleeps whole steps, and looks only between them whether it has ended: how long it took shows in steps. No clock is read. */
static bool reaped_in_steps(pid_t see, uint64_t step, uint64_t lifetime, int *ret_status)
{
    sigset_t nothing;
    sigemptyset(&nothing);
    const struct timespec limit = {(time_t)(step / NS_PER_S), (long)(step % NS_PER_S)};
    tell_done();
    for (uint64_t waited = 0; waited < lifetime; waited += step) {
        sigtimedwait(&nothing, NULL, &limit);
        if (waitpid(see, ret_status, WNOHANG) != see) continue;
        child_ended(0); /* as below */
        return true;
    }
    return false;
}

static ChannelSlotDone wait_for(pid_t see, uint32_t slot)
{
    const uint64_t step = private_setup.request.pad_ms * NS_PER_MS;
    int status = 0;
    bool reaped = step && reaped_in_steps(see, step, setup.head.lifetime_ns, &status);
    bool killed = step ? !reaped : outlives(setup.head.lifetime_ns);
    if (killed) kill(see, SIGKILL);

    if (!reaped && waitpid(see, &status, 0) != see) return (ChannelSlotDone){slot, HOW_SIGNAL, SIGKILL};
    if (killed) child_ended(0); /* the signal of the death just reaped must not end the next one's wait */
    if (killed && WIFSIGNALED(status)) return (ChannelSlotDone){slot, HOW_LIFETIME, 0};
    if (WIFSIGNALED(status)) return (ChannelSlotDone){slot, HOW_SIGNAL, (uint16_t)WTERMSIG(status)};
    return (ChannelSlotDone){slot, HOW_ANSWERED, 0};
}

/* That it died, and of what, is the module's doing: as if it had said nothing. Under a key of its own, since the dead one may have sealed already. */
static ChannelSlotDone hidden(ChannelSlotDone end, const SlotJob *record)
{
    const int slot_fd = setup.slot_fds[end.slot];
    if (end.how == HOW_ANSWERED || !session_prepare(slot_fd, record)) return end;
    job_default(slot_fd, &record->ask);
    return (ChannelSlotDone){end.slot, HOW_ANSWERED, 0};
}

static ChannelSlotDone run_slot(uint32_t slot)
{
    SlotJob read;
    const SlotJob *record = is_sealed() && job_read(setup.slot_fds[slot], 1, &read) ? &read : NULL;
    bool genuine = !is_sealed() || session_prepare(setup.slot_fds[slot], record);
    long see = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (see == 0) run_as_see(slot, record, genuine);
    if (see < 0) return (ChannelSlotDone){slot, HOW_FORK_FAILED, 0};
    ChannelSlotDone end = wait_for((pid_t)see, slot);
    return is_hiding() && genuine ? hidden(end, record) : end;
}

_Noreturn void serve_process(void)
{
    uint32_t slots[ZYGOTE_SLOTS_MAX];
    Batch batch = {.count = 0};
    done = &batch;
    for (;;) {
        uint32_t count = serve_receive(slots);
        for (uint32_t i = 0; i < count; i++) {
            ChannelSlotDone end = run_slot(slots[i]); /* may tell and count from 0 again */
            batch.ends[batch.count++] = end;
            if (batch.count == DONE_BATCH) tell_done();
        }
        tell_done();
    }
}
