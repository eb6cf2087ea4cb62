/* Adam, epochs, early stopping, temperature. */
#include "predict/train.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "predict/vector.h"

enum { WARM_MAX = 100 };
static const float GRADIENT_MAX = 1, MOMENT1 = 0.9f, MOMENT2 = 0.99f;

typedef struct {
    Net *net;
    TrainOptions o;
    Random random;
    float *gradient, *moment1, *moment2, *best;
    Arena arena;
    Sequence *order;                /* a copy of those to fit, shuffled */
    unsigned updates, warm;         /* so far; the first ones, which are smaller */
} Trainer;

void train_steps(const PredictEvent *events, size_t count, Step *ret_steps)
{
    Session s = {0};
    for (size_t i = 0; i < count; i++) {
        session_add(&s, &events[i]);
        ret_steps[i] = *session_step(&s, 0);
    }
}

static int longest_first(const void *a, const void *b)
{
    const Sequence *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return x->steps < y->steps ? -1 : x->steps > y->steps;
}

static Batch make_batch(Sequence *sequences, uint32_t count)
{
    Batch b = {sequences, count, 0};
    qsort(sequences, count, sizeof *sequences, longest_first);
    for (uint32_t i = 0; i < count; i++) b.rows += sequences[i].count;
    return b;
}

static Err make_room(Arena *a, size_t floats)
{
    a->used = 0;
    if (floats <= a->room) return OK;
    free(a->base);
    *a = (Arena){.base = aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64)};
    if (!a->base) return FAIL(ENOMEM);
    a->room = floats;
    return OK;
}

/* Logits become gradients of the sum of losses over `asked`; what is not asked has none. */
static double loss_of(Pass *pass, size_t rows, size_t tasks, size_t *ret_asked)
{
    double loss = 0;
    size_t asked = 0;
    for (size_t r = 0; r < rows; r++) {
        float *row = pass->logits + r * tasks;
        if (pass->targets[r] >= tasks) {
            memset(row, 0, tasks * sizeof *row);
            continue;
        }
        float target = row[pass->targets[r]];
        loss += vector_softmax(row, tasks) - target;
        row[pass->targets[r]] -= 1;
        asked++;
    }
    *ret_asked = asked;
    return loss;
}

static Err batch_loss(const Net *n, const Batch *b, Arena *a, Pass *pass, float *gradient, double *ret_loss, size_t *ret_asked)
{
    TRY(make_room(a, net_pass_floats(&n->shape, b)));
    net_forward(n, b, a, pass);
    *ret_loss = loss_of(pass, b->rows, n->shape.tasks, ret_asked);
    if (!gradient || *ret_asked == 0) return OK;
    float scale = 1 / (float)*ret_asked;
    for (size_t i = 0; i < (size_t)b->rows * n->shape.tasks; i++) pass->logits[i] *= scale;
    net_backward(n, b, a, pass, gradient);
    return OK;
}

Err net_loss(const Net *n, const Sequence *sequences, size_t count, float *gradient, double *ret_loss)
{
    Arena a = {0};
    Pass pass = {0};
    double loss = 0;
    size_t asked = 0;
    Sequence *copy = malloc((count + 1) * sizeof *copy);
    if (!copy) return FAIL(ENOMEM);
    if (count) memcpy(copy, sequences, count * sizeof *copy);
    Batch b = make_batch(copy, (uint32_t)count);
    Err e = count ? batch_loss(n, &b, &a, &pass, gradient, &loss, &asked) : OK;
    free(copy);
    free(a.base);
    if (e.code) return e;
    *ret_loss = asked ? loss / (double)asked : 0;
    return OK;
}

VECTORIZED static void adam(const Trainer *t, float rate, float scale)
{
    float *w = t->net->weights, *g = t->gradient, *m = t->moment1, *v = t->moment2;
    float rest1 = 1 / (1 - powf(MOMENT1, (float)t->updates)), rest2 = 1 / (1 - powf(MOMENT2, (float)t->updates)), shrink = 1 - rate * t->o.decay;
    for (size_t i = 0; i < t->net->count; i++) {
        float x = g[i] * scale;
        m[i] = MOMENT1 * m[i] + (1 - MOMENT1) * x;
        v[i] = MOMENT2 * v[i] + (1 - MOMENT2) * x * x;
        w[i] = w[i] * shrink - rate * m[i] * rest1 / (sqrtf(v[i] * rest2) + 1e-8f);
        g[i] = 0;
    }
}

/* A cosine from the whole rate to a twentieth of it; the first updates are small. */
static float rate_at(const Trainer *t, double part)
{
    float warm = t->updates < t->warm ? (float)t->updates / (float)t->warm : 1;
    return t->o.rate * warm * (float)(0.05 + 0.475 * (1 + cos(3.14159265358979 * (part < 1 ? part : 1))));
}

static void shuffle(Sequence *sequences, size_t count, Random *random)
{
    for (size_t i = count; i > 1; i--) {
        size_t k = random_next(random) % i;
        Sequence kept = sequences[i - 1];
        sequences[i - 1] = sequences[k];
        sequences[k] = kept;
    }
}

static Err fit_epoch(Trainer *t, size_t count, TrainProgress *progress)
{
    double loss = 0;
    size_t asked = 0;
    shuffle(t->order, count, &t->random);
    for (size_t at = 0; at < count; at += t->o.batch) {
        progress->done = (double)at / (double)count;
        if (t->o.watch && !t->o.watch(t->o.context, progress)) return FAIL(ERR_INTERRUPTED);
        Batch b = make_batch(t->order + at, (uint32_t)(count - at < t->o.batch ? count - at : t->o.batch));
        Pass pass = {.dropout = t->o.dropout, .random = {random_next(&t->random)}};
        double sum;
        size_t rows;
        TRY(batch_loss(t->net, &b, &t->arena, &pass, t->gradient, &sum, &rows));
        loss += sum;
        asked += rows;
        if (rows == 0) continue;
        t->updates++;
        float norm = sqrtf(vector_dot(t->gradient, t->gradient, t->net->count));
        adam(t, rate_at(t, (progress->epoch - 1 + progress->done) / t->o.epochs_max), norm > GRADIENT_MAX ? GRADIENT_MAX / norm : 1);
    }
    progress->fit_loss = asked ? (float)(loss / (double)asked) : 0;
    return OK;
}

