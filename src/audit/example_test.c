/* Is the worked example of docs/formats/audit.md what is written, and is every step of it as the document says? */
#include "audit/fixture.h"
#include "audit/sample.h"

static Buffer document(void)
{
    char path[PATH_MAX];
    const char *source = getenv("COVEY_SOURCE");
    ck_assert_ptr_nonnull(source);
    snprintf(path, sizeof path, "%s/docs/formats/audit.md", source);
    return fixture_read(path);
}

static void expect_in_document(View text)
{
    Buffer page = document();
    bool found = memmem(page.data, page.size, text.data, text.size) != NULL;
    ck_assert_msg(found, "docs/formats/audit.md does not have: %.*s", (int)text.size, (const char *)text.data);
    buffer_free(&page);
}

static void expect_hex(View bytes)
{
    char hex[256];
    sodium_bin2hex(hex, sizeof hex, bytes.data, bytes.size);
    expect_in_document(view_text(hex));
}

START_TEST(the_example_is_what_is_written)
{
    AuditSample s;
    audit_sample_make(&s);
    expect_in_document(view_buffer(&s.log));
    for (const uint8_t *at = s.log.data, *end = at + s.log.size, *next; at < end; at = next) {
        next = (const uint8_t *)memchr(at, '\n', (size_t)(end - at)) + 1;
        Sha256 hash;
        sha256_of(view_of(at, (size_t)(next - at) - 1), &hash);
        expect_hex(view_of(hash.bytes, sizeof hash.bytes));
    }
    size_t used = AUDIT_HEAD_BYTES;
    while (s.head_text[used - 1] == ' ' || s.head_text[used - 1] == '\n') used--;
    expect_in_document(view_of(s.head_text, used));
    buffer_free(&s.log);
}
END_TEST

START_TEST(the_signatures_are_over_the_bytes_of_the_document)
{
    AuditSample s;
    AuditLine checkpoint;
    audit_sample_make(&s);
    const uint8_t *last = memrchr(s.log.data, '\n', s.log.size - 1);
    ck_assert_ok(audit_line_parse(view_of(last + 1, s.log.size - (size_t)(last + 1 - s.log.data) - 1), &checkpoint));
    AUTO_BUFFER message = buffer_limited(256);
    ck_assert_ok(buffer_put_u64(&message, checkpoint.seq));
    ck_assert_ok(buffer_append(&message, view_of(checkpoint.prev.bytes, SHA256_BYTES)));
    ck_assert_ok(sign_verify(&s.key, "covey-audit-v1", view_buffer(&message), checkpoint.signature));
    expect_hex(view_buffer(&message));

    message.size = 0;
    ck_assert_ok(buffer_append(&message, view_of(s.head.id.bytes, AUDIT_ID_BYTES)));
    ck_assert_ok(buffer_put_u64(&message, s.head.lines));
    ck_assert_ok(buffer_put_u64(&message, s.head.bytes));
    ck_assert_ok(buffer_put_u8(&message, s.head.closed));
    ck_assert_ok(buffer_append(&message, view_of(s.head.hash.bytes, SHA256_BYTES)));
    expect_hex(view_buffer(&message));
    const char *text = strstr(s.head_text, "\"signature\":\"");
    uint8_t signature[SIGNATURE_BYTES];
    ck_assert_int_eq(sodium_base642bin(signature, sizeof signature, text + strlen("\"signature\":\""), 86, NULL, NULL, NULL,
                                       sodium_base64_VARIANT_ORIGINAL_NO_PADDING), 0);
    ck_assert_ok(sign_verify(&s.key, "covey-audit-head-v1", view_buffer(&message), signature));
    buffer_free(&s.log);
}
END_TEST

START_TEST(the_example_is_whole_and_goes_on)
{
    TestFolder folder = test_folder();
    AuditSample s;
    AuditReport report;
    Diag diag = {0};
    Audit *a;
    char path[PATH_MAX], head[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/audit.log", folder.path);
    snprintf(head, sizeof head, "%s.head", path);
    audit_sample_make(&s);
    fixture_put(path, view_buffer(&s.log));
    fixture_put(head, view_of(s.head_text, AUDIT_HEAD_BYTES));
    ck_assert_ok(audit_verify(path, &s.key, &report, &diag));
    ck_assert(report.closed && report.lines == 4 && report.entries == 2 && report.checkpoints == 1);
    ck_assert_ok(audit_open(path, &s.secret, &s.key, &a, &diag));
    ck_assert_ok(fixture_write(a, 0, true));
    audit_close(&a);
    ck_assert_ok(audit_verify(path, &s.key, &report, &diag));
    ck_assert(report.closed && report.lines == 6 && report.entries == 3 && report.checkpoints == 2);
    buffer_free(&s.log);
    test_folder_remove(&folder);
}
END_TEST

TEST_MAIN("audit/example", the_example_is_what_is_written, the_signatures_are_over_the_bytes_of_the_document, the_example_is_whole_and_goes_on)
