/* From events to wishes. Times are this process's own monotonic clock for deciding, and the events' for learning. */
#include "pto/orchestrator.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/fnv.h"
#include "predict/predict.h"
#include "pto/log.h"
#include "sys/clock.h"

enum { PAST_DAYS = 4000, PACKETS_PER_TURN = 256, DETAIL_BYTES = 512, TURN_MS = 2 /* between decisions at least: they look at every session */ };
#define WAITING_GUESS_NS (50 * NS_PER_MS) /* of a cold request, until the first one was measured */

struct Orchestrator {
    OrchestratorConfig config;
    Loop *loop;
    Predictor *predictor;
    uint16_t *numbers;            /* [task]: the predictor's */
    uint32_t *tasks;              /* [number]: ours */
    uint8_t (*allowed)[PREDICT_TASKS_MAX + 1]; /* [task]: by metadata */
    Decide *decide;
    StreamLink link;
    bool greeted;
    LoopSource *source, *again, *turn;
    uint8_t *state;               /* [task]: DecideState as last heard */
    uint64_t *bytes;              /* [task]: as last heard */
    uint8_t *measured;            /* [task]: its own costs are known */
    uint64_t known_ns, known_effort_ns, known_count; /* sums over what was measured: their mean stands for tasks that were not */
    uint64_t turned_ns;
    OrchestratorStats stats;
};

static void notice(const Orchestrator *o, const char *line)
{
    if (o->config.notice) o->config.notice(o->config.context, line);
}

/* What cannot be written down must not stop requests from being served sooner; it is said once each time. */
static void audit(const Orchestrator *o, AuditEvent event, uint32_t task, const char *what, uint64_t value)
{
    char detail[DETAIL_BYTES];
    if (!o->config.audit) return;
    snprintf(detail, sizeof detail, "{\"outcome\":\"%s\",\"service\":\"%s\",\"mode\":\"%s\",\"value\":%llu}", what, o->config.service->name,
             decide_mode_name(o->config.mode), (unsigned long long)value);
    Err e = audit_write(o->config.audit, clock_wall_ns(), event, "pto", o->config.service->tasks[task].name, detail, false);
    if (e.code) notice(o, "the audit log cannot be written");
}

/* --- learning --- */

/* The service has hashed who asks with a key of its own, and sessions are bounded in number. */
static uint64_t session_of(const RequestEvent *e)
{
    const uint64_t hash = fnv_add(FNV_BEGIN ^ e->client, view_text(e->session));
    return hash ? hash : 1;
}

static void learn(Orchestrator *o, const RequestEvent *e, const uint32_t *attributes)
{
    PredictEvent p = {.session = session_of(e), .client = e->client, .time_ms = (int64_t)(e->wall_ns / NS_PER_MS), .task = PREDICT_UNKNOWN};
    if (e->task < o->config.service->task_count) p.task = o->numbers[e->task];
    if (attributes) memcpy(p.attributes, attributes, sizeof p.attributes);
    else log_attributes_said(e->attributes, p.attributes);
    predictor_learn(o->predictor, &p);
}

static void expect(Orchestrator *o, const RequestEvent *e)
{
    Prediction p;
    DecideCandidate c[DECIDE_CANDIDATES];
    uint32_t count = 0;
    const ServiceTask *t = &o->config.service->tasks[e->task];
    const PredictMask mask = {.allowed = o->allowed[e->task], .count = PREDICT_TASKS_MAX + 1};
    uint64_t begun = clock_monotonic_ns();
    predictor_predict(o->predictor, session_of(e), t->next_count ? &mask : NULL, &p);
    o->stats.predict_ns += clock_monotonic_ns() - begun;
    for (size_t i = 0; i < p.count && count < DECIDE_CANDIDATES; i++) {
        uint32_t task = p.top[i].task == PREDICT_END ? UINT32_MAX : o->tasks[p.top[i].task];
        if (task != UINT32_MAX) c[count++] = (DecideCandidate){task, p.top[i].probability};
    }
    decide_expect(o->decide, session_of(e), c, count);
}

/* The past is before the clock's beginning when the machine has just started: deciding counts from long before. */
static uint64_t now_ns(void) { return clock_monotonic_ns() + (uint64_t)PAST_DAYS * 86400 * NS_PER_S; }

