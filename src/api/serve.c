/* A service: its file, its images, gateway, node agent and HTTP in one loop, until it is told to stop. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "api/internal.h"
#include "api/serve_sealed.h"
#include "api/serve_stage.h"
#include "base/units.h"
#include "gateway/http.h"
#include "gateway/stream.h"
#include "node/agent.h"
#include "pto/history.h"
#include "sys/clock.h"

enum { HISTORY_FLUSH_MS = 1000, STOP_LOOK_MS = 20 };

typedef struct {
    const covey *covey;
    const covey_serve_options *options;
    const char *path;
    int stop_fd, stops;
    Service service;
    char **images;                 /* [task]: path */
    Sha256 *measurements;          /* [task] */
    Depot depot;
    char program[PATH_BYTES_MAX];
    Loop *loop;
    Bus *bus;
    Gateway *gateway;
    ServeStage *stage;             /* NULL: none */
    ServeSealed *sealed;           /* NULL: no task has sealed data */
    Agent *agent;
    Http *http;
    GatewayStream *stream;
    History *history;
    uint64_t dropped;              /* of the history, as last said */
    LoopSource *stop, *flush;
} Serving;

static void say(Serving *s, const char *line)
{
    if (s->options->notice_line) s->options->notice_line(s->options->context, line);
}

static void on_notice(void *context, const char *line) { say(context, line); }

static void on_event(void *context, const RequestEvent *e)
{
    Serving *s = context;
    if (s->stream) gateway_stream_event(s->stream, e);
    if (s->history) history_add(s->history, e);
}

static void on_place(void *context, const StreamPlace *p)
{
    Serving *s = context;
    if (s->stream) gateway_stream_place(s->stream, p);
}

static Err on_flush(void *context, uint32_t events)
{
    (void)events;
    Serving *s = context;
    history_flush(s->history);
    HistoryProgress p = history_progress(s->history);
    if (p.dropped != s->dropped) {
        char line[256];
        snprintf(line, sizeof line, "the history cannot be written (%s): %llu events are lost so far", err_text(p.last_error.code),
                 (unsigned long long)p.dropped);
        say(s, line);
    }
    s->dropped = p.dropped;
    loop_set_timer(s->flush, clock_monotonic_ns() + HISTORY_FLUSH_MS * NS_PER_MS);
    return OK;
}

/* The first stop lets what runs finish, the second ends it. */
static Err on_stop(void *context, uint32_t events)
{
    (void)events;
    Serving *s = context;
    char message[128]; /* a signalfd's are of this size */
    while (read(s->stop_fd, message, sizeof message) < 0 && errno == EINTR) continue;
    if (s->stops++) return OK;
    gateway_drain(s->gateway);
    http_quiesce(s->http);
    say(s, "stopping: what runs is finished; once more to end it at once");
    return OK;
}

static bool ended(const Serving *s) { return s->stops > 1 || (s->stops && gateway_idle(s->gateway) && !http_busy(s->http)); }

/* --- the way up --- */

static Err ready_images(Serving *s, Diag *diag)
{
    size_t n = s->service.task_count;
    s->images = calloc(n, sizeof *s->images);
    s->measurements = calloc(n, sizeof *s->measurements);
    if (!s->images || !s->measurements) return FAIL(ENOMEM);
    for (size_t i = 0; i < n; i++) {
        const ServiceTask *t = &s->service.tasks[i];
        ReadyImage image;
        for (size_t k = 0; k < i && !s->images[i]; k++) { /* tasks that share one are common */
            const ServiceTask *other = &s->service.tasks[k];
            bool same = t->module ? other->module && strcmp(t->module, other->module) == 0 : other->image && strcmp(t->image, other->image) == 0;
            if (!same) continue;
            s->images[i] = strdup(s->images[k]);
            if (!s->images[i]) return FAIL(ENOMEM);
            s->measurements[i] = s->measurements[k];
        }
        if (s->images[i]) continue;
        Err e = image_ready(s->covey, t->name, t->image, t->module, s->service.memory_max, &image, diag);
        if (e.code) return e;
        s->images[i] = strdup(image.path);
        if (!s->images[i]) return FAIL(ENOMEM);
        s->measurements[i] = image.measurement;
    }
    return OK;
}

