/* One request: asked, sent as a micro-job, answered. A request is in exactly one list until it is freed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/message_subject.h"
#include "gateway/input.h"
#include "gateway/parts.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { EXIT_TRY_INLINE = 75 /* sdk/covey_service.h */ };

static Place *place_of(const GatewayRequest *r) { return &r->gateway->places[r->event.task]; }

void list_append(RequestList *l, GatewayRequest *r)
{
    r->previous = l->last;
    r->next = NULL;
    *(l->last ? &l->last->next : &l->first) = r;
    l->last = r;
}

void list_remove(RequestList *l, GatewayRequest *r)
{
    *(r->previous ? &r->previous->next : &l->first) = r->next;
    *(r->next ? &r->next->previous : &l->last) = r->previous;
}

void request_free(GatewayRequest *r)
{
    buffer_free(&r->body);
    free(r);
}

/* The answer goes out first; the event is what the answer was. */
static void answer(GatewayRequest *r, GatewayAnswer *a)
{
    Gateway *g = r->gateway;
    RequestEvent *e = &r->event;
    uint64_t now = clock_monotonic_ns();
    e->status = a->status;
    e->bytes_out = a->body.size;
    e->latency_ns = now - r->arrived_ns;
    e->waited_ns = (r->began_ns ? r->began_ns : now) - r->arrived_ns;
    a->event = e;
    if (a->status != 200) g->stats.failed++;
    g->stats.starts[e->start]++;
    if (r->answered) r->answered(r->context, a);
    if (g->config.event) g->config.event(g->config.context, e);
}

static void leave_list(GatewayRequest *r)
{
    Place *p = place_of(r);
    list_remove(r->runs ? &p->running : &p->waiting, r);
    if (r->runs) r->gateway->running--, p->outstanding--;
    else r->gateway->waiting--;
}

void request_fail(GatewayRequest *r, unsigned status, const char *where, const char *remedy, const char *format, ...)
{
    GatewayAnswer a = {.status = status, .where = where, .remedy = remedy, .retry_after_s = status == 503 ? 1 : 0};
    va_list args;
    va_start(args, format);
    vsnprintf(a.text, sizeof a.text, format, args);
    va_end(args);
    leave_list(r);
    answer(r, &a);
    request_free(r);
}

/* --- asking --- */

/* Refused at the door: it is an event like any other, so that the history shows who was turned away. */
static void refuse(Gateway *g, const GatewayAsk *ask, RequestEvent *e, GatewayAnswer *a)
{
    e->status = a->status;
    e->start = START_REFUSED;
    a->event = e;
    g->stats.failed++;
    g->stats.starts[START_REFUSED]++;
    ask->answered(ask->context, a);
    if (g->config.event) g->config.event(g->config.context, e);
}

static bool may_enter(Gateway *g, const RequestEvent *e, const GatewayAsk *ask, uint64_t now_ns, GatewayAnswer *ret_answer)
{
    const Service *s = g->config.service;
    GatewayAnswer *a = ret_answer;
    *a = (GatewayAnswer){.retry_after_s = 1};
    if (ask->body->size && place_sealed(&g->places[ask->task])) {
        *a = (GatewayAnswer){.status = 400, .where = "body", .remedy = "send no body", .text = "this task reads its sealed data and nothing else"};
    } else if (g->draining) {
        *a = (GatewayAnswer){.status = 503, .where = "service", .remedy = "ask again when it is back", .text = "the service is about to end"};
    } else if (!rates_take(&g->client_rate, e->client, now_ns)) {
        *a = (GatewayAnswer){.status = 429, .where = "limits: rate", .remedy = "ask less often", .retry_after_s = 1};
        snprintf(a->text, sizeof a->text, "this client asks more than %u times a second", s->rate);
    } else if (!rates_take(&g->session_rate, ask->session_key, now_ns)) {
        *a = (GatewayAnswer){.status = 429, .where = "limits: session-rate", .remedy = "ask less often in one session", .retry_after_s = 1};
        snprintf(a->text, sizeof a->text, "this session asks more than %u times a second", s->session_rate);
    } else if (g->waiting + g->running >= s->waiting_max + s->running_max) {
        *a = (GatewayAnswer){.status = 503, .where = "limits: running, waiting", .remedy = "ask again later", .retry_after_s = 1};
        snprintf(a->text, sizeof a->text, "%u requests run and %u wait; there is no room for more", g->running, g->waiting);
    } else {
        return true;
    }
    return false;
}

static EventStart start_of(Place *p)
{
    bool unused = p->state != PLACE_COLD && p->staged_unused;
    if (unused) place_use_staged(p);
    if (p->state == PLACE_READY) return unused ? START_STAGED : START_WARM;
    if (p->state == PLACE_COLD) return place_is_staged(p) ? START_STAGED : START_COLD;
    return START_LATE;
}

