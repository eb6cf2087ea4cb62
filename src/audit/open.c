/*
 * Opening the audit log: a new one, one that was closed, and one whose writer died.
 *
 * The head is believed (it is signed) and the line it names is looked at; only what stands behind that line is read. A log that was not closed
 * goes on after an entry that says so, with what was torn.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

#include "audit/log.h"
#include "audit/reader.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/fault.h"
#include "sys/fd.h"

Err audit_head_path(const char *path, char ret_path[PATH_BYTES_MAX])
{
    int n = snprintf(ret_path, PATH_BYTES_MAX, "%s.head", path);
    return n > 0 && n < PATH_BYTES_MAX ? OK : FAIL(ENAMETOOLONG);
}

typedef struct {
    const char *path;
    char head_path[PATH_BYTES_MAX];
    const PublicKey *key;
    AuditHead head;
    uint64_t unsigned_lines;
    Buffer torn;
    Diag *diag;
} Opening;

static Err lock(int fd, const char *path, Diag *diag)
{
    if (FAULTABLE("flock", flock(fd, LOCK_EX | LOCK_NB)) == 0) return OK;
    if (errno == EWOULDBLOCK) return FAIL_WHY(diag, ERR_BUSY, "%s: another process writes this audit log", path);
    return FAIL_WHY(diag, errno, "%s: %s", path, err_text(errno));
}

/* The head is made last, and with a synced folder: while there is none, nobody was promised anything. */
static Err begin_log(Audit *a, Opening *o)
{
    AUTO_BUFFER text = buffer_limited(AUDIT_LINE_BYTES_MAX);
    TRY_WHY(o->diag, random_bytes(a->id.bytes, sizeof a->id.bytes), "%s", o->path);
    TRY_WHY(o->diag, audit_header_print(&a->id, o->key, clock_wall_ns(), &text), "%s", o->path);
    TRY_WHY(o->diag, fd_truncate(a->fd, 0), "%s", o->path);
    AuditTip first = {0};
    audit_tip_advance(&first, view_buffer(&text));
    TRY_WHY(o->diag, audit_commit(a, &first, view_buffer(&text), false), "%s", o->path);
    TRY_WHY(o->diag, fd_sync(a->fd), "%s", o->path);

    char head[AUDIT_HEAD_BYTES];
    AuditHead h = {.id = a->id, .lines = 1, .bytes = first.bytes, .hash = first.hash};
    audit_head_print(&h, a->secret, head);
    TRY_WHY(o->diag, file_replace(AT_FDCWD, o->head_path, view_of(head, sizeof head), 0600), "%s", o->head_path);
    TRY_WHY(o->diag, fd_open(AT_FDCWD, o->head_path, O_RDWR | O_NOFOLLOW, 0, &a->head_fd), "%s", o->head_path);
    return OK;
}

/* A log without a head is one that was never begun: nothing but (a part of) its first line. */
static Err begin_or_refuse(Audit *a, Opening *o)
{
    LineReader reader;
    View line;
    LineFound found;
    line_reader_start(&reader, a->fd, 0, 0);
    TRY_WHY(o->diag, line_reader_next(&reader, &line, &found), "%s", o->path);
    if (found == LINE_WHOLE) TRY_WHY(o->diag, line_reader_next(&reader, &line, &found), "%s", o->path);
    if (found != LINE_NONE && reader.line > 0)
        return FAIL_WHY(o->diag, ERR_CORRUPT, "%s: is missing, and %s has entries; was it moved or removed?", o->head_path, o->path);
    return begin_log(a, o);
}

