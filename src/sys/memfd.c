/* Memory files and their seals. */
#include "sys/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"

/* Younger than Debian 12's headers: memfd_create(2), Linux 6.3. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#define MFD_EXEC 0x0010U
#endif

/* `wanted` says whether it may be executed. Kernels before 6.3 do not know the flag, and need none: the mode then says it. */
static Err memfd_new(const char *name, unsigned wanted, mode_t mode, int *ret_fd)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    AUTO_FD fd = FAULTABLE("memfd_create", memfd_create(name, flags | wanted));
    if (fd < 0 && errno == EINVAL) fd = FAULTABLE("memfd_create", memfd_create(name, flags));
    if (fd < 0) return FAIL(errno);
    if (FAULTABLE("fchmod", fchmod(fd, mode)) < 0) return FAIL(errno);
    *ret_fd = fd_take(&fd);
    return OK;
}

static Err seal(int fd, int seals) { return FAULTABLE("fcntl", fcntl(fd, F_ADD_SEALS, seals)) < 0 ? FAIL(errno) : OK; }

Err memfd_fixed(const char *name, uint64_t size, int *ret_fd)
{
    AUTO_FD fd = -1;
    TRY(memfd_new(name, MFD_NOEXEC_SEAL, 0600, &fd));
    TRY(fd_truncate(fd, size));
    TRY(seal(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
    *ret_fd = fd_take(&fd);
    return OK;
}

/* Executed by a process that has given up its identity; nobody needs to read it, and who executes what he cannot read is not dumpable. */
static Err executable_new(const char *name, int *ret_fd) { return memfd_new(name, MFD_EXEC, 0111, ret_fd); }

Err memfd_sealed_image(const char *name, View content, int *ret_fd)
{
    AUTO_FD fd = -1;
    TRY(executable_new(name, &fd));
    TRY(fd_write_all(fd, content));
    TRY(seal(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL));
    *ret_fd = fd_take(&fd);
    return OK;
}

Err memfd_sealed_copy(const char *name, int from_fd, uint64_t size, int *ret_fd)
{
    AUTO_FD fd = -1;
    void *pages;
    TRY(executable_new(name, &fd));
    TRY(fd_truncate(fd, size));
    TRY(fd_map(fd, size, PROT_READ | PROT_WRITE, &pages));
    Err e = fd_pread_all(from_fd, pages, size, 0);
    fd_unmap(pages, size); /* the seal against writing needs that nobody could */
    TRY(e);
    TRY(seal(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL));
    *ret_fd = fd_take(&fd);
    return OK;
}

Err memfd_punch(int fd, uint64_t offset, uint64_t size)
{
    if (size == 0) return OK;
    if (offset > INT64_MAX || size > INT64_MAX - offset) return FAIL(EFBIG);
    int rc;
    do rc = FAULTABLE("fallocate", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size));
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? FAIL(errno) : OK;
}

Err memfd_next_extent(int fd, uint64_t from, uint64_t *ret_offset, uint64_t *ret_size)
{
    if (from > INT64_MAX) return FAIL(EFBIG);
    off_t begin = FAULTABLE("lseek", lseek(fd, (off_t)from, SEEK_DATA));
    if (begin < 0 && errno == ENXIO) { /* only a hole follows, or the end */
        *ret_offset = from;
        *ret_size = 0;
        return OK;
    }
    if (begin < 0) return FAIL(errno);
    off_t end = FAULTABLE("lseek", lseek(fd, begin, SEEK_HOLE));
    if (end < 0) return FAIL(errno);
    *ret_offset = (uint64_t)begin;
    *ret_size = (uint64_t)(end - begin);
    return OK;
}

Err memfd_resident(int fd, uint64_t *ret_bytes)
{
    struct stat st;
    if (FAULTABLE("fstat", fstat(fd, &st)) < 0) return FAIL(errno);
    *ret_bytes = (uint64_t)st.st_blocks * 512; /* stat(2): always units of 512 */
    return OK;
}
