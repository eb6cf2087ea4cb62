/**
 * A test's side of the channel: slots, SETUP, RUN and DONE, for tests of the runtime and of the warden. The zygote runs the native image
 * of see_test_module.c.
 */
#pragma once
#include <sys/types.h>

#include "base/level.h"
#include "see/channel.h"
#include "see/slot.h"
#include "see/zygote_report.h"

enum { RIG_SLOTS = 3, RIG_OUTPUT_ROOM = 8192 };

typedef struct {
    int socket;
    const int *staging;
    int fds[RIG_SLOTS];
    uint8_t *slots[RIG_SLOTS];
} Rig;

/** What zeros mean: a lifetime of 20 s, memory of 2 MiB, derived random. `part` is the only argument, "A=b" the environment. */
typedef struct {
    SecurityLevel level; const char *part; uint64_t lifetime_ms, memory; bool real_random; ChannelSealed sealed;
    const int *staging; /* STAGING_FDS of a shelf; NULL: nothing is staged */
    bool warm;          /* it was sent WARM, and has answered */
} Wish;

/** The native image, built beside the tests. */
const char *rig_image_path(void);
/** Starts the image with its socket, which is returned, and the pipe to its warden, whose other end is the caller's. */
int rig_exec_sealed(pid_t *ret_zygote, int *ret_report_fd);
/** What the zygote tells the warden; it has closed the pipe, and so does this. */
ZygoteReport rig_read_report(int report_fd);
/** Makes the slots and fills a SETUP packet. */
void rig_prepare(Rig *r, int socket, const Wish *wish, ChannelSetup *ret_setup);
/** Sends WARM for such a SETUP, and waits for this answer. */
void rig_warm(Rig *r, const ChannelSetup *setup, ChannelType answer);
void rig_send_setup(Rig *r, ChannelSetup *setup, const char *part);
/** All of that, and waits for READY. With sealed data the SESSION is the caller's to send; the task id is 16 times 0x11. */
void rig_start(Rig *r, int socket, Wish wish);
/** Closes the socket and gives the slots back. */
void rig_free(Rig *r);

SlotJob *rig_job(Rig *r, int slot, int i);
void rig_put_job(Rig *r, int slot, int i, uint64_t job, const char *input);
void rig_send_run(Rig *r, uint32_t count, const uint32_t *slots);
/** The next DONE, which must be about one slot. */
ChannelSlotDone rig_next_done(Rig *r);
/** Runs one micro-job in slot 0. */
ChannelSlotDone rig_run_one(Rig *r, uint64_t job, const char *input);
/** The result as text; until the next call. */
const char *rig_output(Rig *r, int slot, int i);
