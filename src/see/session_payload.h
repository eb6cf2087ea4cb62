/**
 * What the key broker grants a SEE, inside HPKE (keybroker/broker.h makes it, see/session.c opens it). docs/formats/session.md
 * Little-endian, no padding.
 */
#pragma once
#include <stdint.h>

#include "crypto/aead.h"
#include "privacy/request.h"

/** What a SEE of a private task is for; it decides what leaves it. */
typedef enum {
    ROLE_PLAIN,    /* of a task without `privacy:` */
    ROLE_VALUES,   /* a module over one segment: PRIVATE_VALUE_BYTES leave, whatever it does */
    ROLE_RECORDS,  /* the built-in image over one segment */
    ROLE_COMBINE   /* the built-in image over results; what covers all segments is noised and sealed as the answer */
} PrivateRole;

/** answer_key: in place of result_key for what a combining SEE makes of all segments together; the same as result_key in a plain task. */
typedef struct {
    uint8_t session_key[32], result_key[32], answer_key[32], dataset_id[16];
    uint64_t dataset_version, segments, session_id;
    uint32_t role, prefix_bytes; /* bytes that every segment begins with (a CSV header): of a block's segments only the first's are read */
    PrivacyRequest privacy; /* zeros in a plain task */
} SessionPayload;
enum { SESSION_PAYLOAD_BYTES = 144 + PRIVACY_REQUEST_BYTES };
_Static_assert(sizeof(SessionPayload) == SESSION_PAYLOAD_BYTES, "the layout is a format");

/** What leaves a SEE in ROLE_VALUES: how much of the text is the module's, and the text; all zeros when the module failed in any way. */
enum { PRIVATE_TEXT_BYTES = 252 };
typedef struct { uint32_t size; char text[PRIVATE_TEXT_BYTES]; } PrivateValue;

/** A segment's key as wrapped for one micro-job: key (32), plain size (u64), tag. */
enum { WRAP_PLAIN_BYTES = 32 + 8, WRAP_BYTES = WRAP_PLAIN_BYTES + AEAD_TAG_BYTES };
