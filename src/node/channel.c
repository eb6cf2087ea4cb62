/* Packets of the channel, as the agent writes and reads them. */
#include "node/channel.h"

#include <assert.h>

#include "node/text.h"

Err channel_put_setup(Buffer *b, const TaskOpen *task, uint32_t slot_count, bool staged)
{
    assert(slot_count > 0 && slot_count <= ZYGOTE_SLOTS_MAX);

    if (task->args.size + task->env.size > TASK_ARG_BYTES_MAX) return FAIL(ERR_LIMIT);
    ChannelSetup setup = {
        .type = CHANNEL_SETUP, .version = CHANNEL_VERSION, .level = task->level, .slot_count = slot_count,
        .lifetime_ns = task->lifetime_ns, .memory_max = task->memory_max, .real_random = task->real_random, .sealed = task->sealed,
        .arg_count = task->arg_count, .env_count = task->env_count, .text_size = (uint32_t)(task->args.size + task->env.size)};
    memcpy(setup.task_seed, task->seed, sizeof setup.task_seed);
    memcpy(setup.task_id, task->id.bytes, sizeof setup.task_id);
    setup.staged = staged;
    TRY(buffer_append(b, view_of(&setup, sizeof setup)));
    TRY(buffer_append(b, task->args));
    return buffer_append(b, task->env);
}

static Err get_ready(View packet, ChannelType type, ChannelReport *ret_report)
{
    ChannelReady ready;
    if (packet.size != sizeof ready) return FAIL(ERR_PROTOCOL);
    memcpy(&ready, packet.data, sizeof ready);
    if (ready.version != CHANNEL_VERSION) return FAIL(ERR_PROTOCOL);
    ret_report->type = type;
    return OK;
}

static Err get_done(View packet, uint32_t slot_count, ChannelReport *ret_report)
{
    const size_t head = offsetof(ChannelDone, slots);
    uint32_t count = 0;
    if (packet.size < head) return FAIL(ERR_PROTOCOL);
    memcpy(&count, packet.data + offsetof(ChannelDone, count), sizeof count);
    if (count == 0 || count > slot_count || packet.size != head + count * sizeof(ChannelSlotDone)) return FAIL(ERR_PROTOCOL);

    uint64_t seen = 0;
    _Static_assert(ZYGOTE_SLOTS_MAX <= 64, "one bit for each slot");
    for (uint32_t i = 0; i < count; i++) {
        ChannelSlotDone done;
        memcpy(&done, packet.data + head + i * sizeof done, sizeof done);
        if (done.slot >= slot_count || (seen >> done.slot & 1) || done.how < HOW_ANSWERED || done.how > HOW_FORK_FAILED) return FAIL(ERR_PROTOCOL);
        seen |= UINT64_C(1) << done.slot;
        ret_report->slots[i] = done;
    }
    ret_report->type = CHANNEL_DONE;
    ret_report->count = count;
    return OK;
}

static Err get_failed(View packet, ChannelReport *ret_report)
{
    const size_t head = offsetof(ChannelFailed, text);
    if (packet.size < head || packet.size > sizeof(ChannelFailed)) return FAIL(ERR_PROTOCOL);
    text_copy(ret_report->text, sizeof ret_report->text, view_of(packet.data + head, packet.size - head));
    ret_report->type = CHANNEL_FAILED;
    return OK;
}

Err channel_get_report(View packet, uint32_t slot_count, ChannelReport *ret_report)
{
    assert(slot_count <= ZYGOTE_SLOTS_MAX);

    uint32_t type = 0;
    if (packet.size < sizeof type) return FAIL(ERR_PROTOCOL);
    memcpy(&type, packet.data, sizeof type);
    switch (type) {
    case CHANNEL_READY:
    case CHANNEL_WARMED: return get_ready(packet, (ChannelType)type, ret_report);
    case CHANNEL_DONE: return get_done(packet, slot_count, ret_report);
    case CHANNEL_FAILED: return get_failed(packet, ret_report);
    default: return FAIL(ERR_PROTOCOL);
    }
}
