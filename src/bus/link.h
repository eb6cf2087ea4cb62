/**
 * For back ends: a bus in memory that is also told of, and asked for, what goes beyond this process.
 */
#pragma once
#include "bus/bus.h"

/** `publish` takes the message's memory on success, like bus_publish; it may call bus_publish_here. `free` is called by
 *  bus_free, first. */
typedef struct {
    Err (*publish)(void *context, const char *subject, Buffer *message);
    void (*subscribed)(void *context, const char *subject);
    void (*unsubscribed)(void *context, const char *subject); /* the last one here */
    void (*free)(void *context);
} BusLink;

/** Once, before the bus is used. */
void bus_set_link(Bus *b, const BusLink *link, void *context);
/** To the subscriptions of this process alone. errors: as bus_publish */
MUST_USE Err bus_publish_here(Bus *b, const char *subject, Buffer *message);
/** Calls the handlers before it returns: from the loop alone, never from bus_publish. Nobody listens: OK. errors: the handlers' */
MUST_USE Err bus_deliver_here(Bus *b, const char *subject, View message);
/** The context that was set together with this link; NULL: the bus has another one, or none. */
void *bus_link_context(const Bus *b, const BusLink *link);
Loop *bus_loop(const Bus *b);
bool bus_listens_here(const Bus *b, const char *subject);
/** Each subscription's subject, twice where two listen. */
void bus_each_subject(const Bus *b, void (*visit)(void *context, const char *subject), void *context);
