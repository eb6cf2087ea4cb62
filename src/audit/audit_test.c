/* Does the audit log keep every entry that it said it keeps, in order, through closing, kills and torn lines, and keep everybody else out? */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "audit/fixture.h"
#include "audit/line.h"

static TestFolder folder;
static SecretKey secret;
static PublicKey key;
static char path[PATH_MAX], head_path[PATH_MAX];
static Diag diag;

static void begin(void)
{
    folder = test_folder();
    fixture_key(7, &secret, &key);
    snprintf(path, sizeof path, "%s/audit.log", folder.path);
    snprintf(head_path, sizeof head_path, "%s/audit.log.head", folder.path);
}

static Audit *open_log(void)
{
    Audit *a;
    diag = (Diag){0};
    Err e = audit_open(path, &secret, &key, &a, &diag);
    ck_assert_msg(e.code == 0, "%s at %s", diag.text, e.at);
    return a;
}

static AuditReport verified(void)
{
    AuditReport r;
    diag = (Diag){0};
    Err e = audit_verify(path, &key, &r, &diag);
    ck_assert_msg(e.code == 0, "%s at %s", diag.text, e.at);
    return r;
}

/* As kill -9 leaves it: everything that was written is there, nothing is said to be the end. */
static void die_after(uint64_t from, uint64_t count, bool durable)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        Audit *a = open_log();
        for (uint64_t i = 0; i < count; i++) ck_assert_ok(fixture_write(a, from + i, durable));
        raise(SIGKILL);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void append_raw(const char *text)
{
    AUTO_FD fd = -1;
    ck_assert_ok(fd_open(AT_FDCWD, path, O_WRONLY | O_APPEND, 0, &fd));
    ck_assert_ok(fd_write_all(fd, view_text(text)));
}

