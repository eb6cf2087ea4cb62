/* The zygote's side of the channel after READY: which slots to run, and what became of them. */
#include <stddef.h>
#include <sys/socket.h>

#include "see/runtime.h"

uint32_t serve_receive(uint32_t ret_slots[ZYGOTE_SLOTS_MAX])
{
    ChannelRun run;
    struct iovec part = {&run, sizeof run};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t n = recvmsg(FD_SOCKET, &message, 0);
    if (n == 0) see_exit(0);
    if (n < (ssize_t)offsetof(ChannelRun, slots) || run.type != CHANNEL_RUN || run.count > ZYGOTE_SLOTS_MAX ||
        n != (ssize_t)(offsetof(ChannelRun, slots) + run.count * sizeof run.slots[0]))
        see_exit(2);
    for (uint32_t i = 0; i < run.count; i++) {
        if (run.slots[i] >= setup.head.slot_count) see_exit(2);
        ret_slots[i] = run.slots[i];
    }
    return run.count;
}

void serve_done(const ChannelSlotDone *done, uint32_t count)
{
    struct { uint32_t type, count; } head = {CHANNEL_DONE, count};
    struct iovec parts[2] = {{&head, sizeof head}, {(ChannelSlotDone *)(uintptr_t)done, count * sizeof *done}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (sendmsg(FD_SOCKET, &message, MSG_NOSIGNAL) < 0) see_exit(0);
}
