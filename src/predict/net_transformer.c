/* The Transformer. Rows of a batch are by sequence, then by time: all matrix products are over all rows, attention is within a sequence. */
#include <math.h>

#include "predict/net_layers.h"
#include "predict/net_parts.h"
#include "predict/vector.h"

/* Where the weights of a layer are, and its sizes. The same for their gradients. */
typedef struct {
    float *gain1, *bias1, *qkv, *qkv_bias, *distance, *mix, *mix_bias, *gain2, *bias2, *up, *up_bias, *down, *down_bias;
} Layer;

static size_t layer_count(const NetShape *s)
{
    size_t d = s->hidden;
    return 4 * d + (d + 1) * 3 * d + (size_t)s->heads * s->window + (d + 1) * d + (d + 1) * s->wide + ((size_t)s->wide + 1) * d;
}

static size_t embedding_count(const NetShape *s) { return ((size_t)features_count(s) + 1) * s->hidden; }

/* Embedding, layers, then gain and bias of the last normalisation. */
size_t transformer_weight_count(const NetShape *s) { return embedding_count(s) + s->layers * layer_count(s) + 2 * (size_t)s->hidden; }

static float *next(float **at, size_t count)
{
    float *piece = *at;
    *at += count;
    return piece;
}

static Layer layer_of(const NetShape *s, float *w, unsigned i)
{
    size_t d = s->hidden, wide = s->wide;
    float *at = w + embedding_count(s) + i * layer_count(s);
    Layer l;
    l.gain1 = next(&at, d);
    l.bias1 = next(&at, d);
    l.qkv = next(&at, d * 3 * d);
    l.qkv_bias = next(&at, 3 * d);
    l.distance = next(&at, (size_t)s->heads * s->window);
    l.mix = next(&at, d * d);
    l.mix_bias = next(&at, d);
    l.gain2 = next(&at, d);
    l.bias2 = next(&at, d);
    l.up = next(&at, d * wide);
    l.up_bias = next(&at, wide);
    l.down = next(&at, wide * d);
    l.down_bias = next(&at, d);
    return l;
}

static float *last_norm(const NetShape *s, float *w) { return w + embedding_count(s) + s->layers * layer_count(s); }

static void ones(float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) x[i] = 1;
}

void transformer_begin_weights(const NetShape *s, float *w, Random *random)
{
    size_t d = s->hidden;
    matrix_begin(w, (size_t)features_count(s) * d, FEATURES_SET / 4, random);
    for (unsigned i = 0; i < s->layers; i++) {
        Layer l = layer_of(s, w, i);
        ones(l.gain1, d);
        ones(l.gain2, d);
        matrix_begin(l.qkv, d * 3 * d, d, random);
        matrix_begin(l.mix, d * d, d * s->layers, random);
        matrix_begin(l.up, d * s->wide, d, random);
        matrix_begin(l.down, s->wide * d, (size_t)s->wide * s->layers, random);
    }
    ones(last_norm(s, w), d);
}

/* State: events so far; for each layer the keys and values of the last `window` events, a ring; the hidden vector. */
static size_t ring_floats(const NetShape *s) { return (size_t)s->window * 2 * s->hidden; }
size_t transformer_state_floats(const NetShape *s) { return 1 + s->layers * ring_floats(s) + s->hidden; }
size_t transformer_work_floats(const NetShape *s) { return (size_t)features_count(s) + 6 * (size_t)s->hidden + s->wide + s->window; }

typedef struct { size_t position; float *ring; } Past;

/* One event attends to itself and those before it. */
static void attend(const NetShape *s, const Layer *l, const Past *past, const float *q, float *p, float *ret)
{
    size_t d = s->hidden, part = d / s->heads, seen = past->position + 1 < s->window ? past->position + 1 : s->window;
    float scale = 1 / sqrtf((float)part);
    memset(ret, 0, d * sizeof *ret);
    for (size_t h = 0; h < s->heads; h++) {
        for (size_t k = 0; k < seen; k++) {
            const float *key = past->ring + (past->position - k) % s->window * 2 * d + h * part;
            p[k] = scale * vector_dot(q + h * part, key, part) + l->distance[h * s->window + k];
        }
        vector_softmax(p, seen);
        for (size_t k = 0; k < seen; k++)
            vector_add(ret + h * part, past->ring + (past->position - k) % s->window * 2 * d + d + h * part, p[k], part);
    }
}

