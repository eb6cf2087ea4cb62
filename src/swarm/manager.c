/* The manager's life: making it, what the loop calls, ending the task, progress. */
#include "swarm/manager.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "bus/message_subject.h"
#include "swarm/manager_parts.h"
#include "sys/clock.h"

#define COMMIT_EVERY_NS (50 * NS_PER_MS)
#define GRACE_DEFAULT_NS (30 * NS_PER_S)

double manager_now_s(const Manager *m) { return (double)(clock_monotonic_ns() - m->started_ns) / (double)NS_PER_S; }

uint64_t manager_wait_ns(const Manager *m) { return m->request.wait_ns ? m->request.wait_ns : manager_grace_ns(m); }

uint64_t manager_grace_ns(const Manager *m) { return m->request.node_grace_ns ? m->request.node_grace_ns : GRACE_DEFAULT_NS; }

void manager_end(Manager *m, Err result)
{
    if (m->done) return;
    m->done = true; /* first: what follows may call back */
    m->result = result;
    m->ended_ns = clock_monotonic_ns();
    members_close_stage(m);
    Err e = journal_commit(m->journal);
    if (e.code && (result.code == 0 || result.code == ERR_TASK_FAILED || result.code == ERR_INTERRUPTED)) {
        m->diag.text[0] = '\0';
        m->result = diag_complete(&m->diag, e, "journal");
    }
    loop_remove(&m->input);
}

void manager_fail(Manager *m, Err error, const char *what)
{
    if (m->done) return;
    if (error.code == ENOSPC && !m->diag.text[0])
        error = FAIL_WHY(&m->diag, ENOSPC, "no space left for results in %s; free some, then run again with --resume",
                         m->request.journal_dir ? m->request.journal_dir : "the folder for temporary files (TMPDIR)");
    manager_end(m, diag_complete(&m->diag, error, "%s", what));
}

Err manager_put_output(void *context, View bytes)
{
    Manager *m = context;
    Err e = m->request.events.output(m->request.events.context, bytes);
    if (e.code == 0) return OK;
    const char *path = m->request.task->output;
    m->diag.text[0] = '\0';
    return diag_complete(&m->diag, e, "output %s", path && strcmp(path, "-") != 0 ? path : "(standard output)");
}

void manager_notice(Manager *m, const char *format, ...)
{
    char text[DIAG_TEXT_MAX];
    if (!m->request.events.notice) return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    m->request.events.notice(m->request.events.context, text);
}

/* --- what the loop calls --- */

static Err on_message(void *context, const char *subject, View message)
{
    Manager *m = context;
    if (m->done) return OK;
    const char *speaker = subject_speaker(subject);
    union { NodeMessage node; TaskReady ready; TaskRefused refused; } in;
    Err e = OK;
    switch (message_type(message)) {
    case MESSAGE_RESULTS: results_hear(m, message, speaker, clock_monotonic_ns()); break;
    case MESSAGE_NODE:
        e = message_get_node(message, &in.node);
        if (!e.code && strcmp(in.node.node_id, speaker) != 0) e = FAIL(ERR_DENIED);
        if (!e.code) members_hear_node(m, message, &in.node);
        break;
    case MESSAGE_TASK_READY:
        e = message_get_task_ready(message, &in.ready);
        if (!e.code) members_hear_ready(m, &in.ready, speaker);
        break;
    case MESSAGE_NODE_EVIDENCE: members_hear_evidence(m, message, speaker); break;
    case MESSAGE_TASK_REFUSED:
        e = message_get_task_refused(message, &in.refused);
        if (!e.code) members_hear_refused(m, &in.refused, speaker);
        break;
    default: e = FAIL(ERR_PROTOCOL);
    }
    if (e.code) m->progress.dropped++;
    return OK;
}

static Err on_input(void *context, uint32_t events)
{
    (void)events;
    Manager *m = context;
    loop_remove(&m->input);
    loop_defer(m->work);
    return OK;
}

/* The input is a pipe with nothing in it yet. */
static Err wait_for_input(Manager *m)
{
    if (m->input) return OK;
    return loop_add_fd(m->loop, splitter_poll_fd(m->splitter), EPOLLIN, on_input, m, &m->input);
}

