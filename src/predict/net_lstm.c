/*
 * The LSTM. Rows of a batch are by time, then by sequence (longest first): the sequences that still go on at a time are the first rows of the time
 * before, so that one matrix product does them all and nothing is padded.
 */
#include "predict/net_parts.h"
#include "predict/vector.h"

enum { IN_GATE, FORGET_GATE, CELL_GATE, OUT_GATE, GATES };

typedef struct { const float *wx, *wh, *bias; size_t inputs; } Layer;

static size_t inputs_of(const NetShape *s, unsigned layer) { return layer == 0 ? features_count(s) : s->hidden; }

/* Weights of a layer: [inputs][gates], [hidden][gates], bias. */
static size_t layer_at(const NetShape *s, unsigned layer)
{
    size_t at = 0, gates = (size_t)GATES * s->hidden;
    for (unsigned i = 0; i < layer; i++) at += (inputs_of(s, i) + s->hidden + 1) * gates;
    return at;
}

static Layer layer_of(const NetShape *s, const float *w, unsigned layer)
{
    size_t inputs = inputs_of(s, layer), gates = (size_t)GATES * s->hidden;
    const float *at = w + layer_at(s, layer);
    return (Layer){at, at + inputs * gates, at + (inputs + s->hidden) * gates, inputs};
}

size_t lstm_weight_count(const NetShape *s) { return layer_at(s, s->layers); }

void lstm_begin_weights(const NetShape *s, float *w, Random *random)
{
    size_t hidden = s->hidden, gates = GATES * hidden;
    for (unsigned i = 0; i < s->layers; i++) {
        float *at = w + layer_at(s, i);
        size_t inputs = inputs_of(s, i);
        matrix_begin(at, inputs * gates, i ? inputs : FEATURES_SET, random);
        matrix_begin(at + inputs * gates, hidden * gates, hidden, random);
        for (size_t k = 0; k < hidden; k++) at[(inputs + hidden) * gates + FORGET_GATE * hidden + k] = 1;
    }
}

/* State: for each layer the cells, then the hidden vector. */
size_t lstm_state_floats(const NetShape *s) { return (size_t)2 * s->layers * s->hidden; }
size_t lstm_work_floats(const NetShape *s) { return (size_t)GATES * s->hidden + features_count(s); }

/* gates: before, then behind their curves. before: cells of the step before; NULL: zeros. */
VECTORIZED static void cell(float *gates, const float *before, float *c, float *c_curved, float *h, size_t hidden)
{
    float *in = gates + IN_GATE * hidden, *forget = gates + FORGET_GATE * hidden, *value = gates + CELL_GATE * hidden;
    float *out = gates + OUT_GATE * hidden;
    for (size_t k = 0; k < 2 * hidden; k++) in[k] = 1 / (1 + exp_of(-in[k]));
    for (size_t k = 0; k < hidden; k++) value[k] = 2 / (1 + exp_of(-2 * value[k])) - 1;
    for (size_t k = 0; k < hidden; k++) out[k] = 1 / (1 + exp_of(-out[k]));
    for (size_t k = 0; k < hidden; k++) c[k] = in[k] * value[k] + (before ? forget[k] * before[k] : 0);
    for (size_t k = 0; k < hidden; k++) c_curved[k] = 2 / (1 + exp_of(-2 * c[k])) - 1;
    for (size_t k = 0; k < hidden; k++) h[k] = out[k] * c_curved[k];
}

void lstm_step(Net *n, float *state, const Step *step)
{
    const NetShape *s = &n->shape;
    size_t hidden = s->hidden, gates = GATES * hidden;
    float *g = n->work, *features = n->work + gates, curved[NET_HIDDEN_MAX];
    features_fill(s, step, features);
    for (unsigned i = 0; i < s->layers; i++) {
        Layer l = layer_of(s, n->weights, i);
        float *c = state + 2 * i * hidden, *h = c + hidden;
        memcpy(g, l.bias, gates * sizeof *g);
        for (size_t k = 0; i == 0 && k < l.inputs; k++)
            if (features[k] != 0) vector_add(g, l.wx + k * gates, features[k], gates); /* most are */
        if (i > 0) matrix_apply_add(h - 2 * hidden, l.wx, 1, l.inputs, gates, g);
        matrix_apply_add(h, l.wh, 1, hidden, gates, g);
        cell(g, c, c, curved, h, hidden);
    }
}

