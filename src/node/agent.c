/* The agent on the bus and beside the warden: who is told what, and what happens when the warden dies. */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "node/agent_parts.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/fault.h"

enum {
    WARDEN_RESTARTS_MAX = 5,      /* in a row, without a finished micro-job between */
    WARDEN_PACKETS_PER_TURN = 64,
    TICK_MS = 100, TICK_BLOCKED_MS = 1,
};

/* --- the warden --- */

static Err hear_warden(Agent *a, const WardenReport *report)
{
    bool mine = false;
    for (uint32_t i = 0; i < a->task_count && !mine; i++) TRY(posts_hear(a->tasks[i], report, &mine));
    if (!mine && a->node.warm) mine = warm_hear(a->node.warm, report);
    return mine ? OK : evidence_hear(a, report);
}

static Err on_warden(void *context, uint32_t events)
{
    (void)events;
    Agent *a = context;
    loop_defer(a->node.work);
    for (int i = 0; i < WARDEN_PACKETS_PER_TURN; i++) {
        WardenReport report;
        Err e = warden_link_receive(&a->node.warden, &report);
        if (e.code == ERR_BUSY) return OK;
        if (e.code) {
            a->node.warden_lost = true;
            return OK;
        }
        TRY(hear_warden(a, &report));
    }
    return OK;
}

static Err start_warden(Agent *a, Diag *diag)
{
    TRY(warden_link_open(&a->node.warden, diag));
    Err e = loop_add_fd(a->node.loop, a->node.warden.socket, EPOLLIN, on_warden, a, &a->warden_source);
    if (e.code) warden_link_kill(&a->node.warden);
    return e;
}

/* Every zygote died with it. The tasks go on under a new one, unless wardens keep dying and nothing gets done. */
static Err replace_warden(Agent *a)
{
    loop_remove(&a->warden_source);
    warden_link_kill(&a->node.warden);
    evidence_forget(a);
    for (uint32_t i = 0; i < a->task_count; i++) TRY(posts_orphaned(a->tasks[i]));
    if (a->node.warm) warm_orphaned(a->node.warm);
    a->node.warden_lost = false;
    if (a->node.job_finished) a->warden_deaths = 0;
    a->node.job_finished = false;

    Diag why = {"the warden died again and again"};
    Err e = ++a->warden_deaths > WARDEN_RESTARTS_MAX ? FAIL(ERR_CLOSED) : start_warden(a, &why);
    for (uint32_t i = 0; e.code && i < a->task_count; i++) task_doom(a->tasks[i], e.code, "%s", why.text);
    return OK;
}

/* --- the agent's turn --- */

static void remove_task(Agent *a, uint32_t i)
{
    task_close(&a->tasks[i]);
    a->tasks[i] = a->tasks[--a->task_count];
}

static bool holds_results(const Agent *a)
{
    for (uint32_t i = 0; i < a->task_count; i++)
        if (a->tasks[i]->results.count) return true;
    return false;
}

static void arm_timer(Agent *a, uint64_t now_ns)
{
    bool needed = a->task_count > 0 || !a->announced || a->remote || a->node.hand || a->node.warm;
    uint64_t wait_ms = outbox_blocked(&a->node.outbox) ? TICK_BLOCKED_MS : holds_results(a) ? RESULTS_HOLD_MS : TICK_MS;
    loop_set_timer(a->timer, needed || outbox_blocked(&a->node.outbox) ? now_ns + wait_ms * NS_PER_MS : UINT64_MAX);
}

static Err on_work(void *context, uint32_t events)
{
    (void)events;
    Agent *a = context;
    uint64_t now = clock_monotonic_ns();
    TRY(outbox_flush(&a->node.outbox));
    if (a->node.warden_lost) TRY(replace_warden(a));
    for (uint32_t i = a->task_count; i > 0; i--) {
        TRY(task_turn(a->tasks[i - 1], now));
        if (!a->tasks[i - 1]->doom) continue;
        TRY(task_refuse(a->tasks[i - 1]));
        remove_task(a, i - 1);
    }
    if (a->node.warm) warm_turn(a->node.warm, now); /* after the tasks: they come first */
    arm_timer(a, now);
    return OK;
}

/* Their managers have gone without a word; whoever goes on with such a task opens it anew. */
static void close_silent(Agent *a, uint64_t now_ns)
{
    for (uint32_t i = a->task_count; i > 0; i--) {
        uint64_t heard = a->tasks[i - 1]->heard_ns;
        if (now_ns > heard && now_ns - heard > a->silence_ns) remove_task(a, i - 1);
    }
}

