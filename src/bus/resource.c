/* Statements about resources, in the order of deterministic CBOR: what was signed is what is read. */
#include "bus/resource.h"

#include "crypto/cose.h"

enum {
    FIELD_FORMAT, FIELD_KIND, FIELD_NAME, FIELD_HASH, FIELD_SIZE, FIELD_TASKS, FIELD_IMAGES, FIELD_EXPIRES, FIELD_SEQUENCE, FIELD_STAGE, FIELD_VALUE,
    FIELD_SHAPE, /* of images only */
    FORMAT = 1, SHAPE_PARTS = 4,
};

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static bool part_valid(View part)
{
    bool valid = part.size > 0;
    for (size_t i = 0; i < part.size; i++) valid &= is_name_byte(part.data[i]);
    return valid;
}

static View task_part(View name)
{
    const uint8_t *slash = name.size ? memchr(name.data, '/', name.size) : NULL;
    return slash ? view_of(name.data, (size_t)(slash - name.data)) : name;
}

bool resource_name_valid(View name)
{
    View task = task_part(name);
    if (name.size > RESOURCE_NAME_MAX || task.size > RESOURCE_TASK_MAX || !part_valid(task)) return false;
    return task.size == name.size || part_valid(view_of(name.data + task.size + 1, name.size - task.size - 1));
}

View resource_task_of(const Resource *r) { return task_part(view_text(r->name)); }

bool resource_allows(const Resource *r, View task, const uint8_t measurement[SHA256_BYTES])
{
    bool task_listed = false, image_listed = r->image_count == 0;
    for (uint32_t i = 0; i < r->task_count; i++) task_listed |= view_equal(view_text(r->tasks[i].text), task);
    for (uint32_t i = 0; i < r->image_count; i++) image_listed |= memcmp(r->images[i].bytes, measurement, SHA256_BYTES) == 0;
    return task_listed && image_listed;
}

static bool shape_valid(const Resource *r)
{
    const ResourceShape *s = &r->shape;
    if (r->kind == RESOURCE_DATA) return s->level == 0 && s->memory_max == 0 && s->output_max == 0 && s->zygotes == 0;
    return (s->level == LEVEL_SHARED || s->level == LEVEL_PROCESS) && s->memory_max <= SEE_MEMORY_MAX && s->output_max <= SEE_OUTPUT_MAX &&
           s->zygotes >= 1 && s->zygotes <= RESOURCE_ZYGOTES_MAX;
}

static bool valid(const Resource *r)
{
    bool kind = r->kind == RESOURCE_DATA || r->kind == RESOURCE_IMAGE;
    uint64_t size_max = r->kind == RESOURCE_IMAGE ? IMAGE_BYTES_MAX : RESOURCE_SIZE_MAX;
    bool tasks = r->task_count >= 1 && r->task_count <= RESOURCE_ACCESS_MAX && r->image_count <= RESOURCE_ACCESS_MAX;
    for (uint32_t i = 0; tasks && i < r->task_count; i++) {
        View task = view_text(r->tasks[i].text);
        tasks = part_valid(task) && task.size <= RESOURCE_TASK_MAX;
    }
    return kind && tasks && resource_name_valid(view_text(r->name)) && r->size >= 1 && r->size <= size_max && r->expires_ms > 0 && r->sequence > 0 &&
           shape_valid(r);
}

static Err put_access(Buffer *b, const Resource *r)
{
    TRY(cbor_put_uint(b, FIELD_TASKS));
    TRY(cbor_put_array(b, r->task_count));
    for (uint32_t i = 0; i < r->task_count; i++) TRY(cbor_put_text(b, view_text(r->tasks[i].text)));
    TRY(cbor_put_uint(b, FIELD_IMAGES));
    TRY(cbor_put_array(b, r->image_count));
    for (uint32_t i = 0; i < r->image_count; i++) TRY(cbor_put_bytes(b, view_of(r->images[i].bytes, SHA256_BYTES)));
    return OK;
}

static Err put_shape(Buffer *b, const ResourceShape *s)
{
    TRY(cbor_put_uint(b, FIELD_SHAPE));
    TRY(cbor_put_array(b, SHAPE_PARTS));
    TRY(cbor_put_uint(b, (uint64_t)s->level));
    TRY(cbor_put_uint(b, s->memory_max));
    TRY(cbor_put_uint(b, s->output_max));
    return cbor_put_uint(b, s->zygotes);
}

static Err put(Buffer *b, const Resource *r)
{
    TRY(cbor_put_map(b, r->kind == RESOURCE_IMAGE ? FIELD_SHAPE + 1 : FIELD_SHAPE));
    TRY(cbor_put_pair(b, FIELD_FORMAT, FORMAT));
    TRY(cbor_put_pair(b, FIELD_KIND, r->kind));
    TRY(cbor_put_uint(b, FIELD_NAME));
    TRY(cbor_put_text(b, view_text(r->name)));
    TRY(cbor_put_uint(b, FIELD_HASH));
    TRY(cbor_put_bytes(b, view_of(r->hash.bytes, SHA256_BYTES)));
    TRY(cbor_put_pair(b, FIELD_SIZE, r->size));
    TRY(put_access(b, r));
    TRY(cbor_put_pair(b, FIELD_EXPIRES, r->expires_ms));
    TRY(cbor_put_pair(b, FIELD_SEQUENCE, r->sequence));
    TRY(cbor_put_uint(b, FIELD_STAGE));
    TRY(cbor_put_bytes(b, view_of(r->stage.bytes, STAGE_ID_BYTES)));
    TRY(cbor_put_pair(b, FIELD_VALUE, r->value));
    return r->kind == RESOURCE_IMAGE ? put_shape(b, &r->shape) : OK;
}

