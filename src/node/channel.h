/**
 * The agent's side of see/channel.h: writing SETUP, reading what a zygote says. Pure; docs/formats/channel.md.
 * At `shared` a hostile SEE can write to the channel, so everything that comes from it is checked here.
 */
#pragma once
#include "bus/message.h"
#include "see/channel.h"

/** The SETUP packet for one zygote of a task; staged: a board and places come with it. errors: ERR_LIMIT (arguments too long), ENOMEM */
MUST_USE Err channel_put_setup(Buffer *b, const TaskOpen *task, uint32_t slot_count, bool staged);

/** A packet from a zygote, whole and in range: slots < slot_count, each at most once, text terminated and printable. */
typedef struct {
    ChannelType type;             /* WARMED, READY, DONE or FAILED */
    uint32_t count;               /* DONE */
    ChannelSlotDone slots[ZYGOTE_SLOTS_MAX];
    char text[sizeof((ChannelFailed *)0)->text]; /* FAILED */
} ChannelReport;
/** errors: ERR_PROTOCOL */
MUST_USE Err channel_get_report(View packet, uint32_t slot_count, ChannelReport *ret_report);
