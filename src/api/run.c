/* Running a task: images, bus, manager and agent in one loop, until the task has ended. */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "api/content.h"
#include "api/aggregate_image.h"
#include "api/audit_note.h"
#include "api/outlet.h"
#include "api/private_run.h"
#include "api/remote_run.h"
#include "api/run.h"
#include "api/sealed_run.h"
#include "image/image.h"
#include "node/agent.h"
#include "swarm/manager.h"
#include "sys/clock.h"

#define PROGRESS_EVERY_NS (100 * NS_PER_MS)

typedef struct {
    covey_task *task;
    const covey_events *events;
    const RunGuard *guard;   /* NULL: nobody is asked */
    RemoteRun remote;        /* when the nodes are elsewhere */
    Outlet output;
    bool is_sealed;          /* the input, and so the results: they go into sealed.output */
    SealedRun sealed;
    ReadyImage image, combine_image;
    char journal_dir[PATH_BYTES_MAX], program[PATH_BYTES_MAX];
    Loop *loop;
    Bus *bus;
    Manager *manager;
    Agent *agent;
    LoopSource *wake, *tick;
} Run;

static covey_progress progress_of(const ManagerProgress *m)
{
    return (covey_progress){
        .micro_jobs = m->micro_jobs, .succeeded = m->succeeded, .failed = m->failed, .retried = m->retried, .resumed = m->resumed,
        .sees_started = m->sees_started, .counting = !m->splitting_done, .bytes_done = m->bytes_done, .bytes_total = m->bytes_total,
        .stage = m->stage, .wall_seconds = m->wall_seconds, .nodes = (unsigned)m->nodes_joined, .nodes_lost = (unsigned)m->nodes_lost,
        .nodes_drained = (unsigned)m->nodes_drained, .nodes_lying = (unsigned)m->nodes_lying,
        .nodes_refused = (unsigned)m->nodes_refused, .late = m->dropped, .replaced = m->replaced,
        .extra_copies = m->extra_copies, .disagreements = m->disagreements, .speculative = m->speculative, .bytes_sent = m->bytes_sent,
        .cost = m->cost};
}

static void tell_progress(Run *r)
{
    ManagerProgress m;
    manager_progress(r->manager, &m);
    r->task->counts = progress_of(&m);
    if (remote_run_wanted(r->task)) r->task->counts.nodes_ready = m.nodes;
    if (r->events->progress) r->events->progress(r->events->context, &r->task->counts);
}

/* Handlers of the loop and of the manager. */

static Err on_tick(void *context, uint32_t events)
{
    (void)events;
    Run *r = context;
    tell_progress(r);
    loop_set_timer(r->tick, clock_monotonic_ns() + PROGRESS_EVERY_NS);
    return r->output.target[0] || r->is_sealed ? OK : outlet_flush(&r->output); /* whoever reads a stream need not wait for a full buffer */
}

static Err on_wake(void *context, uint32_t events)
{
    (void)events;
    Run *r = context;
    uint64_t count;
    ssize_t n = read(r->task->interrupt_fd, &count, sizeof count);
    (void)n; /* the flag counts, the descriptor only wakes */
    if (atomic_load(&r->task->interrupted)) manager_interrupt(r->manager);
    return OK;
}

static Err on_output(void *context, View bytes)
{
    Run *r = context;
    return r->is_sealed ? sealed_output_add(&r->sealed.output, bytes) : outlet_write(&r->output, bytes);
}

static void on_result(void *context, uint64_t job, View result)
{
    const covey_events *events = ((Run *)context)->events;
    events->result(events->context, job, result.data, result.size);
}

static void on_notice(void *context, const char *line)
{
    const covey_events *events = ((Run *)context)->events;
    events->notice(events->context, line);
}

/* The node's audit log says who was believed. */
static Err on_verdict(void *context, const ManagerVerdict *v)
{
    const Run *r = context;
    char key[PUBLIC_KEY_TEXT_MAX] = "";
    Diag ignored = {{0}};
    if (v->node) public_key_print(v->node, key);
    json_t *detail = json_pack("{s:s, s:s, s:b, s:s}", "node", v->node_id, "key", key, "accepted", v->accepted, "reason", v->reason);
    return audit_note(r->task->owner, AUDIT_APPRAISAL, r->task->spec.name, detail, &ignored);
}

