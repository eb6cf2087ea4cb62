/* Whole files and folders. */
#include "sys/fd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/entropy.h"
#include "sys/fault.h"

/* Regular files tell their size, others (pipes, /proc) do not: read until the end, with the size as a first guess. */
static Err read_to_end(int fd, Buffer *b)
{
    enum { PIECE = 64 << 10 };
    for (;;) {
        size_t room = b->limit - b->size;
        if (room > PIECE) room = PIECE;
        if (room == 0) { /* full: that is well only if nothing follows */
            uint8_t more;
            size_t n;
            TRY(fd_read(fd, &more, 1, &n));
            return n == 0 ? OK : FAIL(ERR_LIMIT);
        }
        TRY(buffer_reserve(b, room));
        size_t n;
        TRY(fd_read(fd, b->data + b->size, b->capacity - b->size, &n));
        if (n == 0) return OK;
        b->size += n;
    }
}

Err file_read(int dir_fd, const char *path, Buffer *ret_content)
{
    assert(path && ret_content);

    AUTO_FD fd = -1;
    TRY(fd_open(dir_fd, path, O_RDONLY | O_NOCTTY, 0, &fd));
    uint64_t size;
    TRY(fd_stat_size(fd, &size));
    if (size > ret_content->limit - ret_content->size) return FAIL(ERR_LIMIT);
    TRY(buffer_reserve(ret_content, size));

    size_t before = ret_content->size;
    Err e = read_to_end(fd, ret_content);
    if (e.code) ret_content->size = before;
    return e;
}

Err file_check_private(int fd, const char *path, const char *secret, Diag *diag)
{
    struct stat st;
    if (FAULTABLE("fstat", fstat(fd, &st)) < 0) return FAIL_WHY(diag, errno, "%s: %s", path, strerrordesc_np(errno));
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return FAIL_WHY(diag, ERR_DENIED, "%s: others can read the %s (mode %03o); run: chmod 600 %s", path, secret, (unsigned)(st.st_mode & 0777), path);
    return OK;
}

/* Size of the part of a path up to and with its last slash. */
static size_t directory_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* A new name survives power loss only when its folder is synced too. */
static Err sync_directory_of(int dir_fd, const char *path)
{
    char directory[PATH_BYTES_MAX];
    size_t size = directory_size(path);
    if (size >= sizeof directory) return FAIL(ENAMETOOLONG);
    snprintf(directory, sizeof directory, "%.*s", (int)size, path);
    AUTO_FD fd = -1;
    TRY(fd_open(dir_fd, size ? directory : ".", O_RDONLY | O_DIRECTORY, 0, &fd));
    return fd_sync(fd);
}

/* ".NAME.RANDOM" in the same folder, so that the rename stays on one file system and two writers never share one. */
static Err temporary_name(const char *path, char *ret_name, size_t room)
{
    enum { KEPT = 200 }; /* of NAME, because a name has at most 255 bytes */
    uint64_t mark;
    TRY(random_bytes(&mark, sizeof mark));
    size_t directory = directory_size(path);
    int n = snprintf(ret_name, room, "%.*s.%.*s.%016llx", (int)directory, path, KEPT, path + directory, (unsigned long long)mark);
    return n < 0 || (size_t)n >= room ? FAIL(ENAMETOOLONG) : OK;
}

static Err write_new(int dir_fd, const char *path, View content, mode_t mode)
{
    AUTO_FD fd = -1;
    TRY(fd_open(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode, &fd));
    TRY(fd_write_all(fd, content));
    return fd_sync(fd);
}

Err file_replace(int dir_fd, const char *path, View content, mode_t mode)
{
    assert(path);

    char temporary[PATH_BYTES_MAX];
    TRY(temporary_name(path, temporary, sizeof temporary));
    Err e = write_new(dir_fd, temporary, content, mode);
    if (!e.code && FAULTABLE("renameat", renameat(dir_fd, temporary, dir_fd, path)) < 0) e = FAIL(errno);
    if (e.code) {
        unlinkat(dir_fd, temporary, 0);
        return e;
    }
    return sync_directory_of(dir_fd, path);
}

Err file_rename(const char *from, const char *to)
{
    assert(from && to);

    if (FAULTABLE("rename", rename(from, to)) < 0) return FAIL(errno);
    return sync_directory_of(AT_FDCWD, to);
}

Err dir_sync_of(const char *path)
{
    assert(path);
    return sync_directory_of(AT_FDCWD, path);
}

static Err make_one(const char *path, mode_t mode)
{
    if (FAULTABLE("mkdir", mkdir(path, mode)) == 0) return OK;
    if (errno != EEXIST) return FAIL(errno);
    struct stat st;
    if (FAULTABLE("stat", stat(path, &st)) < 0) return FAIL(errno);
    return S_ISDIR(st.st_mode) ? OK : FAIL(ENOTDIR);
}

Err dir_make_all(const char *path, mode_t mode)
{
    assert(path);

    char part[PATH_BYTES_MAX];
    size_t size = strlen(path);
    if (size == 0) return FAIL(ENOENT);
    if (size >= sizeof part) return FAIL(ENAMETOOLONG);
    memcpy(part, path, size + 1);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/' || p[-1] == '/') continue;
        *p = '\0';
        TRY(make_one(part, mode));
        *p = '/';
    }
    return make_one(part, mode);
}
