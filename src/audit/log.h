/** What the two halves of the writer share: an open log, and how it gets from one state to the next. */
#pragma once
#include "audit/line.h"
#include "base/limits.h"

/** The end of the log: all that the next line depends on. */
typedef struct { uint64_t bytes, lines, seq; Sha256 hash; uint32_t since_checkpoint; } AuditTip;

struct Audit {
    int fd, head_fd;
    const SecretKey *secret; /* borrowed */
    AuditId id;
    AuditTip tip;
    bool leftover;   /* bytes of a failed write may stand behind the tip */
    bool recovering; /* bytes of a dead writer stand there, and are not noted yet */
};

/** The tip after one more line, given with its newline. */
void audit_tip_advance(AuditTip *tip, View line);

/** Writes `text` behind the tip, which then is `next`. With `sign`: syncs the log, then signs for it in the head. When that fails, the
 *  log is as it was. */
MUST_USE Err audit_commit(Audit *a, const AuditTip *next, View text, bool sign);

/** Tells the head what the tip is. The log must have been synced: a head may never promise what power loss takes away. */
MUST_USE Err audit_sign_head(Audit *a, const AuditTip *tip, bool closed);

MUST_USE Err audit_head_path(const char *path, char ret_path[PATH_BYTES_MAX]);
