/* The orchestrator's process: its key and audit log, what the history teaches, then events and wishes until it is told to stop. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "api/internal.h"
#include "api/pto.h"
#include "api/pto_hand.h"
#include "pto/confine.h"
#include "pto/history.h"
#include "pto/log.h"
#include "pto/orchestrator.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { FUTURE_MAX = 1 << 22, FUTURE_BYTES_MAX = 256 << 20, CHECKPOINT_BYTES_MAX = 64 << 20 };
#define STAGE_RATE_MAX (UINT64_C(1) << 40)

typedef struct {
    const covey_orchestrator_options *options;
    Service service;
    char state_dir[PATH_BYTES_MAX], audit_path[PATH_BYTES_MAX];
    SecretKey secret;
    PublicKey public_key;
    Audit *audit;
    uint32_t *future;
    size_t future_count;
    Buffer checkpoint;
    Loop *loop;
    Orchestrator *orchestrator;
    HandingImage *images;          /* [task]; with a stage */
    Handing *handing;              /* NULL: without a stage */
    LoopSource *stop;
    bool stopping;
    uint64_t learned;
} Running;

static void say(Running *r, const char *line)
{
    if (r->options->notice_line) r->options->notice_line(r->options->context, line);
}
static void on_notice(void *context, const char *line) { say(context, line); }

static Err on_stop(void *context, uint32_t events)
{
    (void)events;
    ((Running *)context)->stopping = true;
    return OK;
}

static Err on_history(void *context, const RequestEvent *e, const char *task)
{
    (void)task;
    Running *r = context;
    uint64_t now = clock_wall_ns();
    orchestrator_learn(r->orchestrator, e, NULL, now > e->wall_ns ? now - e->wall_ns : 0);
    r->learned++;
    return OK;
}

/* Its own folder, which it is given when it becomes another user: a key of its own, an audit log of its own. */
static Err open_folder(const covey *c, Running *r, Diag *diag)
{
    TRY(pto_folder(c, r->options->state_dir, r->state_dir, diag));
    TRY_WHY(diag, path_format(r->audit_path, "%s/audit.log", r->state_dir), "audit log");
    if (r->options->user) TRY(confine_user(r->options->user, r->state_dir, diag));
    TRY_WHY(diag, signing_key_open(r->state_dir, &r->secret, &r->public_key, diag), "the orchestrator's key");
    return audit_open(r->audit_path, &r->secret, &r->public_key, &r->audit, diag);
}

/* One task's name a line. */
static Err read_future(Running *r, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(FUTURE_BYTES_MAX);
    const char *path = r->options->future;
    Err e = file_read(AT_FDCWD, path, &text);
    if (e.code) return FAIL_WHY(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code, "%s: %s", path, err_text(e.code));
    r->future = calloc(FUTURE_MAX, sizeof *r->future);
    if (!r->future) return FAIL(ENOMEM);
    for (size_t at = 0, line = 1; at < text.size; line++) {
        const uint8_t *end = memchr(text.data + at, '\n', text.size - at);
        size_t size = end ? (size_t)(end - text.data) - at : text.size - at;
        uint32_t task = service_find(&r->service, view_of(text.data + at, size));
        if (task == UINT32_MAX) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s:%zu: the service has no such task", path, line);
        if (r->future_count == FUTURE_MAX) return FAIL_WHY(diag, ERR_LIMIT, "%s: more than %d requests", path, FUTURE_MAX);
        r->future[r->future_count++] = task;
        at += size + 1;
    }
    return OK;
}

static Err read_checkpoint(Running *r, Diag *diag)
{
    const char *path = r->options->checkpoint;
    r->checkpoint = buffer_limited(CHECKPOINT_BYTES_MAX);
    if (!path) return OK;
    Err e = file_read(AT_FDCWD, path, &r->checkpoint);
    return e.code ? FAIL_WHY(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code, "%s: %s", path, err_text(e.code)) : OK;
}

/* What cannot be read is nothing to learn from, and no reason not to begin. */
static void learn_history(Running *r)
{
    uint64_t skipped = 0;
    Diag diag = {{0}};
    char line[DIAG_TEXT_MAX + 128];
    if (!r->service.history || r->options->no_history) return;
    Err e = history_each(r->service.history, &r->service, on_history, r, &skipped, &diag);
    if (e.code && e.code != ERR_NO_ENTRY) {
        snprintf(line, sizeof line, "%s; beginning without what is missing", diag.text);
        say(r, line);
    }
    snprintf(line, sizeof line, "learned from %llu requests of the history", (unsigned long long)r->learned);
    say(r, line);
    snprintf(line, sizeof line, "%llu rows of the history made no sense and are left out", (unsigned long long)skipped);
    if (skipped) say(r, line);
}

