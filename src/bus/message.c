/* The messages about a task as a whole: NODE, TASK_OPEN, TASK_READY, TASK_REFUSED, TASK_CLOSE. */
#include "bus/message.h"

#include <errno.h>

#include "bus/message_wire.h"

uint8_t message_type(View message) { return message.size ? message.data[0] : 0; }

static Err put_type(Buffer *b, MessageType type)
{
    TRY(buffer_put_u8(b, (uint8_t)type));
    return buffer_put_u8(b, MESSAGE_VERSION);
}

static Err get_type(View v, MessageType type, Reader *ret_reader)
{
    Reader r = reader_of(v);
    uint8_t got = read_u8(&r), version = read_u8(&r);
    if (r.bad || got != type || version != MESSAGE_VERSION) return FAIL(ERR_PROTOCOL);
    *ret_reader = r;
    return OK;
}

static Err put_head(Buffer *b, MessageType type, const TaskId *id, uint32_t stage, uint32_t node)
{
    if (stage > STAGE_MAX || node == 0) return FAIL(ERR_PROTOCOL);
    TRY(put_type(b, type));
    TRY(buffer_append(b, view_of(id->bytes, sizeof id->bytes)));
    TRY(buffer_put_u32(b, stage));
    return buffer_put_u32(b, node);
}

static Err get_head(View v, MessageType type, Reader *ret_reader, TaskId *ret_id, uint32_t *ret_stage, uint32_t *ret_node)
{
    Reader r;
    TRY(get_type(v, type, &r));
    View id = read_raw(&r, sizeof ret_id->bytes);
    uint32_t stage = read_u32(&r), node = read_u32(&r);
    if (r.bad || stage > STAGE_MAX || node == 0) return FAIL(ERR_PROTOCOL);
    memcpy(ret_id->bytes, id.data, sizeof ret_id->bytes);
    *ret_stage = stage;
    *ret_node = node;
    *ret_reader = r;
    return OK;
}

/* A node id becomes part of a subject, so it holds no dot, wildcard or blank. */
static bool node_id_valid(View id)
{
    for (size_t i = 0; i < id.size; i++) {
        uint8_t c = id.data[i];
        bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter_or_digit && c != '-' && c != '_') return false;
    }
    return id.size > 0 && id.size < sizeof((NodeMessage *)0)->node_id;
}

Err message_put_node(Buffer *b, const NodeMessage *m)
{
    View id = view_of(m->node_id, strnlen(m->node_id, sizeof m->node_id));
    if (!node_id_valid(id)) return FAIL(ERR_PROTOCOL);
    TRY(put_type(b, MESSAGE_NODE));
    TRY(buffer_put_bytes(b, id));
    TRY(buffer_put_u32(b, m->level_mask));
    TRY(buffer_put_u32(b, m->cores));
    return buffer_put_u64(b, m->memory_free);
}

Err message_get_node(View v, NodeMessage *ret_message)
{
    Reader r;
    TRY(get_type(v, MESSAGE_NODE, &r));
    View id = read_bytes(&r, sizeof ret_message->node_id - 1);
    NodeMessage m = {0};
    m.level_mask = read_u32(&r);
    m.cores = read_u32(&r);
    m.memory_free = read_u64(&r);
    if (!reader_done(&r) || !node_id_valid(id)) return FAIL(ERR_PROTOCOL);
    memcpy(m.node_id, id.data, id.size);
    *ret_message = m;
    return OK;
}

/* Whether `text` is exactly `count` NUL-terminated strings within the limits of a micro-job's arguments. */
static bool strings_valid(View text, uint32_t count)
{
    if (count > TASK_ARGS_MAX || text.size > TASK_ARG_BYTES_MAX) return false;
    uint32_t found = 0;
    for (const uint8_t *at = text.data, *end = text.data + text.size; at < end; found++) {
        const uint8_t *nul = memchr(at, 0, (size_t)(end - at));
        if (!nul) return false;
        at = nul + 1;
    }
    return found == count;
}

static bool path_valid(View path)
{
    return path.size > 0 && path.size < PATH_BYTES_MAX && !memchr(path.data, 0, path.size);
}

/* What stands in front of a sealed segment would be read as a part of its ciphertext. */
static bool sealed_valid(const TaskOpen *m)
{
    if (m->sealed == SEALED_NONE) return m->footer.size == 0;
    return m->sealed <= SEALED_RESULTS && m->footer.size > 0 && m->footer.size <= BROKER_FOOTER_MAX && m->header.size == 0;
}

static bool task_open_valid(const TaskOpen *m)
{
    return m->stage <= STAGE_MAX && m->node != 0 && path_valid(m->image_path) && m->level >= LEVEL_SHARED && m->level <= LEVEL_CONFIDENTIAL
        && m->zygotes <= ZYGOTES_MAX && m->lifetime_ns > 0 && m->lifetime_ns <= SEE_LIFETIME_MAX_NS && m->memory_max <= SEE_MEMORY_MAX
        && m->output_max <= SEE_OUTPUT_MAX && m->real_random <= 1 && strings_valid(m->args, m->arg_count)
        && strings_valid(m->env, m->env_count) && m->header.size <= HEADER_BYTES_MAX && sealed_valid(m);
}

