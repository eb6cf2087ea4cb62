/* Looking through folders: regular files, no links, a bounded depth and number. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/hand_parts.h"
#include "sys/fault.h"
#include "sys/fd.h"

Err hand_files_add(HandFiles *f, char *path, const HandStamp *stamp)
{
    if (f->count == HAND_FILES_MAX) return FAIL(ERR_LIMIT);
    if (f->count == f->room) {
        uint32_t room = f->room ? 2 * f->room : 64;
        HandFile *items = reallocarray(f->items, room, sizeof *items);
        if (!items) return FAIL(ENOMEM);
        f->items = items;
        f->room = room;
    }
    f->items[f->count++] = (HandFile){.path = path, .stamp = *stamp};
    return OK;
}

void hand_files_free(HandFiles *f)
{
    for (uint32_t i = 0; i < f->count; i++) free(f->items[i].path);
    free(f->items);
    *f = (HandFiles){0};
}

static int by_path(const void *x, const void *y) { return strcmp(((const HandFile *)x)->path, ((const HandFile *)y)->path); }

void hand_files_sort(HandFiles *f)
{
    if (f->count) qsort(f->items, f->count, sizeof f->items[0], by_path);
}

HandFile *hand_files_find(const HandFiles *f, const char *path)
{
    const HandFile key = {.path = (char *)(uintptr_t)path};
    return f->count ? bsearch(&key, f->items, f->count, sizeof f->items[0], by_path) : NULL;
}

static uint64_t ns_of(struct timespec t) { return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec; }

HandStamp hand_stamp(const struct stat *st)
{
    return (HandStamp){.device = st->st_dev, .inode = st->st_ino, .size = (uint64_t)st->st_size, .mtime_ns = ns_of(st->st_mtim),
                       .ctime_ns = ns_of(st->st_ctim)};
}

bool hand_same(const HandStamp *x, const HandStamp *y)
{
    return x->device == y->device && x->inode == y->inode && x->size == y->size && x->mtime_ns == y->mtime_ns && x->ctime_ns == y->ctime_ns;
}

static Err scan(int parent_fd, const char *name, const char *path, uint32_t depth, HandFiles *files);

static Err take(int folder_fd, const char *folder, const char *name, uint32_t depth, HandFiles *files)
{
    struct stat st;
    if (FAULTABLE("fstatat", fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW)) < 0) return OK; /* gone meanwhile */
    if (!S_ISDIR(st.st_mode) && (!S_ISREG(st.st_mode) || st.st_size == 0)) return OK;
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return FAIL(ENOMEM);
    if (S_ISDIR(st.st_mode)) {
        Err e = depth < HAND_DEPTH_MAX ? scan(folder_fd, name, path, depth + 1, files) : OK;
        free(path);
        return e;
    }
    const HandStamp stamp = hand_stamp(&st);
    Err e = strlen(path) < PATH_BYTES_MAX ? hand_files_add(files, path, &stamp) : FAIL(ENAMETOOLONG);
    if (e.code) free(path);
    return e.code == ENOMEM ? e : OK;
}

static Err scan(int parent_fd, const char *name, const char *path, uint32_t depth, HandFiles *files)
{
    int fd = -1;
    if (fd_open(parent_fd, name, O_RDONLY | O_DIRECTORY | (depth ? O_NOFOLLOW : 0), 0, &fd).code) return OK; /* not ours to read, or gone */
    DIR *folder = fdopendir(fd);
    if (!folder) {
        fd_close(&fd);
        return OK;
    }
    Err e = OK;
    for (const struct dirent *entry; !e.code && files->count < HAND_FILES_MAX && (entry = readdir(folder));)
        if (entry->d_name[0] != '.') e = take(fd, path, entry->d_name, depth, files);
    closedir(folder);
    return e;
}

Err hand_scan_folder(const char *folder, HandFiles *files) { return scan(AT_FDCWD, folder, folder, 0, files); }