Err resource_encode(const Resource *r, const SecretKey *secret, Buffer *ret_cose)
{
    if (!valid(r)) return FAIL(ERR_BAD_INPUT);
    AUTO_BUFFER statement = buffer_limited(RESOURCE_BYTES_MAX);
    TRY(put(&statement, r));
    return cose_sign1(secret, &r->pto, VIEW(RESOURCE_CONTEXT), view_buffer(&statement), ret_cose);
}

/* The fields are all there, in one order: a key that is not the next one is a fault. */
static void expect(CborReader *r, uint64_t field)
{
    if (cbor_peek(r) != CBOR_UINT || cbor_get_uint(r) != field) r->reader.bad = true;
}

static uint64_t get_number(CborReader *r, uint64_t field)
{
    expect(r, field);
    return cbor_get_uint(r);
}

/* A text with a NUL in it would be another name than was signed. */
static void get_text(CborReader *r, char *ret_text, size_t max)
{
    View v = cbor_get_text(r, max);
    if (v.size && memchr(v.data, '\0', v.size)) r->reader.bad = true;
    if (v.size) memcpy(ret_text, v.data, v.size);
}

static void get_access(CborReader *r, Resource *x)
{
    expect(r, FIELD_TASKS);
    x->task_count = (uint32_t)cbor_get_array(r, RESOURCE_ACCESS_MAX);
    for (uint32_t i = 0; i < x->task_count; i++) get_text(r, x->tasks[i].text, RESOURCE_TASK_MAX);
    expect(r, FIELD_IMAGES);
    x->image_count = (uint32_t)cbor_get_array(r, RESOURCE_ACCESS_MAX);
    for (uint32_t i = 0; i < x->image_count; i++) cbor_get_fixed(r, x->images[i].bytes, SHA256_BYTES);
}

static void get_shape(CborReader *r, ResourceShape *s)
{
    expect(r, FIELD_SHAPE);
    if (cbor_get_array(r, SHAPE_PARTS) != SHAPE_PARTS) r->reader.bad = true;
    uint64_t level = cbor_get_uint(r), memory = cbor_get_uint(r), output = cbor_get_uint(r), zygotes = cbor_get_uint(r);
    if (level > LEVEL_PROCESS || zygotes > RESOURCE_ZYGOTES_MAX) r->reader.bad = true;
    *s = (ResourceShape){(SecurityLevel)level, memory, output, (uint32_t)zygotes};
}

static bool get(View payload, Resource *x)
{
    CborReader r = cbor_reader(payload);
    uint64_t fields = cbor_get_map(&r, FIELD_SHAPE + 1), format = get_number(&r, FIELD_FORMAT), kind = get_number(&r, FIELD_KIND);
    if (format != FORMAT || (kind != RESOURCE_DATA && kind != RESOURCE_IMAGE) || fields != FIELD_SHAPE + (kind == RESOURCE_IMAGE)) return false;
    x->kind = (ResourceKind)kind;
    expect(&r, FIELD_NAME);
    get_text(&r, x->name, RESOURCE_NAME_MAX);
    expect(&r, FIELD_HASH);
    cbor_get_fixed(&r, x->hash.bytes, SHA256_BYTES);
    x->size = get_number(&r, FIELD_SIZE);
    get_access(&r, x);
    x->expires_ms = get_number(&r, FIELD_EXPIRES);
    x->sequence = get_number(&r, FIELD_SEQUENCE);
    expect(&r, FIELD_STAGE);
    cbor_get_fixed(&r, x->stage.bytes, STAGE_ID_BYTES);
    x->value = get_number(&r, FIELD_VALUE);
    if (x->kind == RESOURCE_IMAGE) get_shape(&r, &x->shape);
    return cbor_done(&r) && valid(x);
}

Err resource_decode(View cose, Resource *ret_resource, Diag *diag)
{
    Resource r = {0};
    View payload;
    if (cose.size > RESOURCE_BYTES_MAX) return FAIL_WHY(diag, ERR_BAD_INPUT, "a statement of %zu bytes; at most %d", cose.size, RESOURCE_BYTES_MAX);
    if (!cbor_check(cose) || cose_sign1_kid(cose, &r.pto).code) return FAIL_WHY(diag, ERR_BAD_INPUT, "not a COSE_Sign1 that names its key");
    Err verified = cose_sign1_verify(&r.pto, VIEW(RESOURCE_CONTEXT), cose, &payload);
    if (verified.code == ERR_BAD_SIGNATURE) return FAIL_WHY(diag, ERR_BAD_SIGNATURE, "the signature is not by the key that the statement names");
    TRY_WHY(diag, verified, "not a COSE_Sign1 with Ed25519");
    if (!cbor_check(payload) || !get(payload, &r)) return FAIL_WHY(diag, ERR_BAD_INPUT, "the fields are not those of a resource of format 1");
    *ret_resource = r;
    return OK;
}