/* The events of tasks that the service has, in order of time; of the same moment, in the log's order: as covey replay orders them. */
static Err order_events(const Service *s, const EventLog *log, LogEvent **ret_events, size_t *ret_count)
{
    LogOrder *order = calloc(log->count + 1, sizeof *order);
    LogEvent *events = calloc(log->count + 1, sizeof *events);
    size_t count = 0;
    if (!order || !events) {
        free(order);
        free(events);
        return FAIL(ENOMEM);
    }
    log_order(log, order);
    for (size_t i = 0; i < log->count; i++) {
        LogEvent e = log->events[order[i].index];
        e.task = service_find_like(s, log->tasks.texts[e.task]);
        if (e.task != UINT32_MAX) events[count++] = e;
    }
    free(order);
    *ret_events = events;
    *ret_count = count;
    return OK;
}

/* The log's events as if they had come just before now, as fast as the service's time goes. */
static Err learn_log(Running *r, Diag *diag)
{
    const covey_orchestrator_options *o = r->options;
    AUTO_LOG log = {0};
    if (!o->learn) return OK;
    LogEvent *events;
    size_t all;
    LogColumns columns = {.session = o->session_column, .task = o->task_column, .time = o->time_column};
    if (o->attribute_count > LOG_ATTRIBUTES_MAX) return FAIL_WHY(diag, ERR_LIMIT, "more than %d attributes", LOG_ATTRIBUTES_MAX);
    for (size_t k = 0; k < o->attribute_count; k++) columns.attributes[k] = o->attributes[k];
    TRY(log_read(o->learn, &columns, &log, diag));
    TRY(order_events(&r->service, &log, &events, &all));
    size_t count = o->learn_events && o->learn_events < all ? o->learn_events : all;
    int64_t end = all ? events[count < all ? count : count - 1].time_ms : 0;
    double speedup = o->speedup > 0 ? o->speedup : 1;
    for (size_t i = 0; i < count; i++) {
        const LogEvent *l = &events[i];
        RequestEvent e = {.task = l->task, .status = 200, .start = START_COLD, .wall_ns = (uint64_t)l->time_ms * NS_PER_MS};
        snprintf(e.session, sizeof e.session, "%s", log.sessions.texts[l->session]);
        orchestrator_learn(r->orchestrator, &e, l->attributes, (uint64_t)((double)(end - l->time_ms) * (double)NS_PER_MS / speedup));
    }
    free(events);
    r->learned = count;
    char line[128];
    snprintf(line, sizeof line, "learned from %zu of %zu events of the log", count, all);
    say(r, line);
    return OK;
}

static Err config_of(Running *r, OrchestratorConfig *ret_config, Diag *diag)
{
    const covey_orchestrator_options *o = r->options;
    OrchestratorConfig c = {.service = &r->service, .stream_path = o->stream, .mode = DECIDE_LEARNED, .audit = r->audit, .context = r,
                            .notice = on_notice};
    if (o->mode && !decide_mode_parse(o->mode, &c.mode))
        return FAIL_WHY(diag, ERR_USAGE, "%s: no mode; there are off, histogram, lookahead, learned and oracle", o->mode);
    if ((c.mode == DECIDE_ORACLE) != (o->future != NULL)) return FAIL_WHY(diag, ERR_USAGE, "mode oracle, and only it, needs a recording of what will come");
    if (o->memory && !size_parse(o->memory, &c.bytes_max)) return FAIL_WHY(diag, ERR_USAGE, "%s: no size, such as 256MiB", o->memory);
    if (o->stage_rate && (!size_parse(o->stage_rate, &c.request_bytes) || !c.request_bytes || c.request_bytes > STAGE_RATE_MAX))
        return FAIL_WHY(diag, ERR_USAGE, "%s: no size above 0 and at most 1TiB, such as 512KiB", o->stage_rate);
    if (o->stage_burst && (!size_parse(o->stage_burst, &c.burst_bytes) || !c.burst_bytes || c.burst_bytes > STAGE_RATE_MAX))
        return FAIL_WHY(diag, ERR_USAGE, "%s: no size above 0 and at most 1TiB, such as 16MiB", o->stage_burst);
    if (o->bin && (!duration_parse(o->bin, &c.bin_ns) || !c.bin_ns)) return FAIL_WHY(diag, ERR_USAGE, "%s: no time, such as 60s", o->bin);
    if (o->future) TRY(read_future(r, diag));
    c.future = r->future;
    c.future_count = r->future_count;
    TRY(read_checkpoint(r, diag));
    c.checkpoint = view_buffer(&r->checkpoint);
    *ret_config = c;
    return OK;
}

