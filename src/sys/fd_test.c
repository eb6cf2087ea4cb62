/* Do the thin calls read and write everything, or say why not? */
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "sys/test.h"

static int open_new(const TestFolder *f)
{
    int fd = -1;
    ck_assert_ok(fd_open(AT_FDCWD, test_path(f, "file"), O_RDWR | O_CREAT | O_TRUNC, 0600, &fd));
    return fd;
}

START_TEST(a_guard_closes_its_descriptor_and_gives_up_one_that_is_taken)
{
    int before = test_open_descriptors();
    int kept;
    {
        AUTO_FD closed = open("/dev/null", O_RDONLY | O_CLOEXEC), given = open("/dev/null", O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(closed, 0);
        kept = fd_take(&given);
        ck_assert_int_eq(given, -1);
    }
    ck_assert_int_eq(test_open_descriptors(), before + 1);
    errno = ENOSPC;
    fd_close(&kept);
    fd_close(&kept);
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_int_eq(test_open_descriptors(), before);
}
END_TEST

START_TEST(every_descriptor_is_closed_on_exec)
{
    AUTO_FD fd = -1;
    ck_assert_ok(fd_open(AT_FDCWD, "/dev/null", O_RDONLY, 0, &fd));
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(a_failed_open_leaves_the_output_alone)
{
    int fd = 12345;
    ck_assert_err(fd_open(AT_FDCWD, "/no/such/file", O_RDONLY, 0, &fd), ENOENT);
    ck_assert_int_eq(fd, 12345);
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
    TestFolder f = test_folder();
    AUTO_FD fd = open_new(&f);
    ck_assert_ok(fd_write_all(fd, VIEW("hello ")));
    ck_assert_ok(fd_pwrite_all(fd, VIEW("world"), 6));
    uint64_t size;
    ck_assert_ok(fd_stat_size(fd, &size));
    ck_assert_uint_eq(size, 11);

    char data[32];
    ck_assert_ok(fd_pread_all(fd, data, 11, 0));
    ck_assert_mem_eq(data, "hello world", 11);
    ck_assert_err(fd_pread_all(fd, data, 12, 0), ERR_CORRUPT);
    size_t n;
    ck_assert_ok(fd_pread(fd, data, sizeof data, 6, &n));
    ck_assert_uint_eq(n, 5);
    ck_assert_ok(fd_pread(fd, data, sizeof data, 11, &n));
    ck_assert_uint_eq(n, 0);

    ck_assert_ok(fd_truncate(fd, 5));
    ck_assert_ok(fd_sync(fd));
    ck_assert_ok(fd_stat_size(fd, &size));
    ck_assert_uint_eq(size, 5);
    test_folder_remove(&f);
}
END_TEST

START_TEST(offsets_beyond_what_the_system_knows_are_refused)
{
    TestFolder f = test_folder();
    AUTO_FD fd = open_new(&f);
    char byte = 'x';
    size_t n;
    ck_assert_err(fd_truncate(fd, UINT64_MAX), EFBIG);
    ck_assert_err(fd_pread(fd, &byte, 1, UINT64_MAX, &n), EFBIG);
    ck_assert_err(fd_pwrite_all(fd, VIEW("x"), INT64_MAX), EFBIG);
    test_folder_remove(&f);
}
END_TEST

static void ignore(int signal_number) { (void)signal_number; }

START_TEST(a_signal_does_not_cut_a_write_short)
{
    enum { SIZE = 4 << 20 }; /* far more than a pipe holds, so that the writer blocks again and again */
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    struct sigaction action = {.sa_handler = ignore}; /* without SA_RESTART */
    sigaction(SIGUSR1, &action, NULL);

    pid_t writer = fork();
    if (writer == 0) {
        static uint8_t data[SIZE];
        for (size_t i = 0; i < SIZE; i++) data[i] = (uint8_t)(i * 7);
        _exit(fd_write_all(ends[1], view_of(data, SIZE)).code);
    }
    close(ends[1]);
    size_t total = 0, wrong = 0;
    for (;;) {
        uint8_t piece[65536];
        size_t n;
        kill(writer, SIGUSR1);
        ck_assert_ok(fd_read(ends[0], piece, sizeof piece, &n));
        if (n == 0) break;
        for (size_t i = 0; i < n; i++) wrong += piece[i] != (uint8_t)((total + i) * 7);
        total += n;
    }
    ck_assert_uint_eq(total, SIZE);
    ck_assert_uint_eq(wrong, 0);
    close(ends[0]);
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
    AUTO_FD fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_err(fd_write_all(fd, VIEW("x")), ENOSPC);
}
END_TEST

START_TEST(a_mapping_is_shared_with_the_file)
{
    TestFolder f = test_folder();
    AUTO_FD fd = open_new(&f);
    ck_assert_ok(fd_truncate(fd, 4096));
    void *data = NULL;
    ck_assert_ok(fd_map(fd, 4096, PROT_READ | PROT_WRITE, &data));
    memcpy(data, "mapped", 6);
    char read_back[6];
    ck_assert_ok(fd_pread_all(fd, read_back, 6, 0));
    ck_assert_mem_eq(read_back, "mapped", 6);
    fd_unmap(data, 4096);
    fd_unmap(NULL, 0);
    ck_assert_err(fd_map(fd, 0, PROT_READ, &data), EINVAL);
    test_folder_remove(&f);
}
END_TEST

START_TEST(nonblocking_can_be_switched_on_and_off)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_ok(fd_set_nonblocking(ends[0], 1));
    char byte;
    size_t n;
    ck_assert_err(fd_read(ends[0], &byte, 1, &n), EAGAIN);
    ck_assert_ok(fd_set_nonblocking(ends[0], 0));
    ck_assert_int_eq(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
    ck_assert_err(fd_set_nonblocking(-1, 1), EBADF);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

TEST_MAIN("sys/fd", a_guard_closes_its_descriptor_and_gives_up_one_that_is_taken, every_descriptor_is_closed_on_exec,
          a_failed_open_leaves_the_output_alone, what_is_written_is_read_back, offsets_beyond_what_the_system_knows_are_refused,
          a_signal_does_not_cut_a_write_short, a_full_disk_is_an_error, a_mapping_is_shared_with_the_file,
          nonblocking_can_be_switched_on_and_off)
