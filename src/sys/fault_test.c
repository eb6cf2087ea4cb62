/*
 * Whatever call fails, is the error clean: the code of the call, no descriptor and no process left, outputs untouched, files old or new?
 * Each operation is run with its first call failing, then its second, and so on until it is through.
 */
#include "sys/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "sys/entropy.h"
#include "sys/fd.h"
#include "sys/loop.h"
#include "sys/memfd.h"
#include "sys/process.h"
#include "sys/test.h"

enum { CALLS_MAX = 1000 };

/* An operation checks by itself that its outputs are untouched when it fails. */
typedef Err (*Operation)(void *context);

/* Returns how many calls the operation makes. `check` (may be NULL) looks at the world after each failure. */
static uint64_t sweep(Operation operation, void *context, int error, void (*check)(void *context))
{
    for (uint64_t nth = 1; nth < CALLS_MAX; nth++) {
        int before = test_open_descriptors();
        fault_arm(nth, error);
        Err e = operation(context);
        bool struck = fault_struck();
        fault_arm(0, 0);
        ck_assert_msg(test_open_descriptors() == before, "call %d: descriptors leak", (int)nth);
        ck_assert_msg(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "call %d: a process is left", (int)nth);
        if (e.code == 0 && !struck) return nth - 1;
        ck_assert_msg(e.code == error, "call %d: %s (%d) at %s, not %s", (int)nth, err_text(e.code), e.code, e.at, err_text(error));
        if (check) check(context);
    }
    ck_abort_msg("the operation never gets through");
    return 0;
}

/* --- files --- */

static Err replace(void *context)
{
    TestFolder *f = context;
    return file_replace(AT_FDCWD, test_path(f, "target"), VIEW("the new content"), 0600);
}

static void target_is_old_or_new_and_alone(void *context)
{
    TestFolder *f = context;
    AUTO_BUFFER b = buffer_limited(100);
    ck_assert_ok(file_read(AT_FDCWD, test_path(f, "target"), &b));
    ck_assert(view_equal(view_buffer(&b), VIEW("the old content")) || view_equal(view_buffer(&b), VIEW("the new content")));
    ck_assert_int_eq(test_count_entries(f->path), 1);
}

START_TEST(a_replaced_file_is_old_or_new_whatever_fails)
{
    static const int ERRORS[] = {EIO, ENOSPC, EMFILE};
    for (size_t i = 0; i < sizeof ERRORS / sizeof ERRORS[0]; i++) {
        TestFolder f = test_folder();
        ck_assert_ok(file_replace(AT_FDCWD, test_path(&f, "target"), VIEW("the old content"), 0600));
        uint64_t calls = sweep(replace, &f, ERRORS[i], target_is_old_or_new_and_alone);
        ck_assert_uint_eq(calls, 7); /* randomness, open, write, sync, rename, open and sync of the folder */
        test_folder_remove(&f);
    }
}
END_TEST

