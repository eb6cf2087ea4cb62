/* Is everything that can be done to an audit log found, and is the line named? */
#include <errno.h>

#include "audit/fixture.h"
#include "audit/line.h"

enum { LINES = 11, ENTRIES = 8 }; /* 1 header, 2-5 entries 1-4, 6 checkpoint, 7-10 entries 5-8, 11 checkpoint */

static TestFolder folder;
static SecretKey secret;
static PublicKey key;
static char path[PATH_MAX], head_path[PATH_MAX];
static Diag diag;
static AuditReport report;
static Buffer log_file, head_file;
static View lines[LINES + 2];

static void make_log(const char *at)
{
    for (uint64_t session = 0; session < 2; session++) {
        Audit *a;
        ck_assert_ok(audit_open(at, &secret, &key, &a, &diag));
        for (uint64_t i = 0; i < ENTRIES / 2; i++) ck_assert_ok(fixture_write(a, session * ENTRIES / 2 + i, false));
        audit_close(&a);
    }
}

static void begin(void)
{
    folder = test_folder();
    fixture_key(7, &secret, &key);
    snprintf(path, sizeof path, "%s/audit.log", folder.path);
    snprintf(head_path, sizeof head_path, "%s/audit.log.head", folder.path);
    make_log(path);
    log_file = fixture_read(path);
    head_file = fixture_read(head_path);
    const uint8_t *at = log_file.data;
    for (size_t i = 1; i <= LINES; i++) {
        const uint8_t *next = (const uint8_t *)memchr(at, '\n', (size_t)(log_file.data + log_file.size - at)) + 1;
        lines[i] = view_of(at, (size_t)(next - at));
        at = next;
    }
    ck_assert_ptr_eq(at, log_file.data + log_file.size);
}

static void end(void)
{
    buffer_free(&log_file);
    buffer_free(&head_file);
    test_folder_remove(&folder);
}

/* The log with other lines: order[i] is which line stands at i+1; 0 ends. */
static void put_lines(const size_t *order)
{
    AUTO_BUFFER text = buffer_limited(1 * MIB);
    for (; *order; order++) ck_assert_ok(buffer_append(&text, lines[*order]));
    fixture_put(path, view_buffer(&text));
}

static Err verify(void)
{
    diag = (Diag){0};
    report = (AuditReport){0};
    return audit_verify(path, &key, &report, &diag);
}

#define expect_bad(line, text) expect_bad_(__LINE__, (line), (text))
static void expect_bad_(int from, uint64_t line, const char *text)
{
    char place[64];
    snprintf(place, sizeof place, "audit.log:%llu: ", (unsigned long long)line);
    Err e = verify();
    ck_assert_msg(e.code == ERR_CORRUPT, "from line %d: %s, %s", from, err_text(e.code), diag.text);
    ck_assert_msg(report.bad_line == line && strstr(diag.text, place) && strstr(diag.text, text), "from line %d: %s", from, diag.text);
}

static void edit(size_t line, const char *what, const char *by)
{
    AUTO_BUFFER text = buffer_limited(1 * MIB);
    const char *at = memmem(lines[line].data, lines[line].size, what, strlen(what));
    ck_assert_ptr_nonnull(at);
    size_t before = (size_t)((const uint8_t *)at - log_file.data);
    ck_assert_ok(buffer_append(&text, view_of(log_file.data, before)));
    ck_assert_ok(buffer_append(&text, view_text(by)));
    ck_assert_ok(buffer_append(&text, view_of(log_file.data + before + strlen(what), log_file.size - before - strlen(what))));
    fixture_put(path, view_buffer(&text));
}

START_TEST(an_untouched_log_is_whole)
{
    begin();
    ck_assert_ok(verify());
    ck_assert(report.closed && report.lines == LINES && report.entries == ENTRIES && report.checkpoints == 2 && report.bad_line == 0);
    Sha256 last;
    sha256_of(view_of(lines[LINES].data, lines[LINES].size - 1), &last);
    ck_assert_mem_eq(&last, &report.hash, sizeof last);
    end();
}
END_TEST