static void observe(Orchestrator *o, const RequestEvent *e, uint64_t at_ns)
{
    decide_observe(o->decide, at_ns, session_of(e), e->task);
    if (o->config.mode == DECIDE_LEARNED) expect(o, e);
}

void orchestrator_learn(Orchestrator *o, const RequestEvent *e, const uint32_t *attributes, uint64_t ago_ns)
{
    uint64_t now = now_ns();
    if (e->start == START_REFUSED) return;
    learn(o, e, attributes);
    if (e->task < o->config.service->task_count) observe(o, e, ago_ns < now ? now - ago_ns : 0);
}

static void take_event(Orchestrator *o, const StreamMessage *m)
{
    const RequestEvent *e = &m->event;
    o->stats.events++;
    o->stats.missed = m->missed;
    if (e->start == START_REFUSED) return; /* who was turned away asks again; nobody waited */
    learn(o, e, NULL);
    if (e->task >= o->config.service->task_count) {
        o->stats.unknown++;
        return;
    }
    observe(o, e, now_ns());
}

/* --- places --- */

/* The mean of what is known now: a guess from the beginning would keep tasks that nobody has asked for yet behind those that are as costly. */
static void guess(Orchestrator *o, uint32_t task)
{
    uint64_t count = o->known_count, waiting = count ? o->known_ns / count : WAITING_GUESS_NS, effort = count ? o->known_effort_ns / count : 0;
    decide_measured(o->decide, task, o->bytes[task], waiting, effort);
}

static void measure(Orchestrator *o, const StreamPlace *p)
{
    uint64_t waiting = p->fetch_ns + p->verify_ns + p->start_ns + (p->attest_waits ? p->attest_ns : 0);
    uint64_t effort = p->verify_ns + p->start_ns + p->attest_ns;
    o->bytes[p->task] = p->bytes;
    if (!p->start_ns) {
        if (!o->measured[p->task]) guess(o, p->task);
        return;
    }
    o->measured[p->task] = 1;
    o->known_ns += waiting;
    o->known_effort_ns += effort;
    o->known_count++;
    decide_measured(o->decide, p->task, p->bytes, waiting, effort);
    for (uint32_t i = 0; i < o->config.service->task_count; i++)
        if (!o->measured[i]) guess(o, i);
}

static void take_place(Orchestrator *o, const StreamPlace *p)
{
    static const uint8_t STATES[PLACE_IS_COUNT] = {[PLACE_IS_ABSENT] = DECIDE_ABSENT, [PLACE_IS_COMING] = DECIDE_STAGING,
                                                   [PLACE_IS_STAGED] = DECIDE_STAGED, [PLACE_IS_WARM] = DECIDE_WARM};
    if (p->task >= o->config.service->task_count) return;
    uint8_t before = o->state[p->task], now = STATES[p->state];
    measure(o, p);
    o->state[p->task] = now;
    decide_state(o->decide, p->task, (DecideState)now);
    bool staged = before == DECIDE_STAGED, gone = staged && now == DECIDE_ABSENT, used = staged && now == DECIDE_WARM;
    if (used || gone) decide_judge(o->decide, p->task, used, now_ns());
    if (used) o->stats.used++, audit(o, AUDIT_CLAIM, p->task, "claimed", 0);
    if (gone) o->stats.wasted++, audit(o, AUDIT_EVICTION, p->task, "evicted", 0);
    if (before != DECIDE_STAGED && now == DECIDE_STAGED) audit(o, AUDIT_PREFETCH, p->task, "staged", 0);
    if (before == DECIDE_STAGING && now == DECIDE_ABSENT) audit(o, AUDIT_PREFETCH_REFUSAL, p->task, "refused", 0);
}

/* --- deciding --- */

void orchestrator_handed(Orchestrator *o, uint32_t task)
{
    const StreamMessage m = {.type = STREAM_WANT, .task = task};
    Err e = o->greeted ? stream_link_send(&o->link, &m) : OK;
    if (e.code == 0) return;
    o->state[task] = DECIDE_ABSENT; /* decided anew */
    decide_state(o->decide, task, DECIDE_ABSENT);
}

