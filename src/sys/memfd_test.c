/* Do the seals hold, and are holes what they should be? */
#include "sys/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "sys/test.h"

START_TEST(a_fixed_file_cannot_change_its_size_or_its_seals)
{
    AUTO_FD fd = -1;
    ck_assert_ok(memfd_fixed("slot", 8192, &fd));
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_err(fd_truncate(fd, 4096), EPERM);
    ck_assert_err(fd_truncate(fd, 16384), EPERM);
    ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
    ck_assert_int_eq(errno, EPERM);
    uint64_t size;
    ck_assert_ok(fd_stat_size(fd, &size));
    ck_assert_uint_eq(size, 8192);
    ck_assert_ok(fd_pwrite_all(fd, VIEW("data"), 8188));
}
END_TEST

static int exec_status(int fd)
{
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = {(char[]){"x"}, NULL}, *env[] = {NULL};
        fexecve(fd, argv, env);
        _exit(100 + (errno == EACCES));
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

START_TEST(a_fixed_file_cannot_be_executed)
{
    AUTO_BUFFER program = buffer_limited(1 << 20);
    ck_assert_ok(file_read(AT_FDCWD, "/bin/true", &program));
    AUTO_FD fd = -1;
    ck_assert_ok(memfd_fixed("slot", program.size, &fd));
    ck_assert_ok(fd_pwrite_all(fd, view_buffer(&program), 0));
    ck_assert_int_eq(exec_status(fd), 101);
}
END_TEST

START_TEST(a_sealed_image_can_be_executed_but_never_changed)
{
    AUTO_BUFFER program = buffer_limited(1 << 20);
    ck_assert_ok(file_read(AT_FDCWD, "/bin/true", &program));
    AUTO_FD fd = -1;
    ck_assert_ok(memfd_sealed_image("image", view_buffer(&program), &fd));
    ck_assert_err(fd_pwrite_all(fd, VIEW("x"), 0), EPERM);
    ck_assert_err(fd_truncate(fd, 0), EPERM);
    ck_assert_err(memfd_punch(fd, 0, 4096), EPERM);
    void *data;
    ck_assert_err(fd_map(fd, 4096, PROT_READ | PROT_WRITE, &data), EPERM);
    ck_assert_int_eq(exec_status(fd), 0);
}
END_TEST

START_TEST(punching_gives_zeros_and_frees_pages)
{
    AUTO_FD fd = -1;
    ck_assert_ok(memfd_fixed("slot", 16 * 4096, &fd));
    ck_assert_ok(fd_pwrite_all(fd, VIEW("one"), 0));
    ck_assert_ok(fd_pwrite_all(fd, VIEW("two"), 8 * 4096));
    uint64_t offset, size;
    ck_assert_ok(memfd_next_extent(fd, 0, &offset, &size));
    ck_assert_uint_eq(offset, 0);
    ck_assert_uint_eq(size, 4096);
    ck_assert_ok(memfd_next_extent(fd, 4096, &offset, &size));
    ck_assert_uint_eq(offset, 8 * 4096);
    ck_assert_uint_eq(size, 4096);
    ck_assert_ok(memfd_next_extent(fd, 9 * 4096, &offset, &size));
    ck_assert_uint_eq(size, 0);

    ck_assert_ok(memfd_punch(fd, 0, 16 * 4096));
    ck_assert_ok(memfd_punch(fd, 5, 0));
    ck_assert_ok(memfd_next_extent(fd, 0, &offset, &size));
    ck_assert_uint_eq(size, 0);
    char data[3];
    ck_assert_ok(fd_pread_all(fd, data, 3, 8 * 4096));
    ck_assert_mem_eq(data, "\0\0\0", 3);
    ck_assert_err(memfd_punch(fd, UINT64_MAX, 1), EFBIG);
    ck_assert_err(memfd_punch(fd, 1, INT64_MAX), EFBIG);
}
END_TEST

START_TEST(the_extent_after_the_end_is_none)
{
    AUTO_FD fd = -1;
    ck_assert_ok(memfd_fixed("slot", 4096, &fd));
    uint64_t offset, size;
    ck_assert_ok(memfd_next_extent(fd, 4096, &offset, &size));
    ck_assert_uint_eq(size, 0);
    ck_assert_err(memfd_next_extent(fd, UINT64_MAX, &offset, &size), EFBIG);
}
END_TEST

TEST_MAIN("sys/memfd", a_fixed_file_cannot_change_its_size_or_its_seals, a_fixed_file_cannot_be_executed,
          a_sealed_image_can_be_executed_but_never_changed, punching_gives_zeros_and_frees_pages, the_extent_after_the_end_is_none)
