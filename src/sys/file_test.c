/* Are whole files read within limits, and replaced in one step? */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sys/fd.h"
#include "sys/test.h"

START_TEST(a_file_is_read_whole)
{
    TestFolder f = test_folder();
    enum { SIZE = 300000 };
    static uint8_t data[SIZE];
    for (size_t i = 0; i < SIZE; i++) data[i] = (uint8_t)(i * 13);
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&f, "a"), view_of(data, SIZE), 0600));

    AUTO_BUFFER b = buffer_limited(SIZE + 1);
    ck_assert_ok(buffer_append(&b, VIEW("!")));
    ck_assert_ok(file_read(AT_FDCWD, test_path(&f, "a"), &b));
    ck_assert_uint_eq(b.size, SIZE + 1);
    ck_assert_mem_eq(b.data + 1, data, SIZE);
    test_folder_remove(&f);
}
END_TEST

START_TEST(a_file_may_fill_a_buffer_to_its_limit_but_not_exceed_it)
{
    TestFolder f = test_folder();
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&f, "a"), VIEW("12345"), 0600));
    AUTO_BUFFER exact = buffer_limited(5);
    ck_assert_ok(file_read(AT_FDCWD, test_path(&f, "a"), &exact));
    ck_assert(view_equal(view_buffer(&exact), VIEW("12345")));
    AUTO_BUFFER small = buffer_limited(4);
    ck_assert_err(file_read(AT_FDCWD, test_path(&f, "a"), &small), ERR_LIMIT);
    ck_assert_uint_eq(small.size, 0);
    test_folder_remove(&f);
}
END_TEST

START_TEST(a_file_that_hides_its_size_is_read_and_bounded_too)
{
    AUTO_BUFFER b = buffer_limited(1 << 20);
    ck_assert_ok(file_read(AT_FDCWD, "/proc/self/status", &b)); /* says that it has 0 bytes */
    ck_assert_uint_gt(b.size, 100);
    AUTO_BUFFER small = buffer_limited(10);
    ck_assert_err(file_read(AT_FDCWD, "/proc/self/status", &small), ERR_LIMIT);
    ck_assert_uint_eq(small.size, 0);
    AUTO_BUFFER endless = buffer_limited(1000);
    ck_assert_err(file_read(AT_FDCWD, "/dev/zero", &endless), ERR_LIMIT);
}
END_TEST

START_TEST(a_missing_file_and_a_folder_are_errors)
{
    AUTO_BUFFER b = buffer_limited(100);
    ck_assert_err(file_read(AT_FDCWD, "/no/such", &b), ENOENT);
    TestFolder f = test_folder();
    AUTO_BUFFER large = buffer_limited(1 << 20);
    ck_assert_err(file_read(AT_FDCWD, f.path, &large), EISDIR);
    test_folder_remove(&f);
}
END_TEST

START_TEST(replacing_leaves_the_new_content_its_mode_and_nothing_else)
{
    TestFolder f = test_folder();
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&f, "a"), VIEW("old"), 0644));
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&f, "a"), VIEW("new"), 0600));
    AUTO_BUFFER b = buffer_limited(100);
    ck_assert_ok(file_read(AT_FDCWD, test_path(&f, "a"), &b));
    ck_assert(view_equal(view_buffer(&b), VIEW("new")));
    struct stat st;
    ck_assert_int_eq(stat(test_path(&f, "a"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(test_count_entries(f.path), 1);
    test_folder_remove(&f);
}
END_TEST

START_TEST(replacing_works_relative_to_a_folder_and_with_the_longest_name)
{
    TestFolder f = test_folder();
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    AUTO_FD dir = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_ok(file_replace(dir, name, VIEW("x"), 0600));
    AUTO_BUFFER b = buffer_limited(100);
    ck_assert_ok(file_read(dir, name, &b));
    ck_assert_int_eq(test_count_entries(f.path), 1);
    test_folder_remove(&f);
}
END_TEST

START_TEST(a_reader_sees_the_old_or_the_new_file_and_nothing_between)
{
    enum { SIZE = 20000, ROUNDS = 300 };
    static uint8_t letters[2][SIZE];
    memset(letters[0], 'a', SIZE);
    memset(letters[1], 'b', SIZE);
    TestFolder f = test_folder();
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&f, "a"), view_of(letters[0], SIZE), 0600));
    pid_t writer = fork();
    if (writer == 0) {
        for (int i = 0; i < ROUNDS; i++)
            if (file_replace(AT_FDCWD, test_path(&f, "a"), view_of(letters[i % 2], SIZE), 0600).code) _exit(1);
        _exit(0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        AUTO_BUFFER b = buffer_limited(SIZE);
        ck_assert_ok(file_read(AT_FDCWD, test_path(&f, "a"), &b));
        ck_assert_uint_eq(b.size, SIZE);
        ck_assert_mem_eq(b.data, letters[b.data[0] == 'b'], SIZE);
    }
    int status;
    ck_assert_int_eq(waitpid(writer, &status, 0), writer);
    ck_assert_int_eq(status, 0);
    test_folder_remove(&f);
}
END_TEST

