/*
 * A task's place on the node. What it needs is fetched one after the other, each behind the store's delay; then its zygote is opened. Places that
 * are ready are kept until others need the room: the one whose loss costs least for its bytes gives way, by what starting it has cost and how
 * long ago it was used.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "bus/broker_message.h"
#include "bus/message_subject.h"
#include "gateway/parts.h"
#include "see/channel.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/fd.h"

enum { RETRY_MS = 100, RETRY_DOUBLINGS_MAX = 7, OPEN_BYTES_MAX = BROKER_FOOTER_MAX + (1 << 20) };

static const DepotItem *item_of(const Place *p, uint32_t i)
{
    const Depot *d = p->gateway->config.depot;
    return &d->items[d->of[d->first[p->task] + i]];
}

uint32_t place_item_count(const Place *p)
{
    const Depot *d = p->gateway->config.depot;
    return d->first[p->task + 1] - d->first[p->task];
}

const GatewaySealed *place_sealed(const Place *p)
{
    const GatewayConfig *c = &p->gateway->config;
    return c->sealed && c->sealed[p->task].is_sealed ? &c->sealed[p->task] : NULL;
}

/* Sealed data are not claimed: their SEE reads them as its segment. */
bool place_item_is_staged(const Place *p, uint32_t i)
{
    const GatewayConfig *c = &p->gateway->config;
    if (i > 0 && place_sealed(p)) return false;
    return c->is_staged && c->is_staged(c->context, &item_of(p, i)->hash, c->service->tasks[p->task].name);
}

bool place_is_staged(const Place *p)
{
    for (uint32_t i = 0; i < place_item_count(p); i++)
        if (!place_item_is_staged(p, i)) return false;
    return true;
}

bool place_is_kept(const Place *p) { return p->state != PLACE_COLD; }
uint64_t place_bytes(const Place *p) { return depot_task_bytes(p->gateway->config.depot, p->task); }

static void say(const Place *p, const char *what)
{
    const Gateway *g = p->gateway;
    char line[GATEWAY_TEXT_MAX];
    snprintf(line, sizeof line, "task '%s': %s", g->config.service->tasks[p->task].name, what);
    if (g->config.notice) g->config.notice(g->config.context, line);
}

void place_say(const Place *p)
{
    const Gateway *g = p->gateway;
    if (!g->config.place) return;
    const StreamPlace place = gateway_place(g, p->task);
    g->config.place(g->config.context, &place);
}

static void forget(Place *p)
{
    if (place_is_kept(p) && p->staged_unused) p->gateway->stats.wasted_bytes += place_bytes(p);
    if (p->state == PLACE_READY) p->gateway->stats.warm--;
    if (place_is_kept(p)) p->gateway->stats.warm_bytes -= place_bytes(p);
    p->state = PLACE_COLD;
    p->staged_unused = false;
    p->item_at = 0;
    p->open = false;
    loop_set_timer(p->timer, UINT64_MAX);
    for (int i = 0; i < PLACE_ITEMS_MAX; i++) fd_close(&p->fds[i]);
    place_say(p);
}

static void send_close(const Place *p)
{
    AUTO_BUFFER message = buffer_limited(KIB);
    Err e = message_put_task_close(&message, &(TaskClose){.id = p->id, .node = p->number});
    if (!e.code) e = bus_publish(p->gateway->bus, subject_node(p->gateway->config.node_id).text, &message);
    (void)e; /* a node that does not hear it closes what is silent */
}

void place_close(Place *p)
{
    if (p->open) send_close(p);
    forget(p);
}

void place_fail(Place *p, const char *text, uint64_t now_ns)
{
    uint32_t doublings = p->failures < RETRY_DOUBLINGS_MAX ? p->failures : RETRY_DOUBLINGS_MAX;
    p->retry_ns = now_ns + ((uint64_t)RETRY_MS << doublings) * NS_PER_MS;
    p->failures++;
    say(p, text);
    place_close(p);
    while (p->running.first) request_fail(p->running.first, 503, "task", "ask again later", "%s", text);
    while (p->waiting.first) request_fail(p->waiting.first, 503, "task", "ask again later", "%s", text);
}

/* --- room --- */