void transformer_step(Net *n, float *state, const Step *step)
{
    const NetShape *s = &n->shape;
    size_t d = s->hidden, features = features_count(s);
    float *row = n->work, *x = row + features, *y = x + d, *qkv = y + d, *mixed = qkv + 3 * d, *up = mixed + d, *p = up + s->wide;
    features_fill(s, step, row);
    memcpy(x, n->weights + features * d, d * sizeof *x);
    for (size_t k = 0; k < features; k++)
        if (row[k] != 0) vector_add(x, n->weights + k * d, row[k], d);
    for (unsigned i = 0; i < s->layers; i++) {
        Layer l = layer_of(s, n->weights, i);
        Past past = {(size_t)state[0], state + 1 + i * ring_floats(s)};
        norm_apply(x, l.gain1, l.bias1, 1, d, y, NULL, NULL);
        matrix_apply(y, l.qkv, l.qkv_bias, 1, d, 3 * d, qkv);
        memcpy(past.ring + past.position % s->window * 2 * d, qkv + d, 2 * d * sizeof *qkv);
        attend(s, &l, &past, qkv, p, mixed);
        vector_add(x, l.mix_bias, 1, d);
        matrix_apply_add(mixed, l.mix, 1, d, d, x);
        norm_apply(x, l.gain2, l.bias2, 1, d, y, NULL, NULL);
        matrix_apply(y, l.up, l.up_bias, 1, d, s->wide, up);
        curve_apply(up, s->wide, up);
        vector_add(x, l.down_bias, 1, d);
        matrix_apply_add(up, l.down, 1, s->wide, d, x);
    }
    const float *gain = last_norm(s, n->weights);
    norm_apply(x, gain, gain + d, 1, d, state + transformer_state_floats(s) - d, NULL, NULL);
    state[0] = state[0] < 1 << 20 ? state[0] + 1 : state[0] + 1 - (float)((1 << 20) - (1 << 20) % s->window); /* a float counts so far without gaps */
}

typedef struct { float *x, *normal1, *scale1, *y1, *qkv, *p, *mixed, *factors1, *normal2, *scale2, *y2, *up, *curved, *factors2; } LayerTape;
typedef struct { float *features, *normal, *scale, *y; LayerTape layers[NET_LAYERS_MAX]; } Tape;

size_t transformer_pass_floats(const NetShape *s, const Batch *b)
{
    size_t rows = b->rows, d = arena_piece(rows * s->hidden), wide = arena_piece(rows * s->wide), one = arena_piece(rows);
    size_t layer = 9 * d + 2 * one + arena_piece(rows * 3 * s->hidden) + arena_piece(rows * s->heads * s->window) + 2 * wide;
    size_t back = 3 * d + wide + arena_piece(rows * 3 * s->hidden);
    return arena_piece(sizeof(Tape) / sizeof(float) + 1) + arena_piece(rows * features_count(s)) + s->layers * layer + 4 * d + one + back;
}

static void arrange(const Net *n, const Batch *b, float *features, uint16_t *targets)
{
    uint32_t row = 0;
    for (uint32_t k = 0; k < b->count; k++)
        for (uint32_t t = 0; t < b->sequences[k].count; t++, row++) {
            features_fill(&n->shape, &b->sequences[k].steps[t], features + (size_t)row * features_count(&n->shape));
            targets[row] = b->sequences[k].targets[t];
        }
}

static LayerTape take_layer(const NetShape *s, size_t rows, Arena *a)
{
    size_t d = s->hidden;
    LayerTape t;
    float **const of_width[] = {&t.x, &t.normal1, &t.y1, &t.mixed, &t.factors1, &t.normal2, &t.y2, &t.factors2};
    for (size_t i = 0; i < sizeof of_width / sizeof of_width[0]; i++) *of_width[i] = arena_take(a, rows * d);
    t.scale1 = arena_take(a, rows);
    t.scale2 = arena_take(a, rows);
    t.qkv = arena_take(a, rows * 3 * d);
    t.p = arena_take(a, rows * s->heads * s->window);
    t.up = arena_take(a, rows * s->wide);
    t.curved = arena_take(a, rows * s->wide);
    return t;
}

/* x: the stream, which the layer adds to. part: scratch, [rows][hidden]. */
static void forward_layer(const Net *n, const Batch *b, unsigned i, LayerTape *t, Pass *pass, float *x, float *part)
{
    const NetShape *s = &n->shape;
    size_t d = s->hidden, rows = b->rows, at = 0;
    Layer l = layer_of(s, n->weights, i);
    memcpy(t->x, x, rows * d * sizeof *x);
    norm_apply(x, l.gain1, l.bias1, rows, d, t->y1, t->normal1, t->scale1);
    matrix_apply(t->y1, l.qkv, l.qkv_bias, rows, d, 3 * d, t->qkv);
    for (uint32_t k = 0; k < b->count; at += b->sequences[k++].count)
        attention_apply(&(Attention){b->sequences[k].count, d, s->heads, s->window}, t->qkv + at * 3 * d, l.distance,
                        t->p + at * s->heads * s->window, t->mixed + at * d);
    matrix_apply(t->mixed, l.mix, l.mix_bias, rows, d, d, part);
    dropout_apply(pass, part, rows * d, t->factors1);
    vector_add(x, part, 1, rows * d);
    norm_apply(x, l.gain2, l.bias2, rows, d, t->y2, t->normal2, t->scale2);
    matrix_apply(t->y2, l.up, l.up_bias, rows, d, s->wide, t->up);
    curve_apply(t->up, rows * s->wide, t->curved);
    matrix_apply(t->curved, l.down, l.down_bias, rows, s->wide, d, part);
    dropout_apply(pass, part, rows * d, t->factors2);
    vector_add(x, part, 1, rows * d);
}

