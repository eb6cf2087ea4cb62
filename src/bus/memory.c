/*
 * The bus inside one process: a queue for each subscription, emptied by deferred work of the loop. A message moves by pointer: it is
 * copied only when several listen to one subject. Back ends that reach other processes hang on to it (bus/link.h).
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "bus/link.h"
#include "bus/subject.h"

/* subject: of its own, when it is not the subscription's. */
typedef struct { Buffer message; char *subject; } Queued;

struct BusSubscription {
    Bus *bus;
    BusSubscription *next;
    char subject[BUS_SUBJECT_MAX];
    BusHandler handler;
    void *context;
    bool gone;             /* unsubscribed while messages are being delivered; freed afterwards */
    uint32_t head, count;  /* of the ring */
    Queued *ring;          /* BUS_QUEUE_MESSAGES_MAX places */
};

struct Bus {
    Loop *loop;
    LoopSource *deferred;
    BusSubscription *subscriptions;
    uint32_t delivering;   /* depth of bus_deliver: a handler may turn the loop */
    const BusLink *link;   /* NULL: this process is all */
    void *link_context;
};

static Err bus_deliver(void *context, uint32_t events);

Err bus_memory_new(Loop *loop, Bus **ret_bus)
{
    assert(loop && ret_bus);

    Bus *b = calloc(1, sizeof *b);
    if (!b) return FAIL(ENOMEM);
    b->loop = loop;
    Err e = loop_add_deferred(loop, bus_deliver, b, &b->deferred);
    if (e.code) {
        free(b);
        return e;
    }
    *ret_bus = b;
    return OK;
}

static Queued take(BusSubscription *s)
{
    Queued q = s->ring[s->head];
    s->ring[s->head] = (Queued){0};
    s->head = (s->head + 1) % BUS_QUEUE_MESSAGES_MAX;
    s->count--;
    return q;
}

static void queued_free(Queued *q)
{
    buffer_free(&q->message);
    free(q->subject);
}

static void subscription_free(BusSubscription *s)
{
    while (s->count) {
        Queued q = take(s);
        queued_free(&q);
    }
    free(s->ring);
    free(s);
}

void bus_free(Bus **bus)
{
    Bus *b = *bus;
    if (!b) return;
    assert(b->delivering == 0);
    *bus = NULL;
    if (b->link) b->link->free(b->link_context);
    loop_remove(&b->deferred);
    while (b->subscriptions) {
        BusSubscription *s = b->subscriptions;
        b->subscriptions = s->next;
        subscription_free(s);
    }
    free(b);
}

Err bus_subscribe(Bus *b, const char *subject, BusHandler handler, void *context, BusSubscription **ret_subscription)
{
    assert(b && subject && handler && ret_subscription);

    if (strlen(subject) >= BUS_SUBJECT_MAX) return FAIL(ERR_LIMIT);
    BusSubscription *s = calloc(1, sizeof *s);
    if (!s) return FAIL(ENOMEM);
    s->ring = calloc(BUS_QUEUE_MESSAGES_MAX, sizeof *s->ring);
    if (!s->ring) {
        free(s);
        return FAIL(ENOMEM);
    }
    s->bus = b;
    snprintf(s->subject, sizeof s->subject, "%s", subject);
    s->handler = handler;
    s->context = context;
    s->next = b->subscriptions;
    b->subscriptions = s;
    if (b->link) b->link->subscribed(b->link_context, s->subject);
    *ret_subscription = s;
    return OK;
}

static void sweep(Bus *b)
{
    for (BusSubscription **at = &b->subscriptions; *at;) {
        BusSubscription *s = *at;
        if (!s->gone) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        subscription_free(s);
    }
}

static bool listens(const BusSubscription *s, const char *subject) { return !s->gone && subject_matches(s->subject, subject); }

bool bus_listens_here(const Bus *b, const char *subject)
{
    for (const BusSubscription *s = b->subscriptions; s; s = s->next)
        if (listens(s, subject)) return true;
    return false;
}

