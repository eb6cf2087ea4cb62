/**
 * Packets between an orchestrator (PTO) and a node's stage, over a Unix SOCK_SEQPACKET socket. docs/formats/resource.md
 *
 *   node -> PTO   HELLO once, first; then OUTCOME whenever something became of a resource
 *   PTO  -> node  OFFER with one descriptor, the sealed memfd; EVICT
 *
 * That is all a PTO can say: there is no packet by which it could read anything of the node, a task's data, or a key. The node knows the PTO
 * by its user id (SO_PEERCRED) and believes only what is signed. Outcomes are sent without waiting: a PTO that does not read misses them
 * (`missed` counts how many).
 */
#pragma once
#include "bus/resource.h"

enum { STAGE_WIRE_VERSION = 1, STAGE_PACKET_MAX = 16 + RESOURCE_BYTES_MAX };
typedef enum { STAGE_HELLO = 1, STAGE_OFFER, STAGE_EVICT, STAGE_OUTCOME } StagePacket;

typedef struct { uint32_t type, version; StageId stage; uint64_t bytes_max, bytes_held; } StageHello;
/** Then the statement. */
typedef struct { uint32_t type, size; uint64_t reserved; } StageOffer;
typedef struct { uint32_t type, reserved; uint64_t sequence; PublicKey pto; } StageEvict;

/** What an orchestrator said: a statement (borrowed), or an eviction. Pure. errors: ERR_PROTOCOL (anything but one of these, exactly) */
typedef struct { StagePacket type; View statement; StageEvict evict; } StageRequest;
MUST_USE Err stage_get_request(View packet, bool with_descriptor, StageRequest *ret_request);

/** What became of a resource, or of a wish to claim one. One table: the node's answer, the audit log's word, and what people read. */
/*       name              value word                text */
#define STAGE_OUTCOMES(X) \
    X(STAGED,              1,  "staged",             "verified and kept ready") \
    X(CLAIMED,             2,  "claimed",            "claimed by a micro-job or, an image, by a task") \
    X(MALFORMED,           16, "malformed",          "not a statement about a resource") \
    X(FORGED,              17, "forged",             "the signature is not by the key that the statement names") \
    X(UNTRUSTED,           18, "untrusted-key",      "signed by a key that nobody told this node to trust for staging") \
    X(REVOKED,             19, "revoked-key",        "signed by a key that was revoked") \
    X(EXPIRED,             20, "expired",            "expired before it was staged") \
    X(REPLAYED,            21, "replayed",           "its sequence number is not above the last one of its key") \
    X(ELSEWHERE,           22, "for-another-stage",  "made for another node, or for an earlier start of this one") \
    X(UNSEALED,            23, "unsealed",           "no memory file that is sealed against every change") \
    X(WRONG_SIZE,          24, "wrong-size",         "longer or shorter than the statement says") \
    X(WRONG_HASH,          25, "wrong-content",      "its bytes are not those of the statement") \
    X(BAD_IMAGE,           26, "bad-image",          "no image that a trusted key signed") \
    X(NO_ROOM,             27, "no-room",            "the staging budget, or the number of resources, is used up by what is worth more") \
    X(NOT_HERE,            28, "not-here",           "nothing of that sequence number is staged") \
    X(CLAIM_TWICE,         32, "claimed-before",     "claim refused: it was claimed before") \
    X(CLAIM_EVICTED,       33, "claim-of-evicted",   "claim refused: it was evicted meanwhile") \
    X(CLAIM_EXPIRED,       34, "claim-of-expired",   "claim refused: it had expired") \
    X(CLAIM_DENIED,        35, "not-on-access-list", "claim refused: this task or its image is not on the access list") \
    X(CLAIM_FOREIGN,       36, "for-another-task",   "claim refused: it is for another task") \
    X(CLAIM_SHAPE,         37, "another-shape",      "claim refused: the task asks for another level, more memory or larger results") \
    X(EVICTED_BY_PTO,      48, "evicted-by-pto",     "evicted: its orchestrator said so") \
    X(EVICTED_EXPIRED,     49, "evicted-expired",    "evicted: it expired unclaimed") \
    X(EVICTED_BUDGET,      50, "evicted-budget",     "evicted: it made room for what is worth more") \
    X(EVICTED_PRESSURE,    51, "evicted-pressure",   "evicted: jobs need the memory") \
    X(EVICTED_REVOKED,     52, "evicted-revoked",    "evicted: the key that signed it was revoked") \
    X(EVICTED_FAILED,      53, "evicted-failed",     "evicted: its zygotes could not be started, or died") \
    X(EVICTED_END,         54, "evicted-end",        "evicted: the node ends") \
    X(EVICTED_UNATTESTED,  55, "evicted-unattested", "evicted: the evidence for its zygotes was refused")

typedef enum {
#define STAGE_OUTCOME_NAME(name, value, word, text) STAGE_##name = value,
    STAGE_OUTCOMES(STAGE_OUTCOME_NAME)
#undef STAGE_OUTCOME_NAME
} StageOutcomeCode;
const char *stage_outcome_word(uint32_t code);
const char *stage_outcome_text(uint32_t code);
static inline bool stage_outcome_is_refusal(uint32_t code) { return code >= STAGE_MALFORMED && code < STAGE_CLAIM_TWICE; }
static inline bool stage_outcome_is_claim_refusal(uint32_t code) { return code >= STAGE_CLAIM_TWICE && code < STAGE_EVICTED_BY_PTO; }
static inline bool stage_outcome_is_eviction(uint32_t code) { return code >= STAGE_EVICTED_BY_PTO; }

typedef struct {
    uint32_t type, code;          /* StageOutcomeCode */
    uint64_t sequence;            /* 0: the statement could not be read so far */
    PublicKey pto;
    uint64_t size;                /* of the resource */
    uint64_t bytes_held;          /* by the stage, after this */
    uint64_t elapsed_ns;          /* STAGED: from its offer until it was ready (hash verified; an image: all its zygotes locked down);
                                     CLAIMED: since it was staged */
    uint64_t missed;              /* outcomes that this connection did not take, until now */
    char name[RESOURCE_NAME_MAX + 1];
} StageOutcome;
