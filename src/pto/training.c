/*
 * One process a model, not a thread: the serial OpenBLAS hands the same buffer to two threads now and then (measured: 1 product in 200 was
 * wrong), and the threaded one starts threads in every process that only links it. A process shares with its parent how far it is, and its weights.
 */
#include "pto/training.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    atomic_bool stop, again;        /* again: on the whole */
    atomic_int permille;
    int code;                       /* of the error; 0: done. ERR_CLOSED as long as it is neither */
    TrainReport report;
    double seconds;
    float temperature;
    float weights[];                /* of the one, then of the other */
} Shared;

typedef struct {
    const TrainingData *data;
    NetShape shape;
    TrainOptions options;
    bool wanted;
    pid_t pid;                      /* 0: not there */
    Shared *shared;
    size_t size, count;             /* of the mapping; of weights */
} Work;

static bool on_progress(void *context, const TrainProgress *p)
{
    Shared *s = context;
    double done = (p->epoch - 1 + p->done) / p->epochs_max;
    atomic_store(&s->permille, (int)(atomic_load(&s->again) ? 500 + 500 * done : 500 * done));
    return !atomic_load(&s->stop);
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void give_weights(Net *n, float *to)
{
    size_t count;
    const float *w = net_weights(n, &count);
    memcpy(to, w, count * sizeof *to);
}

/* What is asked after the validation part is later than it: there the models should have learned from it, too. */
static Err train_whole(const Work *w)
{
    const TrainingData *d = w->data;
    TrainOptions o = w->options;
    TrainReport unused;
    Net *n;
    atomic_store(&w->shared->again, true);
    o.epochs_max = w->shared->report.best_epoch;
    o.keep_last = true;
    TRY(net_new(&w->shape, o.seed, &n));
    Err e = net_train(n, d->sequences[DATA_BOTH], d->counts[DATA_BOTH], NULL, 0, &o, &unused);
    if (!e.code) give_weights(n, w->shared->weights + w->count);
    net_free(n);
    return e;
}

static Err train(const Work *w)
{
    const TrainingData *d = w->data;
    Net *n;
    TRY(net_new(&w->shape, w->options.seed, &n));
    Err e = net_train(n, d->sequences[DATA_FIT], d->counts[DATA_FIT], d->sequences[DATA_VALIDATION], d->counts[DATA_VALIDATION], &w->options,
                      &w->shared->report);
    if (!e.code) {
        give_weights(n, w->shared->weights);
        w->shared->temperature = net_temperature(n);
    }
    net_free(n);
    return e.code ? e : train_whole(w);
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
    w->count = net_weight_count(&w->shape);
    w->size = sizeof *w->shared + 2 * w->count * sizeof(float);
    void *shared = mmap(NULL, w->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return FAIL(errno);
    w->shared = shared;
    w->shared->code = ERR_CLOSED;
    w->options.context = w->shared;
    pid_t parent = getpid();
    w->pid = fork();
    if (w->pid < 0) {
        w->pid = 0;
        return FAIL(errno);
    }
    if (w->pid > 0) return OK;
    signal(SIGINT, SIG_IGN); /* the parent says when to stop */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    w->shared->code = train(w).code;
    w->shared->seconds = cpu_seconds();
    _exit(0);
}

static int permille_of(const Work *w) { return w->shared ? atomic_load(&w->shared->permille) : 0; }

/* The first error counts. A process that was killed has left ERR_CLOSED. */
static Err wait_for(Work *work, Work *w, const TrainingOptions *o)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    while (w->pid) {
        pid_t ended = waitpid(w->pid, NULL, WNOHANG);
        if (ended == w->pid || (ended < 0 && errno != EINTR)) break;
        nanosleep(&pause, NULL);
        double done = (permille_of(&work[0]) + permille_of(&work[1])) / 1000.0 / TRAINED;
        bool stop = o->progress && o->progress(o->context, predict_model_name((PredictModel)w->shape.model), done);
        for (int i = 0; stop && i < TRAINED; i++)
            if (work[i].shared) atomic_store(&work[i].shared->stop, true);
    }
    w->pid = 0;
    return w->wanted && w->shared->code ? FAIL(w->shared->code) : OK;
}

static Err run_all(Work *work, const TrainingOptions *o)
{
    TRY(begin(&work[0]));
    if (o->threads < 2) TRY(wait_for(work, &work[0], o));
    TRY(begin(&work[1]));
    if (o->threads >= 2) TRY(wait_for(work, &work[0], o));
    return wait_for(work, &work[1], o);
}

static Err take(const Work *w, const float *weights, Net **ret_net)
{
    size_t count;
    TRY(net_new(&w->shape, 0, ret_net));
    memcpy(net_weights(*ret_net, &count), weights, w->count * sizeof *weights);
    net_set_temperature(*ret_net, w->shared->temperature);
    return OK;
}

static Err take_all(const Work *work, Trained *ret_trained)
{
    for (int i = 0; i < TRAINED; i++) {
        if (!work[i].wanted) continue;
        ret_trained[i].report = work[i].shared->report;
        ret_trained[i].seconds = work[i].shared->seconds;
        TRY(take(&work[i], work[i].shared->weights, &ret_trained[i].net));
        TRY(take(&work[i], work[i].shared->weights + work[i].count, &ret_trained[i].whole));
    }
    return OK;
}

/* Whatever happened, nothing of it runs on. */
static void end(Work *w)
{
    if (w->pid && kill(w->pid, SIGKILL) == 0) waitpid(w->pid, NULL, 0);
    if (w->shared) munmap(w->shared, w->size);
}

void trained_free(Trained *t)
{
    net_free(t->net);
    net_free(t->whole);
    *t = (Trained){0};
}

Err training_run(const TrainingData *data, const TrainingOptions *o, uint32_t tasks, bool attributes, Trained ret_trained[TRAINED])
{
    Work work[TRAINED] = {0};
    for (int i = 0; i < TRAINED; i++) {
        work[i].data = data;
        work[i].shape = shape_of(i, tasks, attributes);
        work[i].options = (TrainOptions){.seed = o->seed + (uint64_t)i, .epochs_max = o->epochs_max, .dropout = 0.15f, .watch = on_progress};
        work[i].wanted = wants_model(o->models, i == TRAINED_LSTM ? PREDICT_LSTM : PREDICT_TRANSFORMER);
    }
    Err e = run_all(work, o);
    if (!e.code) e = take_all(work, ret_trained);
    for (int i = 0; i < TRAINED; i++) {
        end(&work[i]);
        if (e.code) trained_free(&ret_trained[i]);
    }
    return e;
}
