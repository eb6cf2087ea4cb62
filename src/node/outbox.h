/**
 * What the node says to its managers, in order. A message that the bus does not take now waits here; while any waits, the agent takes no
 * more results from its zygotes, so that a slow manager slows the node down instead of filling its memory.
 */
#pragma once
#include "bus/message_subject.h"

enum { OUTBOX_MESSAGES_MAX = 1024 };

typedef struct {
    Bus *bus;
    const char *node_id;         /* who speaks */
    uint32_t first, count;
    struct { ManagerId to; Buffer message; } waiting[OUTBOX_MESSAGES_MAX];
} Outbox;

void outbox_free(Outbox *o);
static inline bool outbox_blocked(const Outbox *o) { return o->count > 0; }
/** Takes the message's memory on success. Nobody listening is not an error: then there is nobody to tell. errors: ERR_BUSY when full */
MUST_USE Err outbox_send(Outbox *o, const ManagerId *to, Buffer *message);
/** Tries again what waits. */
MUST_USE Err outbox_flush(Outbox *o);