START_TEST(an_edited_line_is_named)
{
    begin();
    for (size_t i = 2; i <= LINES; i++) {
        if (i == 6 || i == LINES) continue; /* checkpoints */
        edit(i, "\"owner\"", "\"0wner\"");
        expect_bad(i, i == 5 || i == 10 ? "it was changed" : "does not have the hash that line");
        edit(i, "2026", "2025");
        expect_bad(i, "it was changed");
        edit(i, "\"seq\":", "\"seq\":1");
        expect_bad(i, "is due: it was changed");
        edit(i, "\"seq\":", "\"seq\":-");
        expect_bad(i, "is not a line of an audit log");
        edit(i, "\"prev\":\"", "\"prev\":\"0");
        expect_bad(i, "is not a line of an audit log");
        edit(i, "}\n", "} \n"); /* the same JSON */
        expect_bad(i, "it was changed");
        edit(i, "\n", "");
        expect_bad(i, "is not a line of an audit log");
    }
    edit(1, "covey-audit", "covey-audits");
    expect_bad(1, "is not the first line of an audit log");
    edit(1, "\"time\":\"2", "\"time\":\"1");
    expect_bad(1, "does not have the hash that line 2 names");
    end();
}
END_TEST

START_TEST(a_changed_link_is_named_where_it_is)
{
    begin();
    char prev[65], wrong[65];
    Sha256 hash;
    sha256_of(view_of(lines[3].data, lines[3].size - 1), &hash);
    sha256_hex(&hash, prev);
    memcpy(wrong, prev, sizeof wrong);
    wrong[10] = prev[10] == '0' ? '1' : '0';
    edit(4, prev, wrong);
    expect_bad(4, "does not name the hash of the line before");
    end();
}
END_TEST

START_TEST(a_removed_line_is_named)
{
    begin();
    put_lines((size_t[]){2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0});
    expect_bad(1, "is not the first line");
    put_lines((size_t[]){1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0});
    expect_bad(2, "has number 2 where 1 is due: lines before it were removed or moved");
    put_lines((size_t[]){1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 0});
    expect_bad(5, "has number 4 where 3 is due: lines before it were removed");
    put_lines((size_t[]){1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 0});
    expect_bad(5, "or a line behind it was removed"); /* the checkpoint */
    put_lines((size_t[]){1, 2, 3, 4, 5, 6, 10, 11, 0});
    expect_bad(7, "has number 8 where 5 is due: lines before it were removed");
    end();
}
END_TEST

START_TEST(an_inserted_repeated_or_moved_line_is_named)
{
    begin();
    put_lines((size_t[]){1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0});
    expect_bad(4, "has number 2 where 3 is due: a line was inserted, repeated or moved");
    put_lines((size_t[]){1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0});
    expect_bad(2, "is not a line of an audit log");
    put_lines((size_t[]){1, 2, 3, 5, 4, 6, 7, 8, 9, 10, 11, 0});
    expect_bad(4, "removed or moved");
    put_lines((size_t[]){1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10, 11, 0});
    expect_bad(7, "repeats the line before");
    /* One of the right number and with the right link, so that only what follows can tell. */
    AUTO_BUFFER forged = buffer_limited(4096);
    AuditEntryParts parts = {.wall_ns = FIXTURE_TIME, .seq = 3, .event = "policy", .by = "x", .task = "t", .detail = "{}"};
    sha256_of(view_of(lines[3].data, lines[3].size - 1), &parts.prev);
    ck_assert_ok(audit_entry_print(&parts, &forged));
    lines[LINES + 1] = view_buffer(&forged);
    put_lines((size_t[]){1, 2, 3, 12, 4, 5, 6, 7, 8, 9, 10, 11, 0});
    expect_bad(5, "has number 3 where 4 is due: a line was inserted");
    put_lines((size_t[]){1, 2, 3, 12, 5, 6, 7, 8, 9, 10, 11, 0}); /* in place of another */
    expect_bad(4, "does not have the hash that line 5 names");
    end();
}
END_TEST

START_TEST(a_cut_tail_is_found_wherever_it_was_cut)
{
    begin();
    size_t line = 0;
    for (size_t size = 0; size < log_file.size; size++) {
        fixture_put(path, view_of(log_file.data, size));
        expect_bad(line + 1, "the log ends here");
        ck_assert_ptr_nonnull(strstr(diag.text, "was signed over 11 lines: the tail was cut"));
        if (log_file.data[size] == '\n') line++;
    }
    unlink(path);
    ck_assert_err(verify(), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "audit.log: is missing, but"));
    unlink(head_path);
    ck_assert_err(verify(), ERR_NO_ENTRY);
    end();
}
END_TEST