Err gateway_ask(Gateway *g, const GatewayAsk *ask, GatewayRequest **ret_request)
{
    uint64_t now = clock_monotonic_ns();
    RequestEvent e = {.wall_ns = clock_wall_ns(), .task = ask->task, .bytes_in = ask->body->size, .client = ask->client};
    snprintf(e.session, sizeof e.session, "%s", ask->session);
    snprintf(e.attributes, sizeof e.attributes, "%s", ask->attributes);
    GatewayAnswer refusal;
    g->stats.requests++;
    *ret_request = NULL;
    if (!may_enter(g, &e, ask, now, &refusal)) {
        refuse(g, ask, &e, &refusal);
        return OK;
    }
    GatewayRequest *r = calloc(1, sizeof *r);
    if (!r) return FAIL(ENOMEM);
    Place *p = &g->places[ask->task];
    e.start = start_of(p);
    *r = (GatewayRequest){.gateway = g, .job = ++g->last_job, .attempt = 1, .body = *ask->body, .answered = ask->answered, .context = ask->context,
                          .arrived_ns = now, .deadline_ns = now + g->config.service->deadline_ns, .event = e};
    *ask->body = buffer_limited(ask->body->limit);
    list_append(&p->waiting, r);
    g->waiting++;
    *ret_request = r;
    p->used_ns = now;
    return place_want(p, now);
}

void gateway_abandon(GatewayRequest *r)
{
    r->answered = NULL;
    if (r->runs) return;
    leave_list(r);
    request_free(r);
}

/* --- as a micro-job --- */

/* A segment's key is the segment's: every request is micro-job 0, and they are told apart by their attempts. */
static uint64_t job_of(const GatewayRequest *r) { return place_sealed(place_of(r)) ? 0 : r->job; }
static uint32_t attempt_of(const GatewayRequest *r) { return place_sealed(place_of(r)) ? (uint32_t)(r->job << 2 | r->attempt) : r->attempt; }
_Static_assert(GATEWAY_ATTEMPTS_MAX < 4, "two bits");

static Err read_sealed(const Place *p, const GatewaySealed *s, Buffer *ret_input)
{
    TRY(buffer_reserve(ret_input, s->size));
    TRY(fd_pread_all(p->fds[1], ret_input->data, s->size, s->offset));
    ret_input->size = s->size;
    return OK;
}

static Err send_one(Place *p, GatewayRequest *r)
{
    Gateway *g = p->gateway;
    const GatewaySealed *sealed = place_sealed(p);
    AUTO_BUFFER message = buffer_limited(BUS_MESSAGE_BYTES_MAX), input = buffer_limited(SEGMENT_BYTES_MAX);
    bool with_data = g->config.service->tasks[p->task].data_in_input;
    if (with_data) TRY(buffer_append(&input, view_buffer(&r->body)));
    if (with_data) TRY(input_put_data(p, r->body.size, r->all_inline, &input));
    if (sealed) TRY(read_sealed(p, sealed, &input));
    View data = with_data || sealed ? view_buffer(&input) : view_buffer(&r->body);
    const BatchHead head = {.id = p->id, .stage = 0, .node = p->number, .manager = g->id};
    const JobItem item = {.job = job_of(r), .attempt = attempt_of(r), .kind = SEGMENT_INLINE, .size = data.size, .data = data,
                          .plain_size = sealed ? sealed->plain_size : 0};
    TRY(message_begin_jobs(&message, &head));
    TRY(message_add_job(&message, &item));
    return bus_publish(g->bus, subject_node(g->config.node_id).text, &message);
}

Err requests_send(Place *p)
{
    Gateway *g = p->gateway;
    if (p->waiting.first && clock_monotonic_ns() < p->full_ns) return OK;
    while (p->state == PLACE_READY && p->waiting.first && p->outstanding < p->window && g->running < g->config.service->running_max) {
        GatewayRequest *r = p->waiting.first;
        bool with_data = g->config.service->tasks[p->task].data_in_input;
        if (with_data && !input_is_here(p, r->all_inline)) return place_fetch_again(p, r->all_inline);
        Err e = send_one(p, r);
        if (e.code == ERR_BUSY) return OK; /* the next tick tries again */
        if (e.code) { /* one request's trouble is not everybody's */
            request_fail(r, 503, "node", "ask again later", "the request cannot be given to the node: %s", err_text(e.code));
            continue;
        }
        list_remove(&p->waiting, r);
        list_append(&p->running, r);
        r->runs = true;
        r->began_ns = clock_monotonic_ns();
        g->waiting--;
        g->running++;
        p->outstanding++;
    }
    return OK;
}

static void succeed(GatewayRequest *r, View output)
{
    GatewayAnswer a = {.status = 200, .body = output};
    leave_list(r);
    answer(r, &a);
    request_free(r);
}

static void seal(GatewayRequest *r, View result)
{
    const Place *p = place_of(r);
    const GatewayConfig *c = &r->gateway->config;
    const uint64_t number = r->job;
    r->sealing = true;
    Err e = c->seal(c->context, p->task, &p->id, number, result);
    if (e.code) gateway_sealed_answer(p->gateway, p->task, number, (View){0}, err_text(e.code));
}

