/**
 * The audit log: append-only lines of JSON, each holding the hash of the one before, with signed checkpoints. docs/formats/audit.md
 *
 * A line: {"seq":N,"time":"RFC 3339","event":"key-release","by":"...","task":"...","detail":{...},"prev":"<hex>"}; its hash is
 * SHA-256 over its bytes without the newline. A checkpoint line {"checkpoint":N,"prev":...,"signature":...} is written every
 * CHECKPOINT_EVERY entries and at a clean close. Beside the log, FILE.head says, signed, how long the log is and whether it was closed.
 * Found and located: an edited line, a removed, inserted or reordered one, a cut tail (against the last checkpoint and the head), a
 * swapped file.
 */
#pragma once
#include "crypto/sign.h"

typedef struct Audit Audit;
typedef enum {
    AUDIT_KEY_RELEASE, AUDIT_KEY_REFUSAL, AUDIT_IMAGE_TRUST, AUDIT_APPRAISAL, AUDIT_SESSION, AUDIT_POLICY, AUDIT_KEY_CHANGE, AUDIT_STAGE,
    AUDIT_PREFETCH, AUDIT_PREFETCH_REFUSAL, AUDIT_CLAIM, AUDIT_CLAIM_REFUSAL, AUDIT_EVICTION,
    AUDIT_RECOVERY, /* the log's own: it was not closed the last time */
    AUDIT_EVENT_COUNT
} AuditEvent;
enum {
    AUDIT_LINE_BYTES_MAX = 8 << 10, /* of an entry that is to be written */
    AUDIT_CHECKPOINT_EVERY = 1000,
};

/** "key-release" and so on; NULL for no event. */
const char *audit_event_name(AuditEvent event);

/** Opens or makes the log (mode 0600; its folder must be there); a torn last line (crash) is moved to a note in the log, never
 *  silently dropped. Reads only what was written after the head: audit_verify reads all. The keys are borrowed until audit_close.
 *  errors: ERR_BUSY (another process has it), ERR_CORRUPT (with file:line), ERR_UNTRUSTED (written with another key), those of the system */
MUST_USE Err audit_open(const char *path, const SecretKey *secret, const PublicKey *public_key, Audit **ret_audit, Diag *diag);

/** Appends an entry. `detail` is a JSON object as text. Durable, and signed for, when it returns with `durable`. On failure the entry
 *  is not in the log.
 *  errors: ERR_BAD_INPUT (no JSON object, not UTF-8), ERR_LIMIT (a longer line than AUDIT_LINE_BYTES_MAX), those of the system */
MUST_USE Err audit_write(Audit *a, uint64_t wall_ns, AuditEvent event, const char *by, const char *task, const char *detail,
                         bool durable);

/** Writes the last checkpoint and closes. When that fails, the log stays as after a crash, and the next audit_open says so in it. */
void audit_close(Audit **audit);

enum { AUDIT_TIME_MAX = 40 };
typedef struct {
    uint64_t lines, entries, checkpoints;
    uint64_t unsigned_lines;             /* at the end of a log that is open, or was when its writer died: no signature covers them yet */
    uint64_t torn_bytes;                 /* of an unfinished last line of such a log */
    uint64_t bad_line;                   /* 0: none */
    bool closed;
    Sha256 hash;                         /* of the last line */
    char first[AUDIT_TIME_MAX], last[AUDIT_TIME_MAX]; /* times of the first and last entry; empty when there is none */
} AuditReport;

/** Reads everything and changes nothing; a log that is being written to may be verified. *ret_report is filled on ERR_CORRUPT too,
 *  with bad_line set.
 *  errors: ERR_CORRUPT with file:line and what was found, ERR_UNTRUSTED, ERR_NO_ENTRY, those of the system */
MUST_USE Err audit_verify(const char *path, const PublicKey *public_key, AuditReport *ret_report, Diag *diag);

/** An entry as it stands in the log. Texts live during the call. */
typedef struct { uint64_t line, seq; const char *time, *event, *by, *task, *json; } AuditEntry;
typedef Err (*AuditVisit)(void *context, const AuditEntry *entry);
/** Each entry in turn, until the visit fails. Checks the form of lines, no hash and no signature.
 *  errors: of the visit, ERR_CORRUPT, ERR_NO_ENTRY */
MUST_USE Err audit_each(const char *path, AuditVisit visit, void *context, Diag *diag);