/* What losing it costs, for each byte, by how long ago it was used: the waiting that keeping it saves is the less likely the longer that is. */
static double worth(const Place *p, uint64_t now_ns)
{
    uint64_t waited_ns = p->fetch_ns + p->verify_ns + p->start_ns + (place_sealed(p) ? p->attest_ns : 0);
    double cost = (double)waited_ns + 1, age = (double)(now_ns - p->used_ns) + 1;
    return cost / age / (double)(place_bytes(p) + 1);
}

static Place *least_worth(Gateway *g, const Place *for_whom)
{
    Place *least = NULL;
    uint64_t now = clock_monotonic_ns();
    for (size_t i = 0; i < g->config.service->task_count; i++) {
        Place *p = &g->places[i];
        bool free = p != for_whom && p->state == PLACE_READY && !p->staged_unused && !p->waiting.first && !p->running.first;
        if (free && (!least || worth(p, now) < worth(least, now))) least = p;
    }
    return least;
}

static uint32_t kept(const Gateway *g)
{
    uint32_t count = 0;
    for (size_t i = 0; i < g->config.service->task_count; i++) count += place_is_kept(&g->places[i]) && !g->places[i].staged_unused;
    return count;
}

static uint64_t kept_bytes(const Gateway *g)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < g->config.service->task_count; i++)
        if (place_is_kept(&g->places[i]) && !g->places[i].staged_unused) bytes += place_bytes(&g->places[i]);
    return bytes;
}

bool places_make_room(Gateway *g, const Place *for_whom)
{
    const Service *s = g->config.service;
    while (kept(g) >= s->zygotes_max || kept_bytes(g) + place_bytes(for_whom) > s->warm_bytes_max) {
        Place *least = least_worth(g, for_whom);
        if (!least) return kept(g) == 0; /* larger than the whole budget, and alone */
        place_close(least);
        g->stats.evicted++;
    }
    return true;
}

/* --- fetching --- */

static Err put_strings(Buffer *b, char *const *strings, size_t count)
{
    for (size_t i = 0; i < count; i++) TRY(buffer_append(b, view_of(strings[i], strlen(strings[i]) + 1)));
    return OK;
}

static Err put_open(const Place *p, const char *image_path, Buffer *message)
{
    const Gateway *g = p->gateway;
    const Service *s = g->config.service;
    const ServiceTask *t = &s->tasks[p->task];
    AUTO_BUFFER args = buffer_limited(TASK_ARG_BYTES_MAX);
    TRY(buffer_append(&args, view_of(t->name, strlen(t->name) + 1)));
    TRY(put_strings(&args, t->args, t->arg_count));
    TaskOpen open = {.id = p->id, .node = p->number, .manager = g->id, .image_path = view_text(image_path), .level = s->level, .zygotes = 1,
                     .lifetime_ns = s->lifetime_ns, .memory_max = s->memory_max, .output_max = s->output_max, .args = view_buffer(&args),
                     .arg_count = (uint32_t)t->arg_count + 1, .staging = view_text(t->name)};
    const GatewaySealed *sealed = place_sealed(p);
    if (sealed) open.sealed = SEALED_SEGMENTS, open.footer = sealed->footer;
    if (sealed) open.ahead = p->staged_unused; /* attested, and without a key until somebody asks */
    memcpy(open.measurement, g->config.measurements[p->task].bytes, sizeof open.measurement);
    memcpy(open.digest_key, g->digest_key, sizeof open.digest_key);
    TRY(random_bytes(open.seed, sizeof open.seed)); /* requests are not repeated on other nodes: nothing has to agree */
    return message_put_task_open(message, &open);
}

static Err open_task(Place *p)
{
    Gateway *g = p->gateway;
    char path[PATH_BYTES_MAX];
    AUTO_BUFFER message = buffer_limited(OPEN_BYTES_MAX);
    if (p->fds[0] >= 0) snprintf(path, sizeof path, "/proc/self/fd/%d", p->fds[0]); /* what was fetched and checked, whatever happens to the file */
    else snprintf(path, sizeof path, "%s", item_of(p, 0)->path); /* staged: the node has it, and looks here only when it has gone */
    TRY(random_bytes(&p->id, sizeof p->id));
    p->number = ++g->last_number;
    TRY(put_open(p, path, &message));
    p->state = PLACE_OPENING;
    p->open = true;
    p->opened_ns = clock_monotonic_ns();
    Err e = bus_publish(g->bus, subject_node(g->config.node_id).text, &message);
    if (e.code == 0) return OK;
    place_fail(p, "the node is not there", p->opened_ns);
    return OK;
}