typedef struct {
    uint32_t *offset, *active;      /* by time: its first row, how many sequences go on */
    uint32_t times;
    float *x;                       /* features */
    float *gates[NET_LAYERS_MAX], *c[NET_LAYERS_MAX], *curved[NET_LAYERS_MAX], *h[NET_LAYERS_MAX], *factors[NET_LAYERS_MAX], *out[NET_LAYERS_MAX];
} Tape;

size_t lstm_pass_floats(const NetShape *s, const Batch *b)
{
    size_t rows = b->rows, times = b->sequences[0].count, hidden = s->hidden;
    size_t layer = arena_piece(rows * GATES * hidden) + 5 * arena_piece(rows * hidden);
    size_t back = arena_piece(rows * GATES * hidden) + 2 * arena_piece(rows * hidden) + arena_piece(b->count * hidden);
    return arena_piece(sizeof(Tape) / sizeof(float) + 1) + 2 * arena_piece(times) + arena_piece(rows * features_count(s)) + s->layers * layer + back;
}

static void arrange(const Net *n, const Batch *b, Arena *a, Tape *tape, uint16_t *targets)
{
    size_t features = features_count(&n->shape);
    tape->times = b->sequences[0].count;
    tape->offset = arena_take(a, tape->times);
    tape->active = arena_take(a, tape->times);
    tape->x = arena_take(a, b->rows * features);
    uint32_t row = 0;
    for (uint32_t t = 0; t < tape->times; t++) {
        tape->offset[t] = row;
        uint32_t k = 0;
        for (; k < b->count && b->sequences[k].count > t; k++, row++) {
            features_fill(&n->shape, &b->sequences[k].steps[t], tape->x + row * features);
            targets[row] = b->sequences[k].targets[t];
        }
        tape->active[t] = k;
    }
}

static void forward_layer(const Net *n, const Batch *b, const float *in, Tape *tape, unsigned i)
{
    size_t hidden = n->shape.hidden, gates = GATES * hidden;
    Layer l = layer_of(&n->shape, n->weights, i);
    matrix_apply(in, l.wx, l.bias, b->rows, l.inputs, gates, tape->gates[i]);
    for (uint32_t t = 0; t < tape->times; t++) {
        size_t row = tape->offset[t], before = t ? tape->offset[t - 1] : 0;
        if (t) matrix_apply_add(tape->h[i] + before * hidden, l.wh, tape->active[t], hidden, gates, tape->gates[i] + row * gates);
        for (uint32_t k = 0; k < tape->active[t]; k++, row++, before++)
            cell(tape->gates[i] + row * gates, t ? tape->c[i] + before * hidden : NULL, tape->c[i] + row * hidden, tape->curved[i] + row * hidden,
                 tape->h[i] + row * hidden, hidden);
    }
}

void lstm_forward(const Net *n, const Batch *b, Arena *a, Pass *pass)
{
    Tape *tape = pass->tape = arena_take(a, sizeof(Tape) / sizeof(float) + 1);
    size_t hidden = n->shape.hidden, rows = b->rows, tasks = n->shape.tasks;
    arrange(n, b, a, tape, pass->targets);
    const float *in = tape->x;
    for (unsigned i = 0; i < n->shape.layers; i++) {
        tape->gates[i] = arena_take(a, rows * GATES * hidden);
        tape->c[i] = arena_take(a, rows * hidden);
        tape->curved[i] = arena_take(a, rows * hidden);
        tape->h[i] = arena_take(a, rows * hidden);
        tape->factors[i] = arena_take(a, rows * hidden);
        tape->out[i] = arena_take(a, rows * hidden);
        forward_layer(n, b, in, tape, i);
        memcpy(tape->out[i], tape->h[i], rows * hidden * sizeof(float));
        dropout_apply(pass, tape->out[i], rows * hidden, tape->factors[i]);
        in = tape->out[i];
    }
    const float *w = n->weights + lstm_weight_count(&n->shape);
    matrix_apply(in, w, w + hidden * tasks, rows, hidden, tasks, pass->logits);
}

