/**
 * Packets between agent and zygote over the one SOCK_SEQPACKET socket that a zygote inherits as descriptor 0.
 *
 *   agent  -> zygote   WARM at most once, first: be ready for a task that nobody knows yet; SETUP once, with the slots' memfds as descriptors,
 *   and where the task may claim staged data then the board and the places (see/staging.h); with sealed data SESSION once, after READY; then RUN
 *   any number of times
 *   zygote -> agent    WARMED once, after WARM; READY once, after SETUP; then DONE; or FAILED once, and the zygote ends
 *
 * The zygote answers every slot it was told to run exactly once, in any order, unless it dies. It runs slots one at a time in the
 * order it was given them. At `shared` one DONE covers the whole slot; jobs whose answer.outcome is 0 did not run: those after the
 * first of them in the slot never started, and DONE.how says what became of that first one.
 * When the socket closes, the zygote ends.
 */
#pragma once
#include <stdint.h>

#include "base/limits.h"

#define CHANNEL_VERSION 3u

typedef enum {
    CHANNEL_SETUP = 1, CHANNEL_RUN, CHANNEL_READY, CHANNEL_DONE, CHANNEL_FAILED, CHANNEL_SESSION, CHANNEL_WARM, CHANNEL_WARMED
} ChannelType;

typedef struct {
    uint32_t type;          /* CHANNEL_SETUP */
    uint32_t version;
    uint32_t level;         /* SecurityLevel */
    uint32_t slot_count;    /* memfds that come with the packet, in slot order; at most ZYGOTE_SLOTS_MAX */
    uint64_t lifetime_ns;   /* of one micro-job */
    uint64_t memory_max;    /* linear memory, bytes */
    uint8_t task_seed[32];  /* derived random streams: ChaCha20(task_seed, stage_and_job) */
    uint32_t real_random;   /* 1: random_get asks the kernel instead */
    uint32_t sealed;        /* SEALED_*: what segments and results are */
    uint8_t task_id[16];
    uint32_t arg_count, env_count;
    uint32_t text_size;     /* then the NUL-terminated arguments and environment entries, one after another */
    uint32_t staged;        /* 1: STAGING_FDS more descriptors came, after the slots; only at `process` */
} ChannelSetup;

/** The zygote makes its key pair and reports it (see/zygote_report.h), sets up its memory, locks itself down and waits: it has nothing of any task.
 *  The SETUP that follows must say the same level and memory, and `staged` only when this did. */
typedef struct { uint32_t type, version, level, staged; uint64_t memory_max; } ChannelWarm;

typedef struct { uint32_t type, count; uint32_t slots[ZYGOTE_SLOTS_MAX]; } ChannelRun; /* sent short: only `count` entries */

typedef struct { uint32_t type, version; uint64_t memory_initial; } ChannelReady;

/** Plain; or segments of a sealed dataset in, sealed results out; or (combining stages) sealed results in and out. */
typedef enum { SEALED_NONE, SEALED_SEGMENTS, SEALED_RESULTS } ChannelSealed;

/** The key broker's grant for this zygote, relayed by the agent, who cannot open it. */
typedef struct {
    uint32_t type;              /* CHANNEL_SESSION */
    uint32_t reserved;
    uint8_t evidence_hash[32];  /* SHA-256 of the evidence that the grant is bound to */
    uint8_t encapsulated[32];
    uint8_t sealed[4240 + 16];  /* a SessionPayload (see/session_payload.h) and its tag */
} ChannelSession;

/** How the process that ran a slot ended, as the zygote saw it. */
typedef enum { HOW_ANSWERED = 1, HOW_LIFETIME, HOW_SIGNAL, HOW_FORK_FAILED } ChannelHow;
typedef struct { uint32_t slot; uint16_t how; uint16_t signal_number; } ChannelSlotDone;
typedef struct { uint32_t type, count; ChannelSlotDone slots[ZYGOTE_SLOTS_MAX]; } ChannelDone; /* sent short */

typedef struct { uint32_t type; char text[252]; } ChannelFailed;

#define CHANNEL_PACKET_MAX (sizeof(ChannelSetup) + TASK_ARG_BYTES_MAX)
