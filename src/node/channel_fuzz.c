/*
 * A hostile zygote at the other end of the channel: any packets, in any order, between RUNs. Whatever comes, a slot is idle, told to run,
 * or done and in the agent's hand: never two of these, never lost.
 *
 * Input: operations of one byte, then what they need. Below 0x40: tell a slot; below 0x80: flush; else: a packet of the next byte's length.
 */
#include <assert.h>
#include <stdlib.h>

#include "node/zygote_link.h"
#include "sys/fd.h"

enum { SLOTS = 5 };
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `in_hand`: slots of the last DONE, not yet given back. */
static void check(const ZygoteLink *z, uint32_t in_hand)
{
    uint32_t seen = 0;
    for (uint32_t i = 0; i < z->idle_count; i++) seen |= 1u << z->idle[i];
    for (uint32_t i = 0; i < z->told_count; i++) seen |= 1u << z->told[i];
    if (seen >> SLOTS || z->idle_count + z->told_count + in_hand != SLOTS) abort();
    if ((uint32_t)__builtin_popcount(seen) + in_hand != SLOTS || z->run.count > z->told_count) abort();
}

static Err hear(ZygoteLink *z)
{
    for (;;) {
        ChannelReport r;
        TRY(zygote_link_receive(z, &r));
        if (r.type != CHANNEL_DONE) continue;
        check(z, r.count);
        for (uint32_t i = 0; i < r.count; i++) {
            slot_begin(&z->slots[r.slots[i].slot]);
            zygote_link_slot_idle(z, r.slots[i].slot);
        }
        check(z, 0);
    }
}

static void play(ZygoteLink *z, int peer, Reader r)
{
    uint8_t drained[sizeof(ChannelRun)];
    while (r.rest.size && !r.bad) {
        uint8_t operation = read_u8(&r);
        if (operation < 0x40) {
            if (z->state == ZYGOTE_READY && z->idle_count) zygote_link_tell(z);
        } else if (operation < 0x80) {
            size_t got = 0, fds = 0;
            if (zygote_link_flush(z).code ||
                (z->told_count && socket_receive(peer, drained, sizeof drained, &got, NULL, &fds).code == ERR_CLOSED)) return;
        } else {
            View packet = read_raw(&r, read_u8(&r));
            if (packet.size && socket_send(peer, packet, NULL, 0).code) return;
            if (hear(z).code != ERR_BUSY) return; /* the agent drops this zygote now */
        }
        check(z, 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Slot slots[SLOTS];
    static uint8_t maps[SLOTS][SLOT_DATA];
    int pair[2];
    if (socket_pair(pair).code || fd_set_nonblocking(pair[0], 1).code || fd_set_nonblocking(pair[1], 1).code) abort();
    ZygoteLink z = {.state = ZYGOTE_SETTING_UP, .channel = pair[0], .slots = slots, .slot_count = SLOTS};
    for (uint32_t i = 0; i < SLOTS; i++) {
        slots[i] = (Slot){.fd = -1, .map = maps[i]};
        zygote_link_slot_idle(&z, i);
    }
    play(&z, pair[1], reader_of(view_of(data, size)));
    fd_close(&pair[0]);
    fd_close(&pair[1]);
    return 0;
}
