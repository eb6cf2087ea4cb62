/**
 * Copies that are still out of micro-jobs that have ended: their answers count for nothing, but each frees its place at its node, and tells
 * whether the node says what the others agreed on. Pure.
 */
#pragma once
#include "placement/table.h"
#include "swarm/copies.h"

typedef struct {
    uint64_t index;
    uint32_t count;
    Copy out[COPIES_OUT_MAX];
    bool agreed;                             /* by a vote, on this: */
    uint8_t digest[QUORUM_DIGEST_SIZE];
} LateJob;

typedef struct { Table table; LateJob *jobs; uint32_t room, free_count, *free_places; } Late; /* all zeros: empty */

void late_free(Late *l);
/** Takes over what the job has out (nothing is done when it has nothing). errors: ENOMEM */
MUST_USE Err late_add(Late *l, uint64_t index, WindowJob *job);
/** The copy with this attempt at this member, which is out no more; false: there is none. */
bool late_take(Late *l, uint64_t index, uint32_t member, uint32_t attempt, Copy *ret_copy, LateJob *ret_job);
/** The member is gone. */
void late_forget(Late *l, uint32_t member);
