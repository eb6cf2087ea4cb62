/*
 * Is an audit log whole? Reads all of it: the form of each line, the chain of hashes, the numbers of entries, the signatures of
 * checkpoints, and whether it is the log, in its full length, that the head was signed over. The first thing that is wrong is named
 * with its line.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "audit/log.h"
#include "audit/reader.h"
#include "sys/fd.h"

typedef struct {
    const char *path;
    char head_path[PATH_BYTES_MAX];
    const PublicKey *key;
    bool has_head;
    AuditHead head;
    LineReader reader;
    uint64_t seq, last_checkpoint; /* of the last entry; the line of the last checkpoint */
    AuditReport *report;
    Diag *diag;
} Check;

typedef unsigned long long Big;

#define BAD(c, line, ...) bad((c), (line), __FILE__ ":" STR(__LINE__), __VA_ARGS__)
static Err bad(Check *c, uint64_t line, const char *at, const char *format, ...) __attribute__((format(printf, 4, 5)));
static Err bad(Check *c, uint64_t line, const char *at, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->report->bad_line = line;
    return diag_fail(c->diag, ERR_CORRUPT, at, "%s:%llu: %s", c->path, (Big)line, text);
}

static bool same(const Sha256 *a, const Sha256 *b) { return memcmp(a, b, sizeof *a) == 0; }

/* A log that is being written to may show a head between two states; a second look tells. */
static Err read_head(Check *c)
{
    enum { LOOKS = 3 };
    Err e = OK;
    for (int i = 0; i < LOOKS; i++) {
        AUTO_BUFFER text = buffer_limited(2 * AUDIT_HEAD_BYTES);
        e = file_read(AT_FDCWD, c->head_path, &text);
        if (e.code == ENOENT) return OK;
        if (!e.code) e = audit_head_parse(view_buffer(&text), c->key, &c->head);
        c->has_head = e.code == 0;
        if (e.code != ERR_CORRUPT && e.code != ERR_BAD_SIGNATURE) break;
    }
    if (e.code == ERR_BAD_SIGNATURE)
        return FAIL_WHY(c->diag, ERR_CORRUPT, "%s: its signature does not verify: it was changed or forged", c->head_path);
    if (e.code == ERR_CORRUPT || e.code == ERR_LIMIT)
        return FAIL_WHY(c->diag, ERR_CORRUPT, "%s:1: is not the head of an audit log", c->head_path);
    TRY_WHY(c->diag, e, "%s", c->head_path);
    return OK;
}

/* Before anything is said about signatures: is it this key's log at all? */
static Err check_key(Check *c, const AuditLine *l)
{
    if (memcmp(&l->key, c->key, sizeof l->key) == 0) return OK;
    char key[PUBLIC_KEY_TEXT_MAX];
    public_key_print(&l->key, key);
    c->report->bad_line = 1;
    return FAIL_WHY(c->diag, ERR_UNTRUSTED, "%s:1: is the log of another key, %s", c->path, key);
}

static Err check_header(Check *c, const AuditLine *l)
{
    TRY(check_key(c, l));
    if (c->has_head && memcmp(&l->id, &c->head.id, sizeof l->id) != 0)
        return BAD(c, 1, "is another log than the one of %s: the file was swapped", c->head_path);
    return OK;
}

/* A head that is of no use: because it is another key's, or because something happened to it? */
static Err refuse_head(Check *c, Err head)
{
    View line;
    LineFound found;
    AuditLine first;
    if (line_reader_next(&c->reader, &line, &found).code || found != LINE_WHOLE || audit_line_parse(line, &first).code) return head;
    if (first.kind == LINE_HEADER) TRY(check_key(c, &first));
    return head;
}

/* Line k+1 does not name the hash of line k. Which of the two was changed? Whoever comes next names the right k+1. */
static Err blame(Check *c, View line)
{
    Sha256 hash;
    AuditLine after;
    View next;
    LineFound found;
    uint64_t number = c->reader.line;
    sha256_of(line, &hash);
    if (same(&hash, &c->report->hash)) return BAD(c, number, "repeats the line before");
    bool signed_for = c->has_head && c->head.lines == number && same(&c->head.hash, &hash);
    TRY(line_reader_next(&c->reader, &next, &found));
    bool last = found != LINE_WHOLE;
    if (signed_for || (!last && audit_line_parse(next, &after).code == 0 && same(&after.prev, &hash)))
        return BAD(c, number - 1, "does not have the hash that line %llu names: it was changed, or a line behind it was removed", (Big)number);
    return BAD(c, number, "does not name the hash of the line before: it was changed or inserted, or a line before it was removed");
}

