/* One task at a terminal: progress, Ctrl-C, failures, and what is said at the end. */
#include "cmd/session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/progress.h"
#include "cmd/report.h"
#include "cmd/stream.h"

typedef struct {
    const SessionOptions *options;
    Progress progress;
    Stream stream;
} Session;

/* The one thing a signal handler can find its task by. */
static covey_task *volatile signalled_task;

/* SA_RESETHAND: the second signal finds the default action and ends the program at once. The warden and its SEEs end with it. */
static void on_signal(int number)
{
    (void)number;
    if (signalled_task) covey_task_interrupt(signalled_task);
}

static void catch_signals(covey_task *t)
{
    static const int STOP[] = {SIGINT, SIGTERM, SIGHUP};
    signalled_task = t;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof STOP / sizeof STOP[0]; i++) {
        struct sigaction before;
        if (sigaction(STOP[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(STOP[i], &action, NULL); /* nohup stays */
    }
}

static void on_progress(void *context, const covey_progress *c)
{
    Session *s = context;
    if (s->options->progress) progress_show(&s->progress, c);
}

static void on_building(void *context, const char *module)
{
    Session *s = context;
    if (s->options->progress) progress_note(&s->progress, "preparing the image of", module);
}

static int on_output(void *context, const void *data, size_t size)
{
    Session *s = context;
    if (s->progress.terminal) progress_end(&s->progress); /* output and bar may share the terminal */
    return stream_write(&s->stream, data, size);
}

static void on_notice(void *context, const char *text)
{
    Session *s = context;
    progress_end(&s->progress);
    if (!s->options->quiet) fprintf(stderr, "covey: %s\n", text);
}

static void on_explained(void *context, const char *line)
{
    Session *s = context;
    progress_end(&s->progress);
    fprintf(stderr, "%s\n", line);
}

int session_error(const covey_error *e)
{
    fprintf(stderr, "covey: %s\n", e->text);
    if (getenv("COVEY_DEBUG") && e->at[0]) fprintf(stderr, "covey: (at %s)\n", e->at);
    return e->code;
}

static void say_interrupted(const Session *s, const covey_summary *summary)
{
    const covey_progress *c = &summary->counts;
    unsigned long long ended = c->succeeded + c->failed, all = c->micro_jobs;
    if (all == 0) fprintf(stderr, "covey: interrupted before the first micro-job");
    else fprintf(stderr, "covey: interrupted after %llu of %s%llu micro-jobs", ended, c->counting ? "at least " : "", all);
    if (s->options->resume_hint) fprintf(stderr, "; continue with: %s", s->options->resume_hint);
    fputc('\n', stderr);
}

static void say_task_failed(const Session *s, const covey_summary *summary)
{
    const covey_progress *c = &summary->counts;
    report_print_failures(summary, stderr);
    fprintf(stderr, "covey: %llu of %llu micro-jobs failed for good", (unsigned long long)c->failed, (unsigned long long)c->micro_jobs);
    if (summary->partial_output) fprintf(stderr, "; the results of the others: %s", summary->partial_output);
    if (s->options->resume_hint) fprintf(stderr, "; try the failed ones again: %s", s->options->resume_hint);
    fputc('\n', stderr);
}

static void say_end(Session *s, const covey_summary *summary, const covey_error *e)
{
    if (e->code == COVEY_INTERRUPTED) say_interrupted(s, summary);
    else if (e->code == COVEY_TASK_FAILED && summary->failures_seen) say_task_failed(s, summary);
    else if (e->code) session_error(e);
    else if (s->options->summary && !s->options->quiet) report_print_summary(summary, stderr);
}

static void print_json(const covey_task *t, const covey_error *e, FILE *out)
{
    char *text = covey_task_json(t, e);
    if (text) fprintf(out, "%s\n", text);
    else fprintf(stderr, "covey: the summary could not be written as JSON: a name in it is not UTF-8, or there is no memory\n");
    fflush(out);
    free(text);
}

int session_run(covey_task *t, const SessionOptions *options)
{
    Session s = {.options = options};
    covey_summary summary;
    covey_task_summary(t, &summary);
    bool to_stdout = strcmp(summary.output, "-") == 0;
    covey_events events = {.context = &s, .progress = on_progress, .output = to_stdout ? on_output : NULL, .building = on_building,
                           .notice = on_notice, .explained = on_explained};

    progress_begin(&s.progress, summary.task);
    catch_signals(t);
    covey_error error;
    covey_task_run(t, &events, &error);
    signalled_task = NULL;
    progress_end(&s.progress);

    if (!stream_finish(&s.stream)) return COVEY_SYSTEM;
    covey_task_summary(t, &summary);
    say_end(&s, &summary, &error);
    if (options->json) print_json(t, &error, options->json);
    return error.code;
}
