/* Asking the key broker. */
#include "node/broker_link.h"

#include <errno.h>
#include <stdio.h>

#include "base/limits.h"
#include "sys/entropy.h"

Err broker_link_open(BrokerLink *l, Bus *bus, const char *reply_to, uint64_t patience_ns, BusHandler handler, void *context)
{
    uint32_t start;
    l->bus = bus;
    l->patience_ns = patience_ns ? patience_ns : BROKER_PATIENCE_MS * NS_PER_MS;
    TRY(random_bytes(&start, sizeof start));
    l->last_token = (uint64_t)start << 32;
    snprintf(l->reply_to, sizeof l->reply_to, "%s", reply_to);
    return bus_subscribe(bus, l->reply_to, handler, context, &l->subscription);
}

void broker_link_close(BrokerLink *l) { bus_unsubscribe(&l->subscription); }

BrokerHead broker_link_head(BrokerLink *l)
{
    return (BrokerHead){.token = ++l->last_token, .reply_to = view_text(l->reply_to)};
}

/* Whatever keeps it from the broker, a full queue or nobody there: it counts as sent, and is missed like a lost one. */
static Err send(BrokerLink *l, BrokerAsk *a, uint64_t now_ns)
{
    AUTO_BUFFER copy = buffer_limited(a->message.size);
    TRY(buffer_append(&copy, view_buffer(&a->message)));
    a->sent_ns = now_ns;
    a->tries++;
    a->put_off = false;
    Err e = bus_publish(l->bus, BROKER_SUBJECT, &copy);
    return e.code == ENOMEM ? e : OK;
}

Err broker_link_ask(BrokerLink *l, BrokerAsk *a, uint64_t token, Buffer *message, uint64_t now_ns)
{
    broker_link_ask_later(a, token, message, now_ns);
    return send(l, a, now_ns);
}

void broker_link_ask_later(BrokerAsk *a, uint64_t token, Buffer *message, uint64_t now_ns)
{
    broker_ask_end(a);
    *a = (BrokerAsk){.token = token, .sent_ns = now_ns, .message = *message};
    *message = (Buffer){.limit = message->limit};
}

Err broker_link_watch(BrokerLink *l, BrokerAsk *a, uint64_t now_ns, bool *ret_lost)
{
    *ret_lost = false;
    if (a->token == 0 || now_ns < a->sent_ns + l->patience_ns) return OK;
    *ret_lost = a->tries >= BROKER_TRIES_MAX;
    return *ret_lost ? OK : send(l, a, now_ns);
}

void broker_ask_end(BrokerAsk *a)
{
    buffer_free(&a->message);
    *a = (BrokerAsk){0};
}

static Err get(View message, BrokerAnswer *a)
{
    switch (a->type) {
    case BROKER_NONCE: return broker_get_nonce(message, &a->is.nonce);
    case BROKER_APPRAISED: return broker_get_appraised(message, &a->is.appraised);
    case BROKER_GRANT: return broker_get_grant(message, &a->is.grant);
    case BROKER_WRAPS: return broker_get_wraps(message, &a->is.wraps);
    case BROKER_FOOTER: return broker_get_footer(message, &a->is.footer);
    case BROKER_REFUSED: return broker_get_refused(message, &a->is.refused);
    default: return FAIL(ERR_PROTOCOL);
    }
}

static uint64_t token_of(const BrokerAnswer *a)
{
    switch (a->type) {
    case BROKER_NONCE: return a->is.nonce.token;
    case BROKER_APPRAISED: return a->is.appraised.token;
    case BROKER_GRANT: return a->is.grant.token;
    case BROKER_WRAPS: return a->is.wraps.token;
    case BROKER_FOOTER: return a->is.footer.token;
    default: return a->is.refused.token;
    }
}

Err broker_get_answer(View message, BrokerAnswer *ret_answer)
{
    BrokerAnswer a = {.type = message.size ? (BrokerMessageType)message.data[0] : 0};
    TRY(get(message, &a));
    a.token = token_of(&a);
    *ret_answer = a;
    return OK;
}
