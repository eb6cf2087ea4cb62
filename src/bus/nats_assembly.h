/**
 * Fragments become messages again. Bounded whatever arrives: so many messages under way in all and a subject (the last token says who speaks:
 * nobody takes the room of others), so many bytes that have come, and none for longer than ASSEMBLY_AGE_NS. What does not fit is dropped whole.
 */
#pragma once
#include "bus/nats_frame.h"

enum { ASSEMBLIES_MAX = 256, ASSEMBLIES_SUBJECT_MAX = 4, ASSEMBLY_DONE_MAX = 1024, ASSEMBLY_REPLY_MAX = 256 };
#define ASSEMBLY_BYTES_MAX (2 * BUS_MESSAGE_BYTES_MAX) /* of a bus */
#define ASSEMBLY_AGE_NS (60 * NS_PER_S)

/** A message whose fragments are all here. `replies`: where each came from and wants to be acknowledged ("" when it does not). */
typedef struct {
    uint8_t id[FRAME_ID_BYTES];
    char subject[FRAME_SUBJECT_MAX];
    uint8_t *bytes;
    uint32_t chunk, total, count, have;
    char **replies;      /* count of them; NULL: that fragment is missing */
    uint64_t since_ns, held; /* held: bytes that have come */
} Assembled;

typedef struct NatsAssembly NatsAssembly;
/** bytes_max: of fragments that wait for others, however much they announce. */
MUST_USE Err nats_assembly_new(uint64_t bytes_max, NatsAssembly **ret_assembly);
void nats_assembly_free(NatsAssembly **assembly);

/**
 * Adds a fragment of a message of several. *ret_message: the message if that was the last one missing (assembled_free), otherwise NULL.
 * *ret_done: it belongs to a message that was complete before; acknowledge it again and forget it. A fragment that comes twice replaces
 * its reply.
 *
 * errors  ERR_BUSY (no room now), ERR_PROTOCOL (contradicts the fragments before), ENOMEM
 */
MUST_USE Err nats_assembly_add(NatsAssembly *a, const NatsFrame *frame, const char *reply, uint64_t now_ns, Assembled **ret_message, bool *ret_done);
void assembled_free(Assembled **message);
/** Messages under way, for tests. */
uint32_t nats_assembly_count(const NatsAssembly *a);
