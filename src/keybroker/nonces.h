/**
 * Nonces of the key broker: fresh, single use. A nonce carries the time it was made at and a MAC under a key that lives as long
 * as this process, so making one costs no memory and a flood of challenges keeps nobody out; only used ones are remembered,
 * until they are stale anyway. After a restart all nonces of before are unknown: a fresh one is asked for.
 */
#pragma once
#include "attest/evidence.h"

enum { NONCE_LIFETIME_S = 60, NONCES_USED_MAX = 8192 };

typedef struct { uint8_t bytes[EVIDENCE_NONCE_BYTES]; uint64_t forget_at; } UsedNonce;
typedef struct {
    uint8_t key[32];
    uint64_t latest_s;            /* a clock that is set back opens no nonce a second time */
    uint32_t first, count;        /* of the ring, in the order of use */
    UsedNonce used[NONCES_USED_MAX];
} Nonces;

MUST_USE Err nonces_begin(Nonces *n);
MUST_USE Err nonces_make(Nonces *n, uint64_t now_s, uint8_t ret_nonce[EVIDENCE_NONCE_BYTES]);
/** Whether it could be used now. errors: those of nonces_use */
MUST_USE Err nonces_look(Nonces *n, uint64_t now_s, const uint8_t nonce[EVIDENCE_NONCE_BYTES], Diag *diag);
/** Uses a nonce up. errors: ERR_DENIED (used before), ERR_BUSY (stale, not made by this process, or more used than can be
 *  remembered: ask for another) */
MUST_USE Err nonces_use(Nonces *n, uint64_t now_s, const uint8_t nonce[EVIDENCE_NONCE_BYTES], Diag *diag);