static Err on_tick(void *context, uint32_t events)
{
    (void)events;
    Agent *a = context;
    uint64_t now = clock_monotonic_ns();
    TRY(record_say(a, now));
    close_silent(a, now);
    for (uint32_t i = 0; i < a->task_count; i++) TRY(posts_watch(a->tasks[i], now));
    if (a->node.warm) warm_watch(a->node.warm, now);
    loop_defer(a->node.work);
    return OK;
}

/* --- the bus --- */

static Task *find_task(Agent *a, const TaskId *id, uint32_t stage, uint32_t *ret_index)
{
    for (uint32_t i = 0; i < a->task_count; i++) {
        if (!task_is(a->tasks[i], id, stage)) continue;
        *ret_index = i;
        return a->tasks[i];
    }
    return NULL;
}

static bool same_manager(const ManagerId *x, const ManagerId *y) { return strcmp(x->text, y->text) == 0; }

static Err take_open(Agent *a, View message)
{
    TaskOpen open;
    uint32_t i;
    if (message_get_task_open(message, &open).code) return OK; /* nobody to answer: dropped */
    const Task *t = find_task(a, &open.id, open.stage, &i);
    if (t && t->open.node == open.node && same_manager(&t->open.manager, &open.manager)) return OK; /* a second copy */
    if (t) remove_task(a, i); /* its manager thought that we were gone, or is gone itself: what it waited for, nobody waits for any more */
    const BatchHead head = {.id = open.id, .stage = open.stage, .node = open.node, .manager = open.manager};
    if (a->draining) return task_send_refused(&a->node, &head, ERR_CLOSED, "this node is about to end and takes no new task");
    if (a->task_count == AGENT_TASKS_MAX) return task_send_refused(&a->node, &head, ERR_BUSY, "this node has too many open tasks");
    if (a->task_count == 0) a->warden_deaths = 0;
    Diag diag = {0};
    Err e = task_open(&a->node, message, &a->tasks[a->task_count], &diag);
    if (e.code) return task_send_refused(&a->node, &head, e.code, diag.text);
    a->task_count++;
    record_warm(a, open.measurement);
    return OK;
}

/* The task, when it is the one that this manager opened. */
static Task *find_open(Agent *a, const BatchHead *head, uint32_t *ret_index)
{
    Task *t = find_task(a, &head->id, head->stage, ret_index);
    return t && t->open.node == head->node && same_manager(&t->open.manager, &head->manager) ? t : NULL;
}

static Err take_jobs(Agent *a, View message)
{
    BatchReader reader;
    uint32_t i;
    if (message_open_batch(message, MESSAGE_JOBS, &reader).code) return OK;
    Task *t = find_open(a, &reader.head, &i);
    if (t) t->heard_ns = clock_monotonic_ns();
    if (t) return task_take_jobs(t, message);
    return task_send_refused(&a->node, &reader.head, ERR_NO_ENTRY, "this task is not open on this node");
}

/* The manager lives. A task that is not here any more it should not wait for. */
static Err take_alive(Agent *a, View message)
{
    TaskAlive alive;
    uint32_t i;
    if (message_get_task_alive(message, &alive).code) return OK;
    const BatchHead head = {.id = alive.id, .stage = alive.stage, .node = alive.node, .manager = alive.manager};
    Task *t = find_open(a, &head, &i);
    if (t) t->heard_ns = clock_monotonic_ns();
    if (t) return OK;
    return task_send_refused(&a->node, &head, ERR_NO_ENTRY, "this task is not open on this node");
}

static Err take_cancel(Agent *a, View message)
{
    JobCancel cancel;
    uint32_t i;
    if (message_get_job_cancel(message, &cancel).code) return OK;
    Task *t = find_task(a, &cancel.id, cancel.stage, &i);
    return t && t->open.node == cancel.node ? task_cancel(t, cancel.job, cancel.attempt) : OK;
}

static Err take_close(Agent *a, View message)
{
    TaskClose close;
    uint32_t i;
    if (message_get_task_close(message, &close).code) return OK;
    const Task *t = find_task(a, &close.id, close.stage, &i);
    if (!t || t->open.node != close.node) return OK;
    remove_task(a, i);
    return OK;
}

