/* Is a field what RFC 4180 says it is, whatever quotes and newlines are in it? */
#include "api/csv_field.h"
#include "base/test.h"

static void check_field(const char *record, size_t column, const char *expected)
{
    AUTO_BUFFER field = buffer_limited(1024);
    bool found;
    ck_assert_ok(csv_field(view_text(record), column, &field, &found));
    ck_assert_msg(found == (expected != NULL), "'%s' column %zu", record, column);
    if (expected) ck_assert_msg(view_equal(view_buffer(&field), view_text(expected)), "'%s' column %zu: '%.*s'", record, column, (int)field.size, (const char *)field.data);
}

START_TEST(fields_lose_their_quotes_and_the_newline)
{
    check_field("a,b,c\n", 0, "a");
    check_field("a,b,c\n", 2, "c");
    check_field("a,b,c\r\n", 2, "c");
    check_field("a,b,c", 2, "c");
    check_field("a,b,c\n", 3, NULL);
    check_field(",,\n", 1, "");
    check_field(",,\n", 2, "");
    check_field("\n", 0, "");
    check_field("\n", 1, NULL);
    check_field("\"a\",b\n", 0, "a");
    check_field("\"a,b\",c\n", 0, "a,b");
    check_field("\"a,b\",c\n", 1, "c");
    check_field("\"a\"\"b\",c\n", 0, "a\"b");
    check_field("\"line\nbreak\",c\n", 0, "line\nbreak");
    check_field("\"\",c\n", 0, "");
    check_field("\"\"\"\"\n", 0, "\"");
    check_field("a\"b,c\n", 0, "a\"b");          /* a lone quote in an unquoted field is data */
    check_field("\"a\"x\"y,c\n", 0, "ax\"y");      /* what follows a closing quote too */
    check_field("\"a\"x\"y,c\n", 1, "c");
}
END_TEST

START_TEST(the_same_value_is_the_same_field_however_it_is_quoted)
{
    check_field("Smith,1\n", 0, "Smith");
    check_field("\"Smith\",1\n", 0, "Smith");
    check_field("1,\"Smith\"\r\n", 1, "Smith");
}
END_TEST

static void check_column(const char *header, const char *name, bool expected, size_t column)
{
    size_t at;
    bool found;
    ck_assert_ok(csv_column(view_text(header), view_text(name), &at, &found));
    ck_assert_msg(found == expected, "'%s' in '%s'", name, header);
    if (expected) ck_assert_uint_eq(at, column);
}

START_TEST(columns_are_found_by_name)
{
    check_column("id,name,date\r\n", "id", true, 0);
    check_column("id,name,date\r\n", "date", true, 2);
    check_column("\xef\xbb\xbfid,name\n", "id", true, 0);
    check_column("\"the id\",name\n", "the id", true, 0);
    check_column("id,name\n", "nam", false, 0);
    check_column("id,id\n", "id", true, 0);
    check_column("\n", "id", false, 0);
}
END_TEST

TEST_MAIN("api/csv_field", fields_lose_their_quotes_and_the_newline, the_same_value_is_the_same_field_however_it_is_quoted, columns_are_found_by_name)
