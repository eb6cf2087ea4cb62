/* JOBS and RESULTS: a head and then items, written and read one after another. The hot path of the bus: one bounds check an item. */
#include "bus/message.h"
#include "bus/message_wire.h"
#include "crypto/stream.h"

enum {
    HEAD_BYTES = MESSAGE_HEAD_BYTES + TASK_ID_BYTES + 4 + 4 + MANAGER_ID_CHARS,
    JOB_BYTES = 8 + 4 + 1 + 1 + 2 + 8 + 8 + 8,
    RESULT_DIGEST_AT = 8 + 4 * 4 + 8 + 8,
    RESULT_BYTES = RESULT_DIGEST_AT + RESULT_DIGEST_BYTES + 8 + 4,
    FLAG_WITH_HEADER = 1, FLAG_PIECES = 2,
    OBJECT_BYTES = OBJECT_ID_BYTES + 8, /* in the place of a path */
};

static Err begin_batch(Buffer *b, MessageType type, const BatchHead *head)
{
    if (head->stage > STAGE_MAX || head->node == 0 || !message_manager_valid(&head->manager)) return FAIL(ERR_PROTOCOL);
    TRY(buffer_reserve(b, HEAD_BYTES));
    uint8_t *at = b->data + b->size;
    at = store_u8(at, (uint8_t)type);
    at = store_u8(at, MESSAGE_VERSION);
    at = store_raw(at, head->id.bytes, sizeof head->id.bytes);
    at = store_u32(at, head->stage);
    at = store_u32(at, head->node);
    store_raw(at, head->manager.text, MANAGER_ID_CHARS);
    b->size += HEAD_BYTES;
    return OK;
}

Err message_begin_jobs(Buffer *b, const BatchHead *head) { return begin_batch(b, MESSAGE_JOBS, head); }

Err message_begin_results(Buffer *b, const BatchHead *head, uint64_t sees_started)
{
    TRY(begin_batch(b, MESSAGE_RESULTS, head));
    return buffer_put_u64(b, sees_started);
}

static uint64_t piece_at(const JobItem *i, size_t n)
{
    uint64_t v;
    memcpy(&v, i->pieces.data + 8 * n, sizeof v);
    return v;
}

void job_piece(const JobItem *i, uint32_t n, uint64_t *ret_segment, uint64_t *ret_plain_size)
{
    const bool block = i->pieces.size > 0;
    *ret_segment = block ? piece_at(i, 0) + n : i->job;
    *ret_plain_size = block ? piece_at(i, 1 + n) : i->plain_size;
}

/* A block's segments are as large together as is said. */
static bool pieces_valid(const JobItem *i)
{
    uint64_t plain = 0, sealed = 0;
    const size_t count = i->pieces.size / 8;
    if (i->pieces.size == 0) return i->plain_size == 0 || (i->plain_size <= SEGMENT_BYTES_MAX && stream_sealed_size(i->plain_size) == i->size);
    if (i->pieces.size % 8 || count < 2 || count > 1 + JOB_PIECES_MAX || piece_at(i, 0) > JOB_INDEX_MAX) return false;
    for (size_t n = 1; n < count; n++) {
        if (piece_at(i, n) > SEGMENT_BYTES_MAX) return false;
        plain += piece_at(i, n);
        sealed += stream_sealed_size(piece_at(i, n));
    }
    return plain == i->plain_size && sealed == i->size;
}

static bool job_valid(const JobItem *i)
{
    if (i->job > JOB_INDEX_MAX || i->attempt == 0) return false;
    if (i->kind != SEGMENT_OBJECT && (i->object.size || i->object_size)) return false;
    if (!pieces_valid(i)) return false;
    switch (i->kind) {
    case SEGMENT_NONE: return i->size == 0 && i->path.size == 0 && i->data.size == 0;
    case SEGMENT_RANGE: return i->size <= SEGMENT_BYTES_MAX && i->offset <= INT64_MAX - i->size && i->path.size < PATH_BYTES_MAX && i->data.size == 0;
    case SEGMENT_INLINE: return i->size <= SEGMENT_BYTES_MAX && i->size == i->data.size && i->path.size == 0;
    case SEGMENT_OBJECT:
        return i->size <= SEGMENT_BYTES_MAX && i->object_size <= INT64_MAX && i->size <= i->object_size && i->offset <= i->object_size - i->size
            && (i->object.size == 0 || i->object.size == OBJECT_ID_BYTES) && i->path.size == 0 && i->data.size == 0;
    default: return false;
    }
}