void transformer_forward(const Net *n, const Batch *b, Arena *a, Pass *pass)
{
    const NetShape *s = &n->shape;
    size_t d = s->hidden, rows = b->rows, features = features_count(s);
    Tape *tape = pass->tape = arena_take(a, sizeof(Tape) / sizeof(float) + 1);
    tape->features = arena_take(a, rows * features);
    arrange(n, b, tape->features, pass->targets);
    float *x = arena_take(a, rows * d), *part = arena_take(a, rows * d);
    matrix_apply(tape->features, n->weights, n->weights + features * d, rows, features, d, x);
    for (unsigned i = 0; i < s->layers; i++) {
        tape->layers[i] = take_layer(s, rows, a);
        forward_layer(n, b, i, &tape->layers[i], pass, x, part);
    }
    tape->normal = arena_take(a, rows * d);
    tape->scale = arena_take(a, rows);
    tape->y = arena_take(a, rows * d);
    const float *gain = last_norm(s, n->weights), *last = n->weights + transformer_weight_count(s);
    norm_apply(x, gain, gain + d, rows, d, tape->y, tape->normal, tape->scale);
    matrix_apply(tape->y, last, last + d * s->tasks, rows, d, s->tasks, pass->logits);
}

typedef struct { float *dx, *part, *dy, *wide, *dqkv; } Scratch;

static void backward_layer(const Net *n, const Batch *b, unsigned i, const LayerTape *t, const Pass *pass, const Scratch *z, float *gradient)
{
    const NetShape *s = &n->shape;
    size_t d = s->hidden, rows = b->rows, at = 0;
    Layer l = layer_of(s, n->weights, i), g = layer_of(s, gradient, i);
    memcpy(z->part, z->dx, rows * d * sizeof *z->part);
    dropout_back(pass, z->part, rows * d, t->factors2);
    matrix_learn(t->curved, z->part, rows, s->wide, d, g.down, g.down_bias);
    matrix_back(z->part, l.down, rows, s->wide, d, false, z->wide);
    curve_back(t->up, rows * s->wide, z->wide);
    matrix_learn(t->y2, z->wide, rows, d, s->wide, g.up, g.up_bias);
    matrix_back(z->wide, l.up, rows, d, s->wide, false, z->dy);
    norm_back(z->dy, t->normal2, t->scale2, l.gain2, rows, d, z->dx, g.gain2, g.bias2);

    memcpy(z->part, z->dx, rows * d * sizeof *z->part);
    dropout_back(pass, z->part, rows * d, t->factors1);
    matrix_learn(t->mixed, z->part, rows, d, d, g.mix, g.mix_bias);
    matrix_back(z->part, l.mix, rows, d, d, false, z->dy);
    memset(z->dqkv, 0, rows * 3 * d * sizeof *z->dqkv);
    for (uint32_t k = 0; k < b->count; at += b->sequences[k++].count)
        attention_back(&(Attention){b->sequences[k].count, d, s->heads, s->window}, t->qkv + at * 3 * d, t->p + at * s->heads * s->window,
                       z->dy + at * d, z->dqkv + at * 3 * d, g.distance);
    matrix_learn(t->y1, z->dqkv, rows, d, 3 * d, g.qkv, g.qkv_bias);
    matrix_back(z->dqkv, l.qkv, rows, d, 3 * d, false, z->dy);
    norm_back(z->dy, t->normal1, t->scale1, l.gain1, rows, d, z->dx, g.gain1, g.bias1);
}

void transformer_backward(const Net *n, const Batch *b, Arena *a, Pass *pass, float *gradient)
{
    const NetShape *s = &n->shape;
    const Tape *tape = pass->tape;
    size_t d = s->hidden, rows = b->rows, own = transformer_weight_count(s), features = features_count(s);
    Scratch z = {.dx = arena_take(a, rows * d), .part = arena_take(a, rows * d), .dy = arena_take(a, rows * d),
                 .wide = arena_take(a, rows * s->wide), .dqkv = arena_take(a, rows * 3 * d)};
    float *gain = last_norm(s, gradient);
    matrix_learn(tape->y, pass->logits, rows, d, s->tasks, gradient + own, gradient + own + d * s->tasks);
    matrix_back(pass->logits, n->weights + own, rows, d, s->tasks, false, z.dy);
    memset(z.dx, 0, rows * d * sizeof *z.dx);
    norm_back(z.dy, tape->normal, tape->scale, last_norm(s, n->weights), rows, d, z.dx, gain, gain + d);
    for (unsigned i = s->layers; i-- > 0;) backward_layer(n, b, i, &tape->layers[i], pass, &z, gradient);
    matrix_learn(tape->features, z.dx, rows, features, d, gradient, gradient + features * d);
}
