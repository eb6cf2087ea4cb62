/*
 * Each system call of opening, writing and closing an audit log fails once, in turn: is the error clean, is what was said to be written there
 * afterwards, once, and is the log whole?
 */
#include <errno.h>

#include "audit/fixture.h"
#include "sys/fault.h"

enum { CALLS_MAX = 1000, WRITES = 12 };

static TestFolder folder;
static SecretKey secret;
static PublicKey key;
static char path[PATH_MAX];
static bool said[2 * WRITES]; /* which entries a call said are written */

static Err run(uint64_t from)
{
    Diag diag = {0};
    Audit *a = NULL;
    Err e = audit_open(path, &secret, &key, &a, &diag);
    if (e.code) {
        ck_assert_ptr_null(a);
        ck_assert_msg(strstr(diag.text, "audit.log") && !strchr(diag.text, '\n'), "%s", diag.text);
        return e;
    }
    Err first = OK;
    for (uint64_t i = 0; i < WRITES; i++) { /* the log is usable after a failed write */
        e = fixture_write(a, from + i, i % 3 == 1);
        said[from + i] = e.code == 0;
        if (e.code && !first.code) first = e;
    }
    audit_close(&a);
    return first;
}

static Err look(void *context, const AuditEntry *entry)
{
    bool *found = context;
    const char *segment = strstr(entry->json, "\"segment\":");
    if (!segment) return OK; /* a note of the log's own */
    uint64_t n = strtoull(segment + strlen("\"segment\":"), NULL, 10);
    ck_assert_uint_lt(n, 2 * WRITES);
    ck_assert(!found[n]);
    found[n] = true;
    return OK;
}

static void expect_whole(uint64_t nth)
{
    Diag diag = {0};
    AuditReport r;
    Audit *a;
    Err e = audit_open(path, &secret, &key, &a, &diag);
    ck_assert_msg(e.code == 0, "after call %d failed: %s", (int)nth, diag.text);
    audit_close(&a);
    e = audit_verify(path, &key, &r, &diag);
    ck_assert_msg(e.code == 0, "after call %d failed: %s", (int)nth, diag.text);
    ck_assert(r.closed);
    bool found[2 * WRITES] = {0};
    ck_assert_ok(audit_each(path, look, found, &diag));
    for (size_t i = 0; i < 2 * WRITES; i++) ck_assert_msg(found[i] == said[i], "after call %d failed: entry %zu", (int)nth, i);
}

static void a_closed_log(void) { ck_assert_ok(run(WRITES)); }

/* As after a kill, with a torn line. */
static void a_torn_log(void)
{
    Audit *a;
    ck_assert_ok(audit_open(path, &secret, &key, &a, NULL));
    ck_assert_ok(fixture_write(a, WRITES, true));
    ck_assert_ok(fixture_write(a, WRITES + 1, false));
    said[WRITES] = said[WRITES + 1] = true;
    Buffer log = fixture_read(path), head;
    char head_path[PATH_MAX + 8];
    snprintf(head_path, sizeof head_path, "%s.head", path);
    head = fixture_read(head_path);
    audit_close(&a);
    ck_assert_ok(buffer_append(&log, VIEW("{\"seq\":3,")));
    fixture_put(path, view_buffer(&log));
    fixture_put(head_path, view_buffer(&head));
    buffer_free(&log);
    buffer_free(&head);
}

static uint64_t sweep(void (*before)(void), int error)
{
    fixture_key(7, &secret, &key);
    for (uint64_t nth = 1; nth < CALLS_MAX; nth++) {
        folder = test_folder();
        snprintf(path, sizeof path, "%s/audit.log", folder.path);
        memset(said, 0, sizeof said);
        if (before) before();
        int descriptors = test_open_descriptors();
        fault_arm(nth, error);
        Err e = run(0);
        bool struck = fault_struck();
        fault_arm(0, 0);
        ck_assert_msg(test_open_descriptors() == descriptors, "call %d: a descriptor leaks", (int)nth);
        ck_assert_msg(e.code == 0 || (struck && e.code == error), "call %d: %s at %s", (int)nth, err_text(e.code), e.at);
        expect_whole(nth);
        test_folder_remove(&folder);
        if (!struck) return nth - 1;
    }
    ck_abort_msg("more calls than there can be");
    return 0;
}

START_TEST(every_call_of_a_new_log_may_fail)
{
    ck_assert_uint_gt(sweep(NULL, EIO), 30);
    ck_assert_uint_gt(sweep(NULL, ENOSPC), 30);
}
END_TEST

START_TEST(every_call_of_a_closed_log_may_fail) { ck_assert_uint_gt(sweep(a_closed_log, ENOSPC), 25); }
END_TEST

START_TEST(every_call_of_a_log_with_a_torn_line_may_fail) { ck_assert_uint_gt(sweep(a_torn_log, ENOSPC), 25); }
END_TEST

TEST_MAIN("audit/audit_faults", every_call_of_a_new_log_may_fail, every_call_of_a_closed_log_may_fail,
          every_call_of_a_log_with_a_torn_line_may_fail)