void gateway_sealed_answer(Gateway *g, uint32_t task, uint64_t request, View file, const char *error)
{
    GatewayRequest *r = g->places[task].running.first;
    while (r && !(r->job == request && r->sealing)) r = r->next;
    if (!r) return; /* its deadline was over */
    if (error) request_fail(r, 503, "key broker", "ask again later", "the sealed result could not be completed: %s", error);
    else succeed(r, file);
}

/* Requests beyond their deadline may run still at the node, whose window is full then: what it gives back is not sent again at once, or the two
 * would do nothing else. */
static bool try_again(GatewayRequest *r, const ResultItem *result)
{
    Place *p = place_of(r);
    bool counts = result->outcome != OUTCOME_NONE;
    bool claim_failed = result->outcome == OUTCOME_EXIT_CODE && result->exit_code == EXIT_TRY_INLINE && !r->all_inline && r->answered
                        && r->gateway->config.service->tasks[p->task].data_in_input;
    r->all_inline |= claim_failed;
    if (!claim_failed && (!outcome_may_retry(result->outcome) || result->outcome == OUTCOME_LIFETIME || r->attempt + counts > GATEWAY_ATTEMPTS_MAX
                          || !r->answered))
        return false;
    if (!counts) p->full_ns = clock_monotonic_ns() + GATEWAY_TICK_MS / 2 * NS_PER_MS;
    list_remove(&p->running, r);
    r->runs = false;
    r->attempt += counts;
    r->gateway->running--;
    p->outstanding--;
    r->gateway->waiting++;
    list_append(&p->waiting, r);
    return true;
}

static void fail_by_outcome(GatewayRequest *r, const ResultItem *result)
{
    char log[160];
    size_t size = 0;
    for (size_t i = 0; i < result->log.size && size + 1 < sizeof log && result->log.data[i] != '\n'; i++)
        log[size++] = result->log.data[i] >= 0x20 && result->log.data[i] <= 0x7e ? (char)result->log.data[i] : '?';
    log[size] = '\0';
    const char *task = r->gateway->config.service->tasks[r->event.task].name, *text = outcome_text(result->outcome);
    if (result->outcome == OUTCOME_LIFETIME)
        request_fail(r, 504, "security: lifetime", "ask for less, or raise 'lifetime' in the service file", "task '%s' ran for longer than it may", task);
    else if (outcome_may_retry(result->outcome))
        request_fail(r, 503, "node", "ask again", "task '%s' could not be run: %s", task, text);
    else if (result->outcome == OUTCOME_EXIT_CODE)
        request_fail(r, 500, "task", "the request's body, or the task, is wrong", "task '%s' ended with exit code %u: %s", task, result->exit_code, log);
    else
        request_fail(r, 500, "task", "the request's body, or the task, is wrong", "task '%s': %s%s%s", task, text, log[0] ? ": " : "", log);
}

Err requests_hear(Place *p, const ResultItem *result)
{
    GatewayRequest *r = p->running.first;
    while (r && !(job_of(r) == result->job && attempt_of(r) == result->attempt && !r->sealing)) r = r->next;
    if (!r) return OK; /* answered before: its deadline was over */
    ResultDigest digest;
    result_digest(p->gateway->digest_key, result->output, &digest);
    bool whole = memcmp(digest.bytes, result->digest.bytes, sizeof digest.bytes) == 0;
    if (result->outcome == OUTCOME_OK && whole) p->failures = 0;
    if (result->outcome == OUTCOME_OK && whole && place_sealed(p)) seal(r, result->output);
    else if (result->outcome == OUTCOME_OK && whole) succeed(r, result->output);
    else if (result->outcome == OUTCOME_OK) request_fail(r, 503, "node", "ask again", "the node's answer is damaged");
    else if (!try_again(r, result)) fail_by_outcome(r, result);
    return OK;
}

/* It would run on until its lifetime, and its zygote could do nothing else. Lost on the way, that is what happens. */
static void cancel(Place *p, const GatewayRequest *r)
{
    AUTO_BUFFER message = buffer_limited(KIB);
    const JobCancel c = {.id = p->id, .node = p->number, .job = job_of(r), .attempt = attempt_of(r)};
    Err e = message_put_job_cancel(&message, &c);
    if (!e.code) e = bus_publish(p->gateway->bus, subject_node(p->gateway->config.node_id).text, &message);
    (void)e;
}

void requests_expire(Place *p, uint64_t now_ns)
{
    RequestList *const LISTS[] = {&p->waiting, &p->running};
    for (int i = 0; i < 2; i++)
        for (GatewayRequest *r = LISTS[i]->first, *next; r; r = next) {
            next = r->next;
            if (now_ns < r->deadline_ns) continue;
            if (r->runs && !r->sealing) cancel(p, r);
            const char *remedy = i ? "ask for less, or raise 'deadline' in the service file" : "ask again; the task is being started, or the machine is busy";
            request_fail(r, 504, "limits: deadline", remedy, "no answer within %llu ms", (unsigned long long)(p->gateway->config.service->deadline_ns / NS_PER_MS));
        }
}