static bool is_here(const Place *p, uint32_t item)
{
    return p->fds[item] >= 0 || (item == 0 && p->open) || (!p->fetch_all && place_item_is_staged(p, item));
}

static Err ready_again(Place *p)
{
    p->state = PLACE_READY;
    p->gateway->stats.warm++;
    place_say(p);
    return requests_send(p);
}

static Err fetch_next(Place *p)
{
    uint64_t now = clock_monotonic_ns();
    while (p->item_at < place_item_count(p) && is_here(p, p->item_at)) p->item_at++;
    if (p->item_at == place_item_count(p)) return p->open ? ready_again(p) : open_task(p);
    loop_set_timer(p->timer, now + item_of(p, p->item_at)->delay_ns);
    p->opened_ns = now;
    return OK;
}

static Err on_fetched(void *context, uint32_t events)
{
    (void)events;
    Place *p = context;
    const DepotItem *item = item_of(p, p->item_at);
    uint64_t begun = clock_monotonic_ns();
    if (p->state != PLACE_FETCHING) return OK;
    p->fetch_ns += begun - p->opened_ns;
    Err e = depot_fetch(item, &p->fds[p->item_at]);
    if (e.code == ENOMEM) return e;
    if (e.code) {
        char text[GATEWAY_TEXT_MAX];
        snprintf(text, sizeof text, "%s: %s", item->name, err_text(e.code));
        place_fail(p, text, begun);
        return OK;
    }
    p->verify_ns += clock_monotonic_ns() - begun;
    p->gateway->stats.fetched_bytes += item->size;
    p->item_at++;
    return fetch_next(p);
}

Err place_open(Place *p) { return loop_add_timer(p->gateway->loop, UINT64_MAX, on_fetched, p, &p->timer); }

static Err begin(Place *p)
{
    Gateway *g = p->gateway;
    p->state = PLACE_FETCHING;
    p->item_at = 0;
    p->fetch_all = false;
    if (!place_is_staged(p)) p->fetch_ns = p->verify_ns = 0; /* of what is here nothing is fetched: what the last time took stands */
    g->stats.warm_bytes += place_bytes(p);
    place_say(p);
    return fetch_next(p);
}

Err place_fetch_again(Place *p, bool all)
{
    p->state = PLACE_FETCHING;
    p->gateway->stats.warm--;
    p->item_at = 0;
    p->fetch_all = all;
    place_say(p);
    return fetch_next(p);
}

Err place_begin_ahead(Place *p)
{
    p->staged_unused = true;
    return begin(p);
}

void place_use_staged(Place *p)
{
    Gateway *g = p->gateway;
    g->stats.staged_used++;
    bool fits = places_make_room(g, p);
    (void)fits; /* everything else is in use: then one more than the budget says */
    p->staged_unused = false;
    place_say(p);
}

Err place_want(Place *p, uint64_t now_ns)
{
    if (p->state == PLACE_READY) return requests_send(p);
    if (p->state != PLACE_COLD) return OK;
    if (now_ns < p->retry_ns) {
        while (p->waiting.first) request_fail(p->waiting.first, 503, "task", "ask again later", "the task failed to start a moment ago");
        return OK;
    }
    if (!places_make_room(p->gateway, p)) return OK; /* everything is in use; the next tick tries again */
    return begin(p);
}

Err place_hear_ready(Place *p, const TaskReady *ready, uint64_t now_ns)
{
    if (p->state != PLACE_OPENING) return OK;
    p->state = PLACE_READY;
    p->window = ready->window;
    p->start_ns = ready->start_ns ? ready->start_ns : now_ns - p->opened_ns; /* the node measures it, and what of it was done before */
    p->attest_ns = ready->attest_ns;
    p->ready_ns = now_ns;
    p->gateway->stats.warm++;
    place_say(p);
    return requests_send(p);
}