START_TEST(a_missing_forged_or_damaged_head_is_found)
{
    begin();
    unlink(head_path);
    expect_bad(11, "audit.log.head, which says how long this log is, is missing");
    fixture_put(head_path, VIEW("{}"));
    ck_assert_err(verify(), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "audit.log.head:1: is not the head of an audit log"));
    SecretKey other_secret;
    PublicKey other;
    char text[AUDIT_HEAD_BYTES];
    AuditHead head;
    ck_assert_ok(audit_head_parse(view_buffer(&head_file), &key, &head));
    fixture_key(8, &other_secret, &other);
    audit_head_print(&head, &other_secret, text);
    fixture_put(head_path, view_of(text, sizeof text));
    ck_assert_err(verify(), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "audit.log.head: its signature does not verify"));
    end();
}
END_TEST

START_TEST(a_swapped_log_is_found)
{
    begin();
    char second[PATH_MAX];
    snprintf(second, sizeof second, "%s/second.log", folder.path);
    make_log(second);
    Buffer other = fixture_read(second);
    fixture_put(path, view_buffer(&other));
    expect_bad(1, "is another log than the one of");
    buffer_free(&other);
    end();
}
END_TEST

START_TEST(the_log_of_another_key_is_not_trusted)
{
    begin();
    SecretKey other_secret;
    PublicKey other;
    fixture_key(8, &other_secret, &other);
    for (int with_head = 1; with_head >= 0; with_head--) {
        if (!with_head) unlink(head_path);
        diag = (Diag){0};
        ck_assert_err(audit_verify(path, &other, &report, &diag), ERR_UNTRUSTED);
        ck_assert_uint_eq(report.bad_line, 1);
        ck_assert_ptr_nonnull(strstr(diag.text, "audit.log:1: is the log of another key, covey-ed25519:"));
    }
    end();
}
END_TEST

/* Whoever can write the file but has no key: edits entry `from` and makes the chain and the numbers fit again, checkpoints and all. */
static void forge_from(size_t from, bool keep_signatures)
{
    AUTO_BUFFER text = buffer_limited(1 * MIB);
    SecretKey other_secret;
    PublicKey other;
    fixture_key(8, &other_secret, &other);
    Sha256 prev = {{0}};
    for (size_t i = 1; i <= LINES; i++) {
        size_t start = text.size;
        AuditLine l;
        ck_assert_ok(audit_line_parse(view_of(lines[i].data, lines[i].size - 1), &l));
        AuditEntryParts parts = {.wall_ns = FIXTURE_TIME, .seq = l.seq, .event = "stage", .by = "nobody", .task = "", .detail = "{}", .prev = prev};
        if (i < from) ck_assert_ok(buffer_append(&text, lines[i]));
        else if (l.kind == LINE_ENTRY) ck_assert_ok(audit_entry_print(&parts, &text));
        else ck_assert_ok(audit_checkpoint_print(l.seq, &prev, keep_signatures ? &secret : &other_secret, &text));
        sha256_of(view_of(text.data + start, text.size - start - 1), &prev);
    }
    fixture_put(path, view_buffer(&text));
}

START_TEST(a_forged_checkpoint_is_named)
{
    begin();
    forge_from(4, false);
    expect_bad(6, "the checkpoint's signature does not verify: it was forged, or lines since line 1 were changed");
    forge_from(8, false);
    expect_bad(11, "the checkpoint's signature does not verify: it was forged, or lines since line 7 were changed");
    forge_from(8, true); /* even the key's owner cannot rewrite what the head was signed over, without a new head */
    expect_bad(11, "is not the line that");
    end();
}
END_TEST

START_TEST(a_line_after_the_end_is_found)
{
    begin();
    AUTO_BUFFER text = buffer_limited(1 * MIB);
    AuditEntryParts parts = {.wall_ns = FIXTURE_TIME, .seq = ENTRIES + 1, .event = "policy", .by = "x", .task = "t", .detail = "{}"};
    sha256_of(view_of(lines[LINES].data, lines[LINES].size - 1), &parts.prev);
    ck_assert_ok(buffer_append(&text, view_buffer(&log_file)));
    ck_assert_ok(audit_entry_print(&parts, &text));
    fixture_put(path, view_buffer(&text));
    expect_bad(12, "was written after the log was closed");
    fixture_put(path, view_of(text.data, log_file.size + 1));
    expect_bad(12, "was written after the log was closed");
    end();
}
END_TEST

