/* What an LSTM and a Transformer have in common: weights, matrices, the last layer. */
#include <cblas.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "predict/net_parts.h"
#include "predict/vector.h"

typedef struct {
    size_t (*weight_count)(const NetShape *);
    void (*begin_weights)(const NetShape *, float *, Random *);
    size_t (*state_floats)(const NetShape *);
    size_t (*work_floats)(const NetShape *);
    size_t (*pass_floats)(const NetShape *, const Batch *);
    void (*step)(Net *, float *, const Step *);
    void (*forward)(const Net *, const Batch *, Arena *, Pass *);
    void (*backward)(const Net *, const Batch *, Arena *, Pass *, float *);
} Kind;

static const Kind LSTM = {lstm_weight_count, lstm_begin_weights, lstm_state_floats, lstm_work_floats, lstm_pass_floats, lstm_step, lstm_forward,
                          lstm_backward};
static const Kind TRANSFORMER = {transformer_weight_count, transformer_begin_weights, transformer_state_floats, transformer_work_floats,
                                 transformer_pass_floats, transformer_step, transformer_forward, transformer_backward};

static const Kind *kind_of(const NetShape *s) { return s->model == PREDICT_TRANSFORMER ? &TRANSFORMER : &LSTM; }

static bool possible(const NetShape *s)
{
    if (s->tasks < 2 || s->tasks > PREDICT_TASKS_MAX + 1 || s->hidden < 1 || s->hidden > NET_HIDDEN_MAX) return false;
    if (s->layers < 1 || s->layers > NET_LAYERS_MAX || s->attributes > 1) return false;
    if (s->model == PREDICT_LSTM) return true;
    return s->model == PREDICT_TRANSFORMER && s->heads >= 1 && s->heads <= NET_HEADS_MAX && s->hidden % s->heads == 0 && s->wide >= 1 &&
           s->wide <= NET_WIDE_MAX && s->window >= 1 && s->window <= NET_WINDOW_MAX;
}

/* The last layer, [hidden][tasks] and a bias, comes behind the model's own weights. */
size_t net_weight_count(const NetShape *s)
{
    if (!possible(s)) return 0;
    return kind_of(s)->weight_count(s) + ((size_t)s->hidden + 1) * s->tasks;
}

Err net_new(const NetShape *shape, uint64_t seed, Net **ret_net)
{
    size_t count = net_weight_count(shape);
    if (count == 0) return FAIL(ERR_USAGE);
    if (count > NET_WEIGHTS_MAX) return FAIL(ERR_LIMIT);
    Net *n = calloc(1, sizeof *n);
    if (!n) return FAIL(ENOMEM);
    *n = (Net){.shape = *shape, .temperature = 1, .count = count, .work_floats = kind_of(shape)->work_floats(shape)};
    n->weights = calloc(count, sizeof *n->weights);
    n->work = calloc(n->work_floats, sizeof *n->work);
    if (!n->weights || !n->work) {
        net_free(n);
        return FAIL(ENOMEM);
    }
    Random random = {seed};
    size_t own = kind_of(shape)->weight_count(shape);
    kind_of(shape)->begin_weights(shape, n->weights, &random);
    matrix_begin(n->weights + own, (size_t)shape->hidden * shape->tasks, shape->hidden, &random);
    *ret_net = n;
    return OK;
}

void net_free(Net *n)
{
    if (!n) return;
    free(n->weights);
    free(n->work);
    free(n);
}

const NetShape *net_shape(const Net *n) { return &n->shape; }
PredictModel net_model(const Net *n) { return (PredictModel)n->shape.model; }
unsigned net_tasks(const Net *n) { return n->shape.tasks; }
size_t net_memory(const Net *n) { return sizeof *n + (n->count + n->work_floats) * sizeof(float); }
float net_temperature(const Net *n) { return n->temperature; }
void net_set_temperature(Net *n, float temperature) { n->temperature = temperature; }
size_t net_state_floats(const Net *n) { return kind_of(&n->shape)->state_floats(&n->shape); }
void net_begin(const Net *n, float *state) { memset(state, 0, net_state_floats(n) * sizeof *state); }
void net_step(Net *n, float *state, const Step *step) { kind_of(&n->shape)->step(n, state, step); }

