/* The outbox: publishes in order, keeps what the bus is too busy for. */
#include "node/outbox.h"

void outbox_free(Outbox *o)
{
    for (; o->count; o->count--, o->first = (o->first + 1) % OUTBOX_MESSAGES_MAX) buffer_free(&o->waiting[o->first].message);
}

static Err publish(Outbox *o, const ManagerId *to, Buffer *message)
{
    Err e = bus_publish(o->bus, subject_manager(to, o->node_id).text, message);
    if (e.code != ERR_NO_ENTRY) return e;
    buffer_free(message);
    return OK;
}

Err outbox_flush(Outbox *o)
{
    while (o->count) {
        Err e = publish(o, &o->waiting[o->first].to, &o->waiting[o->first].message);
        if (e.code == ERR_BUSY) return OK;
        if (e.code) return e;
        o->first = (o->first + 1) % OUTBOX_MESSAGES_MAX;
        o->count--;
    }
    return OK;
}

Err outbox_send(Outbox *o, const ManagerId *to, Buffer *message)
{
    if (o->count == 0) {
        Err e = publish(o, to, message);
        if (e.code != ERR_BUSY) return e;
    }
    if (o->count == OUTBOX_MESSAGES_MAX) return FAIL(ERR_BUSY);
    uint32_t place = (o->first + o->count++) % OUTBOX_MESSAGES_MAX;
    o->waiting[place].to = *to;
    o->waiting[place].message = *message;
    *message = (Buffer){.limit = message->limit};
    return OK;
}