static Err on_work(void *context, uint32_t events)
{
    (void)events;
    Manager *m = context;
    if (m->done) return OK;
    Err e = objects_hash_input(m);
    if (!e.code) e = dispatch(m);
    if (e.code == ERR_BUSY && m->stage == 0) e = wait_for_input(m);
    if (!e.code && !m->done) e = results_take(m);
    if (!e.code && !m->done && stage_complete(m)) e = stage_next(m);
    if (e.code) manager_fail(m, e, "running the task");
    return OK;
}

void manager_commit_soon(Manager *m)
{
    if (m->commit_armed) return;
    m->commit_armed = true;
    loop_set_timer(m->commit, clock_monotonic_ns() + COMMIT_EVERY_NS);
}

static Err on_commit(void *context, uint32_t events)
{
    (void)events;
    Manager *m = context;
    m->commit_armed = false;
    if (m->done) return OK;
    Err e = journal_commit(m->journal);
    if (e.code) manager_fail(m, e, "journal");
    return OK;
}

static Err on_watch(void *context, uint32_t events)
{
    (void)events;
    Manager *m = context;
    if (m->done) return OK;
    uint64_t now = clock_monotonic_ns();
    watch(m, now);
    loop_set_timer(m->watch, watch_next_ns(m, now));
    return OK;
}

/* --- making and taking apart --- */

static Err open_journal(Manager *m, Diag *diag)
{
    m->keeps_rows = m->request.journal_dir || m->request.task->combine.by == COMBINE_MODULE;
    if (!m->request.journal_dir) return journal_open_temporary(&m->ids, m->keeps_rows, &m->journal, diag);
    return journal_open(m->request.journal_dir, m->request.resume, &m->ids, &m->journal, diag);
}

static Err listen_and_tick(Manager *m)
{
    TRY(loop_add_deferred(m->loop, on_work, m, &m->work));
    TRY(loop_add_timer(m->loop, UINT64_MAX, on_commit, m, &m->commit));
    TRY(loop_add_timer(m->loop, watch_next_ns(m, m->started_ns), on_watch, m, &m->watch));
    m->id = m->request.id;
    if (!m->id.text[0]) TRY(manager_id_new(&m->id));
    TRY(bus_subscribe(m->bus, subject_manager(&m->id, "*").text, on_message, m, &m->subscription));
    return bus_subscribe(m->bus, SUBJECT_ALL_NODES, on_message, m, &m->records);
}

/* Nobody outside a SEE can read what would have to be added up. */
static Err check_sealed(const Manager *m, Diag *diag)
{
    const TaskSpec *t = m->request.task;
    if (!is_sealed(m) || t->combine.by == COMBINE_CONCAT || t->combine.by == COMBINE_MODULE) return OK;
    return FAIL_WHY(diag, ERR_BAD_INPUT, "%s is sealed, and so are its results: 'combine: %s' cannot read them; combine with concat or a module, which runs in a SEE",
                    t->input_path, combine_name(t->combine.by));
}

/* Copies go to different nodes, and without a bus that leaves this process there is one. */
static Err check_copies(const Manager *m, Diag *diag)
{
    const RedundancySpec *r = &m->request.task->redundancy;
    if (r->copies == 1 || m->request.remote) return OK;
    return FAIL_WHY(diag, ERR_BAD_INPUT, "redundancy: %u copies of a micro-job need as many nodes, and there is only this machine; "
                    "give a bus with nodes (--bus URL), or use 'copies: 1'", r->copies);
}

static Err check_content(const TaskSpec *t, Diag *diag)
{
    if (!t->by_content || t->input_path) return OK;
    return FAIL_WHY(diag, ERR_NO_ENTRY, "input: no data folder here has a file with this content; name one that has with --data DIR");
}

static Err set_up_placement(Manager *m)
{
    m->members = calloc(MANAGER_MEMBERS_MAX, sizeof *m->members);
    m->by_ref = calloc(MANAGER_MEMBERS_MAX, sizeof(Member *)); /* placement uses numbers again that are free */
    if (!m->members || !m->by_ref) return FAIL(ENOMEM);
    TRY(placement_new(&(PlacementOptions){0}, &m->placement));
    if (has_redundancy(m)) {
        ReputationOptions options = {0};
        memcpy(&options.seed, m->ids.digest_key, sizeof options.seed); /* which micro-jobs are checked must not be guessed */
        TRY(reputation_new(&options, &m->reputation));
    }
    return facts_put_task(m);
}

