/* Reading and writing checkpoints. Nothing of the predictor changes before all of a checkpoint was read and found right. */
#include "predict/checkpoint.h"

#include <math.h>

enum { HEADER_BYTES = 16, CRC_BYTES = 4, SHAPE_FIELDS = 8 };
static const float WEIGHT_MAX = 1e6f, TEMPERATURE_MIN = 0.05f, TEMPERATURE_MAX = 20;

uint32_t checkpoint_crc(View bytes)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= bytes.data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static Err put_float(Buffer *b, float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return buffer_put_u32(b, bits);
}

static Err put_floats(Buffer *b, const float *f, size_t count)
{
    for (size_t i = 0; i < count; i++) TRY(put_float(b, f[i]));
    return OK;
}

static Err put_net(Buffer *b, Net *n)
{
    const NetShape *s = net_shape(n);
    const uint32_t fields[SHAPE_FIELDS] = {s->model, s->tasks, s->hidden, s->layers, s->heads, s->wide, s->window, s->attributes};
    size_t count;
    const float *w = net_weights(n, &count);
    for (int i = 0; i < SHAPE_FIELDS; i++) TRY(buffer_put_u32(b, fields[i]));
    TRY(put_float(b, net_temperature(n)));
    TRY(buffer_put_u32(b, (uint32_t)count));
    return put_floats(b, w, count);
}

/* Of the set by last task only the tasks that there are. */
static size_t set_rows(const Mixer *m, int set, size_t symbols) { return set == 1 ? symbols : m->contexts[set]; }

static Err put_mixer(Buffer *b, const Mixer *m, size_t symbols)
{
    TRY(buffer_put_u32(b, m->models));
    for (int i = 0; i < MIX_SETS; i++) {
        size_t count = set_rows(m, i, symbols) * m->models;
        TRY(buffer_put_u32(b, (uint32_t)count));
        TRY(put_floats(b, m->weights[i], count));
        TRY(put_floats(b, m->rates[i], count));
    }
    return OK;
}

static Err put_body(Buffer *b, const Predictor *p)
{
    uint32_t nets = 0;
    TRY(buffer_put_u32(b, p->tasks.count));
    for (uint16_t t = 1; t <= p->tasks.count; t++) TRY(buffer_put_bytes(b, vocabulary_name(&p->tasks, t)));
    for (int i = 0; i < NETS; i++) nets += p->nets[i] != NULL;
    TRY(buffer_put_u32(b, nets));
    for (int i = 0; i < NETS; i++)
        if (p->nets[i]) TRY(put_net(b, p->nets[i]));
    TRY(buffer_put_u8(b, p->blend_learned));
    if (!p->blend_learned) return OK;
    TRY(put_mixer(b, &p->counts, predictor_symbols(p)));
    TRY(put_mixer(b, &p->all, predictor_symbols(p)));
    return put_floats(b, p->shares.weights, MEMBERS);
}

Err predictor_save(const Predictor *p, Buffer *ret_checkpoint)
{
    AUTO_BUFFER body = buffer_limited(CHECKPOINT_BYTES_MAX), b = buffer_limited(CHECKPOINT_BYTES_MAX);
    TRY(put_body(&body, p));
    TRY(buffer_append(&b, VIEW(CHECKPOINT_MAGIC)));
    TRY(buffer_put_u32(&b, CHECKPOINT_VERSION));
    TRY(buffer_put_u32(&b, (uint32_t)(HEADER_BYTES + body.size + CRC_BYTES)));
    TRY(buffer_append(&b, view_buffer(&body)));
    TRY(buffer_put_u32(&b, checkpoint_crc(view_buffer(&b))));
    return buffer_append(ret_checkpoint, view_buffer(&b));
}

typedef struct {
    Vocabulary tasks;
    Net *nets[NETS];
    Mixer counts, all;
    Shares shares;
    bool blend_learned;
} Loaded;

