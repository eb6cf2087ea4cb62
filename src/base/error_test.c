/* Is every code in the table, and does a person get a text and the right exit code for each? */
#include "base/error.h"
#include "base/level.h"
#include "base/test.h"

#include <errno.h>
#include <string.h>

static Err fails_below(Err inner, int *after)
{
    TRY(inner);
    *after = 1;
    return OK;
}

START_TEST(try_passes_an_error_on_and_lets_success_through)
{
    int after = 0;
    ck_assert_err(fails_below(FAIL(ERR_CORRUPT), &after), ERR_CORRUPT);
    ck_assert_int_eq(after, 0);
    ck_assert_ok(fails_below(OK, &after));
    ck_assert_int_eq(after, 1);
}
END_TEST

START_TEST(an_error_says_where_it_began)
{
    Err e = FAIL(ENOENT);
    ck_assert_ptr_nonnull(strstr(e.at, "error_test.c:"));
}
END_TEST

START_TEST(every_code_has_a_text_and_a_kind)
{
    for (int code = ERR_FIRST; code < ERR_LAST; code++) {
        ck_assert_ptr_nonnull(err_text(code));
        ck_assert_str_ne(err_text(code), "unknown error");
        ck_assert_int_ne(err_kind(code), ERR_KIND_NONE);
    }
    ck_assert_str_eq(err_text(0), "success");
    ck_assert_str_eq(err_text(ENOENT), "No such file or directory");
    ck_assert_str_eq(err_text(ERR_LAST), "unknown error");
    ck_assert_str_eq(err_text(-5), "unknown error");
}
END_TEST

START_TEST(exit_codes_are_those_of_the_manual)
{
    static const struct { int code, exit_code; } EXPECTED[] = {
        {0, 0}, {ERR_TASK_FAILED, 1}, {ERR_BAD_INPUT, 2}, {ERR_USAGE, 2}, {ERR_TOOL, 2}, {ERR_DENIED, 3}, {ERR_UNTRUSTED, 3},
        {ERR_CORRUPT, 3}, {ENOMEM, 4}, {ERR_BUSY, 4}, {ERR_CLOSED, 4}, {ERR_INTERRUPTED, 130}};
    for (size_t i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++)
        ck_assert_msg(err_exit_code(EXPECTED[i].code) == EXPECTED[i].exit_code, "%s", err_text(EXPECTED[i].code));
}
END_TEST

START_TEST(a_diag_keeps_the_first_and_closest_text)
{
    Diag diag = {0};
    Err e = FAIL_WHY(&diag, ERR_BAD_INPUT, "task.yaml:%d: no image", 7);
    ck_assert_int_eq(e.code, ERR_BAD_INPUT);
    e = diag_complete(&diag, e, "reading the task");
    ck_assert_str_eq(diag.text, "task.yaml:7: no image");
    ck_assert_int_eq(e.code, ERR_BAD_INPUT);
}
END_TEST

START_TEST(a_diag_without_a_text_gets_one_from_the_code)
{
    Diag diag = {0};
    ck_assert_err(diag_complete(&diag, FAIL(ENOSPC), "%s", "out.csv"), ENOSPC);
    ck_assert_str_eq(diag.text, "out.csv: No space left on device");
}
END_TEST

START_TEST(a_diag_is_optional_and_bounded)
{
    static char text[2 * DIAG_TEXT_MAX];
    memset(text, 'x', sizeof text - 1);
    Diag diag = {0};
    ck_assert_err(FAIL_WHY(&diag, ERR_LIMIT, "%s", text), ERR_LIMIT);
    ck_assert_uint_eq(strlen(diag.text), DIAG_TEXT_MAX - 1);
    ck_assert_err(FAIL_WHY(NULL, ERR_LIMIT, "%s", text), ERR_LIMIT);
    ck_assert_err(diag_complete(NULL, FAIL(ERR_LIMIT), "%s", text), ERR_LIMIT);
}
END_TEST

START_TEST(levels_are_known_by_name)
{
    for (int i = LEVEL_SHARED; i <= LEVEL_CONFIDENTIAL; i++) {
        SecurityLevel level = 0;
        ck_assert(level_parse(level_name((SecurityLevel)i), &level));
        ck_assert_int_eq(level, i);
    }
    SecurityLevel untouched = LEVEL_MICROVM;
    ck_assert(!level_parse("Process", &untouched));
    ck_assert(!level_parse("", &untouched));
    ck_assert_int_eq(untouched, LEVEL_MICROVM);
    ck_assert_str_eq(level_name((SecurityLevel)99), "unknown");
}
END_TEST

TEST_MAIN("base/error", try_passes_an_error_on_and_lets_success_through, an_error_says_where_it_began,
          every_code_has_a_text_and_a_kind, exit_codes_are_those_of_the_manual, a_diag_keeps_the_first_and_closest_text,
          a_diag_without_a_text_gets_one_from_the_code, a_diag_is_optional_and_bounded, levels_are_known_by_name)
