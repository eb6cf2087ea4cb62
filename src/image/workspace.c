/* The temporary folder of a build. */
#include "image/workspace.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/fd.h"

static const int HELD[] = {SIGINT, SIGTERM, SIGHUP};
enum { HELD_COUNT = sizeof HELD / sizeof HELD[0] };

bool workspace_interrupted(void)
{
    sigset_t pending;
    if (sigpending(&pending) < 0) return false;
    for (size_t i = 0; i < HELD_COUNT; i++)
        if (sigismember(&pending, HELD[i]) == 1) return true;
    return false;
}

Err workspace_open(Workspace *ret_workspace, Diag *diag)
{
    assert(ret_workspace);

    Workspace w = {.is_open = true};
    const char *temporary = getenv("TMPDIR");
    if (!temporary || temporary[0] != '/') temporary = "/tmp";
    int size = snprintf(w.path, sizeof w.path, "%s/covey-image-XXXXXX", temporary);
    if (size < 0 || size >= (int)sizeof w.path) return FAIL_WHY(diag, ENAMETOOLONG, "TMPDIR is too long a path");

    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < HELD_COUNT; i++) sigaddset(&held, HELD[i]);
    int error = pthread_sigmask(SIG_BLOCK, &held, &w.signals_before);
    if (error) return FAIL(error);
    if (!FAULTABLE("mkdtemp", mkdtemp(w.path))) {
        error = errno;
        pthread_sigmask(SIG_SETMASK, &w.signals_before, NULL);
        return FAIL_WHY(diag, error, "%s: cannot make a folder to build in: %s", temporary, strerrordesc_np(error));
    }
    *ret_workspace = w;
    return OK;
}

static Err path_of(const Workspace *w, const char *name, char ret_path[PATH_BYTES_MAX])
{
    int size = snprintf(ret_path, PATH_BYTES_MAX, "%s/%s", w->path, name);
    return size > 0 && size < PATH_BYTES_MAX ? OK : FAIL(ENAMETOOLONG);
}

Err workspace_write(const Workspace *w, const char *name, View content)
{
    char path[PATH_BYTES_MAX];
    AUTO_FD fd = -1;
    TRY(path_of(w, name, path));
    TRY(fd_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600, &fd));
    return fd_write_all(fd, content);
}

Err workspace_read(const Workspace *w, const char *name, Buffer *ret_content)
{
    char path[PATH_BYTES_MAX];
    TRY(path_of(w, name, path));
    return file_read(AT_FDCWD, path, ret_content);
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder) {
        for (struct dirent *entry; (entry = readdir(folder));) unlinkat(dirfd(folder), entry->d_name, 0);
        closedir(folder);
    }
    rmdir(path);
}

void workspace_close(Workspace *w)
{
    if (!w->is_open) return;
    w->is_open = false;
    remove_folder(w->path);
    pthread_sigmask(SIG_SETMASK, &w->signals_before, NULL);
}