static Err on_message(void *context, const char *subject, View message)
{
    (void)subject;
    Agent *a = context;
    loop_defer(a->node.work);
    switch (message_type(message)) {
    case MESSAGE_TASK_OPEN: return take_open(a, message);
    case MESSAGE_JOBS: return take_jobs(a, message);
    case MESSAGE_TASK_ALIVE: return take_alive(a, message);
    case MESSAGE_JOB_CANCEL: return take_cancel(a, message);
    case MESSAGE_TASK_CLOSE: return take_close(a, message);
    case MESSAGE_NODE_CHALLENGE: return evidence_challenged(a, message);
    default: return OK;
    }
}

static Err on_broker(void *context, const char *subject, View message)
{
    (void)subject;
    Agent *a = context;
    BrokerAnswer answer;
    bool mine = false;
    loop_defer(a->node.work);
    if (broker_get_answer(message, &answer).code) return OK; /* not the broker: it would be understood */
    for (uint32_t i = 0; i < a->task_count && !mine; i++) TRY(attest_hear(a->tasks[i], &answer, &mine));
    return OK;
}

/* --- birth and death --- */

static uint32_t usable_cores(void)
{
    cpu_set_t set;
    if (FAULTABLE("sched_getaffinity", sched_getaffinity(0, sizeof set, &set)) < 0) return 1;
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > ZYGOTES_MAX ? ZYGOTES_MAX : (uint32_t)count;
}

static Err fill_in(Agent *a, const AgentConfig *config, Diag *diag)
{
    a->node_id = strdup(config->node_id);
    a->warden_program = strdup(config->warden_program);
    if (config->config_dir) a->config_dir = strdup(config->config_dir);
    if (!a->node_id || !a->warden_program || (config->config_dir && !a->config_dir)) return FAIL(ENOMEM);
    a->trusted = config->trusted;
    a->node.warden = warden_link_none(a->warden_program, &a->trusted);
    a->node.warden.config_dir = a->config_dir;
    a->node.node_id = a->node_id;
    a->node.outbox.bus = a->bus;
    a->node.outbox.node_id = a->node_id;
    a->node.remote = config->remote;
    a->node.processors = usable_cores();
    a->node.cores = config->cores == 0 ? a->node.processors : config->cores > ZYGOTES_MAX ? ZYGOTES_MAX : config->cores;

    do TRY(random_bytes(&a->incarnation, sizeof a->incarnation));
    while (a->incarnation == 0);

    TRY(record_open(a, config, diag));

    char subject[BUS_SUBJECT_MAX];
    TRY(bus_subscribe(a->bus, subject_node(a->node_id).text, on_message, a, &a->subscription));
    snprintf(subject, sizeof subject, "covey.node.%s.broker", a->node_id);
    TRY(broker_link_open(&a->node.broker, config->broker_bus ? config->broker_bus : a->bus, subject, config->broker_patience_ns, on_broker, a));
    TRY(loop_add_deferred(a->node.loop, on_work, a, &a->node.work));
    if (config->stage) TRY(warm_new(&a->node, config->stage, &a->node.warm));
    a->node.stage = config->stage;
    a->node.decided = config->decided;
    a->node.decided_context = config->decided_context;
    TRY(loop_add_timer(a->node.loop, clock_monotonic_ns() + TICK_MS * NS_PER_MS, on_tick, a, &a->timer));
    TRY(start_warden(a, diag));
    return record_say(a, clock_monotonic_ns());
}

Err agent_new(Loop *loop, Bus *bus, const AgentConfig *config, Agent **ret_agent, Diag *diag)
{
    assert(loop && bus && config && config->node_id && config->warden_program && ret_agent);

    Agent *a = calloc(1, sizeof *a);
    if (!a) return FAIL_WHY(diag, ENOMEM, "no memory for the node agent");
    a->node.loop = loop;
    a->bus = bus;
    a->node.warden = warden_link_none(NULL, NULL);
    Err e = fill_in(a, config, diag);
    if (e.code) {
        agent_free(&a);
        return diag_complete(diag, e, "cannot start the node agent");
    }
    *ret_agent = a;
    return OK;
}

void agent_free(Agent **agent)
{
    Agent *a = *agent;
    if (!a) return;
    record_leave(a);
    while (a->task_count) remove_task(a, a->task_count - 1);
    record_close(a);
    warm_free(&a->node.warm);
    loop_remove(&a->warden_source);
    warden_link_close(&a->node.warden);
    bus_unsubscribe(&a->subscription);
    broker_link_close(&a->node.broker);
    loop_remove(&a->timer);
    loop_remove(&a->node.work);
    outbox_free(&a->node.outbox);
    free(a->node_id);
    free(a->warden_program);
    free(a->config_dir);
    free(a);
    *agent = NULL;
}
