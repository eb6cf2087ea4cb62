/*
 * Level `shared`: a worker process runs micro-job after micro-job of this one task, its memory put back to the image's initial state in
 * between. The zygote only watches: it ends a worker whose micro-job outlives its lifetime, and forks a new one for what is left.
 *
 * Both share one page: the queue, and a count that is odd while a micro-job runs. The worker may write anything there (its wasm wall may
 * have fallen); the zygote uses it only to say which slot ended, within the slots there are.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "see/sealed.h"

typedef struct {
    uint32_t slots[ZYGOTE_SLOTS_MAX];
    uint32_t count, next;          /* queue: slots[next..count) are to be run, slots[next] is running */
    volatile uint64_t job_serial;  /* odd: a micro-job runs */
    volatile uint32_t in_slot;     /* 0: a slot's end, or a packet, may be known to the worker alone */
} Board;

static Board *board;

enum { TICKS_PER_LIFETIME = 8 };

static void run_slot(uint32_t slot)
{
    int fd = setup.slot_fds[slot];
    SlotHeader header;
    if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header || header.job_count > SLOT_JOBS_MAX) see_exit(3);
    static SlotJob records[SLOT_JOBS_MAX];
    if (!job_read(fd, header.job_count, records)) see_exit(3);
    for (uint32_t i = 0; i < header.job_count; i++) {
        if (records[i].answer.outcome != OUTCOME_NONE) continue; /* done by the worker before this one */
        board->job_serial++;
        job_run(fd, i, &records[i].ask, !is_sealed() || session_prepare(fd, &records[i]));
        restore_now();
        board->job_serial++;
    }
}

static _Noreturn void work(void)
{
    for (;;) {
        if (board->next >= board->count) {
            uint32_t count = serve_receive(board->slots);
            board->next = 0;
            board->count = count;
            if (count == 0) continue;
        }
        uint32_t slot = board->slots[board->next];
        atomic_signal_fence(memory_order_seq_cst);
        board->in_slot = 1;
        run_slot(slot);
        board->in_slot = 0;
        board->next++;
        serve_done(&(ChannelSlotDone){slot, HOW_ANSWERED, 0}, 1);
    }
}

static pid_t start_worker(void)
{
    if (board->job_serial & 1) board->job_serial++;
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) work();
    if (pid < 0) see_exit(4);
    return (pid_t)pid;
}

/* Waits for the worker's end, ending it when one micro-job lives too long; true when it was ended for that. */
static bool watch(pid_t worker, int *ret_status)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const uint64_t tick = setup.head.lifetime_ns / TICKS_PER_LIFETIME + 1;
    const struct timespec limit = {(time_t)(tick / NS_PER_S), (long)(tick % NS_PER_S)};
    uint64_t seen = 0;
    unsigned ticks = 0;
    bool killed = false;

    for (;;) {
        sigtimedwait(&child, NULL, &limit);
        if (waitpid(worker, ret_status, WNOHANG) == worker) return killed && WIFSIGNALED(*ret_status);
        uint64_t serial = board->job_serial;
        ticks = (serial & 1) && serial == seen ? ticks + 1 : 0;
        seen = serial;
        if (ticks < TICKS_PER_LIFETIME || killed) continue;
        kill(worker, SIGKILL);
        killed = true;
    }
}

/* Says what became of the slot that the dead worker was running; the new worker goes on behind it. */
static void report_death(bool lifetime, int status)
{
    if (!WIFSIGNALED(status)) see_exit(WEXITSTATUS(status)); /* the socket closed, or a packet was not legal */
    if (!board->in_slot) see_exit(5); /* the agent sees by its slots how far this zygote got, which here nobody can know */
    board->in_slot = 0;
    if (board->next >= board->count || board->count > ZYGOTE_SLOTS_MAX || board->slots[board->next] >= setup.head.slot_count) see_exit(5);
    ChannelSlotDone done = {board->slots[board->next], lifetime ? HOW_LIFETIME : HOW_SIGNAL, (uint16_t)WTERMSIG(status)};
    board->next++;
    serve_done(&done, 1);
}

/* Before the lock-down: afterwards there is no mmap. */
void serve_shared_prepare(void)
{
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) see_exit(6);
}

_Noreturn void serve_shared(void)
{
    for (;;) {
        int status = 0;
        bool lifetime = watch(start_worker(), &status);
        report_death(lifetime, status);
    }
}
