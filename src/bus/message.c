/* The messages about a task as a whole: TASK_OPEN, TASK_READY, TASK_REFUSED, TASK_ALIVE, TASK_CLOSE. And how every message begins. */
#include "bus/message.h"

#include "bus/message_wire.h"

uint8_t message_type(View message) { return message.size ? message.data[0] : 0; }

Err message_put_type(Buffer *b, MessageType type)
{
    TRY(buffer_put_u8(b, (uint8_t)type));
    return buffer_put_u8(b, MESSAGE_VERSION);
}

Err message_get_type(View v, MessageType type, Reader *ret_reader)
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
    TRY(message_put_type(b, type));
    TRY(buffer_append(b, view_of(id->bytes, sizeof id->bytes)));
    TRY(buffer_put_u32(b, stage));
    return buffer_put_u32(b, node);
}

static Err get_head(View v, MessageType type, Reader *ret_reader, TaskId *ret_id, uint32_t *ret_stage, uint32_t *ret_node)
{
    Reader r;
    TRY(message_get_type(v, type, &r));
    View id = read_raw(&r, sizeof ret_id->bytes);
    uint32_t stage = read_u32(&r), node = read_u32(&r);
    if (r.bad || stage > STAGE_MAX || node == 0) return FAIL(ERR_PROTOCOL);
    memcpy(ret_id->bytes, id.data, sizeof ret_id->bytes);
    *ret_stage = stage;
    *ret_node = node;
    *ret_reader = r;
    return OK;
}

bool message_manager_valid(const ManagerId *id)
{
    for (int i = 0; i < MANAGER_ID_CHARS; i++) {
        char c = id->text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    }
    return id->text[MANAGER_ID_CHARS] == '\0';
}