static Err act(Orchestrator *o, const DecideAction *a)
{
    if (!a->stage && o->config.take_back) o->config.take_back(o->config.context, a->task);
    if (a->stage && o->config.hand_over && o->config.hand_over(o->config.context, a->task, a->value)) {
        o->stats.wanted++;
        o->state[a->task] = DECIDE_STAGING;
        decide_state(o->decide, a->task, DECIDE_STAGING);
        return OK;
    }
    const StreamMessage m = {.type = a->stage ? STREAM_WANT : STREAM_DROP, .task = a->task, .value = a->value};
    Err e = stream_link_send(&o->link, &m);
    if (e.code == ERR_BUSY) return OK; /* decided anew the next time */
    if (e.code) return e;
    (a->stage ? &o->stats.wanted : &o->stats.dropped)[0]++;
    if (!a->stage) return OK;
    o->state[a->task] = DECIDE_STAGING;
    decide_state(o->decide, a->task, DECIDE_STAGING); /* the service says what became of it */
    return OK;
}

static Err on_turn(void *context, uint32_t events)
{
    (void)events;
    Orchestrator *o = context;
    DecideAction actions[DECIDE_ACTIONS_MAX];
    uint64_t now = now_ns();
    if (!o->greeted) return OK;
    uint32_t count = decide_turn(o->decide, now, actions, DECIDE_ACTIONS_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (act(o, &actions[i]).code) break; /* the connection's end is heard of where it is read */
    o->turned_ns = clock_monotonic_ns();
    uint64_t wake = decide_wake(o->decide, now);
    loop_set_timer(o->turn, wake == UINT64_MAX ? wake : o->turned_ns + (wake - now));
    return OK;
}

/* --- the connection --- */

static void disconnect(Orchestrator *o)
{
    loop_remove(&o->source);
    stream_link_close(&o->link);
    if (o->stats.connected) notice(o, "the service is gone; waiting for it");
    o->greeted = o->stats.connected = false;
    for (uint32_t i = 0; i < o->config.service->task_count; i++) {
        o->state[i] = DECIDE_ABSENT;
        decide_state(o->decide, i, DECIDE_ABSENT);
    }
    loop_set_timer(o->again, clock_monotonic_ns() + ORCHESTRATOR_AGAIN_MS * NS_PER_MS);
}

static Err take_hello(Orchestrator *o, const StreamHello *h)
{
    bool same = h->task_count == o->config.service->task_count && h->identity == service_identity(o->config.service);
    if (!same) {
        notice(o, "the service that listens there has other tasks than this service file");
        return FAIL(ERR_PROTOCOL);
    }
    o->greeted = o->stats.connected = true;
    o->stats.connections++;
    if (o->config.future && o->stats.connections == 1) decide_future(o->decide, o->config.future, o->config.future_count);
    bool less = o->config.bytes_max && o->config.bytes_max < h->staged_bytes_max;
    decide_set_budget(o->decide, less ? o->config.bytes_max : h->staged_bytes_max, h->staged_max);
    notice(o, "connected");
    return OK;
}

static Err take(Orchestrator *o, const StreamMessage *m)
{
    if (!o->greeted) return m->type == STREAM_HELLO ? take_hello(o, &m->hello) : FAIL(ERR_PROTOCOL);
    if (m->type == STREAM_EVENT) take_event(o, m);
    else if (m->type == STREAM_PLACE) take_place(o, &m->place);
    else return FAIL(ERR_PROTOCOL);
    return OK;
}

static Err on_packet(void *context, uint32_t events)
{
    (void)events;
    Orchestrator *o = context;
    Err e = OK;
    for (int i = 0; i < PACKETS_PER_TURN && !e.code; i++) {
        StreamMessage m;
        e = stream_link_receive(&o->link, &m);
        if (!e.code) e = take(o, &m);
    }
    if (e.code && e.code != ERR_BUSY) disconnect(o);
    else loop_set_timer(o->turn, o->turned_ns + TURN_MS * NS_PER_MS);
    return OK;
}

static Err on_again(void *context, uint32_t events)
{
    (void)events;
    Orchestrator *o = context;
    Err e = stream_link_open(o->config.stream_path, &o->link, NULL);
    if (!e.code) e = loop_add_fd(o->loop, o->link.socket, EPOLLIN, on_packet, o, &o->source);
    if (e.code) {
        stream_link_close(&o->link);
        loop_set_timer(o->again, clock_monotonic_ns() + ORCHESTRATOR_AGAIN_MS * NS_PER_MS);
    }
    return OK;
}

/* --- birth and death --- */

static Err name_tasks(Orchestrator *o, Diag *diag)
{
    const Service *s = o->config.service;
    if (s->task_count > PREDICT_TASKS_MAX) return FAIL_WHY(diag, ERR_LIMIT, "%zu tasks; an orchestrator takes at most %d", s->task_count, PREDICT_TASKS_MAX);
    for (uint32_t i = 0; i <= PREDICT_TASKS_MAX; i++) o->tasks[i] = UINT32_MAX;
    for (uint32_t i = 0; i < s->task_count; i++) {
        o->numbers[i] = PREDICT_UNKNOWN; /* when a checkpoint has used up the numbers for others */
        if (predictor_task(o->predictor, view_text(s->tasks[i].name), &o->numbers[i]).code == 0) o->tasks[o->numbers[i]] = i;
    }
    for (uint32_t i = 0; i < s->task_count; i++) {
        const ServiceTask *t = &s->tasks[i];
        o->allowed[i][PREDICT_END] = 1;
        for (size_t k = 0; k < t->next_count; k++)
            if (o->numbers[t->next[k]] != PREDICT_UNKNOWN) o->allowed[i][o->numbers[t->next[k]]] = 1;
        decide_set_next(o->decide, i, t->next, (uint32_t)t->next_count);
    }
    return OK;
}

static Err fill_in(Orchestrator *o, Diag *diag)
{
    const OrchestratorConfig *c = &o->config;
    size_t n = c->service->task_count;
    o->numbers = calloc(n, sizeof *o->numbers);
    o->tasks = calloc(PREDICT_TASKS_MAX + 1, sizeof *o->tasks);
    o->allowed = calloc(n, sizeof *o->allowed);
    o->state = calloc(n, 1);
    o->measured = calloc(n, 1);
    o->bytes = calloc(n, sizeof *o->bytes);
    if (!o->numbers || !o->tasks || !o->allowed || !o->state || !o->measured || !o->bytes) return FAIL(ENOMEM);
    TRY_WHY(diag, predictor_new(&(PredictorOptions){0}, &o->predictor), "predictor");
    if (c->checkpoint.size) TRY_WHY(diag, predictor_load(o->predictor, c->checkpoint, diag), "checkpoint");
    const DecideConfig decide = {.mode = c->mode, .task_count = (uint32_t)n, .bytes_max = c->bytes_max, .bin_ns = c->bin_ns,
                                 .request_bytes = c->request_bytes, .burst_bytes = c->burst_bytes};
    TRY_WHY(diag, decide_new(&decide, &o->decide), "deciding");
    TRY(name_tasks(o, diag));
    TRY(loop_add_timer(o->loop, UINT64_MAX, on_turn, o, &o->turn));
    return loop_add_timer(o->loop, clock_monotonic_ns(), on_again, o, &o->again);
}

Err orchestrator_new(Loop *loop, const OrchestratorConfig *config, Orchestrator **ret_orchestrator, Diag *diag)
{
    assert(loop && config->service && config->stream_path && ret_orchestrator);

    Orchestrator *o = calloc(1, sizeof *o);
    if (!o) return FAIL(ENOMEM);
    *o = (Orchestrator){.config = *config, .loop = loop, .link = {.socket = -1}};
    Err e = fill_in(o, diag);
    if (e.code) orchestrator_free(&o);
    else *ret_orchestrator = o;
    return e;
}

void orchestrator_free(Orchestrator **orchestrator)
{
    Orchestrator *o = *orchestrator;
    if (!o) return;
    loop_remove(&o->source);
    loop_remove(&o->again);
    loop_remove(&o->turn);
    stream_link_close(&o->link);
    decide_free(&o->decide);
    predictor_free(o->predictor);
    free(o->numbers);
    free(o->tasks);
    free(o->allowed);
    free(o->state);
    free(o->measured);
    free(o->bytes);
    free(o);
    *orchestrator = NULL;
}

OrchestratorStats orchestrator_stats(const Orchestrator *o) { return o->stats; }