void bus_each_subject(const Bus *b, void (*visit)(void *context, const char *subject), void *context)
{
    for (const BusSubscription *s = b->subscriptions; s; s = s->next)
        if (!s->gone) visit(context, s->subject);
}

void bus_set_link(Bus *b, const BusLink *link, void *context)
{
    assert(!b->link && link);
    b->link = link;
    b->link_context = context;
}

Loop *bus_loop(const Bus *b) { return b->loop; }
void *bus_link_context(const Bus *b, const BusLink *link) { return b->link == link ? b->link_context : NULL; }

static bool is_subscribed(const Bus *b, const char *subject)
{
    for (const BusSubscription *s = b->subscriptions; s; s = s->next)
        if (!s->gone && strcmp(s->subject, subject) == 0) return true;
    return false;
}

void bus_unsubscribe(BusSubscription **subscription)
{
    BusSubscription *s = *subscription;
    if (!s) return;
    *subscription = NULL;
    s->gone = true;
    if (s->bus->link && !is_subscribed(s->bus, s->subject)) s->bus->link->unsubscribed(s->bus->link_context, s->subject);
    if (s->bus->delivering == 0) sweep(s->bus);
}

static Err enqueue(BusSubscription *s, const char *subject, Buffer *message)
{
    char *own_subject = NULL;
    if (strcmp(s->subject, subject) != 0 && !(own_subject = strdup(subject))) return FAIL(ENOMEM);
    s->ring[(s->head + s->count) % BUS_QUEUE_MESSAGES_MAX] = (Queued){*message, own_subject};
    s->count++;
    *message = buffer_limited(message->limit);
    return OK;
}

Err bus_publish(Bus *b, const char *subject, Buffer *message)
{
    assert(b && subject && message);

    if (message->size > BUS_MESSAGE_BYTES_MAX) return FAIL(ERR_LIMIT);
    return b->link ? b->link->publish(b->link_context, subject, message) : bus_publish_here(b, subject, message);
}

Err bus_publish_here(Bus *b, const char *subject, Buffer *message)
{
    BusSubscription *last = NULL;
    for (BusSubscription *s = b->subscriptions; s; s = s->next) {
        if (!listens(s, subject)) continue;
        if (s->count == BUS_QUEUE_MESSAGES_MAX) return FAIL(ERR_BUSY);
        last = s;
    }
    if (!last) return FAIL(ERR_NO_ENTRY);
    for (BusSubscription *s = b->subscriptions; s != last; s = s->next) {
        if (!listens(s, subject)) continue;
        AUTO_BUFFER copy = buffer_limited(message->limit);
        TRY(buffer_append(&copy, view_buffer(message)));
        TRY(enqueue(s, subject, &copy));
    }
    TRY(enqueue(last, subject, message));
    loop_defer(b->deferred);
    return OK;
}

/* Delivers what was queued when the turn began; what handlers publish meanwhile is for the next turn. */
static Err deliver_to(BusSubscription *s)
{
    Err e = OK;
    for (uint32_t left = s->count; left && !s->gone && s->count && !e.code; left--) {
        Queued q = take(s);
        e = s->handler(s->context, q.subject ? q.subject : s->subject, view_buffer(&q.message));
        queued_free(&q);
    }
    return e;
}

Err bus_deliver_here(Bus *b, const char *subject, View message)
{
    Err e = OK;
    b->delivering++;
    for (BusSubscription *s = b->subscriptions; s && !e.code; s = s->next)
        if (listens(s, subject)) e = s->handler(s->context, subject, message);
    b->delivering--;
    if (b->delivering == 0) sweep(b);
    return e;
}

static Err bus_deliver(void *context, uint32_t events)
{
    (void)events;
    Bus *b = context;
    Err e = OK;
    b->delivering++;
    for (BusSubscription *s = b->subscriptions; s && !e.code; s = s->next) e = deliver_to(s);
    b->delivering--;
    if (b->delivering == 0) sweep(b);
    bool waiting = false;
    for (const BusSubscription *s = b->subscriptions; s; s = s->next) waiting |= s->count > 0;
    if (waiting) loop_defer(b->deferred);
    return e;
}