static Err open_history(Serving *s, Diag *diag)
{
    bool aside = false;
    if (!s->service.history) return OK;
    TRY(history_open(s->service.history, &s->service, s->service.history_rows, &s->history, &aside, diag));
    if (aside) {
        char line[PATH_BYTES_MAX + 128];
        snprintf(line, sizeof line, "%s: the history was damaged; it is kept as %s.damaged, and a new one begun", s->service.history, s->service.history);
        say(s, line);
    }
    return loop_add_timer(s->loop, clock_monotonic_ns() + HISTORY_FLUSH_MS * NS_PER_MS, on_flush, s, &s->flush);
}

static Err start_agent(Serving *s, Diag *diag)
{
    AgentConfig config = {.node_id = "local", .warden_program = s->program, .cores = s->options->cores, .config_dir = s->covey->config_dir,
                          .stage = serve_stage_stage(s->stage), .broker_bus = serve_sealed_broker_bus(s->sealed)};
    TRY_WHY(diag, trusted_keys_load(s->covey->config_dir, &config.trusted, diag), "trusted keys");
    return agent_new(s->loop, s->bus, &config, &s->agent, diag);
}

/* Your own, unless another was named. */
static Err orchestrators_user(const covey_serve_options *o, uid_t *ret_uid, Diag *diag)
{
    const struct passwd *who = o->pto_user ? getpwnam(o->pto_user) : NULL;
    if (o->pto_user && !who) return FAIL_WHY(diag, ERR_USAGE, "%s: there is no such user", o->pto_user);
    *ret_uid = who ? who->pw_uid : geteuid();
    return OK;
}

static Err start_stream(Serving *s, Diag *diag)
{
    const covey_serve_options *o = s->options;
    uid_t uid;
    if (o->pto_user && !o->stream && !o->stage) return FAIL_WHY(diag, ERR_USAGE, "an orchestrator's user was named, and no stream socket");
    if (!o->stream) return OK;
    TRY(orchestrators_user(o, &uid, diag));
    return gateway_stream_open(s->loop, s->gateway, &s->service, o->stream, uid, &s->stream, diag);
}

static bool is_staged(void *context, const Sha256 *hash, const char *task)
{
    Serving *s = context;
    return s->stage && stage_holds(serve_stage_stage(s->stage), hash, view_text(task));
}

/* Beside the folder of tasks. */
static Err state_folder(const Serving *s, const char *name, char ret_folder[PATH_BYTES_MAX], Diag *diag)
{
    const char *tasks = s->covey->tasks_dir, *slash = strrchr(tasks, '/');
    TRY_WHY(diag, path_format(ret_folder, "%.*s/%s", slash ? (int)(slash - tasks) : 0, tasks, name), "state folder");
    return OK;
}

static Err seal_result(void *context, uint32_t task, const TaskId *id, uint64_t request, View result)
{
    return serve_sealed_result(((Serving *)context)->sealed, task, id, request, result);
}

static Err find_sealed(Serving *s, Diag *diag)
{
    char folder[PATH_BYTES_MAX];
    TRY(state_folder(s, "serve", folder, diag));
    return serve_sealed_open(s->covey, s->loop, s->bus, &s->service, s->path, &s->depot, folder, s->options->keybroker, &s->sealed, diag);
}

static Err start_stage(Serving *s, Diag *diag)
{
    const covey_serve_options *o = s->options;
    char folder[PATH_BYTES_MAX];
    uint64_t bytes = 0;
    uid_t uid;
    if (!o->stage) return OK;
    if (o->stage_memory && !size_parse(o->stage_memory, &bytes)) return FAIL_WHY(diag, ERR_USAGE, "stage memory: %s is no size such as 512MiB", o->stage_memory);
    TRY(orchestrators_user(o, &uid, diag));
    TRY(state_folder(s, "stage", folder, diag));
    return serve_stage_open(s->loop, s->covey->config_dir, folder, o->stage, uid, bytes, &s->stage, diag);
}