static bool hand_over(void *context, uint32_t task, uint64_t value)
{
    Running *r = context;
    return r->handing && handing_task(r->handing, task, value);
}

static void take_back(void *context, uint32_t task)
{
    Running *r = context;
    if (r->handing) handing_take_back(r->handing, task);
}

static void on_handed(void *context, uint32_t task) { orchestrator_handed(((Running *)context)->orchestrator, task); }

/* Before rights are given up: an image may have to be built. A task whose image is not to be had is left to the service. */
static Err ready_images(const covey *c, Running *r)
{
    if (!r->options->stage) return OK;
    r->images = calloc(r->service.task_count, sizeof *r->images);
    if (!r->images) return FAIL(ENOMEM);
    for (size_t i = 0; i < r->service.task_count; i++) {
        const ServiceTask *t = &r->service.tasks[i];
        ReadyImage image;
        Diag why = {{0}};
        Err e = image_ready(c, t->name, t->image, t->module, r->service.memory_max, &image, &why);
        if (e.code) say(r, why.text);
        if (e.code) continue;
        r->images[i].path = strdup(image.path);
        if (!r->images[i].path) return FAIL(ENOMEM);
        memcpy(r->images[i].measurement, image.measurement.bytes, sizeof r->images[i].measurement);
    }
    return OK;
}

static Err start_handing(Running *r)
{
    const HandingConfig config = {.loop = r->loop, .stage_path = r->options->stage, .service = &r->service, .images = r->images, .secret = &r->secret,
                                  .public_key = r->public_key, .audit = r->audit, .context = r, .handed = on_handed};
    return r->options->stage ? handing_new(&config, &r->handing) : OK;
}

static Err running_open(const covey *c, Running *r, int stop_fd, Diag *diag)
{
    OrchestratorConfig config;
    if (!r->options->stream) return FAIL_WHY(diag, ERR_USAGE, "the service's stream socket is needed");
    TRY(service_load(r->options->service_file, &r->service, diag));
    TRY(config_of(r, &config, diag));
    TRY(ready_images(c, r));
    TRY(open_folder(c, r, diag));
    config.audit = r->audit;
    TRY_WHY(diag, confine_calls(), "giving up rights");
    TRY_WHY(diag, loop_new(&r->loop), "event loop");
    config.hand_over = hand_over;
    config.take_back = take_back;
    TRY(orchestrator_new(r->loop, &config, &r->orchestrator, diag));
    TRY(start_handing(r));
    TRY(learn_log(r, diag));
    learn_history(r);
    return stop_fd < 0 ? OK : loop_add_fd(r->loop, stop_fd, EPOLLIN, on_stop, r, &r->stop);
}

static void running_close(Running *r)
{
    loop_remove(&r->stop);
    handing_free(&r->handing);
    orchestrator_free(&r->orchestrator);
    loop_free(&r->loop);
    audit_close(&r->audit);
    secret_key_wipe(&r->secret);
    buffer_free(&r->checkpoint);
    free(r->future);
    for (size_t i = 0; r->images && i < r->service.task_count; i++) free(r->images[i].path);
    free(r->images);
    service_free(&r->service);
}

static Err run(const covey *c, Running *r, int stop_fd, Diag *diag)
{
    TRY(running_open(c, r, stop_fd, diag));
    while (!r->stopping) TRY_WHY(diag, loop_turn(r->loop, -1), "event loop");
    OrchestratorStats s = orchestrator_stats(r->orchestrator);
    char line[256];
    snprintf(line, sizeof line, "%llu requests heard, %llu missed; %llu tasks wanted, %llu used, %llu in vain", (unsigned long long)s.events,
             (unsigned long long)s.missed, (unsigned long long)s.wanted, (unsigned long long)s.used, (unsigned long long)s.wasted);
    say(r, line);
    return OK;
}

covey_code covey_pto_run(covey *c, const covey_orchestrator_options *options, int stop_fd, covey_error *error)
{
    Diag diag = {{0}};
    Running *r = calloc(1, sizeof *r);
    if (!r) return api_result(FAIL(ENOMEM), NULL, error);
    r->options = options;
    Err e = run(c, r, stop_fd, &diag);
    running_close(r);
    free(r);
    return api_result(e, &diag, error);
}
