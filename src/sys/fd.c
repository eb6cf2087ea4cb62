/* Descriptors: open, read, write, map. */
#include "sys/fd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"

void fd_close(int *fd)
{
    if (*fd < 0) return;
    int kept = errno;
    close(*fd); /* EINTR included: Linux has closed it by then */
    *fd = -1;
    errno = kept;
}

Err fd_open(int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd)
{
    assert(path && ret_fd);

    int fd;
    do fd = FAULTABLE("openat", openat(dir_fd, path, flags | O_CLOEXEC, mode));
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return FAIL(errno);
    *ret_fd = fd;
    return OK;
}

Err fd_stat_size(int fd, uint64_t *ret_size)
{
    struct stat st;
    if (FAULTABLE("fstat", fstat(fd, &st)) < 0) return FAIL(errno);
    *ret_size = (uint64_t)st.st_size;
    return OK;
}

Err fd_truncate(int fd, uint64_t size)
{
    if (size > INT64_MAX) return FAIL(EFBIG);
    int rc;
    do rc = FAULTABLE("ftruncate", ftruncate(fd, (off_t)size));
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? FAIL(errno) : OK;
}

Err fd_read(int fd, void *data, size_t size, size_t *ret_size)
{
    ssize_t n;
    do n = FAULTABLE("read", read(fd, data, size));
    while (n < 0 && errno == EINTR);
    if (n < 0) return FAIL(errno);
    *ret_size = (size_t)n;
    return OK;
}

Err fd_pread(int fd, void *data, size_t size, uint64_t offset, size_t *ret_size)
{
    if (offset > INT64_MAX) return FAIL(EFBIG);
    ssize_t n;
    do n = FAULTABLE("pread", pread(fd, data, size, (off_t)offset));
    while (n < 0 && errno == EINTR);
    if (n < 0) return FAIL(errno);
    *ret_size = (size_t)n;
    return OK;
}

Err fd_pread_all(int fd, void *data, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        size_t n;
        TRY(fd_pread(fd, (uint8_t *)data + done, size - done, offset + done, &n));
        if (n == 0) return FAIL(ERR_CORRUPT);
        done += n;
    }
    return OK;
}

/* The system may take less than was offered (signals, a nearly full disk); the next try then gives the error, if there is one. */
Err fd_write_all(int fd, View bytes)
{
    while (bytes.size > 0) {
        ssize_t n = FAULTABLE("write", write(fd, bytes.data, bytes.size));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return FAIL(errno);
        bytes = view_of(bytes.data + n, bytes.size - (size_t)n);
    }
    return OK;
}

Err fd_pwrite_all(int fd, View bytes, uint64_t offset)
{
    if (offset > INT64_MAX - bytes.size) return FAIL(EFBIG);
    while (bytes.size > 0) {
        ssize_t n = FAULTABLE("pwrite", pwrite(fd, bytes.data, bytes.size, (off_t)offset));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return FAIL(errno);
        bytes = view_of(bytes.data + n, bytes.size - (size_t)n);
        offset += (uint64_t)n;
    }
    return OK;
}

Err fd_sync(int fd)
{
    int rc;
    do rc = FAULTABLE("fsync", fsync(fd));
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? FAIL(errno) : OK;
}

Err fd_map(int fd, size_t size, int prot, void **ret_data)
{
    void *data = FAULTABLE("mmap", mmap(NULL, size, prot, MAP_SHARED, fd, 0));
    if (data == MAP_FAILED) return FAIL(errno);
    *ret_data = data;
    return OK;
}

void fd_unmap(void *data, size_t size)
{
    if (data) munmap(data, size);
}

Err fd_set_nonblocking(int fd, int on)
{
    int flags = FAULTABLE("fcntl", fcntl(fd, F_GETFL));
    if (flags < 0) return FAIL(errno);
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (FAULTABLE("fcntl", fcntl(fd, F_SETFL, flags)) < 0) return FAIL(errno);
    return OK;
}