static Err start_http(Serving *s, Diag *diag)
{
    const covey_serve_options *o = s->options;
    const HttpConfig config = {.listen = o->listen ? o->listen : "127.0.0.1:8080", .token_file = o->token_file, .tls_cert = o->tls_cert,
                               .tls_key = o->tls_key, .tls_client_ca = o->tls_client_ca};
    return http_new(s->loop, s->gateway, &s->service, &config, &s->http, diag);
}

static Err serving_open(Serving *s, Diag *diag)
{
    TRY(service_load(s->path, &s->service, diag));
    if (s->service.level > LEVEL_PROCESS)
        return FAIL_WHY(diag, ERR_LEVEL, "%s: level '%s' is not served by this version; use shared or process", s->path, level_name(s->service.level));
    TRY(program_find(s->covey->program, s->program, diag));
    TRY(ready_images(s, diag));
    TRY(depot_open(&s->service, s->path, (const char *const *)s->images, &s->depot, diag));
    TRY_WHY(diag, loop_new(&s->loop), "event loop");
    TRY(open_history(s, diag));
    TRY_WHY(diag, bus_memory_new(s->loop, &s->bus), "bus");
    TRY_WHY(diag, find_sealed(s, diag), "sealed data");
    const GatewayConfig config = {.service = &s->service, .depot = &s->depot, .measurements = s->measurements, .node_id = "local", .context = s,
                                  .event = on_event, .place = on_place, .is_staged = is_staged, .sealed = serve_sealed_tasks(s->sealed),
                                  .seal = seal_result, .notice = on_notice};
    TRY_WHY(diag, gateway_new(s->loop, s->bus, &config, &s->gateway, diag), "gateway");
    if (s->sealed) serve_sealed_use(s->sealed, s->gateway);
    TRY_WHY(diag, start_stage(s, diag), "the stage");
    TRY_WHY(diag, start_agent(s, diag), "node agent");
    TRY(start_stream(s, diag));
    TRY(start_http(s, diag));
    return s->stop_fd < 0 ? OK : loop_add_fd(s->loop, s->stop_fd, EPOLLIN, on_stop, s, &s->stop);
}

static void serving_close(Serving *s)
{
    loop_remove(&s->stop);
    http_free(&s->http);
    gateway_stream_close(&s->stream);
    agent_free(&s->agent);
    serve_stage_close(&s->stage);
    serve_sealed_close(&s->sealed);
    gateway_free(&s->gateway);
    bus_free(&s->bus);
    loop_remove(&s->flush);
    history_close(&s->history);
    loop_free(&s->loop);
    depot_close(&s->depot);
    for (size_t i = 0; s->images && i < s->service.task_count; i++) free(s->images[i]);
    free(s->images);
    free(s->measurements);
    service_free(&s->service);
}

static Err serve(Serving *s, Diag *diag)
{
    TRY(serving_open(s, diag));
    covey_serving ready = {.url = http_url(s->http), .service = s->service.name, .tasks = (unsigned)s->service.task_count,
                           .level = level_name(s->service.level), .store_is_simulated = s->depot.simulated};
    if (s->options->ready) s->options->ready(s->options->context, &ready);
    while (!ended(s)) TRY_WHY(diag, loop_turn(s->loop, s->stops ? STOP_LOOK_MS : -1), "event loop");
    return OK;
}

covey_code covey_serve(covey *c, const char *service_file, const covey_serve_options *options, int stop_fd, covey_error *error)
{
    Diag diag = {{0}};
    Serving *s = calloc(1, sizeof *s);
    if (!s) return api_result(FAIL(ENOMEM), NULL, error);
    *s = (Serving){.covey = c, .options = options, .path = service_file, .stop_fd = stop_fd};
    Err e = serve(s, &diag);
    serving_close(s);
    free(s);
    return api_result(e, &diag, error);
}