/* The line that the head was signed over: is it there, with that hash? */
static Err read_signed_line(Audit *a, Opening *o)
{
    enum { ROOM = AUDIT_READ_BYTES_MAX + 2 }; /* its newline and that of the line before */
    const AuditHead *h = &o->head;
    uint64_t size;
    TRY_WHY(o->diag, fd_stat_size(a->fd, &size), "%s", o->path);
    if (size < h->bytes)
        return FAIL_WHY(o->diag, ERR_CORRUPT, "%s: has %llu bytes, but %s was signed over %llu (%llu lines): the tail was cut", o->path,
                        (unsigned long long)size, o->head_path, (unsigned long long)h->bytes, (unsigned long long)h->lines);
    uint8_t data[ROOM];
    size_t have = h->bytes < ROOM ? h->bytes : ROOM;
    TRY_WHY(o->diag, fd_pread_all(a->fd, data, have, h->bytes - have), "%s", o->path);
    const uint8_t *newline = have > 1 ? memrchr(data, '\n', have - 1) : NULL;
    const uint8_t *start = newline ? newline + 1 : data;
    View line = view_of(start, (size_t)(data + have - start) - 1);

    Sha256 hash;
    AuditLine parsed;
    sha256_of(line, &hash);
    bool good = data[have - 1] == '\n' && memcmp(&hash, &h->hash, sizeof hash) == 0;
    if (!good || audit_line_parse(line, &parsed).code)
        return FAIL_WHY(o->diag, ERR_CORRUPT, "%s:%llu: is not the line that %s was signed over; see covey audit verify", o->path,
                        (unsigned long long)h->lines, o->head_path);
    a->tip = (AuditTip){.bytes = h->bytes, .lines = h->lines, .seq = parsed.seq, .hash = hash, .since_checkpoint = parsed.kind == LINE_ENTRY};
    return OK;
}

/* One line that was written after the head and before the writer died. */
static Err take_unsigned(Audit *a, Opening *o, View line, uint64_t end)
{
    AuditLine l;
    AuditTip *tip = &a->tip;
    bool good = audit_line_parse(line, &l).code == 0 && memcmp(&l.prev, &tip->hash, sizeof l.prev) == 0;
    if (good && l.kind == LINE_ENTRY) good = l.seq == tip->seq + 1;
    else if (good) good = l.kind == LINE_CHECKPOINT && l.seq == tip->seq && audit_checkpoint_verify(&l, o->key).code == 0;
    if (!good || o->head.closed)
        return FAIL_WHY(o->diag, ERR_CORRUPT, "%s:%llu: %s; see covey audit verify", o->path, (unsigned long long)tip->lines + 1,
                        good ? "was written after the log was closed" : "does not follow from the line before");
    sha256_of(line, &tip->hash);
    tip->lines++;
    tip->bytes = end;
    tip->seq = l.seq;
    tip->since_checkpoint = l.kind == LINE_ENTRY ? tip->since_checkpoint + 1 : 0;
    o->unsigned_lines++;
    return OK;
}

static Err read_unsigned(Audit *a, Opening *o)
{
    LineReader reader;
    line_reader_start(&reader, a->fd, a->tip.lines, a->tip.bytes);
    for (;;) {
        View line;
        LineFound found;
        Err e = line_reader_next(&reader, &line, &found);
        if (e.code) return FAIL_WHY(o->diag, e.code, "%s:%llu: %s", o->path, (unsigned long long)reader.line + 1, err_text(e.code));
        if (found == LINE_NONE) return OK;
        if (found == LINE_WHOLE) {
            TRY(take_unsigned(a, o, line, reader.end));
            continue;
        }
        if (o->head.closed)
            return FAIL_WHY(o->diag, ERR_CORRUPT, "%s:%llu: was written after the log was closed; see covey audit verify", o->path,
                            (unsigned long long)reader.line + 1);
        return buffer_append(&o->torn, line);
    }
}