static void on_explained(void *context, const char *line)
{
    const covey_events *events = ((Run *)context)->events;
    events->explained(events->context, line);
}

static void on_failure(void *context, const ManagerFailure *f)
{
    Run *r = context;
    covey_failure failure = {.job = f->job, .stage = f->stage, .exit_code = f->exit_code, .attempts = f->attempts,
                             .reason = outcome_text(f->outcome), .log = (const char *)f->log.data, .log_size = f->log.size};
    failures_add(&r->task->failures, &failure);
    if (r->events->failure) r->events->failure(r->events->context, &failure);
}

/* The way up. Each step leaves what it made in the Run; run_close takes apart whatever is there. */

static Err ready_image(Run *r, const char *image, const char *module, ReadyImage *ret_image, Diag *diag)
{
    if (module && r->events->building) r->events->building(r->events->context, module);
    return image_ready(r->task->owner, r->task->spec.name, image, module, r->task->spec.memory_max, ret_image, diag);
}

static Err ready_images(Run *r, Diag *diag)
{
    covey_task *t = r->task;
    const TaskSpec *s = &t->spec;
    if (s->privacy) TRY(aggregate_ready(t->owner, &r->combine_image, diag));
    if (s->privacy && !s->image && !s->module) r->image = r->combine_image;
    else TRY(ready_image(r, s->image, s->module, &r->image, diag));
    snprintf(t->image_path, sizeof t->image_path, "%s", r->image.path);
    sha256_hex(&r->image.measurement, t->measurement);
    if (s->combine.by != COMBINE_MODULE || s->privacy) return OK;
    return ready_image(r, s->combine.image, s->combine.module, &r->combine_image, diag);
}

static Err open_output(Run *r, Diag *diag)
{
    r->is_sealed = sealed_run_wanted(r->task);
    if (r->task->keybroker && !r->is_sealed) return FAIL_WHY(diag, ERR_USAGE, "a key broker was named, and the input is not sealed; leave it out");
    if (r->is_sealed) return sealed_run_check(r->task, r->events->output != NULL, diag);
    if (!r->events->output) return outlet_open(r->task->spec.output, &r->output, diag);
    outlet_open_function(r->events->output, r->events->context, &r->output);
    return OK;
}

static Err start_manager(Run *r, Diag *diag)
{
    covey_task *t = r->task;
    bool journal = !task_reads_standard_input(t);
    if (!journal && t->resume)
        return FAIL_WHY(diag, ERR_USAGE, "standard input cannot be read again: nothing to resume; name a file as input");
    if (journal) TRY(task_journal_directory(t, r->journal_dir));
    ManagerRequest request = {
        .task = &t->spec,
        .image_path = r->image.path,
        .combine_image_path = r->combine_image.path[0] ? r->combine_image.path : NULL,
        .journal_dir = journal ? r->journal_dir : NULL,
        .resume = t->resume,
        .zygotes = t->zygotes,
        .remote = remote_run_wanted(t),
        .id = r->remote.id,
        .wait_ns = r->remote.wait_ns,
        .lease_ns = r->remote.lease_ns,
        .config_dir = t->owner->config_dir,
        .data_dirs = (const char *const *)t->data,
        .data_dir_count = t->data_count,
        .explain = t->explain && r->events->explained,
        .explain_job = t->explain_job,
        .events = {.context = r, .output = on_output, .result = r->events->result ? on_result : NULL,
                   .failure = on_failure, .notice = r->events->notice ? on_notice : NULL, .verdict = on_verdict, .explain = on_explained},
    };
    memcpy(request.measurement, r->image.measurement.bytes, sizeof request.measurement);
    memcpy(request.combine_measurement, r->combine_image.measurement.bytes, sizeof request.combine_measurement);
    return manager_new(r->loop, r->bus, &request, &r->manager, diag);
}

static Err start_agent(Run *r, Diag *diag)
{
    AgentConfig config = {.node_id = "local", .warden_program = r->program, .cores = r->task->zygotes, .config_dir = r->task->owner->config_dir,
                          .broker_bus = sealed_run_bus(&r->sealed)};
    TRY_WHY(diag, trusted_keys_load(r->task->owner->config_dir, &config.trusted, diag), "trusted keys");
    return agent_new(r->loop, r->bus, &config, &r->agent, diag);
}