START_TEST(every_flipped_bit_of_log_and_head_is_found)
{
    begin();
    for (size_t i = 0; i < log_file.size; i++) {
        log_file.data[i] ^= (uint8_t)(1 << i % 8);
        fixture_put(path, view_buffer(&log_file));
        Err e = verify();
        ck_assert_msg(e.code == ERR_CORRUPT || (e.code == ERR_UNTRUSTED && i < lines[1].size), "byte %zu: %s", i, err_text(e.code));
        ck_assert_uint_ge(report.bad_line, 1);
        log_file.data[i] ^= (uint8_t)(1 << i % 8);
    }
    fixture_put(path, view_buffer(&log_file));
    size_t used = (size_t)((const char *)memchr(head_file.data, '}', head_file.size) - (const char *)head_file.data) + 1;
    for (size_t i = 0; i < used; i++) {
        head_file.data[i] ^= 1;
        fixture_put(head_path, view_buffer(&head_file));
        ck_assert_err(verify(), ERR_CORRUPT);
        head_file.data[i] ^= 1;
    }
    end();
}
END_TEST

START_TEST(a_line_too_long_is_named)
{
    begin();
    AUTO_BUFFER text = buffer_limited(1 * MIB);
    ck_assert_ok(buffer_append(&text, lines[1]));
    for (int i = 0; i <= AUDIT_READ_BYTES_MAX; i++) ck_assert_ok(buffer_put_u8(&text, ' '));
    ck_assert_ok(buffer_append(&text, lines[2]));
    fixture_put(path, view_buffer(&text));
    expect_bad(2, "is longer than any line of an audit log");
    end();
}
END_TEST

static Err stop_at_three(void *context, const AuditEntry *entry)
{
    uint64_t *seen = context;
    ck_assert_uint_eq(entry->seq, ++*seen);
    ck_assert_str_eq(entry->by, "owner");
    ck_assert_str_eq(entry->event, entry->seq % 3 == 0 ? "key-refusal" : "key-release");
    ck_assert_str_eq(entry->task, entry->seq % 3 == 0 ? "t1" : "t0");
    return entry->seq == 3 ? FAIL(ERR_INTERRUPTED) : OK;
}

static Err count_visits(void *context, const AuditEntry *entry)
{
    (void)entry;
    ++*(uint64_t *)context;
    return OK;
}

START_TEST(each_entry_is_visited_until_the_visitor_stops_or_a_line_is_none)
{
    begin();
    uint64_t seen = 0;
    ck_assert_err(audit_each(path, stop_at_three, &seen, &diag), ERR_INTERRUPTED);
    ck_assert_uint_eq(seen, 3);
    seen = 0;
    ck_assert_ok(audit_each(path, count_visits, &seen, &diag));
    ck_assert_uint_eq(seen, ENTRIES);
    edit(8, "seq", "sea");
    seen = 0;
    ck_assert_err(audit_each(path, count_visits, &seen, &diag), ERR_CORRUPT);
    ck_assert_uint_eq(seen, 5);
    ck_assert_ptr_nonnull(strstr(diag.text, "audit.log:8: is not a line of an audit log"));
    unlink(path);
    ck_assert_err(audit_each(path, count_visits, &seen, &diag), ERR_NO_ENTRY);
    end();
}
END_TEST

TEST_MAIN("audit/verify", an_untouched_log_is_whole, an_edited_line_is_named, a_changed_link_is_named_where_it_is, a_removed_line_is_named,
          an_inserted_repeated_or_moved_line_is_named, a_cut_tail_is_found_wherever_it_was_cut, a_missing_forged_or_damaged_head_is_found,
          a_swapped_log_is_found, the_log_of_another_key_is_not_trusted, a_forged_checkpoint_is_named, a_line_after_the_end_is_found,
          every_flipped_bit_of_log_and_head_is_found, a_line_too_long_is_named, each_entry_is_visited_until_the_visitor_stops_or_a_line_is_none)
