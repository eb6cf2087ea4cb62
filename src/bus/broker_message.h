/**
 * What node agent and key broker say to each other over the bus. docs/formats/broker.md says the same in words. Decoders treat the bytes as hostile.
 *
 *   subject                     from     message
 *   covey.keybroker             agent    CHALLENGE, ATTEST, WRAP; each names `reply_to`, the subject of the answer, and a `token` that comes back
 *   <reply_to>                  broker   NONCE, GRANT, WRAPS, or REFUSED
 *
 * A request that gets no answer within BROKER_PATIENCE_MS is sent again: the broker minds no second copy.
 */
#pragma once
#include "base/bytes.h"

typedef enum { BROKER_CHALLENGE = 64, BROKER_ATTEST, BROKER_WRAP, BROKER_NONCE, BROKER_GRANT, BROKER_WRAPS, BROKER_REFUSED } BrokerMessageType;

enum { BROKER_PATIENCE_MS = 2000, BROKER_FOOTER_MAX = 2 << 20, BROKER_EVIDENCE_MAX = 64 << 10, BROKER_WRAP_JOBS_MAX = 1024, BROKER_WRAP_BYTES = 56, BROKER_GRANT_SEALED = 120 };

typedef struct { uint64_t token; View reply_to; } BrokerHead;

typedef struct { BrokerHead head; } BrokerChallenge;
typedef struct { uint64_t token; uint8_t nonce[32]; } BrokerNonce;
typedef struct { BrokerHead head; uint8_t task_id[16]; uint32_t stage; View node_id, footer, evidence; } BrokerAttest;
typedef struct { uint64_t token, session_id; uint8_t encapsulated[32], sealed[BROKER_GRANT_SEALED]; } BrokerGrant;
typedef struct { BrokerHead head; uint64_t session_id; uint32_t count; uint64_t jobs[BROKER_WRAP_JOBS_MAX], plain_sizes[BROKER_WRAP_JOBS_MAX]; } BrokerWrap;
typedef struct { uint64_t token; uint32_t count; View wraps; /* count * BROKER_WRAP_BYTES, in the order asked */ } BrokerWraps;
typedef struct { uint64_t token; int32_t code; View text; } BrokerRefused;

MUST_USE Err broker_put_challenge(Buffer *b, const BrokerChallenge *m);
MUST_USE Err broker_get_challenge(View v, BrokerChallenge *ret_message);
MUST_USE Err broker_put_nonce(Buffer *b, const BrokerNonce *m);
MUST_USE Err broker_get_nonce(View v, BrokerNonce *ret_message);
MUST_USE Err broker_put_attest(Buffer *b, const BrokerAttest *m);
MUST_USE Err broker_get_attest(View v, BrokerAttest *ret_message);
MUST_USE Err broker_put_grant(Buffer *b, const BrokerGrant *m);
MUST_USE Err broker_get_grant(View v, BrokerGrant *ret_message);
MUST_USE Err broker_put_wrap(Buffer *b, const BrokerWrap *m);
MUST_USE Err broker_get_wrap(View v, BrokerWrap *ret_message);
MUST_USE Err broker_put_wraps(Buffer *b, const BrokerWraps *m);
MUST_USE Err broker_get_wraps(View v, BrokerWraps *ret_message);
MUST_USE Err broker_put_refused(Buffer *b, const BrokerRefused *m);
MUST_USE Err broker_get_refused(View v, BrokerRefused *ret_message);