float *net_weights(Net *n, size_t *ret_count)
{
    *ret_count = n->count;
    return n->weights;
}

static const float *last_layer(const Net *n) { return n->weights + n->count - ((size_t)n->shape.hidden + 1) * n->shape.tasks; }

void net_say(Net *n, const float *state, float *ret_p)
{
    const float *w = last_layer(n);
    unsigned tasks = n->shape.tasks, hidden = n->shape.hidden;
    matrix_apply(state_hidden(n, state), w, w + (size_t)hidden * tasks, 1, hidden, tasks, ret_p);
    for (unsigned t = 0; t < tasks; t++) ret_p[t] /= n->temperature;
    vector_softmax(ret_p, tasks);
}

size_t net_pass_floats(const NetShape *s, const Batch *b)
{
    return kind_of(s)->pass_floats(s, b) + arena_piece((size_t)b->rows * s->tasks) + arena_piece(b->rows);
}

void net_forward(const Net *n, const Batch *b, Arena *a, Pass *pass)
{
    pass->logits = arena_take(a, (size_t)b->rows * n->shape.tasks);
    pass->targets = arena_take(a, b->rows);
    kind_of(&n->shape)->forward(n, b, a, pass);
}

void net_backward(const Net *n, const Batch *b, Arena *a, Pass *pass, float *gradient) { kind_of(&n->shape)->backward(n, b, a, pass, gradient); }

void *arena_take(Arena *a, size_t floats)
{
    float *piece = a->base + a->used;
    a->used += arena_piece(floats);
    if (a->used > a->room) abort(); /* net_pass_floats was wrong: a mistake of ours, whatever the data */
    return piece;
}

void matrix_apply(const float *x, const float *w, const float *bias, size_t rows, size_t inputs, size_t outputs, float *ret)
{
    for (size_t r = 0; r < rows; r++) memcpy(ret + r * outputs, bias, outputs * sizeof *ret);
    matrix_apply_add(x, w, rows, inputs, outputs, ret);
}

void matrix_apply_add(const float *x, const float *w, size_t rows, size_t inputs, size_t outputs, float *ret)
{
    int in = (int)inputs, out = (int)outputs;
    if (rows == 1) vector_matrix_add(x, w, inputs, outputs, ret); /* asking: at once, and the same on every machine */
    else cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, out, in, 1, x, in, w, out, 1, ret, out);
}

void matrix_back(const float *dy, const float *w, size_t rows, size_t inputs, size_t outputs, bool add, float *ret)
{
    int in = (int)inputs, out = (int)outputs;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, in, out, 1, dy, out, w, out, add ? 1 : 0, ret, in);
}

void matrix_learn(const float *x, const float *dy, size_t rows, size_t inputs, size_t outputs, float *dw, float *dbias)
{
    int in = (int)inputs, out = (int)outputs;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, in, out, (int)rows, 1, x, in, dy, out, 1, dw, out);
    for (size_t r = 0; dbias && r < rows; r++) vector_add(dbias, dy + r * outputs, 1, outputs);
}

void matrix_begin(float *w, size_t count, size_t inputs, Random *random)
{
    float most = 1 / sqrtf((float)inputs);
    for (size_t i = 0; i < count; i++) w[i] = (2 * random_unit(random) - 1) * most;
}

void dropout_apply(Pass *pass, float *x, size_t count, float *ret_factors)
{
    if (pass->dropout <= 0) return;
    float keep = 1 / (1 - pass->dropout);
    for (size_t i = 0; i < count; i++) x[i] *= ret_factors[i] = random_unit(&pass->random) < pass->dropout ? 0 : keep;
}

void dropout_back(const Pass *pass, float *dx, size_t count, const float *factors)
{
    if (pass->dropout <= 0) return;
    for (size_t i = 0; i < count; i++) dx[i] *= factors[i];
}
