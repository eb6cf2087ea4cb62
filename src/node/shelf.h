/**
 * The node's side of see/staging.h: places in which staged data lies for the SEEs of one task with one image, and the board that says what lies
 * where. What is in a place is the kernel's to give: to a SEE that claims it or back to the node, never to both.
 */
#pragma once
#include "base/bytes.h"
#include "crypto/sign.h"
#include "see/staging.h"

typedef struct {
    char task[STAGING_TASK_BYTES];
    uint8_t measurement[SHA256_BYTES];
    StagingBoard *board;          /* the node's mapping; SEEs can only read it */
    int board_fd;
    int fds[STAGING_FDS];         /* what a zygote is given: the board, read-only, and the ends that SEEs take from */
    int ends[STAGING_PLACES];     /* the node's ends */
    uint32_t users;               /* tasks, and images that wait for one */
} Shelf;

MUST_USE Err shelf_new(View task, const uint8_t measurement[SHA256_BYTES], Shelf **ret_shelf);
void shelf_free(Shelf **shelf);
bool shelf_is(const Shelf *s, View task, const uint8_t measurement[SHA256_BYTES]);

/** Puts it into a place where nothing lies; the longest unused of them. Or only says that it is there and denied (fd -1).
 *  errors: ERR_BUSY (every place is taken), errno */
MUST_USE Err shelf_put(Shelf *s, const char *name, uint64_t size, int fd, uint32_t *ret_place);
/** Whether it still lies there. When not, the board says so from now on. */
bool shelf_has(Shelf *s, uint32_t place);
/** Takes it back, the board says why. false: it was claimed before. */
bool shelf_take_back(Shelf *s, uint32_t place, PlaceState why);
