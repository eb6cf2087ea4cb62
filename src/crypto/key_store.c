/*
 * Key files in their folder.
 *
 * The secret never passes through a growing buffer, so that no copy of it stays behind in freed memory.
 */
#include "crypto/key_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/rfc3339.h"
#include "sys/entropy.h"
#include "sys/fault.h"
#include "sys/fd.h"

Err key_store_path(const char *directory, const char *name, char *ret_path, size_t room)
{
    int length = snprintf(NULL, 0, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= room) return FAIL(ENAMETOOLONG);
    snprintf(ret_path, room, "%s/%s", directory, name);
    return OK;
}

/* Refuses what somebody else could read or owns. Root may use another user's files. */
static Err check_private(const struct stat *st, const char *path, const char *chmod_mode, Diag *diag)
{
    if (st->st_uid != geteuid() && geteuid() != 0)
        return FAIL_WHY(diag, ERR_DENIED, "%s: belongs to another user; set XDG_CONFIG_HOME to a folder of your own", path);
    if (st->st_mode & 077)
        return FAIL_WHY(diag, ERR_DENIED, "%s: others can use it (mode %03o); run: chmod %s %s", path,
                        (unsigned)(st->st_mode & 0777), chmod_mode, path);
    return OK;
}

Err key_store_prepare(const char *directory, Diag *diag)
{
    TRY_WHY(diag, dir_make_all(directory, 0700), "%s: cannot make the folder for keys", directory);
    struct stat st;
    if (FAULTABLE("stat", stat(directory, &st)) < 0) return FAIL_WHY(diag, errno, "%s: %s", directory, strerrordesc_np(errno));
    return check_private(&st, directory, "700", diag);
}

Err key_store_lock(const char *directory, int *ret_fd, Diag *diag)
{
    AUTO_FD fd = -1;
    TRY_WHY(diag, fd_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0, &fd), "%s", directory);
    while (FAULTABLE("flock", flock(fd, LOCK_EX)) < 0)
        if (errno != EINTR) return FAIL_WHY(diag, errno, "%s: cannot lock the folder: %s", directory, strerrordesc_np(errno));
    *ret_fd = fd_take(&fd);
    return OK;
}

/* Owner and mode are those of the opened file itself, whatever happens to its name meanwhile. */
static Err read_checked(const char *path, char ret_text[KEY_FILE_TEXT_MAX], size_t *ret_size, Diag *diag)
{
    AUTO_FD fd = -1;
    Err opened = fd_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0, &fd);
    if (opened.code == ENOENT) return opened;
    TRY_WHY(diag, opened, "%s", path);

    struct stat st;
    if (FAULTABLE("fstat", fstat(fd, &st)) < 0) return FAIL_WHY(diag, errno, "%s: %s", path, strerrordesc_np(errno));
    TRY(check_private(&st, path, "600", diag));
    if (!S_ISREG(st.st_mode) || st.st_size > KEY_FILE_TEXT_MAX) return FAIL(ERR_CORRUPT);
    TRY(fd_pread_all(fd, ret_text, (size_t)st.st_size, 0));
    *ret_size = (size_t)st.st_size;
    return OK;
}

Err key_store_read_named(const char *directory, const char *name, KeyKind kind, KeyFile *ret_file, Diag *diag)
{
    char path[PATH_BYTES_MAX], text[KEY_FILE_TEXT_MAX];
    size_t size = 0;
    TRY_WHY(diag, key_store_path(directory, name, path, sizeof path), "%s", directory);
    Err error = read_checked(path, text, &size, diag);
    if (error.code == 0) error = key_file_parse(view_of(text, size), kind, ret_file);
    sodium_memzero(text, sizeof text);
    if (error.code == ERR_CORRUPT)
        return FAIL_WHY(diag, ERR_CORRUPT, "%s: not a %s key; move it away and a new one will be made", path,
                        kind == KEY_SIGNING ? "signing" : "sealing");
    return error;
}

Err key_store_read(const char *directory, KeyKind kind, KeyFile *ret_file, Diag *diag)
{
    return key_store_read_named(directory, key_file_name(kind), kind, ret_file, diag);
}

static Err write_file(const char *path, const KeyFile *file)
{
    char text[KEY_FILE_TEXT_MAX];
    size_t size = key_file_print(file, text);
    Err error = file_replace(AT_FDCWD, path, view_of(text, size), 0600);
    sodium_memzero(text, sizeof text);
    return error;
}

/* Under a name of its own first, then linked: the first of several wins. */
Err key_store_create(const char *directory, const KeyFile *file, Diag *diag)
{
    char path[PATH_BYTES_MAX], beside[PATH_BYTES_MAX];
    uint64_t unique;
    TRY_WHY(diag, key_store_path(directory, key_file_name(file->kind), path, sizeof path), "%s", directory);
    TRY_WHY(diag, random_bytes(&unique, sizeof unique), "no randomness for a new key");
    int length = snprintf(beside, sizeof beside, "%s.%016llx", path, (unsigned long long)unique);
    if (length < 0 || length >= (int)sizeof beside) return FAIL_WHY(diag, ENAMETOOLONG, "%s: the name is too long", path);
    TRY_WHY(diag, write_file(beside, file), "%s: cannot write a new key", path);

    Err error = FAULTABLE("link", link(beside, path)) == 0 || errno == EEXIST ? OK : FAIL(errno);
    unlink(beside);
    TRY_WHY(diag, error, "%s: cannot write a new key", path);
    TRY_WHY(diag, dir_sync_of(path), "%s", path); /* before anything is sealed to it */
    return OK;
}

/* A second name for the key that is there. */
static Err keep(const char *directory, KeyKind kind, uint64_t now_s, char ret_kept[KEPT_NAME_MAX])
{
    enum { SAME_SECOND_MAX = 100 };
    char path[PATH_BYTES_MAX], beside[PATH_BYTES_MAX], time[RFC3339_TEXT_MAX];
    TRY(key_store_path(directory, key_file_name(kind), path, sizeof path));
    rfc3339_print(now_s, time);
    for (int i = 1; i <= SAME_SECOND_MAX; i++) {
        char name[KEPT_NAME_MAX];
        if (i == 1) snprintf(name, sizeof name, "%s.%s", key_file_name(kind), time);
        else snprintf(name, sizeof name, "%s.%s-%d", key_file_name(kind), time, i);
        TRY(key_store_path(directory, name, beside, sizeof beside));
        if (FAULTABLE("link", link(path, beside)) == 0) {
            memcpy(ret_kept, name, sizeof name);
            return OK;
        }
        if (errno == ENOENT) {
            ret_kept[0] = '\0';
            return OK;
        }
        if (errno != EEXIST) return FAIL(errno);
    }
    return FAIL(EEXIST);
}

Err key_store_replace(const char *directory, const KeyFile *file, uint64_t now_s, char ret_kept[KEPT_NAME_MAX], Diag *diag)
{
    char path[PATH_BYTES_MAX], kept[KEPT_NAME_MAX] = "";
    TRY_WHY(diag, key_store_path(directory, key_file_name(file->kind), path, sizeof path), "%s", directory);
    TRY_WHY(diag, keep(directory, file->kind, now_s, kept), "%s: cannot keep the old key", path);
    TRY_WHY(diag, write_file(path, file), "%s: cannot write a new key", path);
    memcpy(ret_kept, kept, sizeof kept);
    return OK;
}
