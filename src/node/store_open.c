/* Taking over a folder of objects from an earlier life: what is there, in the order of its last use. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/store_parts.h"
#include "sys/fault.h"
#include "sys/fd.h"

typedef struct { ObjectId id; uint64_t size; struct timespec used; } Found;
typedef struct { Found *items; uint32_t count, room; } FoundList;

static bool id_of_name(const char *name, ObjectId *ret_id)
{
    size_t size;
    return strlen(name) == 2 * OBJECT_ID_BYTES && sodium_hex2bin(ret_id->bytes, OBJECT_ID_BYTES, name, 2 * OBJECT_ID_BYTES, NULL, &size, NULL) == 0
        && size == OBJECT_ID_BYTES;
}

static Err note(FoundList *list, const Found *found)
{
    if (list->count == list->room) {
        uint32_t room = list->room ? 2 * list->room : 256;
        Found *items = reallocarray(list->items, room, sizeof *items);
        if (!items) return FAIL(ENOMEM);
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = *found;
    return OK;
}

/* Halves of another life, and what is beyond all limits, go. What is none of ours stays as it is. */
static Err look_at(const Store *s, const char *name, FoundList *list)
{
    Found found = {.size = 0};
    struct stat st;
    if (strncmp(name, STORE_PART_PREFIX, sizeof STORE_PART_PREFIX - 1) == 0) {
        unlinkat(s->dir_fd, name, 0);
        return OK;
    }
    if (!id_of_name(name, &found.id) || fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) return OK;
    if (list->count == STORE_OBJECTS_MAX) {
        unlinkat(s->dir_fd, name, 0);
        return OK;
    }
    found.size = (uint64_t)st.st_size;
    found.used = st.st_mtim;
    return note(list, &found);
}

static Err list_folder(const Store *s, FoundList *list)
{
    int fd = -1;
    TRY(fd_open(s->dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd));
    DIR *folder = fdopendir(fd);
    if (!folder) {
        int error = errno;
        fd_close(&fd);
        return FAIL(error);
    }
    Err e = OK;
    for (const struct dirent *entry; !e.code && (entry = readdir(folder));) e = look_at(s, entry->d_name, list);
    closedir(folder);
    return e;
}

static int by_use(const void *x, const void *y)
{
    const struct timespec a = ((const Found *)x)->used, b = ((const Found *)y)->used;
    if (a.tv_sec != b.tv_sec) return a.tv_sec < b.tv_sec ? -1 : 1;
    return a.tv_nsec < b.tv_nsec ? -1 : a.tv_nsec > b.tv_nsec;
}

static Err take_over(Store *s)
{
    FoundList list = {0};
    Err e = list_folder(s, &list);
    if (list.count) qsort(list.items, list.count, sizeof list.items[0], by_use);
    for (uint32_t i = 0; !e.code && i < list.count; i++) e = store_add_entry(s, &list.items[i].id, list.items[i].size);
    free(list.items);
    while (!e.code && s->oldest && s->bytes > s->bytes_max) { /* the limit was larger then */
        const ObjectId id = s->oldest->id;
        store_evict(s, &id);
    }
    return e;
}

static Err open_folder(Store *s, Diag *diag)
{
    TRY_WHY(diag, dir_make_all(s->folder, 0700), "%s: cannot make the folder for objects", s->folder);
    TRY_WHY(diag, fd_open(AT_FDCWD, s->folder, O_RDONLY | O_DIRECTORY, 0, &s->dir_fd), "%s: cannot open the folder for objects", s->folder);
    struct stat st;
    if (FAULTABLE("fstat", fstat(s->dir_fd, &st)) < 0) return FAIL_WHY(diag, errno, "%s: cannot look at it", s->folder);
    if (st.st_uid != geteuid() || (st.st_mode & 022))
        return FAIL_WHY(diag, ERR_DENIED, "%s: others may write into this folder; `chmod 700 %s`, or name another", s->folder, s->folder);
    TRY_WHY(diag, take_over(s), "%s: cannot list the objects", s->folder);
    return OK;
}

Err store_new(const char *folder, uint64_t bytes_max, Store **ret_store, Diag *diag)
{
    Store *s = calloc(1, sizeof *s);
    if (!s) return FAIL_WHY(diag, ENOMEM, "no memory for the objects");
    s->dir_fd = -1;
    s->bytes_max = bytes_max ? bytes_max : STORE_BYTES_DEFAULT;
    s->folder = strdup(folder);
    Err e = s->folder ? open_folder(s, diag) : FAIL_WHY(diag, ENOMEM, "no memory for the objects");
    if (e.code) {
        store_free(&s);
        return e;
    }
    *ret_store = s;
    return OK;
}
