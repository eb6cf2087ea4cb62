/**
 * Handing resources over to a node's stage: read once into a memfd, sealed, signed with the orchestrator's key, sent (bus/stage_link.h).
 */
#pragma once
#include "bus/stage_link.h"

typedef struct {
    StageLink link;
    const SecretKey *secret;      /* borrowed */
    PublicKey public_key;
    uint64_t sequence;            /* of the last one; begins with the clock, so that a key that starts anew goes on above what it signed before */
} HandOver;

/** Connects. The stage's HELLO comes with the first stage_link_receive; until then nothing can be offered. errors: those of stage_link_open */
MUST_USE Err hand_over_open(const char *path, const SecretKey *secret, const PublicKey *public_key, HandOver *ret_hand_over);
void hand_over_close(HandOver *h);

/** A file as a resource's bytes: a memfd that nobody can change, with its size and hash. errors: ERR_BAD_INPUT (empty, or larger than a resource may
 *  be), ERR_CHANGED (it grew or shrank meanwhile), errno */
MUST_USE Err hand_over_read(const char *path, int *ret_fd, uint64_t *ret_size, Sha256 *ret_hash);
/** The name of a file among a task's resources: TASK/NAME, with what no name may hold as '-'. errors: ERR_LIMIT */
MUST_USE Err hand_over_name(const char *task, const char *file, char ret_name[RESOURCE_NAME_MAX + 1]);
/** Offers it: key, stage, sequence and expiry are filled in. fd stays the caller's. errors: ERR_BUSY (not greeted yet, or later), ERR_CLOSED,
 *  ERR_BAD_INPUT */
MUST_USE Err hand_over_offer(HandOver *h, Resource *r, int fd, uint64_t keep_ms);
