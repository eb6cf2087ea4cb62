/**
 * The asking side of bus/broker_message.h, for the agent and for whoever wants a result file signed: requests to the key broker, each with a
 * token that its answer carries; what gets no answer is sent again, a bounded number of times. The broker may be silent, and whoever speaks in
 * its name may say anything: what is relayed proves itself inside the SEE.
 */
#pragma once
#include "bus/broker_message.h"
#include "bus/bus.h"

enum { BROKER_TRIES_MAX = 5 };

typedef struct {
    Bus *bus;
    BusSubscription *subscription;
    char reply_to[BUS_SUBJECT_MAX];
    uint64_t last_token;          /* begins at random: answers meant for an agent before this one have other tokens */
    uint64_t patience_ns;
} BrokerLink;

/** One request on its way. {0}: none. */
typedef struct {
    uint64_t token;               /* 0: nothing is asked */
    uint64_t sent_ns;
    uint32_t tries;
    bool put_off;                 /* the broker was too busy for it */
    Buffer message;               /* to be sent again */
} BrokerAsk;

typedef struct {
    BrokerMessageType type;       /* NONCE, APPRAISED, GRANT, WRAPS, FOOTER or REFUSED */
    uint64_t token;
    union { BrokerNonce nonce; BrokerAppraised appraised; BrokerGrant grant; BrokerWraps wraps; BrokerRefused refused; BrokerFooter footer; } is;
} BrokerAnswer;

/** Answers come to the subject `reply_to`, and so to `handler`. patience_ns 0: BROKER_PATIENCE_MS */
MUST_USE Err broker_link_open(BrokerLink *l, Bus *bus, const char *reply_to, uint64_t patience_ns, BusHandler handler, void *context);
void broker_link_close(BrokerLink *l);

/** A fresh token, and where to answer to. */
BrokerHead broker_link_head(BrokerLink *l);
/** Sends it; takes the message's memory. That the broker cannot be reached is no error: it is tried again. errors: ENOMEM */
MUST_USE Err broker_link_ask(BrokerLink *l, BrokerAsk *a, uint64_t token, Buffer *message, uint64_t now_ns);
/** The same, when it has waited as long as a lost one would. */
void broker_link_ask_later(BrokerAsk *a, uint64_t token, Buffer *message, uint64_t now_ns);
/** Sends again what has waited too long; *ret_lost: it was sent BROKER_TRIES_MAX times for nothing. */
MUST_USE Err broker_link_watch(BrokerLink *l, BrokerAsk *a, uint64_t now_ns, bool *ret_lost);
/** It is answered, or nobody wants to know any more. */
void broker_ask_end(BrokerAsk *a);

/** Views are borrowed from the message. errors: ERR_PROTOCOL */
MUST_USE Err broker_get_answer(View message, BrokerAnswer *ret_answer);