/* gates: as they are; dgates: their gradients. dc: what comes from the step behind, then for the step before. */
VECTORIZED static void cell_back(const float *gates, const float *before, const float *curved, const float *dh, float *dc, float *dgates,
                                 size_t hidden)
{
    for (size_t k = 0; k < hidden; k++) {
        float in = gates[k], forget = gates[FORGET_GATE * hidden + k], value = gates[CELL_GATE * hidden + k], out = gates[OUT_GATE * hidden + k];
        float d = dc[k] + dh[k] * out * (1 - curved[k] * curved[k]);
        dgates[k] = d * value * in * (1 - in);
        dgates[FORGET_GATE * hidden + k] = d * (before ? before[k] : 0) * forget * (1 - forget);
        dgates[CELL_GATE * hidden + k] = d * in * (1 - value * value);
        dgates[OUT_GATE * hidden + k] = dh[k] * curved[k] * out * (1 - out);
        dc[k] = d * forget;
    }
}

static void backward_layer(const Net *n, const Batch *b, const Tape *tape, unsigned i, float *dh, float *dc, float *dgates, float *gradient)
{
    size_t hidden = n->shape.hidden, gates = GATES * hidden;
    Layer l = layer_of(&n->shape, n->weights, i), d = layer_of(&n->shape, gradient, i);
    float *dwh = gradient + (d.wh - gradient), *dwx = gradient + (d.wx - gradient), *dbias = gradient + (d.bias - gradient);
    memset(dc, 0, b->count * hidden * sizeof *dc);
    for (uint32_t t = tape->times; t-- > 0;) {
        size_t row = tape->offset[t], before = t ? tape->offset[t - 1] : 0;
        for (uint32_t k = 0; k < tape->active[t]; k++)
            cell_back(tape->gates[i] + (row + k) * gates, t ? tape->c[i] + (before + k) * hidden : NULL, tape->curved[i] + (row + k) * hidden,
                      dh + (row + k) * hidden, dc + k * hidden, dgates + (row + k) * gates, hidden);
        if (t == 0) continue;
        matrix_back(dgates + row * gates, l.wh, tape->active[t], hidden, gates, true, dh + before * hidden);
        matrix_learn(tape->h[i] + before * hidden, dgates + row * gates, tape->active[t], hidden, gates, dwh, NULL);
    }
    matrix_learn(i ? tape->out[i - 1] : tape->x, dgates, b->rows, l.inputs, gates, dwx, dbias);
}

void lstm_backward(const Net *n, const Batch *b, Arena *a, Pass *pass, float *gradient)
{
    const Tape *tape = pass->tape;
    size_t hidden = n->shape.hidden, rows = b->rows, tasks = n->shape.tasks, own = lstm_weight_count(&n->shape);
    float *dgates = arena_take(a, rows * GATES * hidden), *dh = arena_take(a, rows * hidden), *dc = arena_take(a, b->count * hidden);
    unsigned last = n->shape.layers - 1;
    matrix_learn(tape->out[last], pass->logits, rows, hidden, tasks, gradient + own, gradient + own + hidden * tasks);
    matrix_back(pass->logits, n->weights + own, rows, hidden, tasks, false, dh);
    for (unsigned i = last + 1; i-- > 0;) {
        dropout_back(pass, dh, rows * hidden, tape->factors[i]);
        backward_layer(n, b, tape, i, dh, dc, dgates, gradient);
        if (i > 0) matrix_back(dgates, layer_of(&n->shape, n->weights, i).wx, rows, hidden, GATES * hidden, false, dh);
    }
}