Err message_put_task_open(Buffer *b, const TaskOpen *m)
{
    if (!task_open_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(put_head(b, MESSAGE_TASK_OPEN, &m->id, m->stage, m->node));
    TRY(buffer_put_bytes(b, m->image_path));
    TRY(buffer_append(b, view_of(m->measurement, sizeof m->measurement)));
    TRY(buffer_put_u32(b, m->level));
    TRY(buffer_put_u32(b, m->zygotes));
    TRY(buffer_put_u64(b, m->lifetime_ns));
    TRY(buffer_put_u64(b, m->memory_max));
    TRY(buffer_put_u64(b, m->output_max));
    TRY(buffer_append(b, view_of(m->seed, sizeof m->seed)));
    TRY(buffer_append(b, view_of(m->digest_key, sizeof m->digest_key)));
    TRY(buffer_put_u32(b, m->real_random));
    TRY(buffer_put_u32(b, m->arg_count));
    TRY(buffer_put_bytes(b, m->args));
    TRY(buffer_put_u32(b, m->env_count));
    TRY(buffer_put_bytes(b, m->env));
    TRY(buffer_put_bytes(b, m->header));
    TRY(buffer_put_u32(b, m->sealed));
    return buffer_put_bytes(b, m->footer);
}

static void read_array(Reader *r, uint8_t *ret_bytes, size_t size)
{
    View v = read_raw(r, size);
    if (v.size == size) memcpy(ret_bytes, v.data, size);
}

Err message_get_task_open(View v, TaskOpen *ret_message)
{
    TaskOpen m = {0};
    Reader r;
    TRY(get_head(v, MESSAGE_TASK_OPEN, &r, &m.id, &m.stage, &m.node));
    m.image_path = read_bytes(&r, PATH_BYTES_MAX);
    read_array(&r, m.measurement, sizeof m.measurement);
    m.level = read_u32(&r);
    m.zygotes = read_u32(&r);
    m.lifetime_ns = read_u64(&r);
    m.memory_max = read_u64(&r);
    m.output_max = read_u64(&r);
    read_array(&r, m.seed, sizeof m.seed);
    read_array(&r, m.digest_key, sizeof m.digest_key);
    m.real_random = read_u32(&r);
    m.arg_count = read_u32(&r);
    m.args = read_bytes(&r, TASK_ARG_BYTES_MAX);
    m.env_count = read_u32(&r);
    m.env = read_bytes(&r, TASK_ARG_BYTES_MAX);
    m.header = read_bytes(&r, HEADER_BYTES_MAX);
    m.sealed = read_u32(&r);
    m.footer = read_bytes(&r, BROKER_FOOTER_MAX);
    if (!reader_done(&r) || !task_open_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

static bool task_ready_valid(const TaskReady *m)
{
    return m->window >= 1 && m->window <= WINDOW_JOBS_MAX && m->batch >= 1 && m->batch <= m->window && m->batch <= BUS_BATCH_JOBS_MAX;
}

Err message_put_task_ready(Buffer *b, const TaskReady *m)
{
    if (!task_ready_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(put_head(b, MESSAGE_TASK_READY, &m->id, m->stage, m->node));
    TRY(buffer_put_u32(b, m->window));
    return buffer_put_u32(b, m->batch);
}

Err message_get_task_ready(View v, TaskReady *ret_message)
{
    TaskReady m = {0};
    Reader r;
    TRY(get_head(v, MESSAGE_TASK_READY, &r, &m.id, &m.stage, &m.node));
    m.window = read_u32(&r);
    m.batch = read_u32(&r);
    if (!reader_done(&r) || !task_ready_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

/* Errors that no table knows would print as "unknown error" and get a wrong exit code. */
static bool code_valid(int32_t code) { return code > 0 && code < ERR_LAST && (code < ERR_FIRST ? code < 4096 : true); }

Err message_put_task_refused(Buffer *b, const TaskRefused *m)
{
    if (!code_valid(m->code)) return FAIL(ERR_PROTOCOL);
    TRY(put_head(b, MESSAGE_TASK_REFUSED, &m->id, m->stage, m->node));
    TRY(buffer_put_u32(b, (uint32_t)m->code));
    return buffer_put_bytes(b, view_of(m->text.data, m->text.size < REFUSED_TEXT_MAX ? m->text.size : REFUSED_TEXT_MAX));
}

Err message_get_task_refused(View v, TaskRefused *ret_message)
{
    TaskRefused m = {0};
    Reader r;
    TRY(get_head(v, MESSAGE_TASK_REFUSED, &r, &m.id, &m.stage, &m.node));
    uint32_t code = read_u32(&r);
    m.text = read_bytes(&r, REFUSED_TEXT_MAX);
    if (!reader_done(&r) || code > INT32_MAX || !code_valid((int32_t)code)) return FAIL(ERR_PROTOCOL);
    m.code = (int32_t)code;
    *ret_message = m;
    return OK;
}

Err message_put_task_close(Buffer *b, const TaskClose *m)
{
    return put_head(b, MESSAGE_TASK_CLOSE, &m->id, m->stage, m->node);
}

Err message_get_task_close(View v, TaskClose *ret_message)
{
    TaskClose m = {0};
    Reader r;
    TRY(get_head(v, MESSAGE_TASK_CLOSE, &r, &m.id, &m.stage, &m.node));
    if (!reader_done(&r)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}
