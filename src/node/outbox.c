/* The outbox: publishes in order, keeps what the bus is too busy for. */
#include "node/outbox.h"

static const char SUBJECT[] = "covey.manager";

void outbox_free(Outbox *o)
{
    for (; o->count; o->count--, o->first = (o->first + 1) % OUTBOX_MESSAGES_MAX) buffer_free(&o->waiting[o->first]);
}

static Err publish(Outbox *o, Buffer *message)
{
    Err e = bus_publish(o->bus, SUBJECT, message);
    if (e.code != ERR_NO_ENTRY) return e;
    buffer_free(message);
    return OK;
}

Err outbox_flush(Outbox *o)
{
    while (o->count) {
        Err e = publish(o, &o->waiting[o->first]);
        if (e.code == ERR_BUSY) return OK;
        if (e.code) return e;
        o->first = (o->first + 1) % OUTBOX_MESSAGES_MAX;
        o->count--;
    }
    return OK;
}

Err outbox_send(Outbox *o, Buffer *message)
{
    if (o->count == 0) {
        Err e = publish(o, message);
        if (e.code != ERR_BUSY) return e;
    }
    if (o->count == OUTBOX_MESSAGES_MAX) return FAIL(ERR_BUSY);
    o->waiting[(o->first + o->count++) % OUTBOX_MESSAGES_MAX] = *message;
    *message = (Buffer){.limit = message->limit};
    return OK;
}