static Err check_place(Check *c, const AuditLine *l, View line)
{
    uint64_t number = c->reader.line, due = l->kind == LINE_ENTRY ? c->seq + 1 : c->seq;
    bool linked = same(&l->prev, &c->report->hash);
    if (linked && l->seq == due) return OK;
    if (linked) return BAD(c, number, "says number %llu where %llu is due: it was changed", (Big)l->seq, (Big)due);
    if (l->seq > due)
        return BAD(c, number, "has number %llu where %llu is due: lines before it were removed or moved", (Big)l->seq, (Big)due);
    if (l->seq < due)
        return BAD(c, number, "has number %llu where %llu is due: a line was inserted, repeated or moved", (Big)l->seq, (Big)due);
    return blame(c, line);
}

static Err check_checkpoint(Check *c, const AuditLine *l)
{
    uint64_t number = c->reader.line;
    if (audit_checkpoint_verify(l, c->key).code)
        return BAD(c, number, "the checkpoint's signature does not verify: it was forged, or lines since line %llu were changed",
                   (Big)c->last_checkpoint + 1);
    c->last_checkpoint = number;
    c->report->checkpoints++;
    return OK;
}

static void count_entry(Check *c, const AuditLine *l)
{
    AuditReport *r = c->report;
    memcpy(r->entries == 0 ? r->first : r->last, l->time, AUDIT_TIME_MAX);
    if (r->entries == 0) memcpy(r->last, l->time, AUDIT_TIME_MAX);
    c->seq = l->seq;
    r->entries++;
}

static Err check_line(Check *c, View line)
{
    AuditLine l;
    uint64_t number = c->reader.line;
    Err e = audit_line_parse(line, &l);
    if (e.code && e.code != ERR_CORRUPT) return e;
    if (e.code || (number == 1) != (l.kind == LINE_HEADER))
        return BAD(c, number, "is not %s line of an audit log", number == 1 ? "the first" : "a");
    if (l.kind == LINE_HEADER) TRY(check_header(c, &l));
    else TRY(check_place(c, &l, line));
    if (l.kind == LINE_CHECKPOINT) TRY(check_checkpoint(c, &l));
    if (l.kind == LINE_ENTRY) count_entry(c, &l);

    AuditReport *r = c->report;
    r->lines = number;
    sha256_of(line, &r->hash);
    if (c->has_head && number == c->head.lines && (!same(&r->hash, &c->head.hash) || c->reader.end != c->head.bytes))
        return BAD(c, number, "is not the line that %s was signed over: lines since line %llu were changed", c->head_path,
                   (Big)c->last_checkpoint + 1);
    return OK;
}

static Err check_end(Check *c, size_t torn)
{
    AuditReport *r = c->report;
    r->torn_bytes = torn;
    if (!c->has_head && (r->lines > 1 || (r->lines > 0 && torn)))
        return BAD(c, r->lines, "%s, which says how long this log is, is missing", c->head_path);
    if (!c->has_head) return OK;
    r->closed = c->head.closed;
    if (r->lines < c->head.lines)
        return BAD(c, r->lines + 1, "the log ends here, but %s was signed over %llu lines: the tail was cut", c->head_path,
                   (Big)c->head.lines);
    r->unsigned_lines = r->lines - c->head.lines;
    if (r->closed && (r->unsigned_lines || torn)) return BAD(c, c->head.lines + 1, "was written after the log was closed");
    return OK;
}

static Err check_all(Check *c)
{
    for (;;) {
        View line;
        LineFound found;
        Err e = line_reader_next(&c->reader, &line, &found);
        if (e.code == ERR_LIMIT) return BAD(c, c->reader.line + 1, "is longer than any line of an audit log");
        TRY(e);
        if (found != LINE_WHOLE) return check_end(c, line.size);
        TRY(check_line(c, line));
    }
}

Err audit_verify(const char *path, const PublicKey *public_key, AuditReport *ret_report, Diag *diag)
{
    assert(path && public_key && ret_report);

    AuditReport report = {0};
    Check c = {.path = path, .key = public_key, .report = &report, .diag = diag};
    TRY_WHY(diag, audit_head_path(path, c.head_path), "%s", path);
    /* The head first: the log has at least what an older head says. */
    Err head = read_head(&c);
    AUTO_FD fd = -1;
    Err e = fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0, &fd);
    if (e.code == ENOENT && c.has_head) return FAIL_WHY(diag, ERR_CORRUPT, "%s: is missing, but %s was signed over it", path, c.head_path);
    if (e.code == ENOENT) return FAIL_WHY(diag, ERR_NO_ENTRY, "%s: %s", path, err_text(ENOENT));
    TRY_WHY(diag, e, "%s", path);
    line_reader_start(&c.reader, fd, 0, 0);
    e = head.code ? refuse_head(&c, head) : check_all(&c);
    if (e.code == 0 || e.code == ERR_CORRUPT || e.code == ERR_UNTRUSTED) *ret_report = report;
    TRY_WHY(diag, e, "%s", path);
    return OK;
}
