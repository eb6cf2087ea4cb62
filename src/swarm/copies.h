/**
 * Which members have a micro-job now, and what its copies said so far. One copy lies in the micro-job itself; more, and votes, in memory that
 * only those have that need them, so that tasks without redundancy pay nothing. Pure: no I/O, no clock.
 */
#pragma once
#include "placement/quorum.h"
#include "swarm/window.h"

enum { COPIES_OUT_MAX = 16 }; /* of one micro-job at once */

typedef enum { COPY_FIRST, COPY_COMPARED, COPY_SPECULATIVE, COPY_REPLACED, COPY_MOVED } CopyWhy;

struct JobMore {
    uint32_t count;
    Copy out[COPIES_OUT_MAX - 1];   /* beyond the micro-job's own */
    bool voting;
    Quorum quorum;                  /* while voting */
};

uint32_t copies_out(const WindowJob *job);
/** The i-th that is out; valid until one is added or removed. */
Copy *copies_at(WindowJob *job, uint32_t i);
/** The one with this attempt at this member, or NULL. */
Copy *copies_find(WindowJob *job, uint32_t member, uint32_t attempt);
/** Any at this member, or NULL. */
Copy *copies_at_member(WindowJob *job, uint32_t member);
/** errors: ERR_LIMIT (COPIES_OUT_MAX), ENOMEM */
MUST_USE Err copies_add(WindowJob *job, const Copy *copy);
void copies_remove(WindowJob *job, const Copy *copy);
/** Begins a vote, once. errors: ENOMEM */
MUST_USE Err copies_vote(WindowJob *job, const QuorumRule *rule);
static inline bool copies_voting(const WindowJob *job) { return job->more && job->more->voting; }
