/*
 * Any bytes as an audit log, and as an edit of a sound one, beside the sound one's head: nothing but the sound log itself is ever whole, whatever
 * is wrong is named, and opening it to go on neither crashes nor makes a whole log of a broken one.
 *
 * The first byte says how: 0 the rest is the log, 1 it is written over the log, 2 it is the log's new end, 3 it is inserted; then (1 to 3) two
 * bytes say where.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/sample.h"
#include "sys/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[PATH_BYTES_MAX], head_path[PATH_BYTES_MAX + 8];
static AuditSample sample;

static void begin(void)
{
    static char folder[] = "/tmp/covey-fuzz-audit-XXXXXX";
    if (sample.log.size > 0) return;
    bool made = mkdtemp(folder) != NULL;
    assert(made);
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(head_path, sizeof head_path, "%s.head", path);
    audit_sample_make(&sample);
}

static void put(const char *name, View content)
{
    AUTO_FD fd = -1;
    Err e = fd_open(AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd);
    if (!e.code) e = fd_write_all(fd, content);
    assert(e.code == 0);
}

static void edited(const uint8_t *data, size_t size, Buffer *log)
{
    View whole = view_buffer(&sample.log), text = view_of(data + 1, size - 1);
    size_t at = whole.size, behind = whole.size;
    if (data[0] % 4 == 0 || size < 3) at = 0;
    else {
        at = (data[1] | (size_t)data[2] << 8) % (whole.size + 1);
        text = view_of(data + 3, size - 3);
    }
    if (data[0] % 4 == 1) behind = at + (text.size < whole.size - at ? text.size : whole.size - at);
    if (data[0] % 4 == 3) behind = at;
    Err e = buffer_append(log, view_of(whole.data, at));
    if (!e.code) e = buffer_append(log, text);
    if (!e.code) e = buffer_append(log, view_of(whole.data + behind, whole.size - behind));
    assert(e.code == 0);
}

static Err nothing(void *context, const AuditEntry *entry)
{
    assert(entry->time && entry->event && entry->by && entry->task && entry->json && entry->seq > 0);
    (void)context;
    return OK;
}

static int verify(Diag *diag)
{
    AuditReport report = {0};
    int code = audit_verify(path, &sample.key, &report, diag).code;
    assert(code == 0 || code == ERR_CORRUPT || code == ERR_UNTRUSTED);
    assert((code == 0) == (report.bad_line == 0));
    assert(code == 0 || strncmp(diag->text, path, strlen(path)) == 0);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    begin();
    AUTO_BUFFER log = buffer_limited(4 * MIB);
    edited(data, size, &log);
    put(path, view_buffer(&log));
    put(head_path, view_of(sample.head_text, AUDIT_HEAD_BYTES));

    Diag diag = {0};
    int code = verify(&diag);
    assert((code == 0) == view_equal(view_buffer(&log), view_buffer(&sample.log)));
    int each = audit_each(path, nothing, NULL, &diag).code;
    assert(each == 0 || each == ERR_CORRUPT || each == ERR_LIMIT);
    Audit *a;
    if (audit_open(path, &sample.secret, &sample.key, &a, &diag).code) return 0;
    Err written = audit_write(a, 0, AUDIT_POLICY, "fuzz", "", "{}", false);
    assert(written.code == 0);
    audit_close(&a);
    assert((verify(&diag) == 0) == (code == 0));
    return 0;
}
