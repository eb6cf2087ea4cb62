/**
 * The audit log: append-only lines of JSON, each holding the hash of the one before, with signed checkpoints. docs/formats/audit.md
 *
 * A line: {"seq":N,"time":"RFC 3339","event":"key-release","by":"...","task":"...","detail":{...},"prev":"<hex>"}; its hash is SHA-256 over its bytes
 * without the newline. A checkpoint line {"checkpoint":N,"hash":...,"signature":...} is written every CHECKPOINT_EVERY lines and at a clean close.
 * Found and located: an edited line, a removed, inserted or reordered one, a cut tail (against the last checkpoint and the head file), a swapped file.
 */
#pragma once
#include "crypto/sign.h"

typedef struct Audit Audit;
typedef enum { AUDIT_KEY_RELEASE, AUDIT_KEY_REFUSAL, AUDIT_IMAGE_TRUST, AUDIT_APPRAISAL, AUDIT_SESSION, AUDIT_POLICY, AUDIT_KEY_CHANGE, AUDIT_STAGE, AUDIT_EVENT_COUNT } AuditEvent;
enum { AUDIT_LINE_BYTES_MAX = 8 << 10, AUDIT_CHECKPOINT_EVERY = 1000 };

/** Opens or makes the log; a torn last line (crash) is moved to a note in the log, never silently dropped. ERR_BUSY: another process has it.
 *  errors: ERR_CORRUPT with the line number */
MUST_USE Err audit_open(const char *path, const SecretKey *secret, const PublicKey *public_key, Audit **ret_audit, Diag *diag);
/** `detail` is a JSON object as text (made with jansson). Durable when it returns with `durable`. */
MUST_USE Err audit_write(Audit *a, uint64_t wall_ns, AuditEvent event, const char *by, const char *task, const char *detail, bool durable);
void audit_close(Audit **audit);

typedef struct { uint64_t lines, checkpoints, bad_line; /* 0: none */ char first[40], last[40]; } AuditReport;
/** errors: ERR_CORRUPT with file:line and what was found, ERR_UNTRUSTED */
MUST_USE Err audit_verify(const char *path, const PublicKey *public_key, AuditReport *ret_report, Diag *diag);
typedef Err (*AuditVisit)(void *context, uint64_t line, const char *json);
MUST_USE Err audit_each(const char *path, AuditVisit visit, void *context, Diag *diag);
