/**
 * The orchestrator's end of a node's stage socket (bus/stage_wire.h). Passive and non-blocking: it never waits.
 */
#pragma once
#include "bus/stage_wire.h"

typedef struct {
    int socket;                   /* for the caller's loop: readable when there is an outcome; -1: not connected */
    bool greeted;
    StageHello hello;             /* once greeted */
} StageLink;

/** Connects; HELLO comes with the first stage_link_receive. errors: errno, ERR_LIMIT (the path is too long) */
MUST_USE Err stage_link_open(const char *path, StageLink *ret_link);
void stage_link_close(StageLink *l);
/** The next outcome. errors: ERR_BUSY (none now; HELLO may have been read), ERR_CLOSED, ERR_PROTOCOL */
MUST_USE Err stage_link_receive(StageLink *l, StageOutcome *ret_outcome);
/** Hands a resource over. `statement` is resource_encode's; fd a memfd after stage_memfd_seal, borrowed.
 *  errors: ERR_BUSY (later), ERR_CLOSED, ERR_LIMIT */
MUST_USE Err stage_link_offer(StageLink *l, View statement, int fd);
MUST_USE Err stage_link_evict(StageLink *l, const PublicKey *pto, uint64_t sequence);

/** A memory file to fetch a resource into (no copy is made later on), and sealing it against every change when it is whole.
 *  errors of sealing: ERR_BUSY (it is still mapped for writing), errno */
MUST_USE Err stage_memfd_new(uint64_t size, int *ret_fd);
MUST_USE Err stage_memfd_seal(int fd);
