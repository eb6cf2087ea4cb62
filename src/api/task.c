/* A task as the library's user holds it: reading it, overriding parts of it, asking what became of it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "api/internal.h"
#include "base/fnv.h"
#include "sys/fd.h"

static Err task_handle_new(covey *c, covey_task **ret_task)
{
    covey_task *t = calloc(1, sizeof *t);
    if (!t) return FAIL(ENOMEM);
    t->owner = c;
    t->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->interrupt_fd < 0) {
        Err e = FAIL(errno);
        free(t);
        return e;
    }
    *ret_task = t;
    return OK;
}

/* The journal's folder is named after the absolute path, so that the same task file is the same task from every working directory. */
static Err remember_origin(covey_task *t, const char *path)
{
    char *absolute = realpath(path, NULL);
    if (!absolute) return FAIL(errno);
    Err e = path_format(t->origin, "%s", absolute);
    free(absolute);
    return e;
}

covey_code covey_task_load(covey *c, const char *path, covey_task **ret, covey_error *error)
{
    Diag diag = {0};
    covey_task *t = NULL;
    Err e = task_handle_new(c, &t);
    if (e.code == 0) e = task_load(path, &t->spec, &diag);
    if (e.code == 0) e = remember_origin(t, path);
    if (e.code) covey_task_free(t);
    else *ret = t;
    return api_result(e, &diag, error);
}

covey_code covey_task_parse(covey *c, const char *yaml, size_t size, const char *directory, covey_task **ret, covey_error *error)
{
    Diag diag = {0};
    covey_task *t = NULL;
    Err e = task_handle_new(c, &t);
    if (e.code == 0) e = task_parse(view_of(yaml, size), "task", directory ? directory : "", &t->spec, &diag);
    if (e.code) covey_task_free(t);
    else *ret = t;
    return api_result(e, &diag, error);
}

void covey_task_free(covey_task *t)
{
    if (!t) return;
    task_free(&t->spec);
    free(t->keybroker);
    free(t->wait);
    free(t->lease);
    bus_address_free(&t->bus);
    covey_task_set_data(t, NULL, 0);
    fd_close(&t->interrupt_fd);
    free(t);
}

void covey_task_set_resume(covey_task *t, bool resume) { t->resume = resume; }

void covey_task_set_concurrency(covey_task *t, unsigned zygotes) { t->zygotes = zygotes; }

/* NULL: none. */
static void replace_text(covey_task *t, char **text, const char *with)
{
    char *copy = with ? strdup(with) : NULL;
    if (with && !copy) {
        t->setup = FAIL(ENOMEM);
        return;
    }
    free(*text);
    *text = copy;
}

void covey_task_set_keybroker(covey_task *t, const char *address) { replace_text(t, &t->keybroker, address); }

void covey_task_set_output(covey_task *t, const char *path) { replace_text(t, &t->spec.output, path); }

void covey_task_set_bus(covey_task *t, const covey_bus *bus)
{
    BusAddress copy = {0};
    Err e = bus ? bus_address_copy(bus, &copy) : OK;
    if (e.code) t->setup = e;
    bus_address_free(&t->bus);
    t->bus = copy;
}

void covey_task_set_wait(covey_task *t, const char *time) { replace_text(t, &t->wait, time); }

void covey_task_set_lease(covey_task *t, const char *time) { replace_text(t, &t->lease, time); }

void covey_task_set_explain(covey_task *t, uint64_t micro_job)
{
    t->explain = true;
    t->explain_job = micro_job;
}

void covey_task_set_data(covey_task *t, const char *const *folders, size_t count)
{
    while (t->data_count) free(t->data[--t->data_count]);
    free(t->data);
    t->data = count ? calloc(count, sizeof *t->data) : NULL;
    while (t->data && t->data_count < count && (t->data[t->data_count] = strdup(folders[t->data_count]))) t->data_count++;
    if (t->data_count < count) t->setup = FAIL(ENOMEM);
}

/* Async-signal-safe: a lock-free store and one write. */
void covey_task_interrupt(covey_task *t)
{
    int saved = errno;
    atomic_store(&t->interrupted, true);
    uint64_t one = 1;
    ssize_t n = write(t->interrupt_fd, &one, sizeof one);
    (void)n; /* EAGAIN: the counter is full, so the loop is awake already */
    errno = saved;
}

void covey_task_summary(const covey_task *t, covey_summary *ret)
{
    *ret = (covey_summary){
        .task = t->spec.name,
        .level = level_name(t->spec.level),
        .output = t->spec.output ? t->spec.output : "-",
        .image = t->image_path,
        .measurement = t->measurement,
        .counts = t->counts,
        .partial_output = t->partial_path[0] ? t->partial_path : NULL,
        .recipients = t->recipients,
        .resumable = !task_reads_standard_input(t),
        .bus = t->bus.url,
        .failures = t->failures.kept,
        .failure_count = t->failures.count,
        .failures_seen = t->failures.seen,
    };
}

bool task_reads_standard_input(const covey_task *t) { return t->spec.input_path && strcmp(t->spec.input_path, "-") == 0; }

/* The folder's name only has to differ between tasks; the journal itself checks the identity. */
static uint64_t name_hash(View v) { return fnv_add(FNV_BEGIN, v); }

Err task_journal_directory(const covey_task *t, char ret_path[PATH_BYTES_MAX])
{
    View named_by = t->origin[0] ? view_text(t->origin) : view_buffer(&t->spec.source);
    return path_format(ret_path, "%s/%s-%012llx", t->owner->tasks_dir, t->spec.name,
                       (unsigned long long)(name_hash(named_by) & UINT64_C(0xffffffffffff)));
}
