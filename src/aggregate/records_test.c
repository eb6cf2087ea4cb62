/* Are records taken out of a stream as RFC 4180 says, however the stream is cut, and does none change another? */
#include "aggregate/records.h"

#include <stdio.h>

#include "base/test.h"

static char said[4096];

static Err say(void *context, const View *fields)
{
    (void)context;
    size_t size = strlen(said);
    for (int i = 0; i < 2; i++)
        size += (size_t)snprintf(said + size, sizeof said - size, "%.*s%c", (int)fields[i].size, (const char *)fields[i].data, i ? ';' : '|');
    return OK;
}

/* All of it in pieces of `step` bytes. */
static Err read_in(const char *text, size_t step, const char *first, const char *second)
{
    static Records r;
    r = (Records){.names = {first, second}, .sink = say};
    said[0] = '\0';
    for (size_t at = 0, size = strlen(text); at < size; at += step) TRY(records_feed(&r, view_of(text + at, size - at < step ? size - at : step)));
    return records_end(&r);
}

static void check(const char *text, const char *expected)
{
    for (size_t step = 1; step < 9; step++) {
        ck_assert_ok(read_in(text, step, "a", "c"));
        ck_assert_msg(strcmp(said, expected) == 0, "in pieces of %zu: \"%s\", not \"%s\"", step, said, expected);
    }
}

START_TEST(records_are_read_however_the_stream_is_cut)
{
    check("a,b,c\n1,2,3\n4,5,6\n", "1|3;4|6;");
    check("a,b,c\r\n1,2,3\r\n", "1|3;");
    check("a,b,c\n1,2,3", "1|3;");
    check("c,b,a\n1,2,3\n", "3|1;");
    check("a,b,c\n\"x,\"\"y\"\"\n\",2,3\n", "x,\"y\"\n|3;");
    check("a,b,c\n\n1,2,3\n\n", "1|3;");
}
END_TEST

START_TEST(a_short_or_a_long_record_changes_no_other)
{
    check("a,b,c\n1\n4,5,6,7,8\n,,\n9,9,9\n", "1|;4|6;|;9|9;");
    static char text[8192];
    size_t size = (size_t)sprintf(text, "a,b,c\n");
    memset(text + size, 'x', 5000);
    strcpy(text + size + 5000, ",2,3\n4,5,6\n");
    ck_assert_ok(read_in(text, 64, "a", "c"));
    ck_assert_ptr_nonnull(strstr(said, "x|3;4|6;"));
    ck_assert_uint_eq(strlen(said), RECORD_FIELD_MAX + strlen("|3;4|6;"));
}
END_TEST

START_TEST(a_column_that_is_not_there_is_an_error_for_the_segment_not_for_a_record)
{
    ck_assert_err(read_in("a,b\n1,2\n", 4, "a", "c"), ERR_NO_ENTRY);
    ck_assert_str_eq(said, "");
    ck_assert_err(read_in("", 4, "a", "c"), ERR_NO_ENTRY);
}
END_TEST

TEST_MAIN("aggregate/records", records_are_read_however_the_stream_is_cut, a_short_or_a_long_record_changes_no_other,
          a_column_that_is_not_there_is_an_error_for_the_segment_not_for_a_record)
