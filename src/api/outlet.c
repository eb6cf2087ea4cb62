/* Where a task's output goes: written beside, then renamed. */
#include "api/outlet.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/internal.h"
#include "sys/entropy.h"
#include "sys/fault.h"
#include "sys/fd.h"

enum { SUFFIX_ROOM = 32 };

static Err directory_of(const char *path, char ret_directory[PATH_BYTES_MAX])
{
    const char *slash = strrchr(path, '/');
    if (!slash) return path_format(ret_directory, ".");
    return path_format(ret_directory, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

/* A name nobody else uses, in the folder of the target, hidden. */
static Err name_temporary(Outlet *o)
{
    uint64_t tag;
    TRY(random_bytes(&tag, sizeof tag));
    char directory[PATH_BYTES_MAX];
    TRY(directory_of(o->target, directory));
    return path_format(o->temporary, "%s/.covey-%016llx.tmp", directory, (unsigned long long)tag);
}

/* O_TMPFILE where the file system has it; else a hidden file, which a kill -9 would leave behind. */
static Err open_beside(Outlet *o)
{
    char directory[PATH_BYTES_MAX];
    TRY(directory_of(o->target, directory));
    Err e = fd_open(AT_FDCWD, directory, O_TMPFILE | O_WRONLY, 0666, &o->fd);
    if (e.code != EOPNOTSUPP && e.code != EISDIR && e.code != EINVAL) return e;
    TRY(name_temporary(o));
    e = fd_open(AT_FDCWD, o->temporary, O_CREAT | O_EXCL | O_WRONLY, 0666, &o->fd);
    if (e.code) o->temporary[0] = '\0';
    return e;
}

static Err open_target(Outlet *o, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        if (S_ISDIR(st.st_mode)) return FAIL(EISDIR);
        return fd_open(AT_FDCWD, path, O_WRONLY | O_NOCTTY, 0, &o->fd);
    }
    bool is_link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
    char *real = is_link ? realpath(path, NULL) : NULL; /* a link stays a link: the file it names is replaced */
    Err e = path_format(o->target, "%s", real ? real : path);
    free(real);
    TRY(e);
    if (strlen(o->target) + SUFFIX_ROOM > PATH_BYTES_MAX) return FAIL(ENAMETOOLONG);
    return open_beside(o);
}

Err outlet_open(const char *path, Outlet *ret_outlet, Diag *diag)
{
    assert(ret_outlet);

    bool standard = !path || strcmp(path, "-") == 0;
    Outlet o = {.shown = standard ? "standard output" : path, .fd = -1, .pending = buffer_limited(OUTLET_BUFFER_BYTES)};
    Err e = OK;
    if (standard) {
        o.fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        if (o.fd < 0) e = FAIL(errno);
    } else {
        e = open_target(&o, path);
    }
    if (e.code == 0) e = buffer_reserve(&o.pending, OUTLET_BUFFER_BYTES);
    if (e.code) {
        outlet_close(&o);
        bool wrong_path = e.code == ENOENT || e.code == ENOTDIR || e.code == EISDIR || e.code == EACCES;
        return FAIL_WHY(diag, wrong_path ? ERR_BAD_INPUT : e.code, "output %s: %s", o.shown, err_text(e.code));
    }
    *ret_outlet = o;
    return OK;
}

void outlet_open_function(OutletTake take, void *context, Outlet *ret_outlet)
{
    *ret_outlet = (Outlet){.shown = "the caller's function", .fd = -1, .take = take, .context = context,
                           .pending = buffer_limited(OUTLET_BUFFER_BYTES)};
}

static Err pass_on(Outlet *o, View bytes)
{
    if (bytes.size == 0) return OK;
    if (!o->take) return fd_write_all(o->fd, bytes);
    return o->take(o->context, bytes.data, bytes.size) ? FAIL(EPIPE) : OK;
}

Err outlet_flush(Outlet *o)
{
    TRY(pass_on(o, view_buffer(&o->pending)));
    o->pending.size = 0;
    return OK;
}

Err outlet_write(Outlet *o, View bytes)
{
    if (o->pending.size + bytes.size > OUTLET_BUFFER_BYTES) TRY(outlet_flush(o));
    if (bytes.size >= OUTLET_BUFFER_BYTES) return pass_on(o, bytes);
    return buffer_append(&o->pending, bytes);
}

/* Gives the nameless file its hidden name: rename(2) can replace the target, linkat(2) cannot. */
static Err give_name(Outlet *o)
{
    if (o->temporary[0]) return OK;
    char proc[64];
    snprintf(proc, sizeof proc, "/proc/self/fd/%d", o->fd);
    TRY(name_temporary(o));
    if (FAULTABLE("linkat", linkat(AT_FDCWD, proc, AT_FDCWD, o->temporary, AT_SYMLINK_FOLLOW)) == 0) return OK;
    Err e = FAIL(errno);
    o->temporary[0] = '\0';
    return e;
}

static Err commit_file(Outlet *o, const char *final)
{
    TRY(outlet_flush(o));
    TRY(fd_sync(o->fd));
    TRY(give_name(o));
    TRY(file_rename(o->temporary, final));
    o->temporary[0] = '\0';
    return OK;
}

Err outlet_commit(Outlet *o, bool partial, char ret_partial[PATH_BYTES_MAX], Diag *diag)
{
    char partial_path[PATH_BYTES_MAX], nothing[PATH_BYTES_MAX] = "";
    Err e;
    if (!o->target[0]) {
        e = outlet_flush(o);
        if (e.code) return FAIL_WHY(diag, e.code, "%s: %s", o->shown, err_text(e.code));
        memcpy(ret_partial, nothing, sizeof nothing);
        return OK;
    }
    TRY(path_format(partial_path, "%s.partial", o->target));
    e = commit_file(o, partial ? partial_path : o->target);
    if (e.code) return FAIL_WHY(diag, e.code, "output %s: %s", o->shown, err_text(e.code));
    if (!partial) unlink(partial_path); /* of an earlier run with failures; the output is complete now */
    memcpy(ret_partial, partial ? partial_path : nothing, PATH_BYTES_MAX);
    return OK;
}

void outlet_close(Outlet *o)
{
    if (o->temporary[0]) unlink(o->temporary);
    o->temporary[0] = '\0';
    fd_close(&o->fd);
    buffer_free(&o->pending);
}