Err message_add_job(Buffer *b, const JobItem *item)
{
    if (!job_valid(item)) return FAIL(ERR_PROTOCOL);
    size_t object = item->object.size ? OBJECT_BYTES : 0, named = item->path.size + object;
    const size_t pieces = item->pieces.size ? 2 + item->pieces.size : 0, extra = named + item->data.size + pieces;
    TRY(buffer_reserve(b, JOB_BYTES + extra));
    uint8_t *at = b->data + b->size;
    at = store_u64(at, item->job);
    at = store_u32(at, item->attempt);
    at = store_u8(at, item->kind);
    at = store_u8(at, (uint8_t)((item->with_header ? FLAG_WITH_HEADER : 0) | (pieces ? FLAG_PIECES : 0)));
    at = store_u16(at, (uint16_t)named);
    at = store_u64(at, item->offset);
    at = store_u64(at, item->size);
    at = store_u64(at, item->plain_size);
    at = store_raw(at, item->path.data, item->path.size);
    if (object) at = store_u64(store_raw(at, item->object.data, OBJECT_ID_BYTES), item->object_size);
    at = store_raw(at, item->data.data, item->data.size);
    if (pieces) store_raw(store_u16(at, (uint16_t)(item->pieces.size / 8)), item->pieces.data, item->pieces.size);
    b->size += JOB_BYTES + extra;
    return OK;
}

static bool result_valid(const ResultItem *i)
{
    return i->job <= JOB_INDEX_MAX && i->attempt != 0 && i->outcome < OUTCOME_COUNT && i->log_truncated <= 1 && i->log.size <= SEE_LOG_MAX
        && i->output.size <= SEE_OUTPUT_MAX;
}

Err message_add_result(Buffer *b, const ResultItem *item)
{
    if (!result_valid(item)) return FAIL(ERR_PROTOCOL);
    size_t bytes = RESULT_BYTES + item->output.size + item->log.size;
    TRY(buffer_reserve(b, bytes));
    uint8_t *at = b->data + b->size;
    at = store_u64(at, item->job);
    at = store_u32(at, item->attempt);
    at = store_u32(at, item->outcome);
    at = store_u32(at, item->exit_code);
    at = store_u32(at, item->log_truncated);
    at = store_u64(at, item->memory_peak);
    at = store_u64(at, item->run_ns);
    at = store_raw(at, item->digest.bytes, RESULT_DIGEST_BYTES);
    at = store_u64(at, item->output.size);
    at = store_u32(at, (uint32_t)item->log.size);
    at = store_raw(at, item->output.data, item->output.size);
    store_raw(at, item->log.data, item->log.size);
    b->size += bytes;
    return OK;
}

Err message_add_result_digested(Buffer *b, const ResultItem *item, const uint8_t digest_key[32])
{
    size_t start = b->size;
    TRY(message_add_result(b, item));
    ResultDigest digest;
    result_digest(digest_key, view_of(b->data + start + RESULT_BYTES, item->output.size), &digest);
    memcpy(b->data + start + RESULT_DIGEST_AT, digest.bytes, sizeof digest.bytes);
    return OK;
}

Err message_open_batch(View v, MessageType type, BatchReader *ret_reader)
{
    if (type != MESSAGE_JOBS && type != MESSAGE_RESULTS) return FAIL(ERR_PROTOCOL);
    BatchReader r = {.reader = reader_of(v)};
    View head = read_raw(&r.reader, HEAD_BYTES);
    if (r.reader.bad) return FAIL(ERR_PROTOCOL);
    const uint8_t *at = head.data;
    uint8_t got = load_u8(&at), version = load_u8(&at);
    load_raw(&at, r.head.id.bytes, sizeof r.head.id.bytes);
    r.head.stage = load_u32(&at);
    r.head.node = load_u32(&at);
    load_raw(&at, r.head.manager.text, MANAGER_ID_CHARS);
    if (type == MESSAGE_RESULTS) r.sees_started = read_u64(&r.reader);
    bool right = got == type && version == MESSAGE_VERSION && r.head.stage <= STAGE_MAX && r.head.node != 0 && message_manager_valid(&r.head.manager);
    if (r.reader.bad || !right) return FAIL(ERR_PROTOCOL);
    *ret_reader = r;
    return OK;
}

