/**
 * What a NATS message of Covey's carries: one frame, a whole message or a fragment of one that is larger than the server takes. Pure; treats
 * frames as hostile. docs/formats/bus.md
 *
 *   u8   1                         version
 *   u8   length of the subject
 *   u32  chunk                     bytes in every fragment but the last; at least FRAME_CHUNK_MIN
 *   u32  total                     bytes of the message, at most BUS_MESSAGE_BYTES_MAX
 *   u32  index                     of this fragment
 *   16   id                        the same in all fragments of a message, different in all others: what the server drops second copies by
 *   n    subject                   that it was published under
 *   ...  bytes                     of the message, from index * chunk: exactly chunk, or what is left
 *
 * The subject is in the frame because a client may name any subject as the one to answer to, and the server answers there without asking
 * whether that client might publish under it: a frame that arrives under another subject than its own was redirected, and is dropped.
 */
#pragma once
#include "base/limits.h"
#include "bus/bus.h"

enum {
    FRAME_VERSION = 1, FRAME_ID_BYTES = 16, FRAME_HEAD_BYTES = 2 + 3 * 4 + FRAME_ID_BYTES, FRAME_CHUNK_MIN = 4096,
    FRAME_SUBJECT_MAX = BUS_SUBJECT_MAX + 64, /* with who speaks behind it */
};

typedef struct {
    uint32_t chunk, total, index;
    uint8_t id[FRAME_ID_BYTES];
    View subject, bytes;
} NatsFrame;

uint32_t nats_frame_count(uint32_t total, uint32_t chunk);
/** Appends fragment `index` of the message. errors: ERR_LIMIT, ENOMEM */
MUST_USE Err nats_frame_put(Buffer *b, const char *subject, const uint8_t id[FRAME_ID_BYTES], View message, uint32_t chunk, uint32_t index);
/** Borrows from `v`. errors: ERR_PROTOCOL; ERR_FOREIGN (its subject is not the one it came under) */
MUST_USE Err nats_frame_get(View v, const char *came_under, NatsFrame *ret_frame);
