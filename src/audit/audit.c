/*
 * Writing the audit log.
 *
 * A state of the log is a tip; each write prepares the next one and either reaches it or leaves the log as it was. Writes go to the
 * tip's offset; what a failed one left behind is cut off first.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "audit/log.h"
#include "sys/fd.h"

void audit_tip_advance(AuditTip *tip, View line)
{
    assert(line.size > 0 && line.data[line.size - 1] == '\n');
    sha256_of(view_of(line.data, line.size - 1), &tip->hash);
    tip->bytes += line.size;
    tip->lines++;
}

Err audit_sign_head(Audit *a, const AuditTip *tip, bool closed)
{
    char text[AUDIT_HEAD_BYTES];
    AuditHead head = {.id = a->id, .lines = tip->lines, .bytes = tip->bytes, .hash = tip->hash, .closed = closed};
    audit_head_print(&head, a->secret, text);
    return fd_pwrite_all(a->head_fd, view_of(text, sizeof text), 0);
}

static Err cut_leftover(Audit *a)
{
    if (!a->leftover) return OK;
    TRY(fd_truncate(a->fd, a->tip.bytes));
    a->leftover = false;
    return OK;
}

static Err put(Audit *a, const AuditTip *next, View text, bool sign)
{
    TRY(fd_pwrite_all(a->fd, text, a->tip.bytes));
    if (!sign) return OK;
    TRY(fd_sync(a->fd));
    return audit_sign_head(a, next, false);
}

Err audit_commit(Audit *a, const AuditTip *next, View text, bool sign)
{
    TRY(cut_leftover(a));
    Err e = put(a, next, text, sign);
    if (e.code && !a->recovering) {
        a->leftover = true;
        Err ignored = cut_leftover(a); /* else before the next write */
        (void)ignored;
    }
    TRY(e);
    a->tip = *next;
    return OK;
}

static Err append_checkpoint(const Audit *a, AuditTip *tip, Buffer *text)
{
    size_t before = text->size;
    TRY(audit_checkpoint_print(tip->seq, &tip->hash, a->secret, text));
    audit_tip_advance(tip, view_of(text->data + before, text->size - before));
    tip->since_checkpoint = 0;
    return OK;
}

Err audit_write(Audit *a, uint64_t wall_ns, AuditEvent event, const char *by, const char *task, const char *detail, bool durable)
{
    assert(a && by && task && detail && audit_event_name(event));

    AuditTip next = a->tip;
    AuditEntryParts parts = {.wall_ns = wall_ns, .seq = ++next.seq, .event = audit_event_name(event), .by = by, .task = task,
                             .detail = detail, .prev = a->tip.hash};
    AUTO_BUFFER text = buffer_limited((event == AUDIT_RECOVERY ? AUDIT_READ_BYTES_MAX : AUDIT_LINE_BYTES_MAX) + 1);
    TRY(audit_entry_print(&parts, &text));
    audit_tip_advance(&next, view_buffer(&text));
    bool checkpoint = ++next.since_checkpoint >= AUDIT_CHECKPOINT_EVERY;
    text.limit += AUDIT_LINE_BYTES_MAX;
    if (checkpoint) TRY(append_checkpoint(a, &next, &text));
    return audit_commit(a, &next, view_buffer(&text), durable || checkpoint);
}

/* Everything on the disk first, then the head that says so. */
static Err finish(Audit *a)
{
    AUTO_BUFFER text = buffer_limited(AUDIT_LINE_BYTES_MAX);
    AuditTip next = a->tip;
    if (next.since_checkpoint > 0) TRY(append_checkpoint(a, &next, &text));
    TRY(audit_commit(a, &next, view_buffer(&text), false));
    TRY(fd_sync(a->fd));
    TRY(audit_sign_head(a, &a->tip, true));
    return fd_sync(a->head_fd);
}

void audit_close(Audit **audit)
{
    if (!audit || !*audit) return;
    Err ignored = finish(*audit); /* the log stays open then, and its next opening says so */
    (void)ignored;
    fd_close(&(*audit)->head_fd);
    fd_close(&(*audit)->fd);
    free(*audit);
    *audit = NULL;
}
