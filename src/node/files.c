/* The cache of open input files. */
#include "node/files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "sys/fault.h"
#include "sys/fd.h"

static void drop(FileCache *c, uint32_t i)
{
    free(c->open[i].path);
    fd_close(&c->open[i].fd);
    c->open[i] = c->open[--c->count];
}

void files_close(FileCache *c)
{
    while (c->count) drop(c, c->count - 1);
}

static bool is(const FileCache *c, uint32_t i, View path)
{
    return c->open[i].path_size == path.size && memcmp(c->open[i].path, path.data, path.size) == 0;
}

/* O_NONBLOCK: a named pipe must not stop the agent. */
static Err open_regular(const char *path, int *ret_fd)
{
    AUTO_FD fd = -1;
    TRY(fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, &fd));
    struct stat st;
    if (FAULTABLE("fstat", fstat(fd, &st)) < 0) return FAIL(errno);
    if (!S_ISREG(st.st_mode)) return FAIL(ERR_BAD_INPUT);
    *ret_fd = fd_take(&fd);
    return OK;
}

static void make_room(FileCache *c)
{
    if (c->count < FILES_OPEN_MAX) return;
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < c->count; i++)
        if (c->open[i].used < c->open[oldest].used) oldest = i;
    drop(c, oldest);
}

static Err add(FileCache *c, View path)
{
    char *name = strndup((const char *)path.data, path.size);
    if (!name) return FAIL(ENOMEM);
    int fd = -1;
    Err e = open_regular(name, &fd);
    if (e.code) {
        free(name);
        return e;
    }
    make_room(c);
    c->last = c->count++;
    c->open[c->last].path = name;
    c->open[c->last].path_size = path.size;
    c->open[c->last].fd = fd;
    return OK;
}

Err files_get(FileCache *c, View path, int *ret_fd)
{
    assert(path.size > 0);

    if (c->last >= c->count || !is(c, c->last, path)) {
        uint32_t i = 0;
        while (i < c->count && !is(c, i, path)) i++;
        if (i < c->count) c->last = i;
        else TRY(add(c, path));
    }
    c->open[c->last].used = ++c->uses;
    *ret_fd = c->open[c->last].fd;
    return OK;
}