static void free_loaded(Loaded *l)
{
    vocabulary_free(&l->tasks);
    for (int i = 0; i < NETS; i++) net_free(l->nets[i]);
    mixer_free(&l->counts);
    mixer_free(&l->all);
}
#define AUTO_LOADED __attribute__((cleanup(free_loaded))) Loaded

/* false: not a number, or one that no training gives. */
static bool read_floats(Reader *r, float *f, size_t count, float most)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = read_u32(r);
        memcpy(&f[i], &bits, sizeof bits);
        if (!isfinite(f[i]) || fabsf(f[i]) > most) return false;
    }
    return !r->bad;
}

static Err read_tasks(Reader *r, Vocabulary *tasks, Diag *diag)
{
    uint32_t count = read_u32(r);
    if (count > PREDICT_TASKS_MAX) return FAIL_WHY(diag, ERR_LIMIT, "checkpoint: %u tasks, more than %d", count, PREDICT_TASKS_MAX);
    for (uint32_t i = 1; i <= count; i++) {
        uint16_t number;
        View name = read_bytes(r, PREDICT_NAME_MAX);
        if (r->bad || name.size == 0) return FAIL_WHY(diag, ERR_CORRUPT, "checkpoint: the name of task %u is damaged", i);
        TRY(vocabulary_number(tasks, name, &number));
        if (number != i) return FAIL_WHY(diag, ERR_CORRUPT, "checkpoint: task %u has the name of task %u", i, number);
    }
    return OK;
}

static Err read_net(Reader *r, Loaded *l, Diag *diag)
{
    NetShape s = {.model = read_u32(r), .tasks = read_u32(r), .hidden = read_u32(r), .layers = read_u32(r), .heads = read_u32(r), .wide = read_u32(r),
                  .window = read_u32(r), .attributes = read_u32(r)};
    float temperature;
    bool right = read_floats(r, &temperature, 1, TEMPERATURE_MAX) && temperature >= TEMPERATURE_MIN;
    size_t count = net_weight_count(&s);
    if (!right || count == 0 || count > NET_WEIGHTS_MAX || s.tasks > (uint32_t)l->tasks.count + 1 || read_u32(r) != count)
        return FAIL_WHY(diag, ERR_CORRUPT, "checkpoint: a neural model of an impossible shape");
    if (r->rest.size < count * sizeof(float)) return FAIL_WHY(diag, ERR_CORRUPT, "checkpoint: weights are missing");
    Net **place = &l->nets[s.model == PREDICT_TRANSFORMER];
    if (*place) return FAIL_WHY(diag, ERR_CORRUPT, "checkpoint: two models of one kind");
    TRY(net_new(&s, 0, place));
    net_set_temperature(*place, temperature);
    if (!read_floats(r, net_weights(*place, &count), count, WEIGHT_MAX)) return FAIL_WHY(diag, ERR_CORRUPT, "checkpoint: a weight that is no number");
    return OK;
}

static Err read_mixer(Reader *r, const Mixer *like, size_t symbols, Mixer *ret_mixer, Diag *diag)
{
    if (read_u32(r) != like->models) return FAIL_WHY(diag, ERR_BAD_INPUT, "checkpoint: a blend of other models than those of this version");
    TRY(mixer_new(like->models, like->contexts, ret_mixer));
    for (int i = 0; i < MIX_SETS; i++) {
        size_t count = set_rows(like, i, symbols) * like->models;
        bool right = read_u32(r) == count && read_floats(r, ret_mixer->weights[i], count, WEIGHT_MAX) &&
                     read_floats(r, ret_mixer->rates[i], count, INFINITY);
        for (size_t k = 0; right && k < count; k++) right = ret_mixer->rates[i][k] >= 0;
        if (!right) return FAIL_WHY(diag, ERR_CORRUPT, "checkpoint: the weights of the blend are damaged");
    }
    return OK;
}

