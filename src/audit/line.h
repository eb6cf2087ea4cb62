/**
 * The lines of an audit log and its head, as text and back. Knows no file.
 *
 * line 1      {"covey-audit":1,"id":"<hex>","key":"covey-ed25519:...","time":"..."}
 * entry       {"seq":N,"time":...,"event":...,"by":...,"task":...,"detail":{...},"prev":"<hex>"}
 * checkpoint  {"checkpoint":N,"prev":"<hex>","signature":"<base64>"}    N: the last entry's seq
 */
#pragma once
#include "audit/audit.h"

enum {
    AUDIT_ID_BYTES = 16,
    AUDIT_READ_BYTES_MAX = 16 << 10, /* of any line: a note of a torn line is longer than that line */
    AUDIT_HEAD_BYTES = 512,          /* always, filled with blanks: one sector, so that it is written over in one step */
};

typedef struct { uint8_t bytes[AUDIT_ID_BYTES]; } AuditId;
typedef enum { LINE_HEADER, LINE_ENTRY, LINE_CHECKPOINT } AuditLineKind;

typedef struct {
    AuditLineKind kind;
    uint64_t seq;                        /* of an entry; of a checkpoint: the last entry's; 0 in the header */
    Sha256 prev;                         /* not in the header */
    uint8_t signature[SIGNATURE_BYTES];  /* of a checkpoint */
    AuditId id;                          /* of a header */
    PublicKey key;                       /* of a header */
    char time[AUDIT_TIME_MAX];           /* not of a checkpoint */
} AuditLine;

/** `line` is without its newline. errors: ERR_CORRUPT, ENOMEM */
MUST_USE Err audit_line_parse(View line, AuditLine *ret_line);

typedef struct {
    uint64_t wall_ns, seq;
    const char *event, *by, *task, *detail;
    Sha256 prev;
} AuditEntryParts;
/** Each appends one line with its newline. errors: ERR_BAD_INPUT, ERR_LIMIT, ENOMEM */
MUST_USE Err audit_header_print(const AuditId *id, const PublicKey *key, uint64_t wall_ns, Buffer *ret_text);
MUST_USE Err audit_entry_print(const AuditEntryParts *parts, Buffer *ret_text);
MUST_USE Err audit_checkpoint_print(uint64_t seq, const Sha256 *prev, const SecretKey *secret, Buffer *ret_text);
MUST_USE Err audit_checkpoint_verify(const AuditLine *checkpoint, const PublicKey *key);

/** What FILE.head says: the log has at least these lines and bytes, and this is the hash of the last of them. */
typedef struct { AuditId id; uint64_t lines, bytes; Sha256 hash; bool closed; } AuditHead;
void audit_head_print(const AuditHead *head, const SecretKey *secret, char ret_text[AUDIT_HEAD_BYTES]);
/** errors: ERR_CORRUPT, ERR_BAD_SIGNATURE, ENOMEM */
MUST_USE Err audit_head_parse(View text, const PublicKey *key, AuditHead *ret_head);
