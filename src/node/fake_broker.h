/**
 * For tests: a key broker on the bus that keeps to the protocol and not to cryptography, and misbehaves as told. Its grants and wraps are
 * patterns that the fake zygotes of fake_warden.c know: what was made for something else, or changed on the way, they do not accept.
 */
#pragma once
#include "bus/broker_message.h"
#include "bus/bus.h"

enum { FAKE_ANSWERS_KEPT = 64, FAKE_SESSION = 4711 };

typedef struct {
    Bus *bus;
    BusSubscription *subscription;
    const char *behaviour;                 /* one of the names in fake_broker.c; NULL: all is well */
    uint64_t random;                       /* of "chaos" */
    uint32_t challenges, appraised, attests, wraps; /* requests heard, repeated ones included */
    uint32_t wrapped;                      /* keys given away */
    uint32_t stage;                        /* of the task that is attested */
    uint64_t nonces, session_id;
    Buffer kept[FAKE_ANSWERS_KEPT];        /* answers given, the last ones */
    uint32_t kept_count;
    bool told;                             /* what is done once was done */
} FakeBroker;

#define FAKE_FOOTER "the dataset's signed footer"
#define FAKE_EVIDENCE "evidence over "     /* then the nonce, and more that differs from zygote to zygote */

void fake_broker_open(FakeBroker *b, Bus *bus, const char *behaviour);
void fake_broker_close(FakeBroker *b);

/** What a genuine grant's two parts are for evidence with that hash, and a genuine wrap. */
void fake_grant(const uint8_t evidence_hash[32], uint8_t ret_encapsulated[32], uint8_t ret_sealed[BROKER_GRANT_SEALED]);
void fake_wrap(uint64_t job, uint64_t plain_size, uint8_t ret_wrap[BROKER_WRAP_BYTES]);
