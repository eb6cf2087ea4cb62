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

/** Fields as sealing takes them (api/csv_field.c), records as it ends them (swarm/split_scan.c), written once more and as plainly as possible. */
static void oracle(const char *text, char *out)
{
    bool quoted = false, pending = false, start = true, header = true;
    char fields[4][64] = {{0}};
    size_t sizes[4] = {0}, column = 0, bytes = 0;
    for (size_t i = 0, size = strlen(text); i < size; i++) {
        const char c = text[i];
        const size_t at = column < 3 ? column : 3;
        if (quoted) {
            pending = c == '"';
            quoted = !pending;
            if (!pending) fields[at][sizes[at]++] = c;
            bytes++;
            continue;
        }
        const bool opens = c == '"' && (start || pending), doubled = pending;
        pending = false;
        if (opens) {
            if (doubled) fields[at][sizes[at]++] = c;
            quoted = true;
            start = false;
            bytes++;
        } else if (c == '\n') {
            const bool crlf = i > 0 && text[i - 1] == '\r', blank = bytes == 0;
            if (crlf && sizes[at] && fields[at][sizes[at] - 1] == '\r') sizes[at]--;
            if (!header && !blank)
                out += sprintf(out, "%.*s|%.*s;", (int)sizes[0], fields[0], (int)sizes[2], fields[2]);
            header = false;
            memset(sizes, 0, sizeof sizes);
            column = bytes = 0;
            start = true;
        } else if (c == ',') {
            column++;
            start = true;
            bytes++;
        } else {
            fields[at][sizes[at]++] = c;
            start = false;
            bytes += c != '\r';
        }
    }
}

START_TEST(malformed_quotes_end_records_where_sealing_ended_them)
{
    check("a,b,c\nx,\"a\"b\",1\ny,2,3\n", "x|1;y|3;"); /* a quote behind a closed field: it swallowed the next record once */
    check("a,b,c\nx,\"\"q\",1\ny,2,3\n", "x|1;y|3;");
    check("a,b,c\nx,\r\"q,1\ny,2,3\n", "x|1;y|3;");
    check("a,b,c\nx,q\"r\"s,1\ny,2,3\n", "x|1;y|3;");
    check("a,b,c\nx\ry,2,3\r\n", "x\ry|3;");
    check("\xef\xbb\xbf\"a\",b,c\n1,2,3\n", "1|3;");
    unsigned seed = 20200401;
    for (int round = 0; round < 20000; round++) {
        char text[64] = "a,b,c\n", expected[256] = "";
        size_t size = 6, columns = 0;
        for (int i = 0; i < 30; i++) {
            seed = seed * 1103515245u + 12345u;
            char c = "\"\"\",\n\rxy"[seed >> 16 & 7];
            if (c == ',' && ++columns > 3) c = 'x'; /* the oracle's room */
            if (c == '\n') columns = 0;
            text[size++] = c;
        }
        strcpy(text + size, "\"\n");
        oracle(text, expected);
        for (size_t step = 1; step < 40; step += 7) {
            Err e = read_in(text, step, "a", "c");
            ck_assert(e.code == 0);
            ck_assert_msg(strncmp(said, expected, strlen(expected)) == 0, "'%s': '%s', not '%s'", text, said, expected);
        }
    }
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
          malformed_quotes_end_records_where_sealing_ended_them,
          a_column_that_is_not_there_is_an_error_for_the_segment_not_for_a_record)
