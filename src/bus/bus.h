/**
 * The bus: how manager and nodes talk. Subjects are dotted names; a message is bytes. Back ends: memory (bus/memory.c, one process),
 * a Unix socket (bus/socket.h, processes of one user around one service), NATS JetStream (bus/nats.h). A message is delivered at most
 * once per subscription by the memory back end, at least once by others: receivers
 * must not mind a second copy.
 *
 * Nothing is delivered inside bus_publish: handlers run from the loop's next turn, so that no call chain goes through the bus.
 */
#pragma once
#include "base/bytes.h"
#include "sys/loop.h"

typedef struct Bus Bus;
typedef struct BusSubscription BusSubscription;
/** subject: what it was published under, also when the subscription's ends in a wildcard. `message` is borrowed for the call. */
typedef Err (*BusHandler)(void *context, const char *subject, View message);

enum { BUS_SUBJECT_MAX = 128, BUS_QUEUE_MESSAGES_MAX = 4096 };

MUST_USE Err bus_memory_new(Loop *loop, Bus **ret_bus);
void bus_free(Bus **bus);
/** Takes the message's memory (and leaves the buffer empty) on success. errors: ERR_BUSY when the subscriber's queue is full,
 *  ERR_NO_ENTRY when nobody listens (over NATS nobody can know: it waits there) */
MUST_USE Err bus_publish(Bus *b, const char *subject, Buffer *message);
/** A subject that ends in ".*" hears whatever has exactly one token in that place. */
MUST_USE Err bus_subscribe(Bus *b, const char *subject, BusHandler handler, void *context, BusSubscription **ret_subscription);
void bus_unsubscribe(BusSubscription **subscription);