static Err run_open(Run *r, Diag *diag)
{
    TRY(r->task->setup);
    if (r->task->zygotes > ZYGOTES_MAX)
        return FAIL_WHY(diag, ERR_USAGE, "%u SEEs at the same time: a node has at most %d; ask for fewer", r->task->zygotes, ZYGOTES_MAX);
    TRY(content_find(r->task, diag));
    TRY(program_find(r->task->owner->program, r->program, diag));
    TRY(private_prepare(r->task, diag));
    TRY(open_output(r, diag));
    TRY(ready_images(r, diag));
    TRY_WHY(diag, loop_new(&r->loop), "event loop");
    if (remote_run_wanted(r->task)) TRY(remote_run_open(&r->remote, r->task, r->events, r->loop, &r->bus, diag));
    else TRY_WHY(diag, bus_memory_new(r->loop, &r->bus), "bus");
    TRY_WHY(diag, start_manager(r, diag), "manager");
    if (r->is_sealed) TRY_WHY(diag, sealed_run_find(&r->sealed, r->task, r->manager, r->loop, diag), "sealed data");
    if (!remote_run_wanted(r->task)) TRY_WHY(diag, start_agent(r, diag), "node agent");
    if (r->is_sealed) TRY_WHY(diag, sealed_run_open(&r->sealed, r->task, r->manager, r->loop, r->bus, diag), "sealed data");
    TRY(loop_add_fd(r->loop, r->task->interrupt_fd, EPOLLIN, on_wake, r, &r->wake));
    return loop_add_timer(r->loop, clock_monotonic_ns() + PROGRESS_EVERY_NS, on_tick, r, &r->tick);
}

static void run_close(Run *r)
{
    loop_remove(&r->tick);
    loop_remove(&r->wake);
    agent_free(&r->agent);
    sealed_run_close(&r->sealed);
    manager_free(&r->manager);
    bus_free(&r->bus);
    loop_free(&r->loop);
    outlet_close(&r->output);
}

static Err run_to_end(Run *r, Diag *diag)
{
    Err result = OK;
    while (!manager_done(r->manager, &result, diag)) TRY_WHY(diag, loop_turn(r->loop, -1), "run");
    tell_progress(r);
    return result;
}

/* A task with failures has an output too, under another name; anything worse leaves none. Sealed results with some missing are of no use: whoever
 * opens them checks that they are all there. */
static Err finish_output(Run *r, Err result, Diag *diag)
{
    if (result.code != 0 && (result.code != ERR_TASK_FAILED || r->is_sealed)) return result;
    if (r->guard && r->guard->confirm) TRY(r->guard->confirm(r->guard->context, diag));
    if (r->is_sealed) TRY(sealed_output_finish(&r->sealed.output, r->loop, &r->task->interrupted, &r->task->recipients, diag));
    else TRY(outlet_commit(&r->output, result.code != 0, r->task->partial_path, diag));
    if (result.code != 0) return result;
    if (r->guard && r->guard->finished) TRY(r->guard->finished(r->guard->context, diag));
    Err settled = manager_settle(r->manager);
    (void)settled; /* the output is safe; what is left of the journal is replaced by the next run */
    return OK;
}

Err run_task(covey_task *t, const covey_events *events, const RunGuard *guard, Diag *diag)
{
    static const covey_events NONE = {0};
    Run r = {.task = t, .events = events ? events : &NONE, .guard = guard, .output = {.fd = -1}};
    t->partial_path[0] = '\0';
    t->recipients = 0;
    t->failures = (Failures){0};
    Err e = run_open(&r, diag);
    if (e.code == 0) {
        e = run_to_end(&r, diag);
        e = finish_output(&r, e, diag);
    }
    /* An interrupt during the build reaches the compiler too; what the user wanted was to stop. */
    if (e.code && e.code != ERR_TASK_FAILED && atomic_load(&t->interrupted)) {
        e = FAIL(ERR_INTERRUPTED);
        *diag = (Diag){0};
    }
    run_close(&r);
    atomic_store(&t->interrupted, false);
    return e;
}

covey_code covey_task_run(covey_task *t, const covey_events *events, covey_error *error)
{
    Diag diag = {0};
    Err e = run_task(t, events, NULL, &diag);
    return api_result(e, &diag, error);
}
