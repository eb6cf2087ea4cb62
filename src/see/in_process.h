/**
 * For tests: zygotes with sealed data in the test's own process. They are the runtime's own session.c, input.c, output.c and job.c;
 * what those ask of the kernel (the warden's pipe, the agent's socket, the slot) is played by memory, so that a test runs thousands
 * of micro-jobs a second. The walls around a SEE are not here (see/sealed_test.c and tests/hostile have them), and the AEAD is the
 * host's, which makes the same bytes.
 */
#pragma once
#include "base/bytes.h"
#include "crypto/aead.h"
#include "see/channel.h"
#include "see/outcome.h"
#include "see/slot.h"
#include "see/zygote_report.h"

enum { IN_PROCESS_SLOT_BYTES = 64 << 10, IN_PROCESS_IO_MAX = 24 << 10 };

/** What the module makes of its whole input; returns the size of its output, at most IN_PROCESS_IO_MAX. */
typedef size_t (*InProcessModule)(const char *argument, View input, uint8_t *ret_output);

typedef struct {
    ChannelSetup setup;
    char argument[16];
    void *session;       /* the page of see/session.c; NULL: the zygote has ended */
    void *private_setup; /* what the grant said of a private task; NULL before it */
    ZygoteReport report; /* what it told the warden */
} InProcessZygote;

/** One at `process` or `shared`, of this task, for SEALED_SEGMENTS or SEALED_RESULTS. */
void in_process_start(InProcessZygote *z, uint32_t level, const uint8_t task_id[16], ChannelSealed sealed, const char *argument);
/** The agent's SESSION packet. false: it was not genuine, and the zygote has ended. */
bool in_process_grant(InProcessZygote *z, View packet);
/** Runs the micro-job in a slot of IN_PROCESS_SLOT_BYTES; the answer is there, and its outcome is returned. */
Outcome in_process_run(InProcessZygote *z, InProcessModule module, uint8_t *slot);
/** The keys that it was granted, for a test that looks for them elsewhere. Only after a genuine grant. */
void in_process_keys(const InProcessZygote *z, AeadKey *ret_wrap, AeadKey *ret_result, AeadKey *ret_answer);
void in_process_end(InProcessZygote *z);