static Err read_blend(Reader *r, const Predictor *p, Loaded *l, Diag *diag)
{
    float sum = 0;
    l->blend_learned = read_u8(r) == 1;
    if (!l->blend_learned) return OK;
    TRY(read_mixer(r, &p->counts, (size_t)l->tasks.count + 1, &l->counts, diag));
    TRY(read_mixer(r, &p->all, (size_t)l->tasks.count + 1, &l->all, diag));
    bool right = read_floats(r, l->shares.weights, MEMBERS, 1.001f);
    for (int i = 0; right && i < MEMBERS; i++) {
        right = l->shares.weights[i] >= 0;
        sum += l->shares.weights[i];
    }
    if (!right || !(sum > 0.99f && sum < 1.01f)) return FAIL_WHY(diag, ERR_CORRUPT, "checkpoint: the shares of the blend are damaged");
    l->shares.members = MEMBERS;
    return OK;
}

static Err read_body(Reader *r, const Predictor *p, Loaded *l, Diag *diag)
{
    TRY(read_tasks(r, &l->tasks, diag));
    uint32_t nets = read_u32(r);
    if (nets > NETS) return FAIL_WHY(diag, ERR_CORRUPT, "checkpoint: %u neural models, more than %d", nets, NETS);
    for (uint32_t i = 0; i < nets; i++) TRY(read_net(r, l, diag));
    TRY(read_blend(r, p, l, diag));
    if (!reader_done(r)) return FAIL_WHY(diag, ERR_CORRUPT, "checkpoint: its end is not where it should be");
    return OK;
}

/* Magic, version, size, checksum: before anything else is believed. */
static Err open_checkpoint(View file, Reader *ret_body, Diag *diag)
{
    Reader r = reader_of(file);
    View magic = read_raw(&r, sizeof CHECKPOINT_MAGIC - 1);
    uint32_t version = read_u32(&r), size = read_u32(&r);
    if (r.bad) return FAIL_WHY(diag, ERR_TRUNCATED, "checkpoint: only %zu bytes", file.size);
    if (!view_equal(magic, VIEW(CHECKPOINT_MAGIC))) return FAIL_WHY(diag, ERR_BAD_INPUT, "not a checkpoint");
    if (version != CHECKPOINT_VERSION) return FAIL_WHY(diag, ERR_BAD_INPUT, "checkpoint of version %u; this program reads version %d", version, CHECKPOINT_VERSION);
    if (file.size < size) return FAIL_WHY(diag, ERR_TRUNCATED, "checkpoint: %zu of %u bytes", file.size, size);
    if (file.size != size || size < HEADER_BYTES + CRC_BYTES || size > CHECKPOINT_BYTES_MAX)
        return FAIL_WHY(diag, ERR_CORRUPT, "checkpoint: %zu bytes, not %u", file.size, size);
    Reader end = reader_of(view_of(file.data + size - CRC_BYTES, CRC_BYTES));
    if (read_u32(&end) != checkpoint_crc(view_of(file.data, size - CRC_BYTES))) return FAIL_WHY(diag, ERR_CORRUPT, "checkpoint: the checksum is wrong");
    *ret_body = reader_of(view_of(file.data + HEADER_BYTES, size - HEADER_BYTES - CRC_BYTES));
    return OK;
}

static void take_blend(Predictor *p, Loaded *l)
{
    if (!l->blend_learned) return;
    Mixer counts = p->counts, all = p->all;
    p->counts = l->counts;
    p->all = l->all;
    l->counts = counts;
    l->all = all;
    p->shares = l->shares;
    p->blend_learned = true;
}

Err predictor_load(Predictor *p, View checkpoint, Diag *diag)
{
    Reader body;
    AUTO_LOADED l = {0};
    if (p->tasks.count || p->sessions.used) return FAIL_WHY(diag, ERR_USAGE, "checkpoint: this predictor has learned something already");
    TRY(open_checkpoint(checkpoint, &body, diag));
    TRY(read_body(&body, p, &l, diag));
    for (int i = 0; i < NETS; i++) {
        if (!l.nets[i]) continue;
        TRY(predictor_set_net(p, l.nets[i]));
        l.nets[i] = NULL;
    }
    take_blend(p, &l);
    Vocabulary none = p->tasks;
    p->tasks = l.tasks;
    l.tasks = none;
    p->say.valid = false;
    return OK;
}