/* Takes the fixed part of the next item; *ret_more false at the end of the message. */
static Err next_item(BatchReader *r, size_t bytes, const uint8_t **ret_fixed, bool *ret_more)
{
    if (r->reader.bad) return FAIL(ERR_PROTOCOL);
    if (r->reader.rest.size == 0) {
        *ret_more = false;
        return OK;
    }
    View fixed = read_raw(&r->reader, bytes);
    if (r->reader.bad || r->items == BUS_BATCH_JOBS_MAX) return FAIL(ERR_PROTOCOL);
    r->items++;
    *ret_fixed = fixed.data;
    *ret_more = true;
    return OK;
}

/* What a RANGE or an OBJECT is of: named here, or as in the item before. */
static bool read_source(BatchReader *r, uint16_t size, JobItem *i)
{
    View named = read_raw(&r->reader, size);
    if (i->kind == SEGMENT_OBJECT) {
        if (size == OBJECT_BYTES && !r->reader.bad) {
            const uint8_t *at = named.data + OBJECT_ID_BYTES;
            r->object = view_of(named.data, OBJECT_ID_BYTES);
            r->object_size = load_u64(&at);
        } else if (size) return false;
        i->object = r->object;
        i->object_size = r->object_size;
        return r->object.size > 0;
    }
    if (i->kind != SEGMENT_RANGE) return size == 0;
    if (size) r->path = named;
    i->path = r->path;
    return r->path.size > 0 && !memchr(r->path.data, 0, r->path.size);
}

static View read_pieces(BatchReader *r)
{
    View count = read_raw(&r->reader, 2);
    const uint8_t *at = count.data;
    return r->reader.bad ? (View){0} : read_raw(&r->reader, (size_t)load_u16(&at) * 8);
}

Err message_next_job(BatchReader *r, JobItem *ret_item, bool *ret_more)
{
    const uint8_t *at = NULL;
    bool more;
    TRY(next_item(r, JOB_BYTES, &at, &more));
    if (!more) {
        *ret_more = false;
        return OK;
    }
    JobItem i = {0};
    i.job = load_u64(&at);
    i.attempt = load_u32(&at);
    i.kind = load_u8(&at);
    uint8_t flags = load_u8(&at);
    uint16_t source_size = load_u16(&at);
    i.with_header = flags & FLAG_WITH_HEADER;
    i.offset = load_u64(&at);
    i.size = load_u64(&at);
    i.plain_size = load_u64(&at);
    bool source_right = read_source(r, source_size, &i);
    if (i.kind == SEGMENT_INLINE) i.data = read_raw(&r->reader, i.size);
    if (flags & FLAG_PIECES) i.pieces = read_pieces(r);
    const bool known = (flags & ~(FLAG_WITH_HEADER | FLAG_PIECES)) == 0 && !(flags & FLAG_PIECES) == !i.pieces.size;
    if (r->reader.bad || !known || !source_right || !job_valid(&i)) return FAIL(ERR_PROTOCOL);
    *ret_item = i;
    *ret_more = true;
    return OK;
}

Err message_next_result(BatchReader *r, ResultItem *ret_item, bool *ret_more)
{
    const uint8_t *at = NULL;
    bool more;
    TRY(next_item(r, RESULT_BYTES, &at, &more));
    if (!more) {
        *ret_more = false;
        return OK;
    }
    ResultItem i = {0};
    i.job = load_u64(&at);
    i.attempt = load_u32(&at);
    i.outcome = load_u32(&at);
    i.exit_code = load_u32(&at);
    i.log_truncated = load_u32(&at);
    i.memory_peak = load_u64(&at);
    i.run_ns = load_u64(&at);
    load_raw(&at, i.digest.bytes, RESULT_DIGEST_BYTES);
    uint64_t output_size = load_u64(&at);
    uint32_t log_size = load_u32(&at);
    i.output = read_raw(&r->reader, output_size);
    i.log = read_raw(&r->reader, log_size);
    if (r->reader.bad || !result_valid(&i)) return FAIL(ERR_PROTOCOL);
    *ret_item = i;
    *ret_more = true;
    return OK;
}
