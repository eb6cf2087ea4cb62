/**
 * Staged data between the node and the SEEs of one task (docs/formats/staging.md). Level `process` only.
 *
 * A shelf has STAGING_PLACES places: pairs of SOCK_SEQPACKET sockets. To stage a resource the node puts one packet into a place, a PlacePacket
 * with the resource's memfd as descriptor. A SEE holds the other ends and nothing of what lies in them: it has the resource when it has taken
 * the packet out. That is the claim, the kernel gives it to one taker, and the node sees that the packet is gone, whatever the SEE says. The
 * node takes a packet back in the same way: that is an eviction.
 *
 * The board says what lies where: a memory file that the node writes and SEEs have open for reading only.
 */
#pragma once
#include <stdint.h>

enum { STAGING_PLACES = 8, STAGING_FDS = 1 + STAGING_PLACES /* the board, then the places */, STAGING_NAME_BYTES = 96, STAGING_TASK_BYTES = 64 };

typedef enum { PLACE_EMPTY, PLACE_STAGED, PLACE_CLAIMED, PLACE_EVICTED, PLACE_EXPIRED, PLACE_DENIED } PlaceState;

typedef struct {
    uint32_t state, use;           /* PlaceState; grows with each use of a place: the newest by a name counts */
    uint64_t size;
    char name[STAGING_NAME_BYTES];
} StagingPlace;
typedef struct {
    char task[STAGING_TASK_BYTES]; /* NUL-terminated */
    StagingPlace places[STAGING_PLACES];
} StagingBoard;
_Static_assert(sizeof(StagingPlace) == 112 && sizeof(StagingBoard) == 64 + 8 * 112, "the layout is a format");

/** The packet in a place; the memfd comes with it. */
typedef struct { uint64_t size; char name[STAGING_NAME_BYTES]; } PlacePacket;

/** Why a micro-job got nothing; what sdk/see.h shows its author. Also in SlotAnswer, for the node's audit log. */
typedef enum {
    CLAIM_NONE = -1,     /* nothing by that name is staged for this task */
    CLAIM_TWICE = -2,    /* somebody claimed it before */
    CLAIM_EVICTED = -3,  /* it was taken away meanwhile */
    CLAIM_EXPIRED = -4,
    CLAIM_DENIED = -5,   /* for this task, but its image is not on the access list */
    CLAIM_FOREIGN = -6,  /* by its name, it is another task's */
    CLAIM_INVALID = -7,  /* a name, an address, a size or a descriptor that cannot be */
} ClaimError;
