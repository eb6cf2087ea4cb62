/* One frame: written, and read with every field checked. */
#include "bus/nats_frame.h"

#include <assert.h>

uint32_t nats_frame_count(uint32_t total, uint32_t chunk) { return total ? (total - 1) / chunk + 1 : 1; }

Err nats_frame_put(Buffer *b, const char *subject, const uint8_t id[FRAME_ID_BYTES], View message, uint32_t chunk, uint32_t index)
{
    const size_t subject_size = strlen(subject);
    assert(chunk >= FRAME_CHUNK_MIN && subject_size < FRAME_SUBJECT_MAX && index < nats_frame_count((uint32_t)message.size, chunk));

    const size_t from = (size_t)index * chunk, left = message.size - from;
    TRY(buffer_reserve(b, FRAME_HEAD_BYTES + subject_size + (left < chunk ? left : chunk)));
    TRY(buffer_put_u8(b, FRAME_VERSION));
    TRY(buffer_put_u8(b, (uint8_t)subject_size));
    TRY(buffer_put_u32(b, chunk));
    TRY(buffer_put_u32(b, (uint32_t)message.size));
    TRY(buffer_put_u32(b, index));
    TRY(buffer_append(b, view_of(id, FRAME_ID_BYTES)));
    TRY(buffer_append(b, view_text(subject)));
    return message.size ? buffer_append(b, view_of(message.data + from, left < chunk ? left : chunk)) : OK;
}

Err nats_frame_get(View v, const char *came_under, NatsFrame *ret_frame)
{
    NatsFrame f = {0};
    Reader r = reader_of(v);
    const uint8_t version = read_u8(&r), subject_size = read_u8(&r);
    f.chunk = read_u32(&r);
    f.total = read_u32(&r);
    f.index = read_u32(&r);
    const View id = read_raw(&r, FRAME_ID_BYTES);
    f.subject = read_raw(&r, subject_size);
    f.bytes = r.rest;
    if (r.bad || version != FRAME_VERSION || f.chunk < FRAME_CHUNK_MIN || f.total > BUS_MESSAGE_BYTES_MAX) return FAIL(ERR_PROTOCOL);
    if (f.index >= nats_frame_count(f.total, f.chunk)) return FAIL(ERR_PROTOCOL);
    const size_t left = f.total - (size_t)f.index * f.chunk;
    if (f.bytes.size != (left < f.chunk ? left : f.chunk)) return FAIL(ERR_PROTOCOL);
    if (!view_equal(f.subject, view_text(came_under))) return FAIL(ERR_FOREIGN);
    memcpy(f.id, id.data, sizeof f.id);
    *ret_frame = f;
    return OK;
}
