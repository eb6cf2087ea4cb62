/*
 * Bytes of any kind as a message between agent and key broker: a reader either refuses them, or gives fields that the writer
 * accepts and turns into the very same bytes: there is one way to say each thing. Nothing may be read outside the message
 * (AddressSanitizer watches).
 */
#include <stdlib.h>

#include "bus/broker_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROUND_TRIP(type, name) \
    case type: \
        if (broker_get_##name(v, &m.name).code) return 0; \
        if (broker_put_##name(&b, &m.name).code || !view_equal(view_buffer(&b), v)) abort(); \
        break

/* What is said about any request or answer must not contradict what its own reader says. */
static void peek(View v)
{
    BrokerHead head;
    uint64_t token;
    bool request = broker_get_head(v, &head).code == 0, answer = broker_get_token(v, &token).code == 0;
    if (request && answer) abort();
    if (request && (head.reply_to.size == 0 || head.reply_to.size > BROKER_REPLY_TO_MAX)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static union {
        BrokerChallenge challenge;
        BrokerNonce nonce;
        BrokerAttest attest;
        BrokerAppraised appraised;
        BrokerGrant grant;
        BrokerWrap wrap;
        BrokerWraps wraps;
        BrokerRefused refused;
        BrokerResult result; BrokerFooter footer;
    } m;
    View v = view_of(data, size);
    AUTO_BUFFER b = buffer_limited(BROKER_FOOTER_MAX * 2);
    peek(v);
    switch (broker_message_type(v)) {
    ROUND_TRIP(BROKER_CHALLENGE, challenge);
    ROUND_TRIP(BROKER_NONCE, nonce);
    case BROKER_APPRAISE: /* the same but for its type */
    ROUND_TRIP(BROKER_ATTEST, attest);
    ROUND_TRIP(BROKER_APPRAISED, appraised);
    ROUND_TRIP(BROKER_GRANT, grant);
    ROUND_TRIP(BROKER_WRAP, wrap);
    ROUND_TRIP(BROKER_WRAPS, wraps);
    ROUND_TRIP(BROKER_REFUSED, refused);
    ROUND_TRIP(BROKER_RESULT, result);
    ROUND_TRIP(BROKER_FOOTER, footer);
    default: break;
    }
    return 0;
}