/* Whether `text` is exactly `count` NUL-terminated strings within the limits of a micro-job's arguments. */
static bool strings_valid(View text, uint32_t count)
{
    if (count > TASK_ARGS_MAX || text.size > TASK_ARG_BYTES_MAX) return false;
    uint32_t found = 0;
    for (size_t at = 0; at < text.size; found++) {
        const uint8_t *nul = memchr(text.data + at, 0, text.size - at);
        if (!nul) return false;
        at = (size_t)(nul - text.data) + 1;
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
    if (m->privacy.size != 0 && m->privacy.size != PRIVACY_REQUEST_BYTES) return false;
    if (m->privacy.size != 0 && m->ahead) return false; /* attesting charges: nobody has asked yet */
    if (m->sealed == SEALED_NONE) return m->footer.size == 0 && m->privacy.size == 0;
    return m->sealed <= SEALED_RESULTS && m->footer.size > 0 && m->footer.size <= BROKER_FOOTER_MAX && m->header.size == 0;
}

/* One of two: where it lies on this machine, or which object it is. */
static bool image_valid(const TaskOpen *m)
{
    static const ObjectId NO_OBJECT;
    if (m->image_path.size == 0) return m->image_size > 0 && m->image_size <= IMAGE_BYTES_MAX;
    return path_valid(m->image_path) && m->image_size == 0 && memcmp(&m->image_object, &NO_OBJECT, sizeof NO_OBJECT) == 0;
}

/* A task's name has no '/': that stands between it and one of its resources. */
static bool staging_valid(const TaskOpen *m)
{
    View name = m->staging;
    return m->ahead <= 1 && (name.size == 0 || (name.size <= RESOURCE_TASK_MAX && resource_name_valid(name) && !memchr(name.data, '/', name.size)));
}

static bool task_open_valid(const TaskOpen *m)
{
    return m->stage <= STAGE_MAX && m->node != 0 && message_manager_valid(&m->manager) && image_valid(m)
        && m->level >= LEVEL_SHARED && m->level <= LEVEL_CONFIDENTIAL
        && m->zygotes <= ZYGOTES_MAX && m->lifetime_ns > 0 && m->lifetime_ns <= SEE_LIFETIME_MAX_NS && m->memory_max <= SEE_MEMORY_MAX
        && m->output_max <= SEE_OUTPUT_MAX && m->real_random <= 1 && strings_valid(m->args, m->arg_count)
        && strings_valid(m->env, m->env_count) && m->header.size <= HEADER_BYTES_MAX && sealed_valid(m) && staging_valid(m);
}

Err message_put_task_open(Buffer *b, const TaskOpen *m)
{
    if (!task_open_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(put_head(b, MESSAGE_TASK_OPEN, &m->id, m->stage, m->node));
    TRY(buffer_append(b, view_of(m->manager.text, MANAGER_ID_CHARS)));
    TRY(buffer_put_bytes(b, m->image_path));
    TRY(buffer_append(b, view_of(m->image_object.bytes, sizeof m->image_object.bytes)));
    TRY(buffer_put_u64(b, m->image_size));
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
    TRY(buffer_put_bytes(b, m->footer));
    TRY(buffer_put_bytes(b, m->staging));
    TRY(buffer_put_u32(b, m->ahead));
    return buffer_put_bytes(b, m->privacy);
}

void message_read_array(Reader *r, uint8_t *ret_bytes, size_t size)
{
    View v = read_raw(r, size);
    if (v.size == size) memcpy(ret_bytes, v.data, size);
}

Err message_get_task_open(View v, TaskOpen *ret_message)
{
    TaskOpen m = {0};
    Reader r;
    TRY(get_head(v, MESSAGE_TASK_OPEN, &r, &m.id, &m.stage, &m.node));
    message_read_array(&r, (uint8_t *)m.manager.text, MANAGER_ID_CHARS);
    m.image_path = read_bytes(&r, PATH_BYTES_MAX);
    message_read_array(&r, m.image_object.bytes, sizeof m.image_object.bytes);
    m.image_size = read_u64(&r);
    message_read_array(&r, m.measurement, sizeof m.measurement);
    m.level = read_u32(&r);
    m.zygotes = read_u32(&r);
    m.lifetime_ns = read_u64(&r);
    m.memory_max = read_u64(&r);
    m.output_max = read_u64(&r);
    message_read_array(&r, m.seed, sizeof m.seed);
    message_read_array(&r, m.digest_key, sizeof m.digest_key);
    m.real_random = read_u32(&r);
    m.arg_count = read_u32(&r);
    m.args = read_bytes(&r, TASK_ARG_BYTES_MAX);
    m.env_count = read_u32(&r);
    m.env = read_bytes(&r, TASK_ARG_BYTES_MAX);
    m.header = read_bytes(&r, HEADER_BYTES_MAX);
    m.sealed = read_u32(&r);
    m.footer = read_bytes(&r, BROKER_FOOTER_MAX);
    m.staging = read_bytes(&r, RESOURCE_TASK_MAX);
    m.ahead = read_u32(&r);
    m.privacy = read_bytes(&r, PRIVACY_REQUEST_BYTES);
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
    TRY(buffer_put_u32(b, m->batch));
    TRY(buffer_put_u64(b, m->start_ns));
    return buffer_put_u64(b, m->attest_ns);
}

Err message_get_task_ready(View v, TaskReady *ret_message)
{
    TaskReady m = {0};
    Reader r;
    TRY(get_head(v, MESSAGE_TASK_READY, &r, &m.id, &m.stage, &m.node));
    m.window = read_u32(&r);
    m.batch = read_u32(&r);
    m.start_ns = read_u64(&r);
    m.attest_ns = read_u64(&r);
    if (!reader_done(&r) || !task_ready_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

bool message_code_valid(int64_t code) { return code > 0 && code < ERR_LAST && (code < ERR_FIRST ? code < 4096 : true); }

Err message_put_task_refused(Buffer *b, const TaskRefused *m)
{
    if (!message_code_valid(m->code)) return FAIL(ERR_PROTOCOL);
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
    if (!reader_done(&r) || !message_code_valid(code)) return FAIL(ERR_PROTOCOL);
    m.code = (int32_t)code;
    *ret_message = m;
    return OK;
}

Err message_put_task_close(Buffer *b, const TaskClose *m) { return put_head(b, MESSAGE_TASK_CLOSE, &m->id, m->stage, m->node); }

Err message_get_task_close(View v, TaskClose *ret_message)
{
    TaskClose m = {0};
    Reader r;
    TRY(get_head(v, MESSAGE_TASK_CLOSE, &r, &m.id, &m.stage, &m.node));
    if (!reader_done(&r)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

Err message_put_task_alive(Buffer *b, const TaskAlive *m)
{
    if (!message_manager_valid(&m->manager)) return FAIL(ERR_PROTOCOL);
    TRY(put_head(b, MESSAGE_TASK_ALIVE, &m->id, m->stage, m->node));
    return buffer_append(b, view_of(m->manager.text, MANAGER_ID_CHARS));
}

Err message_get_task_alive(View v, TaskAlive *ret_message)
{
    TaskAlive m = {0};
    Reader r;
    TRY(get_head(v, MESSAGE_TASK_ALIVE, &r, &m.id, &m.stage, &m.node));
    message_read_array(&r, (uint8_t *)m.manager.text, MANAGER_ID_CHARS);
    if (!reader_done(&r) || !message_manager_valid(&m.manager)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

static bool job_cancel_valid(const JobCancel *m) { return m->job >> JOB_INDEX_BITS == 0 && m->attempt > 0; }

Err message_put_job_cancel(Buffer *b, const JobCancel *m)
{
    if (!job_cancel_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(put_head(b, MESSAGE_JOB_CANCEL, &m->id, m->stage, m->node));
    TRY(buffer_put_u64(b, m->job));
    return buffer_put_u32(b, m->attempt);
}

Err message_get_job_cancel(View v, JobCancel *ret_message)
{
    JobCancel m = {0};
    Reader r;
    TRY(get_head(v, MESSAGE_JOB_CANCEL, &r, &m.id, &m.stage, &m.node));
    m.job = read_u64(&r);
    m.attempt = read_u32(&r);
    if (!reader_done(&r) || !job_cancel_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}