START_TEST(a_rename_replaces_its_target)
{
    TestFolder f = test_folder();
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&f, "a"), VIEW("a"), 0600));
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&f, "b"), VIEW("b"), 0600));
    ck_assert_ok(file_rename(test_path(&f, "a"), test_path(&f, "b")));
    AUTO_BUFFER b = buffer_limited(100);
    ck_assert_ok(file_read(AT_FDCWD, test_path(&f, "b"), &b));
    ck_assert(view_equal(view_buffer(&b), VIEW("a")));
    ck_assert_err(file_rename(test_path(&f, "a"), test_path(&f, "b")), ENOENT);
    test_folder_remove(&f);
}
END_TEST

START_TEST(folders_are_made_with_their_parents_and_may_exist)
{
    TestFolder f = test_folder();
    ck_assert_ok(dir_make_all(test_path(&f, "x//y/z/"), 0700));
    ck_assert_ok(dir_make_all(test_path(&f, "x/y/z"), 0700));
    struct stat st;
    ck_assert_int_eq(stat(test_path(&f, "x/y/z"), &st), 0);
    ck_assert(S_ISDIR(st.st_mode));
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    test_folder_remove(&f);
}
END_TEST

START_TEST(a_file_in_the_way_of_a_folder_is_an_error)
{
    TestFolder f = test_folder();
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&f, "x"), VIEW(""), 0600));
    ck_assert_err(dir_make_all(test_path(&f, "x"), 0700), ENOTDIR);
    ck_assert_err(dir_make_all(test_path(&f, "x/y"), 0700), ENOTDIR);
    ck_assert_err(dir_make_all("", 0700), ENOENT);
    char name[PATH_MAX + 10];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_err(dir_make_all(name, 0700), ENAMETOOLONG);
    ck_assert_err(file_replace(AT_FDCWD, name, VIEW(""), 0600), ENAMETOOLONG);
    test_folder_remove(&f);
}
END_TEST

START_TEST(a_secret_that_others_can_read_is_refused_with_the_remedy)
{
    TestFolder f = test_folder();
    const char *path = test_path(&f, "key.pem");
    static const mode_t OPEN[] = {0640, 0604, 0620, 0601}, PRIVATE[] = {0600, 0400};
    ck_assert_ok(file_replace(AT_FDCWD, path, VIEW("secret"), 0600));
    AUTO_FD fd = -1;
    ck_assert_ok(fd_open(AT_FDCWD, path, O_RDONLY, 0, &fd));
    Diag diag = {{0}};
    for (size_t i = 0; i < sizeof PRIVATE / sizeof *PRIVATE; i++) {
        ck_assert_int_eq(fchmod(fd, PRIVATE[i]), 0);
        ck_assert_ok(file_check_private(fd, path, "key", &diag));
    }
    for (size_t i = 0; i < sizeof OPEN / sizeof *OPEN; i++) {
        char text[DIAG_TEXT_MAX];
        ck_assert_int_eq(fchmod(fd, OPEN[i]), 0);
        ck_assert_err(file_check_private(fd, path, "key", &diag), ERR_DENIED);
        snprintf(text, sizeof text, "%s: others can read the key (mode %03o); run: chmod 600 %s", path, (unsigned)OPEN[i], path);
        ck_assert_str_eq(diag.text, text);
    }
    test_folder_remove(&f);
}
END_TEST

TEST_MAIN("sys/file", a_file_is_read_whole, a_file_may_fill_a_buffer_to_its_limit_but_not_exceed_it,
          a_file_that_hides_its_size_is_read_and_bounded_too, a_missing_file_and_a_folder_are_errors,
          replacing_leaves_the_new_content_its_mode_and_nothing_else, replacing_works_relative_to_a_folder_and_with_the_longest_name,
          a_reader_sees_the_old_or_the_new_file_and_nothing_between, a_rename_replaces_its_target,
          folders_are_made_with_their_parents_and_may_exist, a_file_in_the_way_of_a_folder_is_an_error,
          a_secret_that_others_can_read_is_refused_with_the_remedy)
