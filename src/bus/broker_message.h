/**
 * What node agent and key broker say to each other over the bus. docs/formats/broker.md says the same in words. Decoders treat
 * the bytes as hostile.
 *
 *   subject                     from     message
 *   covey.keybroker             agent    CHALLENGE, APPRAISE, ATTEST, WRAP; each names `reply_to`, where to answer, and a `token` to come back
 *                               manager  RESULT, when the results of a task lie in their file and only its footer is missing
 *   <reply_to>                  broker   NONCE, APPRAISED, GRANT, WRAPS, FOOTER, or REFUSED
 *
 * A request that gets no answer within BROKER_PATIENCE_MS is sent again, byte for byte: the broker minds no second copy. REFUSED
 * with ERR_BUSY: later, from the start (a stale nonce, too many at once). With ERR_NO_ENTRY, to WRAP: the session is over,
 * attest again.
 */
#pragma once
#include "base/bytes.h"
#include "privacy/request.h"

typedef enum {
    BROKER_CHALLENGE = 64,
    BROKER_ATTEST,
    BROKER_WRAP,
    BROKER_NONCE,
    BROKER_GRANT,
    BROKER_WRAPS,
    BROKER_REFUSED,
    BROKER_RESULT,
    BROKER_FOOTER,
    BROKER_APPRAISE,
    BROKER_APPRAISED
} BrokerMessageType;
#define BROKER_SUBJECT "covey.keybroker"

enum {
    BROKER_PATIENCE_MS = 2000,
    BROKER_FOOTER_MAX = 2 << 20,
    BROKER_EVIDENCE_MAX = 64 << 10,
    BROKER_WRAP_JOBS_MAX = 1024,
    BROKER_WRAP_BYTES = 56,
    BROKER_GRANT_SEALED = 4256,
    BROKER_REPLY_TO_MAX = 127,
    BROKER_NODE_ID_MAX = 63,
    BROKER_TEXT_MAX = 1000,
    BROKER_CLAIMS_MAX = 256
};

typedef struct { uint64_t token; View reply_to; } BrokerHead;

typedef struct { BrokerHead head; } BrokerChallenge;
typedef struct { uint64_t token; uint8_t nonce[32]; } BrokerNonce;
typedef struct {
    BrokerHead head;
    uint8_t task_id[16];
    uint32_t stage;
    View node_id, footer, evidence;
    View privacy; /* a PrivacyRequest, or empty */
    bool ahead;   /* APPRAISE: only the verdict is asked for; nothing is counted, and the nonce stays good */
} BrokerAttest;
typedef struct { uint64_t token; } BrokerAppraised; /* the evidence would do, as things are now */
typedef struct { uint64_t token, session_id; uint8_t encapsulated[32], sealed[BROKER_GRANT_SEALED]; } BrokerGrant;
typedef struct {
    BrokerHead head;
    uint64_t session_id;
    uint32_t count;
    uint64_t jobs[BROKER_WRAP_JOBS_MAX], plain_sizes[BROKER_WRAP_JOBS_MAX];
} BrokerWrap;
typedef struct { uint64_t token; uint32_t count; View wraps; /* count * BROKER_WRAP_BYTES, in the order asked */ } BrokerWraps;
typedef struct { uint64_t token; int32_t code; View text; /* one line, what was refused and why */ } BrokerRefused;
typedef struct { BrokerHead head; uint8_t task_id[16]; View claims; /* dataset/footer.h: result_claims_encode */ } BrokerResult;
typedef struct { uint64_t token; View footer; /* COSE */ } BrokerFooter;

/** First byte of every message; 0 when empty. */
uint8_t broker_message_type(View v);
/** Head of any request, as far as it can be read: whom to tell that the rest cannot. errors: ERR_PROTOCOL */
MUST_USE Err broker_get_head(View v, BrokerHead *ret_head);
/** Token of any answer, to find what it answers. errors: ERR_PROTOCOL */
MUST_USE Err broker_get_token(View v, uint64_t *ret_token);

/** Writers append to an empty buffer. errors: ERR_PROTOCOL (a field that no reader accepts), ERR_LIMIT, ENOMEM. Views of what
 *  was read borrow from the message. */
MUST_USE Err broker_put_challenge(Buffer *b, const BrokerChallenge *m);
MUST_USE Err broker_get_challenge(View v, BrokerChallenge *ret_message);
MUST_USE Err broker_put_nonce(Buffer *b, const BrokerNonce *m);
MUST_USE Err broker_get_nonce(View v, BrokerNonce *ret_message);
MUST_USE Err broker_put_attest(Buffer *b, const BrokerAttest *m);
MUST_USE Err broker_get_attest(View v, BrokerAttest *ret_message);
MUST_USE Err broker_put_appraised(Buffer *b, const BrokerAppraised *m);
MUST_USE Err broker_get_appraised(View v, BrokerAppraised *ret_message);
MUST_USE Err broker_put_grant(Buffer *b, const BrokerGrant *m);
MUST_USE Err broker_get_grant(View v, BrokerGrant *ret_message);
MUST_USE Err broker_put_wrap(Buffer *b, const BrokerWrap *m);
MUST_USE Err broker_get_wrap(View v, BrokerWrap *ret_message);
MUST_USE Err broker_put_wraps(Buffer *b, const BrokerWraps *m);
MUST_USE Err broker_get_wraps(View v, BrokerWraps *ret_message);
MUST_USE Err broker_put_refused(Buffer *b, const BrokerRefused *m);
MUST_USE Err broker_get_refused(View v, BrokerRefused *ret_message);
MUST_USE Err broker_put_result(Buffer *b, const BrokerResult *m);
MUST_USE Err broker_get_result(View v, BrokerResult *ret_message);
MUST_USE Err broker_put_footer(Buffer *b, const BrokerFooter *m);
MUST_USE Err broker_get_footer(View v, BrokerFooter *ret_message);