/* {"unsigned":LINES,"torn":BYTES,"text":"<base64>"}: all of a torn entry, the beginning of anything longer. */
static Err recovery_detail(const Opening *o, char **ret_text)
{
    size_t kept = o->torn.size < AUDIT_LINE_BYTES_MAX ? o->torn.size : AUDIT_LINE_BYTES_MAX;
    char encoded[sodium_base64_ENCODED_LEN(AUDIT_LINE_BYTES_MAX, sodium_base64_VARIANT_ORIGINAL)];
    sodium_bin2base64(encoded, sizeof encoded, o->torn.data, kept, sodium_base64_VARIANT_ORIGINAL);
    json_t *detail = json_pack("{s:I, s:I, s:s}", "unsigned", (json_int_t)o->unsigned_lines, "torn", (json_int_t)o->torn.size, "text", encoded);
    char *text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
    json_decref(detail);
    if (!text) return FAIL(ENOMEM);
    *ret_text = text;
    return OK;
}

/* Written over the torn line, whose bytes the note holds; then the head may say that the log is open. */
static Err resume_log(Audit *a, Opening *o)
{
    if (o->unsigned_lines == 0 && o->torn.size == 0) {
        if (!o->head.closed) return OK;
        TRY_WHY(o->diag, audit_sign_head(a, &a->tip, false), "%s", o->head_path);
        TRY_WHY(o->diag, fd_sync(a->head_fd), "%s", o->head_path);
        return OK;
    }
    char *detail;
    TRY_WHY(o->diag, recovery_detail(o, &detail), "%s", o->path);
    a->recovering = true;
    Err e = audit_write(a, clock_wall_ns(), AUDIT_RECOVERY, "audit", "", detail, true);
    a->recovering = false;
    free(detail);
    uint64_t size = a->tip.bytes;
    if (!e.code) e = fd_stat_size(a->fd, &size);
    if (!e.code && size > a->tip.bytes) e = fd_truncate(a->fd, a->tip.bytes);
    return e.code ? diag_complete(o->diag, e, "%s", o->path) : OK;
}

static Err read_head(Audit *a, Opening *o, bool *ret_found)
{
    Err e = fd_open(AT_FDCWD, o->head_path, O_RDWR | O_NOFOLLOW, 0, &a->head_fd);
    *ret_found = e.code == 0;
    if (e.code == ENOENT) return OK;
    TRY_WHY(o->diag, e, "%s", o->head_path);
    char text[AUDIT_HEAD_BYTES];
    size_t size;
    TRY_WHY(o->diag, fd_pread(a->head_fd, text, sizeof text, 0, &size), "%s", o->head_path);
    e = audit_head_parse(view_of(text, size), o->key, &o->head);
    if (e.code == ERR_BAD_SIGNATURE)
        return FAIL_WHY(o->diag, ERR_UNTRUSTED, "%s: not signed by your key; was the log written by another?", o->head_path);
    TRY_WHY(o->diag, e, "%s", o->head_path);
    a->id = o->head.id;
    return OK;
}

static Err open_log(Audit *a, Opening *o)
{
    TRY_WHY(o->diag, audit_head_path(o->path, o->head_path), "%s", o->path);
    TRY_WHY(o->diag, fd_open(AT_FDCWD, o->path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &a->fd), "%s", o->path);
    TRY(lock(a->fd, o->path, o->diag));
    bool found;
    TRY(read_head(a, o, &found));
    if (!found) return begin_or_refuse(a, o);
    TRY(read_signed_line(a, o));
    TRY(read_unsigned(a, o));
    return resume_log(a, o);
}

Err audit_open(const char *path, const SecretKey *secret, const PublicKey *public_key, Audit **ret_audit, Diag *diag)
{
    assert(path && secret && public_key && ret_audit);

    Audit *a = calloc(1, sizeof *a);
    if (!a) return FAIL_WHY(diag, ENOMEM, "%s: %s", path, err_text(ENOMEM));
    a->fd = a->head_fd = -1;
    a->secret = secret;
    Opening o = {.path = path, .key = public_key, .torn = buffer_limited(AUDIT_READ_BYTES_MAX), .diag = diag};
    Err e = open_log(a, &o);
    buffer_free(&o.torn);
    if (e.code) {
        fd_close(&a->head_fd);
        fd_close(&a->fd);
        free(a);
        return e;
    }
    *ret_audit = a;
    return OK;
}
