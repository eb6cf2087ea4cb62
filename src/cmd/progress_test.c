/* Does the progress line say what is true, and stay on one line? */
#include "cmd/progress.h"

#include <string.h>

#include "base/test.h"

static char text[PROGRESS_LINE_MAX];

START_TEST(a_plain_line_has_done_total_percent_rate_failures_and_time_left)
{
    covey_progress c = {.micro_jobs = 200, .succeeded = 48, .failed = 2, .wall_seconds = 5};
    progress_format("t", &c, 0, text, sizeof text);
    ck_assert_str_eq(text, "t: 50/200 25%, 10/s, 2 failed, 15 s left");
}
END_TEST

START_TEST(while_splitting_the_total_is_guessed_from_the_bytes)
{
    covey_progress c = {.micro_jobs = 10, .succeeded = 5, .counting = true, .bytes_done = 100, .bytes_total = 1000, .wall_seconds = 1};
    progress_format("t", &c, 0, text, sizeof text);
    ck_assert_str_eq(text, "t: 5/~100 5%, 5.0/s, 19 s left");
}
END_TEST

START_TEST(a_total_that_nobody_knows_is_not_invented)
{
    covey_progress c = {.micro_jobs = 10, .succeeded = 5, .counting = true, .wall_seconds = 1};
    progress_format("t", &c, 0, text, sizeof text);
    ck_assert_str_eq(text, "t: 5, 5.0/s");
}
END_TEST

START_TEST(what_an_earlier_run_did_does_not_count_as_speed)
{
    covey_progress c = {.micro_jobs = 100, .succeeded = 60, .resumed = 50, .wall_seconds = 1};
    progress_format("t", &c, 0, text, sizeof text);
    ck_assert_str_eq(text, "t: 60/100 60%, 10/s, 4 s left");
}
END_TEST

START_TEST(the_bar_fits_every_width)
{
    covey_progress c = {.micro_jobs = 200, .succeeded = 200, .failed = 1, .wall_seconds = 5}; /* more done than there are */
    for (unsigned columns = 1; columns <= 300; columns++) {
        progress_format("a-task-with-a-name", &c, columns, text, sizeof text);
        ck_assert_uint_lt(strlen(text), columns < 2 ? 2 : columns);
    }
    progress_format("t", &c, 80, text, sizeof text);
    ck_assert_ptr_nonnull(strchr(text, '#'));
}
END_TEST

START_TEST(a_name_that_fills_the_line_does_not_spill)
{
    char name[400];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    covey_progress c = {.micro_jobs = 1};
    progress_format(name, &c, 80, text, sizeof text);
    ck_assert_uint_eq(strlen(text), 79);
}
END_TEST

TEST_MAIN("cmd/progress", a_plain_line_has_done_total_percent_rate_failures_and_time_left,
          while_splitting_the_total_is_guessed_from_the_bytes, a_total_that_nobody_knows_is_not_invented,
          what_an_earlier_run_did_does_not_count_as_speed, the_bar_fits_every_width, a_name_that_fills_the_line_does_not_spill)
