/* One task file of `covey manager`, in its thread: read, run or gone on with, its summary written beside it. */
#include "api/manager_task.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/content.h"
#include "api/run.h"
#include "api/sealed_run.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { SUMMARY_MODE = 0640 };
#define CONFIRM_EVERY_NS (20 * NS_PER_MS)

void manager_say(ManagerService *s, const char *format, ...)
{
    char text[DIAG_TEXT_MAX + TASK_FILE_NAME_MAX];
    if (!s->options->notice_line) return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pthread_mutex_lock(&s->saying);
    s->options->notice_line(s->options->context, text);
    pthread_mutex_unlock(&s->saying);
}

Err manager_file(const ManagerService *s, const char *name, const char *extension, char ret_path[PATH_BYTES_MAX])
{
    return path_format(ret_path, "%s/%s%s", s->options->tasks_dir, name, extension);
}

/* --- the summary --- */

/* A file that is no task has no summary but this. */
static char *bare_json(const ManagerTask *t, const covey_error *error)
{
    json_t *o = json_pack("{s:s, s:i, s:s}", "task", t->name, "exit_code", (int)error->code, "error", error->text);
    char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
    json_decref(o);
    return text;
}

static Err write_summary(ManagerTask *t, const covey_error *error)
{
    char path[PATH_BYTES_MAX];
    char *text = t->task ? covey_task_json(t->task, error) : bare_json(t, error);
    if (!text) return FAIL(ENOMEM);
    AUTO_BUFFER content = buffer_limited(SIZE_MAX);
    Err e = buffer_format(&content, "%s\n", text);
    free(text);
    TRY(e);
    TRY(manager_file(t->service, t->name, error->code ? ".failed" : ".done", path));
    TRY(file_replace(AT_FDCWD, path, view_buffer(&content), SUMMARY_MODE));
    t->written = true;
    return OK;
}

/* --- what the run asks --- */

/* Before the output gets its name. */
static Err confirm_lease(void *context, Diag *diag)
{
    ManagerTask *t = context;
    const uint64_t asked = clock_monotonic_ns();
    while (!atomic_load(&t->lost) && atomic_load(&t->service->beat_ns) <= asked)
        nanosleep(&(struct timespec){.tv_nsec = CONFIRM_EVERY_NS}, NULL);
    if (!atomic_load(&t->lost)) return OK;
    return FAIL_WHY(diag, ERR_INTERRUPTED, "another manager has taken it over");
}

/* After that, and before the journal forgets: whoever dies in between finds the task to do, and makes the same output of the journal. */
static Err write_done(void *context, Diag *diag)
{
    ManagerTask *t = context;
    TRY_WHY(diag, write_summary(t, &(covey_error){.code = COVEY_OK}), "the summary of %s", t->name);
    return OK;
}

static void on_notice(void *context, const char *text)
{
    ManagerTask *t = context;
    manager_say(t->service, "%s: %s", t->name, text);
}

/* --- the thread --- */

static Err check_task(const ManagerTask *t, Diag *diag)
{
    const TaskSpec *spec = &t->task->spec;
    if (task_reads_standard_input(t->task)) return FAIL_WHY(diag, ERR_BAD_INPUT, "it reads standard input, and a manager has none; name a file");
    if (!spec->output || strcmp(spec->output, "-") == 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "it writes to standard output, and a manager has none; add 'output: FILE'");
    return OK;
}

static Err run(ManagerTask *t, Diag *diag)
{
    const covey_manager_options *o = t->service->options;
    const covey_events events = {.context = t, .notice = on_notice};
    const RunGuard guard = {.context = t, .confirm = confirm_lease, .finished = write_done};
    TRY(check_task(t, diag));
    covey_task_set_bus(t->task, &o->bus);
    covey_task_set_data(t->task, o->data, o->data_count);
    TRY(content_find(t->task, diag));
    if (sealed_run_wanted(t->task)) covey_task_set_keybroker(t->task, "nats");
    covey_task_set_resume(t->task, true);
    Err e = run_task(t->task, &events, &guard, diag);
    if (e.code != ERR_CHANGED) return e;
    *diag = (Diag){0}; /* another task by the same name, or over other data: what the journal has is of no use */
    covey_task_set_resume(t->task, false);
    return run_task(t->task, &events, &guard, diag);
}

/* What another try can mend is no verdict on the task. */
static bool is_final(covey_code code) { return code == COVEY_TASK_FAILED || code == COVEY_BAD_INPUT || code == COVEY_REFUSED; }

static void *task_main(void *context)
{
    ManagerTask *t = context;
    Diag diag = {0};
    if (t->task) {
        Err e = run(t, &diag);
        api_result(e, &diag, &t->error);
    }
    if (is_final(t->error.code) && !atomic_load(&t->lost)) {
        Err e = write_summary(t, &t->error);
        if (e.code) manager_say(t->service, "%s.failed cannot be written: %s", t->name, err_text(e.code));
    }
    atomic_store(&t->ended, true);
    const uint64_t one = 1;
    ssize_t n = write(t->service->wake_fd, &one, sizeof one);
    (void)n; /* EAGAIN: it is awake already */
    return NULL;
}

Err manager_task_start(ManagerService *s, const char *name, ManagerTask **ret_task)
{
    char path[PATH_BYTES_MAX];
    TRY(manager_file(s, name, ".yaml", path));
    ManagerTask *t = calloc(1, sizeof *t);
    if (!t) return FAIL(ENOMEM);
    t->service = s;
    snprintf(t->name, sizeof t->name, "%s", name);
    covey_task_load(s->covey, path, &t->task, &t->error);
    int failed = pthread_create(&t->thread, NULL, task_main, t);
    if (failed) {
        covey_task_free(t->task);
        free(t);
        return FAIL(failed);
    }
    *ret_task = t;
    return OK;
}

void manager_task_stop(ManagerTask *t, bool lost)
{
    if (lost) atomic_store(&t->lost, true);
    if (t->task) covey_task_interrupt(t->task);
}

void manager_task_join(ManagerTask **task)
{
    ManagerTask *t = *task;
    if (!t) return;
    pthread_join(t->thread, NULL);
    covey_task_free(t->task);
    free(t);
    *task = NULL;
}
