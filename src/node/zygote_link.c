/* A zygote's slots and packets. */
#include "node/zygote_link.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "sys/fd.h"

Err zygote_link_start(ZygoteLink *z, WardenLink *warden, uint32_t id, const WardenStart *start, int image_fd)
{
    assert(z->state == ZYGOTE_NONE);

    int pair[2];
    TRY(socket_pair(pair));
    AUTO_FD ours = pair[0], theirs = pair[1];
    TRY(fd_set_nonblocking(ours, 1)); /* the other end is a file of its own and stays blocking */
    WardenStart packet = *start;
    packet.type = WARDEN_START;
    packet.zygote = id;
    TRY(warden_link_start(warden, &packet, image_fd, theirs));
    *z = (ZygoteLink){.state = ZYGOTE_STARTING, .id = id, .channel = fd_take(&ours)};
    return OK;
}

void zygote_link_drop(ZygoteLink *z, const SlotPlan *plan)
{
    if (z->state != ZYGOTE_NONE) fd_close(&z->channel);
    for (uint32_t i = 0; i < z->slot_count; i++) slot_close(&z->slots[i], plan);
    free(z->slots);
    *z = (ZygoteLink){.channel = -1};
}

static Err open_slots(ZygoteLink *z, const SlotPlan *plan, uint32_t slot_count)
{
    z->slots = calloc(slot_count, sizeof *z->slots);
    if (!z->slots) return FAIL(ENOMEM);
    while (z->slot_count < slot_count) {
        TRY(slot_open(plan, &z->slots[z->slot_count]));
        z->slot_count++;
    }
    return OK;
}

Err zygote_link_warm(ZygoteLink *z, SecurityLevel level, uint64_t memory_max, bool staged)
{
    assert(z->state == ZYGOTE_STARTING);

    const ChannelWarm warm = {CHANNEL_WARM, CHANNEL_VERSION, (uint32_t)level, staged, memory_max};
    TRY(socket_send(z->channel, view_of(&warm, sizeof warm), NULL, 0));
    z->state = ZYGOTE_WARMING;
    return OK;
}

Err zygote_link_set_up(ZygoteLink *z, const SlotPlan *plan, const TaskOpen *task, uint32_t slot_count, const int *staging)
{
    assert((z->state == ZYGOTE_STARTING || z->state == ZYGOTE_WARM) && slot_count + STAGING_FDS <= ZYGOTE_SLOTS_MAX);

    TRY(open_slots(z, plan, slot_count));
    int fds[ZYGOTE_SLOTS_MAX];
    for (uint32_t i = 0; i < slot_count; i++) fds[i] = z->slots[i].fd;
    if (staging) memcpy(fds + slot_count, staging, STAGING_FDS * sizeof *fds);
    AUTO_BUFFER setup = buffer_limited(CHANNEL_PACKET_MAX);
    TRY(channel_put_setup(&setup, task, slot_count, staging != NULL));
    TRY(socket_send(z->channel, view_buffer(&setup), fds, slot_count + (staging ? STAGING_FDS : 0)));
    for (uint32_t i = 0; i < slot_count; i++) zygote_link_slot_idle(z, slot_count - 1 - i);
    z->is_sealed = task->sealed != SEALED_NONE;
    z->state = ZYGOTE_SETTING_UP;
    return OK;
}

Err zygote_link_grant(ZygoteLink *z, const ChannelSession *session)
{
    assert(z->state == ZYGOTE_ATTESTING && session->type == CHANNEL_SESSION);

    TRY(socket_send(z->channel, view_of(session, sizeof *session), NULL, 0));
    z->state = ZYGOTE_READY;
    return OK;
}

/* Its place in `told`, or told_count. What was not yet sent cannot be done. */
static uint32_t find_told(const ZygoteLink *z, uint32_t slot)
{
    uint32_t sent = z->told_count - z->run.count;
    for (uint32_t i = 0; i < sent; i++)
        if (z->told[i] == slot) return i;
    return z->told_count;
}

static Err accept_done(ZygoteLink *z, const ChannelReport *report)
{
    for (uint32_t i = 0; i < report->count; i++)
        if (find_told(z, report->slots[i].slot) == z->told_count) return FAIL(ERR_PROTOCOL);
    for (uint32_t i = 0; i < report->count; i++) {
        uint32_t at = find_told(z, report->slots[i].slot);
        z->told_count--;
        memmove(z->told + at, z->told + at + 1, (z->told_count - at) * sizeof z->told[0]);
    }
    return OK;
}

Err zygote_link_receive(ZygoteLink *z, ChannelReport *ret_report)
{
    uint8_t packet[sizeof(ChannelDone)];
    size_t size = 0, fd_count = 0;
    TRY(socket_receive(z->channel, packet, sizeof packet, &size, NULL, &fd_count));
    TRY(channel_get_report(view_of(packet, size), z->slot_count, ret_report));
    if (ret_report->type == CHANNEL_DONE) {
        if (z->state != ZYGOTE_READY) return FAIL(ERR_PROTOCOL);
        return accept_done(z, ret_report);
    }
    const bool warming = z->state == ZYGOTE_WARMING;
    if (!warming && z->state != ZYGOTE_SETTING_UP) return FAIL(ERR_PROTOCOL);
    if (warming && ret_report->type == CHANNEL_WARMED) z->state = ZYGOTE_WARM;
    if (ret_report->type != CHANNEL_FAILED && (ret_report->type == CHANNEL_WARMED) != warming) return FAIL(ERR_PROTOCOL);
    if (ret_report->type == CHANNEL_READY) z->state = z->is_sealed ? ZYGOTE_ATTESTING : ZYGOTE_READY;
    return OK;
}

void zygote_link_slot_idle(ZygoteLink *z, uint32_t slot)
{
    assert(z->idle_count < z->slot_count);
    z->idle[z->idle_count++] = slot;
}

void zygote_link_tell(ZygoteLink *z)
{
    assert(z->state == ZYGOTE_READY && z->idle_count > 0);

    uint32_t slot = z->idle[--z->idle_count];
    slot_finish(&z->slots[slot]);
    z->told[z->told_count++] = slot;
    z->run.slots[z->run.count++] = slot;
}

Err zygote_link_flush(ZygoteLink *z)
{
    if (z->run.count == 0) return OK;
    z->run.type = CHANNEL_RUN;
    TRY(socket_send(z->channel, view_of(&z->run, offsetof(ChannelRun, slots) + z->run.count * sizeof z->run.slots[0]), NULL, 0));
    z->run.count = 0;
    return OK;
}
