/* Is a time printed and read as the C library has it, and is what is no time refused? */
#include <time.h>

#include "base/rfc3339.h"
#include "base/test.h"

START_TEST(times_of_all_years_are_those_of_the_c_library)
{
    enum { STEP = 86400 * 7 + 12347 }; /* meets every weekday, hour and second in the course of the years */
    for (uint64_t t = 0; t < 253402300800; t += STEP * TEST_STEP) {
        char text[RFC3339_TEXT_MAX], expected[RFC3339_TEXT_MAX];
        time_t as_time = (time_t)t;
        struct tm tm;
        uint64_t back;
        rfc3339_print(t, text);
        ck_assert_ptr_nonnull(gmtime_r(&as_time, &tm));
        ck_assert_uint_eq(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm), sizeof expected - 1);
        if (strcmp(text, expected) != 0) ck_abort_msg("%s, not %s", text, expected);
        ck_assert_ok(rfc3339_parse(view_text(text), &back));
        if (back != t) ck_abort_msg("%s is read as %llu", text, (unsigned long long)back);
    }
}
END_TEST

START_TEST(the_last_second_is_the_latest_that_is_printed)
{
    char text[RFC3339_TEXT_MAX];
    rfc3339_print(253402300799, text);
    ck_assert_str_eq(text, "9999-12-31T23:59:59Z");
    rfc3339_print(UINT64_MAX, text);
    ck_assert_str_eq(text, "9999-12-31T23:59:59Z");
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
    static const char *const BAD[] = {
        "", "2027", "2027-01-01", "2027-01-01T00:00:00", "2027-01-01T00:00:00z", "2027-01-01 00:00:00Z", "2027-01-01T00:00:00+00:00",
        "2027-01-01T00:00:00.0Z", "2027-01-01T00:00:00Zx", "1969-12-31T23:59:59Z", "2027-00-01T00:00:00Z", "2027-13-01T00:00:00Z",
        "2027-01-00T00:00:00Z", "2027-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2027-04-31T00:00:00Z", "2027-01-32T00:00:00Z",
        "2027-01-01T24:00:00Z", "2027-01-01T00:60:00Z", "2027-01-01T00:00:60Z", "2027-01-01T0x:00:00Z", "-027-01-01T00:00:00Z",
    };
    uint64_t t = 7;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) ck_assert_err(rfc3339_parse(view_text(BAD[i]), &t), ERR_BAD_INPUT);
    ck_assert_uint_eq(t, 7);
    ck_assert_ok(rfc3339_parse(VIEW("2024-02-29T12:34:56Z"), &t));
    ck_assert_uint_eq(t, 1709210096);
}
END_TEST

TEST_MAIN("base/rfc3339", times_of_all_years_are_those_of_the_c_library, the_last_second_is_the_latest_that_is_printed, what_is_no_time_is_refused)
