/* One thread a model; they share nothing but the data that they read. */
#include "pto/training.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

typedef struct {
    const TrainingData *data;
    NetShape shape;
    TrainOptions options;
    Trained out;
    Err result;
    bool wanted;
    atomic_bool *stop;
    atomic_int permille, ended;
    pthread_t thread;
} Work;

static bool on_progress(void *context, const TrainProgress *p)
{
    Work *w = context;
    atomic_store(&w->permille, (int)(1000 * (p->epoch - 1 + p->done) / p->epochs_max));
    return !atomic_load(w->stop);
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static Err train(Work *w)
{
    const TrainingData *d = w->data;
    TRY(net_new(&w->shape, w->options.seed, &w->out.net));
    return net_train(w->out.net, d->sequences[DATA_FIT], d->counts[DATA_FIT], d->sequences[DATA_VALIDATION], d->counts[DATA_VALIDATION], &w->options,
                     &w->out.report);
}

static void *thread(void *context)
{
    Work *w = context;
    double begin = cpu_seconds();
    w->result = train(w);
    w->out.seconds = cpu_seconds() - begin;
    atomic_store(&w->ended, 1);
    return NULL;
}

/* Small enough for minutes of training and microseconds of asking; chosen on validation parts (docs/prediction.md). */
static NetShape shape_of(int model, uint32_t tasks, bool attributes)
{
    if (model == TRAINED_LSTM) return (NetShape){.model = PREDICT_LSTM, .tasks = tasks, .hidden = 96, .layers = 1, .attributes = attributes};
    return (NetShape){.model = PREDICT_TRANSFORMER, .tasks = tasks, .hidden = 64, .layers = 2, .heads = 4, .wide = 128, .window = 32,
                      .attributes = attributes};
}

static Err begin(Work *w)
{
    if (!w->wanted) return OK;
    int e = pthread_create(&w->thread, NULL, thread, w);
    w->wanted = e == 0;
    return e ? FAIL(e) : OK;
}

static void wait_for(Work *work, Work *w, const TrainingOptions *o, atomic_bool *stop)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    if (!w->wanted) return;
    while (!atomic_load(&w->ended)) {
        nanosleep(&pause, NULL);
        double done = (atomic_load(&work[0].permille) + atomic_load(&work[1].permille)) / 1000.0 / TRAINED;
        if (o->progress && o->progress(o->context, predict_model_name((PredictModel)w->shape.model), done)) atomic_store(stop, true);
    }
    pthread_join(w->thread, NULL);
    atomic_store(&w->permille, 1000);
}

static Err run_all(Work *work, const TrainingOptions *o, atomic_bool *stop)
{
    Err e = begin(&work[0]);
    if (o->threads < 2) wait_for(work, &work[0], o, stop);
    Err second = e.code ? e : begin(&work[1]);
    if (o->threads >= 2) wait_for(work, &work[0], o, stop);
    if (!e.code && !second.code) wait_for(work, &work[1], o, stop);
    if (e.code || second.code) return e.code ? e : second;
    for (int i = 0; i < TRAINED; i++)
        if (work[i].wanted && work[i].result.code) return work[i].result;
    return OK;
}

Err training_run(const TrainingData *data, const TrainingOptions *o, uint32_t tasks, bool attributes, Trained ret_trained[TRAINED])
{
    atomic_bool stop = false;
    Work work[TRAINED] = {0};
    for (int i = 0; i < TRAINED; i++) {
        work[i].data = data;
        work[i].shape = shape_of(i, tasks, attributes);
        work[i].options = (TrainOptions){.seed = o->seed + (uint64_t)i, .epochs_max = o->epochs_max, .dropout = 0.15f,
                                         .watch = on_progress, .context = &work[i]};
        work[i].stop = &stop;
        work[i].wanted = wants_model(o->models, i == TRAINED_LSTM ? PREDICT_LSTM : PREDICT_TRANSFORMER);
    }
    Err e = run_all(work, o, &stop);
    for (int i = 0; i < TRAINED; i++) {
        if (e.code) net_free(work[i].out.net);
        else ret_trained[i] = work[i].out;
    }
    return e;
}
