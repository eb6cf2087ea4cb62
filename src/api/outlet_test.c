/* Is a task's output ever half there? */
#include "api/outlet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/test.h"

static TestFolder folder;

static void enter_folder(void)
{
    folder = test_folder();
    ck_assert_int_eq(chdir(folder.path), 0);
}

static void leave_folder(void) { test_folder_remove(&folder); }

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static void assert_content(const char *path, const char *expected)
{
    char text[256];
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s is missing", path);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    ck_assert_str_eq(text, expected);
}

START_TEST(the_old_file_stays_until_the_new_one_is_complete)
{
    enter_folder();
    put("out", "old");
    Outlet o;
    Diag diag = {0};
    char partial[PATH_BYTES_MAX];
    ck_assert_ok(outlet_open("out", &o, &diag));
    ck_assert_ok(outlet_write(&o, VIEW("new")));
    ck_assert_ok(outlet_flush(&o));
    assert_content("out", "old");
    ck_assert_ok(outlet_commit(&o, false, partial, &diag));
    outlet_close(&o);
    assert_content("out", "new");
    ck_assert_str_eq(partial, "");
    ck_assert_int_eq(test_count_entries("."), 1);
    leave_folder();
}
END_TEST

START_TEST(without_a_commit_nothing_is_left)
{
    enter_folder();
    put("out", "old");
    Outlet o;
    Diag diag = {0};
    ck_assert_ok(outlet_open("out", &o, &diag));
    ck_assert_ok(outlet_write(&o, VIEW("half")));
    outlet_close(&o);
    assert_content("out", "old");
    ck_assert_int_eq(test_count_entries("."), 1);
    leave_folder();
}
END_TEST

START_TEST(a_partial_output_leaves_the_old_file_alone)
{
    enter_folder();
    put("out", "old");
    Outlet o;
    Diag diag = {0};
    char partial[PATH_BYTES_MAX];
    ck_assert_ok(outlet_open("out", &o, &diag));
    ck_assert_ok(outlet_write(&o, VIEW("some")));
    ck_assert_ok(outlet_commit(&o, true, partial, &diag));
    outlet_close(&o);
    assert_content("out", "old");
    assert_content("out.partial", "some");
    ck_assert_str_eq(partial, "out.partial");
    leave_folder();
}
END_TEST

START_TEST(a_complete_output_removes_the_partial_one_of_an_earlier_run)
{
    enter_folder();
    put("out.partial", "some");
    Outlet o;
    Diag diag = {0};
    char partial[PATH_BYTES_MAX];
    ck_assert_ok(outlet_open("out", &o, &diag));
    ck_assert_ok(outlet_write(&o, VIEW("all")));
    ck_assert_ok(outlet_commit(&o, false, partial, &diag));
    outlet_close(&o);
    assert_content("out", "all");
    ck_assert_int_eq(test_count_entries("."), 1);
    leave_folder();
}
END_TEST

START_TEST(a_link_stays_a_link_and_its_file_is_replaced)
{
    enter_folder();
    put("real", "old");
    ck_assert_int_eq(symlink("real", "out"), 0);
    Outlet o;
    Diag diag = {0};
    char partial[PATH_BYTES_MAX];
    struct stat st;
    ck_assert_ok(outlet_open("out", &o, &diag));
    ck_assert_ok(outlet_write(&o, VIEW("new")));
    ck_assert_ok(outlet_commit(&o, false, partial, &diag));
    outlet_close(&o);
    assert_content("real", "new");
    ck_assert_int_eq(lstat("out", &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    leave_folder();
}
END_TEST

START_TEST(a_device_is_written_and_not_replaced)
{
    Outlet o;
    Diag diag = {0};
    char partial[PATH_BYTES_MAX];
    struct stat st;
    ck_assert_ok(outlet_open("/dev/null", &o, &diag));
    ck_assert_ok(outlet_write(&o, VIEW("gone")));
    ck_assert_ok(outlet_commit(&o, true, partial, &diag));
    outlet_close(&o);
    ck_assert_int_eq(stat("/dev/null", &st), 0);
    ck_assert(S_ISCHR(st.st_mode));
    ck_assert_str_eq(partial, "");
}
END_TEST

START_TEST(an_output_in_a_missing_folder_is_the_users_mistake)
{
    enter_folder();
    Outlet o;
    Diag diag = {0};
    ck_assert_err(outlet_open("nowhere/out", &o, &diag), ERR_BAD_INPUT);
    ck_assert_str_eq(diag.text, "output nowhere/out: No such file or directory");
    leave_folder();
}
END_TEST

typedef struct { size_t bytes; unsigned calls; int answer; } Taken;

static int take(void *context, const void *data, size_t size)
{
    Taken *t = context;
    t->bytes += size;
    t->calls++;
    return data ? t->answer : 1;
}

START_TEST(small_pieces_reach_the_callers_function_together)
{
    Taken taken = {0};
    Outlet o;
    Diag diag = {0};
    char partial[PATH_BYTES_MAX];
    outlet_open_function(take, &taken, &o);
    for (int i = 0; i < 1000; i++) ck_assert_ok(outlet_write(&o, VIEW("0123456789")));
    ck_assert_ok(outlet_commit(&o, false, partial, &diag));
    outlet_close(&o);
    ck_assert_uint_eq(taken.bytes, 10000);
    ck_assert_uint_eq(taken.calls, 1);
}
END_TEST

START_TEST(a_function_that_says_stop_ends_the_output)
{
    Taken taken = {.answer = 1};
    Outlet o;
    outlet_open_function(take, &taken, &o);
    ck_assert_ok(outlet_write(&o, VIEW("x")));
    ck_assert_err(outlet_flush(&o), EPIPE);
    outlet_close(&o);
}
END_TEST

TEST_MAIN("api/outlet", the_old_file_stays_until_the_new_one_is_complete, without_a_commit_nothing_is_left,
          a_partial_output_leaves_the_old_file_alone, a_complete_output_removes_the_partial_one_of_an_earlier_run,
          a_link_stays_a_link_and_its_file_is_replaced, a_device_is_written_and_not_replaced,
          an_output_in_a_missing_folder_is_the_users_mistake, small_pieces_reach_the_callers_function_together,
          a_function_that_says_stop_ends_the_output)