/* Losses over the validation part at some temperatures, in one pass over it. */
static Err try_temperatures(Trainer *t, Sequence *sequences, size_t count, const float *temperatures, size_t tries, double *ret_losses)
{
    size_t asked = 0, tasks = t->net->shape.tasks;
    float row[PREDICT_TASKS_MAX + 1];
    memset(ret_losses, 0, tries * sizeof *ret_losses);
    for (size_t at = 0; at < count; at += t->o.batch) {
        Batch b = make_batch(sequences + at, (uint32_t)(count - at < t->o.batch ? count - at : t->o.batch));
        Pass pass = {0};
        TRY(make_room(&t->arena, net_pass_floats(&t->net->shape, &b)));
        net_forward(t->net, &b, &t->arena, &pass);
        for (size_t r = 0; r < b.rows; r++) {
            if (pass.targets[r] >= tasks) continue;
            asked++;
            for (size_t i = 0; i < tries; i++) {
                for (size_t k = 0; k < tasks; k++) row[k] = pass.logits[r * tasks + k] / temperatures[i];
                float target = row[pass.targets[r]];
                ret_losses[i] += vector_softmax(row, tasks) - target;
            }
        }
    }
    for (size_t i = 0; i < tries && asked; i++) ret_losses[i] /= (double)asked;
    return OK;
}

static Err choose_temperature(Trainer *t, Sequence *validation, size_t count)
{
    static const float TRIES[] = {0.8f, 0.85f, 0.9f, 0.95f, 1, 1.05f, 1.1f, 1.15f, 1.2f, 1.3f, 1.4f, 1.6f, 1.8f, 2.1f};
    enum { COUNT = sizeof TRIES / sizeof TRIES[0] };
    double losses[COUNT];
    size_t best = 0;
    TRY(try_temperatures(t, validation, count, TRIES, COUNT, losses));
    for (size_t i = 1; i < COUNT; i++)
        if (losses[i] < losses[best]) best = i;
    t->net->temperature = TRIES[best];
    return OK;
}

static Err train(Trainer *t, size_t fit_count, Sequence *validation, size_t validation_count, TrainReport *ret_report)
{
    TrainReport r = {.validation_loss = INFINITY};
    TrainProgress progress = {.epochs_max = t->o.epochs_max};
    bool early = validation_count && !t->o.keep_last;
    size_t updates = t->o.epochs_max * ((fit_count + t->o.batch - 1) / t->o.batch);
    t->warm = updates / 20 < WARM_MAX ? (unsigned)(updates / 20) : WARM_MAX;
    for (unsigned epoch = 1; epoch <= t->o.epochs_max && (!early || epoch - r.best_epoch <= t->o.patience); epoch++) {
        const float plain = 1;
        double loss = 0;
        progress.epoch = epoch;
        TRY(fit_epoch(t, fit_count, &progress));
        if (validation_count) TRY(try_temperatures(t, validation, validation_count, &plain, 1, &loss));
        progress.validation_loss = (float)loss;
        r.epochs = epoch;
        if (early && loss >= r.validation_loss) continue;
        r.best_epoch = epoch;
        r.fit_loss = progress.fit_loss;
        r.validation_loss = (float)loss;
        memcpy(t->best, t->net->weights, t->net->count * sizeof *t->best);
    }
    memcpy(t->net->weights, t->best, t->net->count * sizeof *t->best);
    if (validation_count) TRY(choose_temperature(t, validation, validation_count));
    *ret_report = r;
    return OK;
}

static Sequence *copy_of(const Sequence *sequences, size_t count)
{
    Sequence *copy = malloc((count + 1) * sizeof *copy);
    if (copy && count) memcpy(copy, sequences, count * sizeof *copy);
    return copy;
}

static TrainOptions with_defaults(const TrainOptions *options)
{
    TrainOptions o = *options;
    if (o.epochs_max == 0) o.epochs_max = 20;
    if (o.patience == 0) o.patience = 4;
    if (o.batch == 0) o.batch = 32;
    if (o.rate == 0) o.rate = 0.002f;
    if (o.dropout == 0) o.dropout = 0.1f;
    if (o.decay == 0) o.decay = 0.01f;
    return o;
}

Err net_train(Net *n, const Sequence *fit, size_t fit_count, const Sequence *validation, size_t validation_count, const TrainOptions *options,
              TrainReport *ret_report)
{
    if (fit_count == 0) return FAIL(ERR_USAGE);
    Trainer t = {.net = n, .o = with_defaults(options), .random = {options->seed}};
    t.gradient = calloc(4 * n->count, sizeof *t.gradient);
    t.order = copy_of(fit, fit_count);
    Sequence *held_back = copy_of(validation, validation_count);
    Err e = FAIL(ENOMEM);
    if (t.gradient && t.order && held_back) {
        t.moment1 = t.gradient + n->count;
        t.moment2 = t.moment1 + n->count;
        t.best = t.moment2 + n->count;
        e = train(&t, fit_count, held_back, validation_count, ret_report);
    }
    free(t.gradient);
    free(t.order);
    free(held_back);
    free(t.arena.base);
    return e;
}
