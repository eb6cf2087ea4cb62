/**
 * The agent's handle of one zygote: its channel, its slots, and which of them it was told to run. Passive: it never waits and never calls
 * back; node/post.c drives it.
 *
 *   NONE ──start──► STARTING ──STARTED──► SETTING_UP ──READY──► READY ──► any end: NONE
 *                 (warden was asked)     (slots made, SETUP sent)   ▲
 *                      │                      │ └─READY─► ATTESTING ──┘ with sealed data: SESSION sent
 *                      └WARM─► WARMING ─► WARM ┘ of a staged image: WARMED, and waits for its task
 */
#pragma once
#include "node/channel.h"
#include "node/slots.h"
#include "node/warden_link.h"

typedef enum { ZYGOTE_NONE, ZYGOTE_STARTING, ZYGOTE_WARMING, ZYGOTE_WARM, ZYGOTE_SETTING_UP, ZYGOTE_ATTESTING, ZYGOTE_READY } ZygoteState;

typedef struct {
    ZygoteState state;
    bool is_sealed;                          /* it needs a session before it can run anything */
    uint32_t id;                             /* as the warden knows it */
    int channel;
    Slot *slots;
    uint32_t slot_count;
    uint32_t idle[ZYGOTE_SLOTS_MAX], idle_count;
    uint32_t told[ZYGOTE_SLOTS_MAX], told_count; /* told to run, oldest first: the first one is running */
    ChannelRun run;                          /* the last run.count of them go out with the next flush */
    uint64_t since_ns;                       /* when the state began, or the last sign of life from what runs */
    uint64_t start_ns, attest_ns;            /* what making it ready took; 0: not known yet, or not attested */
    uint32_t answered;                       /* micro-jobs seen answered since; the watchdog's sign of life */
} ZygoteLink;

/** Asks the warden for it; `start` says what of, type and zygote are filled in here. */
MUST_USE Err zygote_link_start(ZygoteLink *z, WardenLink *warden, uint32_t id, const WardenStart *start, int image_fd);
/** It has started and its task is not known yet: sends WARM. */
MUST_USE Err zygote_link_warm(ZygoteLink *z, SecurityLevel level, uint64_t memory_max, bool staged);
/** It has started, or is warm: makes the slots and sends SETUP, with the STAGING_FDS of a shelf unless staging is NULL. */
MUST_USE Err zygote_link_set_up(ZygoteLink *z, const SlotPlan *plan, const TaskOpen *task, uint32_t slot_count, const int *staging);
/** The key broker's grant: it is ready. errors: ERR_CLOSED */
MUST_USE Err zygote_link_grant(ZygoteLink *z, const ChannelSession *session);
/** Frees everything. Tells nobody. */
void zygote_link_drop(ZygoteLink *z, const SlotPlan *plan);

/**
 * The next packet, checked against the state: READY only while setting up, DONE only for slots that were told to run. The slots of a DONE
 * are no longer in `told`, and not yet idle: the caller reads them and gives each back with zygote_link_slot_idle.
 * errors: ERR_BUSY when there is none, ERR_CLOSED, ERR_PROTOCOL
 */
MUST_USE Err zygote_link_receive(ZygoteLink *z, ChannelReport *ret_report);
void zygote_link_slot_idle(ZygoteLink *z, uint32_t slot);

/** An idle slot, to be filled; only when idle_count > 0. It stays idle until zygote_link_tell. */
static inline uint32_t zygote_link_idle_slot(const ZygoteLink *z) { return z->idle[z->idle_count - 1]; }
/** The idle slot is filled: it is run after the next flush. */
void zygote_link_tell(ZygoteLink *z);
/** One packet for all that were told. */
MUST_USE Err zygote_link_flush(ZygoteLink *z);