static Err rename_over(void *context)
{
    TestFolder *f = context;
    int fd = open(test_path(f, "source"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
    return file_rename(test_path(f, "source"), test_path(f, "target"));
}

START_TEST(a_rename_that_fails_says_so)
{
    TestFolder f = test_folder();
    ck_assert_uint_eq(sweep(rename_over, &f, EIO, NULL), 3);
    test_folder_remove(&f);
}
END_TEST

static Err read_whole(void *context)
{
    Buffer *b = context;
    size_t before = b->size;
    Err e = file_read(AT_FDCWD, "/proc/self/status", b);
    ck_assert(e.code == 0 || b->size == before);
    return e;
}

START_TEST(a_file_that_cannot_be_read_leaves_the_buffer_as_it_was)
{
    AUTO_BUFFER b = buffer_limited(1 << 20);
    ck_assert_ok(buffer_append(&b, VIEW("kept")));
    ck_assert_uint_ge(sweep(read_whole, &b, EIO, NULL), 4);
    ck_assert_mem_eq(b.data, "kept", 4);
}
END_TEST

static Err make_folders(void *context) { return dir_make_all(test_path(context, "a/b/c"), 0700); }

START_TEST(folders_that_cannot_be_made_are_an_error)
{
    TestFolder f = test_folder();
    sweep(make_folders, &f, EIO, NULL);
    test_folder_remove(&f);
}
END_TEST

/* --- descriptors and memory files --- */

static Err interrupted_calls(void *context)
{
    AUTO_FD fd = -1;
    char data[4];
    size_t n;
    TRY(fd_open(AT_FDCWD, test_path(context, "file"), O_RDWR | O_CREAT, 0600, &fd));
    TRY(fd_truncate(fd, 0));
    TRY(fd_write_all(fd, VIEW("ab")));
    TRY(fd_pwrite_all(fd, VIEW("cd"), 2));
    TRY(fd_sync(fd));
    TRY(fd_pread_all(fd, data, 4, 0));
    TRY(fd_read(fd, data, 4, &n));
    TRY(random_bytes(data, 4));
    return OK;
}

START_TEST(an_interrupted_call_is_made_again)
{
    TestFolder f = test_folder();
    for (uint64_t nth = 1;; nth++) {
        fault_arm(nth, EINTR);
        ck_assert_ok(interrupted_calls(&f));
        if (!fault_struck()) break;
        ck_assert_uint_eq(fault_calls(), 9); /* eight and the repeated one */
    }
    test_folder_remove(&f);
}
END_TEST

static Err make_slot(void *context)
{
    int *ret_fd = context;
    AUTO_FD fd = -1;
    Err e = memfd_fixed("slot", 4096, &fd);
    ck_assert(e.code == 0 || fd == -1);
    TRY(e);
    uint64_t offset, size;
    TRY(fd_pwrite_all(fd, VIEW("x"), 0));
    TRY(memfd_next_extent(fd, 0, &offset, &size));
    TRY(memfd_punch(fd, 0, 4096));
    void *data;
    TRY(fd_map(fd, 4096, 1, &data));
    fd_unmap(data, 4096);
    TRY(fd_stat_size(fd, &size));
    TRY(fd_set_nonblocking(fd, 1));
    *ret_fd = 0;
    return OK;
}

START_TEST(a_memory_file_that_fails_half_way_leaves_nothing)
{
    int done = -1;
    ck_assert_uint_ge(sweep(make_slot, &done, EIO, NULL), 11);
}
END_TEST

static Err make_image(void *context)
{
    AUTO_FD fd = -1;
    Err e = memfd_sealed_image("image", VIEW("content"), &fd);
    ck_assert(e.code == 0 || fd == -1);
    (void)context;
    return e;
}

START_TEST(an_image_is_sealed_or_not_given)
{
    ck_assert_uint_eq(sweep(make_image, NULL, EIO, NULL), 4);
}
END_TEST

/* Kernels before 6.3 do not know the flags that say whether a memory file may be executed. */
START_TEST(an_older_kernel_gets_a_memory_file_without_the_newer_flags)
{
    AUTO_FD fd = -1;
    fault_arm(1, EINVAL);
    ck_assert_ok(memfd_fixed("slot", 4096, &fd));
    ck_assert(fault_struck());
    struct stat st;
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

/* --- sockets and the loop --- */

static Err exchange(void *context)
{
    int ends[2];
    (void)context;
    TRY(socket_pair(ends));
    AUTO_FD a = ends[0], b = ends[1];
    TRY(socket_send(a, VIEW("x"), &b, 1));
    char data[4];
    int fds[1] = {-1};
    size_t size = 99, count = 1;
    Err e = socket_receive(b, data, sizeof data, &size, fds, &count);
    ck_assert(e.code == 0 || (size == 99 && count == 1 && fds[0] == -1));
    TRY(e);
    fd_close(&fds[0]);
    return OK;
}

START_TEST(a_packet_arrives_or_the_error_is_clean)
{
    ck_assert_uint_eq(sweep(exchange, NULL, EIO, NULL), 3);
}
END_TEST

static Err nothing(void *context, uint32_t events)
{
    (void)context, (void)events;
    return OK;
}

static Err run_loop(void *context)
{
    (void)context;
    int ends[2];
    TRY(socket_pair(ends));
    AUTO_FD a = ends[0], b = ends[1];
    __attribute__((cleanup(loop_free))) Loop *l = NULL;
    Err e = loop_new(&l);
    ck_assert(e.code == 0 || l == NULL);
    TRY(e);
    LoopSource *s = NULL;
    e = loop_add_fd(l, a, EPOLLIN, nothing, NULL, &s);
    ck_assert(e.code == 0 || s == NULL);
    TRY(e);
    TRY(loop_set_events(s, EPOLLOUT));
    return loop_turn(l, 0);
}

START_TEST(a_loop_that_cannot_go_on_says_so)
{
    ck_assert_uint_eq(sweep(run_loop, NULL, EIO, NULL), 5);
}
END_TEST

START_TEST(an_interrupted_wait_is_not_an_error)
{
    Loop *l = NULL;
    ck_assert_ok(loop_new(&l));
    fault_arm(1, EINTR);
    ck_assert_ok(loop_turn(l, 0));
    ck_assert(fault_struck());
    loop_free(&l);
}
END_TEST

/* --- processes: calls after the fork count on in both, so some numbers fail two --- */

static Err run_program(void *context)
{
    static const char *const ARGV[] = {"sh", "-c", "echo hello", NULL};
    (void)context;
    AUTO_BUFFER output = buffer_limited(100);
    int status = 4711;
    Err e = process_run(ARGV, "/", &output, &status);
    if (e.code) ck_assert_uint_eq(output.size, 0);
    else ck_assert(view_equal(view_buffer(&output), VIEW("hello\n")));
    ck_assert(e.code == 0 || status == 4711 || status == 0);
    return e;
}

START_TEST(a_program_that_cannot_be_run_leaves_no_process)
{
    ck_assert_uint_ge(sweep(run_program, NULL, EIO, NULL), 14);
}
END_TEST

static Err spawn_and_wait(void *context)
{
    static const char *const ARGV[] = {"sleep", "1000", NULL};
    (void)context;
    AUTO_FD null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pid_t pid = -1;
    AUTO_FD pid_fd = -1;
    Err e = process_spawn("/bin/sleep", ARGV, null, &pid, &pid_fd);
    ck_assert(e.code == 0 || (pid == -1 && pid_fd == -1));
    TRY(e);
    process_kill(pid_fd);
    int status = 0;
    e = process_wait(pid_fd, &status);
    if (e.code) ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    else ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    return e;
}

START_TEST(a_program_that_cannot_be_spawned_leaves_no_process)
{
    ck_assert_uint_ge(sweep(spawn_and_wait, NULL, EIO, NULL), 10);
}
END_TEST

static Err own_directory(void *context)
{
    char path[PATH_MAX] = "untouched";
    (void)context;
    Err e = process_own_directory(path, sizeof path);
    if (e.code) ck_assert_str_eq(path, "untouched");
    return e;
}

START_TEST(the_own_folder_may_be_unknown)
{
    ck_assert_uint_eq(sweep(own_directory, NULL, EACCES, NULL), 1);
}
END_TEST

/* --- SQLite --- */

static bool execute(sqlite3 *db, const char *sql) { return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK; }

static bool write_rows(const char *path)
{
    sqlite3 *db = NULL;
    bool good = sqlite3_open(path, &db) == SQLITE_OK && execute(db, "PRAGMA journal_mode=WAL") &&
                execute(db, "BEGIN; INSERT INTO t VALUES(1); INSERT INTO t VALUES(2); COMMIT");
    sqlite3_close(db);
    return good;
}

static int count_rows(const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert(execute(db, "PRAGMA integrity_check"));
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &s, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
    int count = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return count;
}

START_TEST(sqlites_own_calls_fail_too_and_a_transaction_is_whole_or_not_there)
{
    fault_sqlite_install();
    int failures = 0;
    for (uint64_t nth = 1;; nth++) {
        TestFolder f = test_folder();
        const char *path = test_path(&f, "db");
        sqlite3 *db = NULL;
        ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
        ck_assert(execute(db, "CREATE TABLE t(x)"));
        sqlite3_close(db);

        fault_arm(nth, ENOSPC);
        bool good = write_rows(path);
        bool struck = fault_struck();
        fault_arm(0, 0);
        int rows = count_rows(path);
        ck_assert_msg(rows == 0 || rows == 2, "call %d: %d rows", (int)nth, rows);
        if (good) ck_assert_int_eq(rows, 2);
        else failures++;
        test_folder_remove(&f);
        if (!struck) break;
        ck_assert_uint_lt(nth, CALLS_MAX);
    }
    ck_assert_int_gt(failures, 5);
}
END_TEST

/* --- arming from outside: this program plays the victim when it is told to, before any test --- */

__attribute__((constructor)) static void play_the_victim(void)
{
    const char *role = getenv("FAULT_TEST_ROLE");
    if (!role) return;
    unsetenv("FAULT_TEST_ROLE");
    if (*role) fault_role(role);
    for (int i = 0; i < 5; i++) {
        char byte;
        printf("%d ", random_bytes(&byte, 1).code);
    }
    exit(0);
}

static void victim(const char *role, const char *fault, const char *expected)
{
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    ck_assert_int_gt(n, 0);
    program[n] = '\0';
    fault_arm(0, 0); /* so that only the child listens to the environment */
    setenv("FAULT_TEST_ROLE", role, 1);
    setenv("COVEY_FAULT", fault, 1);
    const char *const argv[] = {program, NULL};
    AUTO_BUFFER output = buffer_limited(1000);
    int status;
    ck_assert_ok(process_run(argv, NULL, &output, &status));
    ck_assert_ok(buffer_put_u8(&output, 0));
    ck_assert_str_eq((const char *)output.data, expected);
}

START_TEST(the_environment_names_call_error_and_role)
{
    victim("", "", "0 0 0 0 0 ");
    victim("", "3", "fault: call 3 (getrandom) of covey: EIO\n0 0 5 0 0 ");
    victim("", "1:ENOSPC", "fault: call 1 (getrandom) of covey: ENOSPC\n28 0 0 0 0 ");
    victim("", "1:ENOSPC@warden", "0 0 0 0 0 ");
    victim("warden", "1:ENOSPC@warden", "fault: call 1 (getrandom) of warden: ENOSPC\n28 0 0 0 0 ");
    victim("warden", "2@warden", "fault: call 2 (getrandom) of warden: EIO\n0 5 0 0 0 ");
    victim("", "1:ENONSENSE", "COVEY_FAULT: no errno is called ENONSENSE\n");
}
END_TEST

START_TEST(the_calls_of_a_process_are_counted_into_a_file)
{
    TestFolder f = test_folder();
    setenv("COVEY_FAULT_COUNT", test_path(&f, "count"), 1);
    victim("", "", "0 0 0 0 0 ");
    victim("warden", "", "0 0 0 0 0 ");
    unsetenv("COVEY_FAULT_COUNT");
    AUTO_BUFFER b = buffer_limited(100);
    ck_assert_ok(file_read(AT_FDCWD, test_path(&f, "count"), &b));
    ck_assert(view_equal(view_buffer(&b), VIEW("covey 5\nwarden 5\n")));
    test_folder_remove(&f);
}
END_TEST

TEST_MAIN("sys/fault", a_replaced_file_is_old_or_new_whatever_fails, a_rename_that_fails_says_so,
          a_file_that_cannot_be_read_leaves_the_buffer_as_it_was, folders_that_cannot_be_made_are_an_error,
          an_interrupted_call_is_made_again, a_memory_file_that_fails_half_way_leaves_nothing, an_image_is_sealed_or_not_given,
          an_older_kernel_gets_a_memory_file_without_the_newer_flags, a_packet_arrives_or_the_error_is_clean,
          a_loop_that_cannot_go_on_says_so, an_interrupted_wait_is_not_an_error, a_program_that_cannot_be_run_leaves_no_process,
          a_program_that_cannot_be_spawned_leaves_no_process, the_own_folder_may_be_unknown,
          sqlites_own_calls_fail_too_and_a_transaction_is_whole_or_not_there, the_environment_names_call_error_and_role,
          the_calls_of_a_process_are_counted_into_a_file)
