/* The messages that move objects: OBJECT_GET, OBJECT_CHUNK, OBJECT_NONE. */
#include "bus/message_wire.h"

static Err put_object(Buffer *b, MessageType type, const ObjectId *id)
{
    TRY(message_put_type(b, type));
    return buffer_append(b, view_of(id->bytes, sizeof id->bytes));
}

static Err get_object(View v, MessageType type, Reader *ret_reader, ObjectId *ret_id)
{
    Reader r;
    TRY(message_get_type(v, type, &r));
    message_read_array(&r, ret_id->bytes, sizeof ret_id->bytes);
    *ret_reader = r;
    return OK;
}

static bool get_valid(const ObjectGet *m) { return m->size > 0 && m->size <= OBJECT_CHUNK_BYTES_MAX && m->offset <= (uint64_t)INT64_MAX - m->size; }

Err message_put_object_get(Buffer *b, const ObjectGet *m)
{
    if (!get_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(put_object(b, MESSAGE_OBJECT_GET, &m->id));
    TRY(buffer_put_u64(b, m->offset));
    return buffer_put_u32(b, m->size);
}

Err message_get_object_get(View v, ObjectGet *ret_message)
{
    Reader r;
    ObjectGet m = {0};
    TRY(get_object(v, MESSAGE_OBJECT_GET, &r, &m.id));
    m.offset = read_u64(&r);
    m.size = read_u32(&r);
    if (!reader_done(&r) || !get_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

/* An empty chunk would be no progress: an object of no bytes needs none. */
static bool chunk_valid(const ObjectChunk *m)
{
    return m->bytes.size > 0 && m->bytes.size <= OBJECT_CHUNK_BYTES_MAX && m->total <= INT64_MAX && m->bytes.size <= m->total
        && m->offset <= m->total - m->bytes.size;
}

Err message_put_object_chunk(Buffer *b, const ObjectChunk *m)
{
    if (!chunk_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(put_object(b, MESSAGE_OBJECT_CHUNK, &m->id));
    TRY(buffer_put_u64(b, m->offset));
    TRY(buffer_put_u64(b, m->total));
    return buffer_put_bytes(b, m->bytes);
}

Err message_get_object_chunk(View v, ObjectChunk *ret_message)
{
    Reader r;
    ObjectChunk m = {0};
    TRY(get_object(v, MESSAGE_OBJECT_CHUNK, &r, &m.id));
    m.offset = read_u64(&r);
    m.total = read_u64(&r);
    m.bytes = read_bytes(&r, OBJECT_CHUNK_BYTES_MAX);
    if (!reader_done(&r) || !chunk_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

Err message_put_object_none(Buffer *b, const ObjectNone *m)
{
    if (!message_code_valid(m->code)) return FAIL(ERR_PROTOCOL);
    TRY(put_object(b, MESSAGE_OBJECT_NONE, &m->id));
    return buffer_put_u32(b, (uint32_t)m->code);
}

Err message_get_object_none(View v, ObjectNone *ret_message)
{
    Reader r;
    ObjectNone m = {0};
    TRY(get_object(v, MESSAGE_OBJECT_NONE, &r, &m.id));
    uint32_t code = read_u32(&r);
    if (!reader_done(&r) || !message_code_valid(code)) return FAIL(ERR_PROTOCOL);
    m.code = (int32_t)code;
    *ret_message = m;
    return OK;
}
