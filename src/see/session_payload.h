/**
 * What the key broker grants a SEE, inside HPKE (keybroker/broker.h makes it, see/session.c opens it). docs/formats/session.md
 * Little-endian, no padding.
 */
#pragma once
#include <stdint.h>

#include "crypto/aead.h"

typedef struct { uint8_t session_key[32], result_key[32], dataset_id[16]; uint64_t dataset_version, segments, session_id; } SessionPayload;
_Static_assert(sizeof(SessionPayload) == 104, "the layout is a format");

/** A segment's key as wrapped for one micro-job: key (32), plain size (u64), tag. */
enum { WRAP_PLAIN_BYTES = 32 + 8, WRAP_BYTES = WRAP_PLAIN_BYTES + AEAD_TAG_BYTES };
