/**
 * One zygote as the warden sees it: started walled in, ended, reaped.
 */
#pragma once
#include <sys/types.h>

#include "crypto/sign.h"
#include "warden/cgroup.h"
#include "see/zygote_report.h"
#include "warden/protocol.h"

typedef struct {
    uint32_t id;
    pid_t pid;
    int pid_fd;      /* -1: this place is free */
    int start_fd;    /* -1: it runs its image; until then readable when that, or its wall, has been settled */
    int report_fd;   /* memory that the zygote has too: see/zygote_report.h */
    uint32_t reports; /* taken out of there; each once */
    ZygoteReport report; /* the last one */
    uint32_t level;
    int cpu;         /* that it keeps to; -1: none */
    uint8_t measurement[32];
    PublicKey signer; /* of the image */
    Cgroup cgroup;
} Zygote;

/**
 * Begins a zygote from a sealed image in namespaces of its own, without capabilities, under the outer filter and limits. It goes its way through
 * the wall by itself: zygote_started says how that ended.
 *
 * image_fd   sealed memfd, borrowed
 * socket_fd  becomes the zygote's descriptor 0, borrowed
 * errors     ERR_LEVEL when the machine refuses namespaces, with the step that failed and the remedy in diag
 */
MUST_USE Err zygote_begin(const WardenStart *start, int image_fd, int socket_fd, Zygote *ret_zygote, Diag *diag);
/** Waits until it runs its image. When it does not, it is reaped, and its place is free. errors: those of zygote_begin, ERR_BAD_INPUT (no program) */
MUST_USE Err zygote_started(Zygote *z, Diag *diag);
/** What the zygote reported about itself, last. errors: ERR_BUSY (nothing yet), ERR_PROTOCOL (another level; another
 *  key than before) */
MUST_USE Err zygote_report(Zygote *z, ZygoteReport *ret_report);
/** Kills it and everything in its pid namespace, reaps it, removes its cgroup. */
void zygote_end(Zygote *z, int *ret_status);