START_TEST(a_new_log_is_private_and_whole)
{
    begin();
    Audit *a = open_log();
    AuditReport r = verified();
    ck_assert_uint_eq(r.lines, 1);
    ck_assert(!r.closed);
    audit_close(&a);
    ck_assert_ptr_null(a);
    r = verified();
    ck_assert(r.closed && r.lines == 1 && r.entries == 0 && r.checkpoints == 0);
    ck_assert_str_eq(r.first, "");
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(stat(head_path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(st.st_size, AUDIT_HEAD_BYTES);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(entries_are_there_in_order_over_many_openings)
{
    begin();
    for (uint64_t session = 0; session < 5; session++) {
        Audit *a = open_log();
        for (uint64_t i = 0; i < 4; i++) ck_assert_ok(fixture_write(a, session * 4 + i, i % 2));
        audit_close(&a);
    }
    AuditReport r = verified();
    ck_assert_uint_eq(r.entries, 20);
    ck_assert_uint_eq(r.checkpoints, 5);
    ck_assert_uint_eq(r.lines, 26);
    ck_assert_uint_eq(r.unsigned_lines, 0);
    ck_assert_str_eq(r.first, "2026-09-21T14:13:20.000Z");
    ck_assert_str_eq(r.last, "2026-09-21T14:13:39.000Z");
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_checkpoint_comes_after_so_many_entries)
{
    begin();
    Audit *a = open_log();
    for (uint64_t i = 0; i < 2 * AUDIT_CHECKPOINT_EVERY + 1; i++) ck_assert_ok(fixture_write(a, i, false));
    AuditReport r = verified(); /* while it is open */
    ck_assert_uint_eq(r.checkpoints, 2);
    ck_assert_uint_eq(r.unsigned_lines, 1);
    ck_assert(!r.closed);
    audit_close(&a);
    r = verified();
    ck_assert_uint_eq(r.checkpoints, 3);
    ck_assert_uint_eq(r.entries, 2 * AUDIT_CHECKPOINT_EVERY + 1);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(opening_and_closing_adds_nothing)
{
    begin();
    Audit *a = open_log();
    ck_assert_ok(fixture_write(a, 1, true));
    audit_close(&a);
    AuditReport before = verified();
    a = open_log();
    audit_close(&a);
    AuditReport after = verified();
    ck_assert_mem_eq(&before.hash, &after.hash, sizeof before.hash);
    ck_assert(after.closed);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(one_process_writes_at_a_time)
{
    begin();
    Audit *a = open_log(), *second = NULL;
    ck_assert_err(audit_open(path, &secret, &key, &second, &diag), ERR_BUSY);
    ck_assert_ptr_null(second);
    ck_assert_ptr_nonnull(strstr(diag.text, "audit.log: another process writes this audit log"));
    audit_close(&a);
    a = open_log();
    audit_close(&a);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(what_cannot_be_an_entry_is_refused_and_leaves_the_log_as_it_was)
{
    begin();
    Audit *a = open_log();
    ck_assert_ok(fixture_write(a, 1, false));
    static const char *const DETAILS[] = {"", "[]", "3", "{", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}", "{} {}"};
    for (size_t i = 0; i < sizeof DETAILS / sizeof DETAILS[0]; i++)
        ck_assert_err(audit_write(a, FIXTURE_TIME, AUDIT_POLICY, "me", "t", DETAILS[i], true), ERR_BAD_INPUT);
    ck_assert_err(audit_write(a, FIXTURE_TIME, AUDIT_POLICY, "\xc3(", "t", "{}", true), ERR_BAD_INPUT);
    ck_assert_err(audit_write(a, FIXTURE_TIME, AUDIT_POLICY, "me", "\xff", "{}", true), ERR_BAD_INPUT);
    static char longest[AUDIT_LINE_BYTES_MAX + 1];
    memset(longest, 'x', sizeof longest - 1);
    ck_assert_err(audit_write(a, FIXTURE_TIME, AUDIT_POLICY, longest, "t", "{}", true), ERR_LIMIT);
    ck_assert_ok(fixture_write(a, 2, false));
    audit_close(&a);
    ck_assert_uint_eq(verified().entries, 2);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(text_from_outside_cannot_make_a_line_of_its_own)
{
    begin();
    Audit *a = open_log();
    ck_assert_ok(audit_write(a, FIXTURE_TIME, AUDIT_POLICY, "a\n{\"seq\":2}\n", "\x1b[2J\"}", "{\"note\":\"\\u0001\\n\"}", true));
    audit_close(&a);
    ck_assert_uint_eq(verified().lines, 3);
    Buffer content = fixture_read(path);
    for (size_t i = 0; i < content.size; i++) ck_assert((content.data[i] >= ' ' && content.data[i] < 127) || content.data[i] == '\n');
    buffer_free(&content);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(after_a_kill_the_log_goes_on_and_says_so)
{
    begin();
    die_after(0, 7, false);
    AuditReport r = verified();
    ck_assert_uint_eq(r.entries, 7);
    ck_assert_uint_eq(r.unsigned_lines, 7);
    ck_assert(!r.closed);
    Audit *a = open_log();
    r = verified();
    ck_assert_uint_eq(r.entries, 8);
    ck_assert_uint_eq(r.unsigned_lines, 0);
    ck_assert_ok(fixture_write(a, 8, true));
    audit_close(&a);
    Buffer content = fixture_read(path);
    ck_assert_ok(buffer_put_u8(&content, 0));
    ck_assert_ptr_nonnull(strstr((char *)content.data,
                                 "\"event\":\"recovery\",\"by\":\"audit\",\"task\":\"\",\"detail\":{\"unsigned\":7,\"torn\":0,\"text\":\"\"}"));
    buffer_free(&content);
    ck_assert(verified().closed);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(what_was_durable_is_signed_for_after_a_kill)
{
    begin();
    die_after(0, 7, true);
    AuditReport r = verified();
    ck_assert_uint_eq(r.entries, 7);
    ck_assert_uint_eq(r.unsigned_lines, 0);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_torn_line_of_any_length_is_kept_in_a_note)
{
    begin();
    die_after(0, 3, true);
    Buffer before = fixture_read(path), head = fixture_read(head_path);
    static const char TORN[] = "{\"seq\":4,\"time\":\"2026-09-21T14:13:23.000Z\",\"event\":\"key-release\"";
    for (size_t size = 1; size < sizeof TORN; size += 7) {
        char text[sizeof TORN] = "";
        memcpy(text, TORN, size);
        fixture_put(path, view_buffer(&before));
        fixture_put(head_path, view_buffer(&head));
        append_raw(text);
        ck_assert_uint_eq(verified().torn_bytes, size);

        Audit *a = open_log();
        ck_assert_ok(fixture_write(a, 5, false));
        audit_close(&a);
        AuditReport r = verified();
        ck_assert(r.entries == 5 && r.torn_bytes == 0 && r.closed);
        char expected[256], encoded[128];
        sodium_bin2base64(encoded, sizeof encoded, (const uint8_t *)text, size, sodium_base64_VARIANT_ORIGINAL);
        int n = snprintf(expected, sizeof expected, "\"detail\":{\"unsigned\":0,\"torn\":%zu,\"text\":\"%s\"}", size, encoded);
        Buffer after = fixture_read(path);
        ck_assert_ptr_nonnull(memmem(after.data, after.size, expected, (size_t)n));
        buffer_free(&after);
    }
    buffer_free(&before);
    buffer_free(&head);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_torn_end_longer_than_its_note_is_gone_from_the_end)
{
    begin();
    die_after(0, 3, true);
    static char torn[AUDIT_READ_BYTES_MAX];
    memset(torn, 'x', sizeof torn - 1);
    append_raw(torn);
    Audit *a = open_log();
    ck_assert_ok(fixture_write(a, 5, true));
    audit_close(&a);
    AuditReport r = verified();
    ck_assert(r.entries == 5 && r.torn_bytes == 0);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_log_that_was_never_begun_is_begun_anew)
{
    static const char *const LEFT[] = {"", "{\"covey-au", "{\"covey-audit\":1}\n"};
    begin();
    for (size_t i = 0; i < sizeof LEFT / sizeof LEFT[0]; i++) {
        unlink(head_path);
        fixture_put(path, view_text(LEFT[i]));
        Audit *a = open_log();
        ck_assert_ok(fixture_write(a, 1, true));
        audit_close(&a);
        ck_assert_uint_eq(verified().entries, 1);
    }
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_log_that_was_meddled_with_is_not_continued)
{
    begin();
    Audit *a = open_log();
    for (uint64_t i = 0; i < 3; i++) ck_assert_ok(fixture_write(a, i, true));
    audit_close(&a);
    Buffer log = fixture_read(path), head = fixture_read(head_path);
    int descriptors = test_open_descriptors();

    fixture_put(path, view_of(log.data, log.size - 1)); /* cut */
    ck_assert_err(audit_open(path, &secret, &key, &a, &diag), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "the tail was cut"));
    fixture_put(path, view_buffer(&log));
    append_raw("{");
    ck_assert_err(audit_open(path, &secret, &key, &a, &diag), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "audit.log:6: was written after the log was closed"));
    log.data[log.size - 5] ^= 1;
    fixture_put(path, view_buffer(&log));
    ck_assert_err(audit_open(path, &secret, &key, &a, &diag), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "audit.log:5: is not the line that"));
    log.data[log.size - 5] ^= 1;
    fixture_put(path, view_buffer(&log));
    unlink(head_path);
    ck_assert_err(audit_open(path, &secret, &key, &a, &diag), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "audit.log.head: is missing"));
    fixture_put(head_path, view_of(head.data, 100));
    ck_assert_err(audit_open(path, &secret, &key, &a, &diag), ERR_CORRUPT);
    fixture_put(head_path, view_buffer(&head));
    SecretKey other_secret;
    PublicKey other;
    fixture_key(8, &other_secret, &other);
    ck_assert_err(audit_open(path, &other_secret, &other, &a, &diag), ERR_UNTRUSTED);
    ck_assert_int_eq(test_open_descriptors(), descriptors);
    a = open_log();
    audit_close(&a);
    buffer_free(&log);
    buffer_free(&head);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_forged_line_behind_the_head_of_an_open_log_is_not_continued)
{
    begin();
    die_after(0, 3, true);
    append_raw("{\"seq\":4,\"time\":\"2026-09-21T14:13:23.000Z\",\"event\":\"policy\",\"by\":\"\",\"task\":\"\",\"detail\":{},\"prev\":"
               "\"0000000000000000000000000000000000000000000000000000000000000000\"}\n");
    Audit *a;
    ck_assert_err(audit_open(path, &secret, &key, &a, &diag), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "audit.log:5: does not follow from the line before"));
    test_folder_remove(&folder);
}
END_TEST

/* The writer counts, in shared memory, what it was told is durable. */
static void write_until_killed(uint64_t from, _Atomic uint64_t *safe)
{
    Audit *a = open_log();
    for (uint64_t i = from;; i++) {
        bool durable = i % 8 == 7;
        ck_assert_ok(fixture_write(a, i, durable));
        if (durable) *safe = i + 1;
    }
}

static Err count_release(void *context, const AuditEntry *entry)
{
    uint64_t *count = context;
    if (strcmp(entry->event, "recovery") == 0) return OK;
    char expected[64];
    snprintf(expected, sizeof expected, "\"detail\":{\"segment\":%llu}", (unsigned long long)(*count)++);
    return strstr(entry->json, expected) ? OK : FAIL(ERR_CHANGED);
}

START_TEST(killed_at_any_moment_nothing_that_was_durable_is_lost)
{
    begin();
    void *shared = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
    _Atomic uint64_t *safe = shared;
    uint64_t next = 0;
    for (unsigned round = 0; round < 40; round++) {
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) write_until_killed(next, safe);
        usleep(500 + round * 700 % 9000);
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

        struct stat st;
        if (stat(path, &st) < 0) continue; /* killed before it began */
        verified();
        next = 0;
        ck_assert_ok(audit_each(path, count_release, &next, &diag));
        ck_assert_uint_ge(next, *safe);
    }
    ck_assert_uint_gt(next, 40);
    Audit *a = open_log();
    audit_close(&a);
    ck_assert(verified().closed);
    munmap(shared, sizeof *safe);
    test_folder_remove(&folder);
}
END_TEST

TEST_MAIN("audit/audit", a_new_log_is_private_and_whole, entries_are_there_in_order_over_many_openings, a_checkpoint_comes_after_so_many_entries,
          opening_and_closing_adds_nothing, one_process_writes_at_a_time, what_cannot_be_an_entry_is_refused_and_leaves_the_log_as_it_was,
          text_from_outside_cannot_make_a_line_of_its_own, after_a_kill_the_log_goes_on_and_says_so,
          what_was_durable_is_signed_for_after_a_kill, a_torn_line_of_any_length_is_kept_in_a_note,
          a_torn_end_longer_than_its_note_is_gone_from_the_end, a_log_that_was_never_begun_is_begun_anew,
          a_log_that_was_meddled_with_is_not_continued, a_forged_line_behind_the_head_of_an_open_log_is_not_continued,
          killed_at_any_moment_nothing_that_was_durable_is_lost)