static Err set_up(Manager *m, Diag *diag)
{
    const ManagerRequest *r = &m->request;
    TRY(check_copies(m, diag));
    TRY(check_content(r->task, diag));
    TRY(splitter_open(r->task, &m->splitter, diag));
    TRY(check_sealed(m, diag));
    int ignored = splitter_poll_fd(m->splitter); /* from now on a slow pipe does not stop the loop */
    (void)ignored;
    TRY(manager_identify(m, diag));
    TRY(open_journal(m, diag));
    TRY(set_up_placement(m));
    if (r->task->combine.by != COMBINE_MODULE) TRY(combiner_new(&r->task->combine, manager_put_output, m, &m->combiner));
    TRY(listen_and_tick(m));
    if (r->remote && r->config_dir) TRY(node_trust_load(r->config_dir, &m->trust, diag));
    TRY(objects_begin(m));
    return objects_open_stage(m);
}

Err manager_new(Loop *loop, Bus *bus, const ManagerRequest *request, Manager **ret_manager, Diag *diag)
{
    assert(loop && bus && request && request->task && request->image_path && request->events.output && ret_manager);
    assert((request->task->combine.by == COMBINE_MODULE) == (request->combine_image_path != NULL));
    assert(!request->resume || request->journal_dir);

    Manager *m = calloc(1, sizeof *m);
    if (!m) return FAIL(ENOMEM);
    m->request = *request;
    m->loop = loop;
    m->bus = bus;
    m->piece_fd = -1;
    m->groups.input = buffer_limited(SEGMENT_BYTES_MAX);
    m->pieces = buffer_limited(8 * (1 + JOB_PIECES_MAX));
    m->started_ns = m->no_member_since_ns = m->watched_ns = clock_monotonic_ns();
    Err e = set_up(m, diag);
    if (e.code) {
        manager_free(&m);
        return diag_complete(diag, e, "manager");
    }
    *ret_manager = m;
    return OK;
}

bool manager_done(const Manager *m, Err *ret_result, Diag *ret_diag)
{
    if (!m->done) return false;
    *ret_result = m->result;
    if (ret_diag) *ret_diag = m->diag;
    return true;
}

const SealedFile *manager_sealed(const Manager *m, TaskId *ret_id)
{
    const SealedFile *file = splitter_sealed(m->splitter);
    if (file) *ret_id = m->ids.id;
    return file;
}

void manager_progress(const Manager *m, ManagerProgress *ret_progress)
{
    ManagerProgress p = m->progress;
    uint64_t handed_out;
    splitter_progress(m->splitter, &handed_out, &p.bytes_total);
    if (m->objects) p.bytes_sent += object_server_stats(m->objects).bytes_sent;
    p.nodes = 0;
    for (uint32_t i = 0; i < m->member_count; i++) p.nodes += m->members[i].state == MEMBER_READY;
    p.wall_seconds = (double)((m->done ? m->ended_ns : clock_monotonic_ns()) - m->started_ns) / (double)NS_PER_S;
    *ret_progress = p;
}

void manager_interrupt(Manager *m)
{
    if (m->done) return;
    m->diag.text[0] = '\0';
    bool resumable = m->request.journal_dir != NULL;
    manager_end(m, FAIL_WHY(&m->diag, ERR_INTERRUPTED, "interrupted%s", resumable ? "; run again with --resume to go on from here" : ""));
}

Err manager_settle(Manager *m)
{
    assert(m->done && m->result.code == 0);
    if (m->settled) return OK;
    TRY(journal_finish(m->journal));
    m->settled = true;
    return OK;
}

void manager_free(Manager **manager)
{
    Manager *m = *manager;
    if (!m) return;
    *manager = NULL;
    bus_unsubscribe(&m->records);
    bus_unsubscribe(&m->subscription);
    loop_remove(&m->work);
    loop_remove(&m->commit);
    loop_remove(&m->watch);
    loop_remove(&m->input);
    objects_end(m);
    node_trust_free(&m->trust);
    combiner_free(&m->combiner);
    window_free(&m->window);
    segment_path_drop(&m->path);
    splitter_free(&m->splitter);
    journal_free(&m->journal);
    buffer_free(&m->groups.input);
    buffer_free(&m->pieces);
    late_free(&m->late);
    members_free(m);
    free(m->by_ref);
    reputation_free(m->reputation);
    placement_free(m->placement);
    free(m);
}
