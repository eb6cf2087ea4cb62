/* Bytes for the splitter, from files and pipes. */
#include "swarm/split_source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/quoted.h"
#include "sys/fault.h"
#include "sys/fd.h"

static Err open_input(const char *path, int *ret_fd, Diag *diag)
{
    if (strcmp(path, "-") == 0) {
        int fd = FAULTABLE("fcntl", fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
        if (fd < 0 && errno == EBADF) return FAIL_WHY(diag, ERR_NO_ENTRY, "standard input is closed");
        if (fd < 0) return FAIL_WHY(diag, errno, "standard input: %s", err_text(errno));
        *ret_fd = fd;
        return OK;
    }
    Err e = fd_open(AT_FDCWD, path, O_RDONLY, 0, ret_fd);
    if (e.code)
        return FAIL_WHY(diag, e.code == ENOENT || e.code == ENOTDIR ? ERR_NO_ENTRY : e.code,
            "%s: can't be read: %s", path, err_text(e.code));
    return OK;
}

Err source_open(const char *path, Source *ret_source, Diag *diag)
{
    AUTO_FD fd = -1;
    struct stat st;
    TRY(open_input(path, &fd, diag));
    if (FAULTABLE("fstat", fstat(fd, &st)) < 0) return FAIL_WHY(diag, errno, "%s: %s", path, err_text(errno));
    if (S_ISDIR(st.st_mode))
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: is a folder; name a file, or split by file and name '%s/*'", path, path);
    bool file = S_ISREG(st.st_mode) && strcmp(path, "-") != 0;
    *ret_source = (Source){
        .pipe = !file,
        .size = file ? (uint64_t)st.st_size : 0,
        .window = buffer_limited(file ? (size_t)SOURCE_WINDOW : 2 * ((size_t)SEGMENT_BYTES_MAX + SOURCE_WINDOW)),
    };
    ret_source->fd = fd_take(&fd);
    return OK;
}

void source_close(Source *s)
{
    fd_close(&s->fd);
    buffer_free(&s->window);
}

/** The part of the window from `offset` on; false when the window does not hold it. */
static bool in_window(const Source *s, uint64_t offset, View *ret_piece)
{
    if (offset < s->at || offset >= s->at + s->window.size) return false;
    size_t skip = (size_t)(offset - s->at);
    *ret_piece = view_of(s->window.data + skip, s->window.size - skip);
    return true;
}

static Err read_file(Source *s, uint64_t offset, size_t want)
{
    s->window.size = 0;
    s->at = offset;
    if (want > SOURCE_WINDOW) want = SOURCE_WINDOW;
    if (want > s->size - offset) want = (size_t)(s->size - offset);
    TRY(buffer_reserve(&s->window, want));
    size_t got;
    TRY(fd_pread(s->fd, s->window.data, want, offset, &got));
    if (got == 0) return FAIL(ERR_CHANGED);
    s->window.size = got;
    return OK;
}

static Err wait_readable(const Source *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    int rc;
    do rc = FAULTABLE("poll", poll(&p, 1, s->never_wait ? 0 : -1));
    while (rc < 0 && errno == EINTR);
    if (rc < 0) return FAIL(errno);
    return rc == 0 ? FAIL(ERR_BUSY) : OK;
}

/** Drops what is before `keep` once it is more than what stays, so that each byte moves at most once on average. */
static void slide(Source *s, uint64_t keep)
{
    size_t dead = (size_t)(keep - s->at), rest = s->window.size - dead;
    if (dead < rest || dead == 0) return;
    memmove(s->window.data, s->window.data + dead, rest);
    s->window.size = rest;
    s->at = keep;
}

static Err read_pipe(Source *s, uint64_t keep)
{
    slide(s, keep);
    TRY(buffer_reserve(&s->window, SOURCE_WINDOW));
    TRY(wait_readable(s));
    size_t got;
    TRY(fd_read(s->fd, s->window.data + s->window.size, SOURCE_WINDOW, &got));
    s->window.size += got;
    s->ended = got == 0;
    return OK;
}

Err source_peek(Source *s, uint64_t keep, uint64_t offset, size_t want, View *ret_piece)
{
    assert(keep <= offset && want > 0);

    View piece = {0};
    if (!in_window(s, offset, &piece)) {
        if (s->pipe) {
            if (!s->ended) TRY(read_pipe(s, keep));
        } else if (offset < s->size) {
            TRY(read_file(s, offset, want));
        }
        in_window(s, offset, &piece);
    }
    *ret_piece = piece;
    return OK;
}

View source_kept(const Source *s, uint64_t offset, size_t size)
{
    assert(offset >= s->at && offset + size <= s->at + s->window.size);
    return view_of(s->window.data + (offset - s->at), size);
}
