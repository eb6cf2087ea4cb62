/* The gateway on the bus: birth, what the node says, the tick, death. */
#include "gateway/gateway.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/message_subject.h"
#include "gateway/parts.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/fd.h"

static Place *find_place(Gateway *g, const TaskId *id, uint32_t number)
{
    for (size_t i = 0; i < g->config.service->task_count; i++) {
        Place *p = &g->places[i];
        if (p->open && p->number == number && memcmp(&p->id, id, sizeof *id) == 0) return p;
    }
    return NULL;
}

static Err hear_refused(Gateway *g, View message)
{
    TaskRefused refused;
    char text[GATEWAY_TEXT_MAX];
    if (message_get_task_refused(message, &refused).code) return OK;
    Place *p = find_place(g, &refused.id, refused.node);
    if (!p) return OK;
    snprintf(text, sizeof text, "%.*s", (int)refused.text.size, (const char *)refused.text.data);
    place_fail(p, text, clock_monotonic_ns());
    return OK;
}

static Err hear_ready(Gateway *g, View message)
{
    TaskReady ready;
    if (message_get_task_ready(message, &ready).code) return OK;
    Place *p = find_place(g, &ready.id, ready.node);
    return p ? place_hear_ready(p, &ready, clock_monotonic_ns()) : OK;
}

/* A place that ended a request may send the next one; and so may all others, when they waited for the limit on all that run. */
static Err send_more(Gateway *g)
{
    for (size_t i = 0; i < g->config.service->task_count && g->waiting; i++) TRY(requests_send(&g->places[i]));
    return OK;
}

static Err hear_results(Gateway *g, View message)
{
    BatchReader reader;
    if (message_open_batch(message, MESSAGE_RESULTS, &reader).code) return OK;
    Place *p = find_place(g, &reader.head.id, reader.head.node);
    for (;;) {
        ResultItem item;
        bool more = false;
        if (!p || message_next_result(&reader, &item, &more).code || !more) break;
        TRY(requests_hear(p, &item));
    }
    return send_more(g);
}

static Err on_message(void *context, const char *subject, View message)
{
    (void)subject;
    Gateway *g = context;
    switch (message_type(message)) {
    case MESSAGE_TASK_READY: return hear_ready(g, message);
    case MESSAGE_TASK_REFUSED: return hear_refused(g, message);
    case MESSAGE_RESULTS: return hear_results(g, message);
    default: return OK;
    }
}

/* --- the tick --- */

static void say_alive(Gateway *g, const Place *p)
{
    AUTO_BUFFER message = buffer_limited(KIB);
    Err e = message_put_task_alive(&message, &(TaskAlive){.id = p->id, .node = p->number, .manager = g->id});
    if (!e.code) e = bus_publish(g->bus, subject_node(g->config.node_id).text, &message);
    (void)e; /* once more after TASK_ALIVE_S */
}

static Err on_tick(void *context, uint32_t events)
{
    (void)events;
    Gateway *g = context;
    uint64_t now = clock_monotonic_ns();
    bool alive = now >= g->alive_ns;
    if (alive) g->alive_ns = now + TASK_ALIVE_S * NS_PER_S;
    for (size_t i = 0; i < g->config.service->task_count; i++) {
        Place *p = &g->places[i];
        requests_expire(p, now);
        if (p->waiting.first) TRY(place_want(p, now));
        if (alive && p->open) say_alive(g, p);
    }
    loop_set_timer(g->tick, now + GATEWAY_TICK_MS * NS_PER_MS);
    return OK;
}

/* --- birth and death --- */

static Err fill_in(Gateway *g, Diag *diag)
{
    const Service *s = g->config.service;
    g->places = calloc(s->task_count, sizeof *g->places);
    if (!g->places) return FAIL(ENOMEM);
    for (uint32_t i = 0; i < s->task_count; i++) {
        g->places[i] = (Place){.gateway = g, .task = i, .used_ns = clock_monotonic_ns()};
        for (int k = 0; k < PLACE_ITEMS_MAX; k++) g->places[i].fds[k] = -1;
    }
    TRY_WHY(diag, manager_id_new(&g->id), "random numbers");
    TRY_WHY(diag, random_bytes(g->digest_key, sizeof g->digest_key), "random numbers");
    TRY(rates_open(s->rate, &g->client_rate));
    TRY(rates_open(s->session_rate, &g->session_rate));
    TRY_WHY(diag, bus_subscribe(g->bus, subject_manager(&g->id, "*").text, on_message, g, &g->subscription), "bus");
    for (uint32_t i = 0; i < s->task_count; i++) TRY(place_open(&g->places[i]));
    return loop_add_timer(g->loop, clock_monotonic_ns() + GATEWAY_TICK_MS * NS_PER_MS, on_tick, g, &g->tick);
}

Err gateway_new(Loop *loop, Bus *bus, const GatewayConfig *config, Gateway **ret_gateway, Diag *diag)
{
    assert(loop && bus && config->service && config->depot && config->node_id && ret_gateway);

    Gateway *g = calloc(1, sizeof *g);
    if (!g) return FAIL(ENOMEM);
    *g = (Gateway){.config = *config, .loop = loop, .bus = bus};
    Err e = fill_in(g, diag);
    if (e.code) gateway_free(&g);
    else *ret_gateway = g;
    return e;
}

static void free_list(RequestList *l)
{
    while (l->first) {
        GatewayRequest *r = l->first;
        list_remove(l, r);
        request_free(r);
    }
}

void gateway_free(Gateway **gateway)
{
    Gateway *g = *gateway;
    if (!g) return;
    for (size_t i = 0; g->places && i < g->config.service->task_count; i++) {
        Place *p = &g->places[i];
        free_list(&p->waiting);
        free_list(&p->running);
        for (int k = 0; k < PLACE_ITEMS_MAX; k++) fd_close(&p->fds[k]);
        loop_remove(&p->timer);
    }
    loop_remove(&g->tick);
    bus_unsubscribe(&g->subscription);
    rates_close(&g->client_rate);
    rates_close(&g->session_rate);
    free(g->places);
    free(g);
    *gateway = NULL;
}

void gateway_drain(Gateway *g) { g->draining = true; }
bool gateway_idle(const Gateway *g) { return g->running == 0 && g->waiting == 0; }

GatewayStats gateway_stats(const Gateway *g)
{
    GatewayStats s = g->stats;
    s.running = g->running;
    s.waiting = g->waiting;
    return s;
}

bool gateway_task_is_warm(const Gateway *g, uint32_t task) { return g->places[task].state == PLACE_READY; }
