/* Two threads run a task each, with a handle of their own, at the same time; then one is interrupted from another thread, and resumed. */
#include <covey.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char TASK[] =
    "{task: %s, module: slow.wasm, args: ['2'], input: {path: in.txt, split: {by: lines, records: 5}}, output: %s.out}";

typedef struct { const char *name; covey *c; covey_task *t; covey_code code; covey_error error; uint64_t results; } Worker;

static void on_result(void *context, uint64_t job, const void *data, size_t size)
{
    (void)job, (void)data, (void)size;
    ((Worker *)context)->results++;
}

static void *run(void *argument)
{
    Worker *w = argument;
    covey_events events = {.context = w, .result = on_result};
    w->code = covey_task_run(w->t, &events, &w->error);
    return NULL;
}

static int prepare(Worker *w, const char *name)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml, TASK, name, name);
    *w = (Worker){.name = name};
    return covey_open(NULL, &w->c, &w->error) || covey_task_parse(w->c, yaml, strlen(yaml), NULL, &w->t, &w->error);
}

static int fail(const Worker *w, const char *what)
{
    fprintf(stderr, "%s: %s: code %d, %s\n", w->name, what, w->code, w->error.text);
    return 1;
}

static int two_at_once(void)
{
    Worker w[2];
    pthread_t threads[2];
    if (prepare(&w[0], "first") || prepare(&w[1], "second")) return fail(&w[0], "prepare");
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, run, &w[i]);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) {
        if (w[i].code || w[i].results != 80) return fail(&w[i], "run");
        covey_task_free(w[i].t);
        covey_close(w[i].c);
    }
    return 0;
}

static int interrupt_and_resume(void)
{
    Worker w;
    pthread_t thread;
    if (prepare(&w, "third")) return fail(&w, "prepare");
    covey_task_set_concurrency(w.t, 1);
    pthread_create(&thread, NULL, run, &w);
    while (__atomic_load_n(&w.results, __ATOMIC_RELAXED) == 0) usleep(1000);
    covey_task_interrupt(w.t);
    pthread_join(thread, NULL);
    if (w.code != COVEY_INTERRUPTED || access("third.out", F_OK) == 0) return fail(&w, "interrupt");

    covey_task_set_resume(w.t, true);
    run(&w);
    covey_summary s;
    covey_task_summary(w.t, &s);
    if (w.code || s.counts.resumed == 0 || s.counts.resumed >= 80 || s.counts.succeeded != 80) return fail(&w, "resume");

    covey_task_interrupt(w.t); /* before a run: it stops at once */
    run(&w);
    if (w.code != COVEY_INTERRUPTED) return fail(&w, "interrupted before the run");
    covey_task_free(w.t);
    covey_close(w.c);
    return 0;
}

int main(void) { return two_at_once() || interrupt_and_resume(); }
