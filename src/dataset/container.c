/* The file around the segments while it is written. */
#include "dataset/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/entropy.h"
#include "sys/fault.h"
#include "sys/fd.h"

enum { ENTRIES_HELD_MAX = 1024 * ENTRY_BYTES };

/** A hidden name in the target's folder, so that the rename stays on one file system and two writers never share one. */
static Err hidden_name(const char *path, char ret_name[PATH_BYTES_MAX])
{
    uint64_t mark;
    TRY(random_bytes(&mark, sizeof mark));
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    int n = snprintf(ret_name, PATH_BYTES_MAX, "%.*s.covey-%016llx.tmp", folder, path, (unsigned long long)mark);
    return n < 0 || n >= PATH_BYTES_MAX ? FAIL(ENAMETOOLONG) : OK;
}

static Err open_hidden(const char *path, char ret_name[PATH_BYTES_MAX], int *ret_fd)
{
    char name[PATH_BYTES_MAX];
    TRY(hidden_name(path, name));
    TRY(fd_open(AT_FDCWD, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0666, ret_fd));
    memcpy(ret_name, name, sizeof name);
    return OK;
}

static Err begin(Container *c, const char *path, Diag *diag)
{
    if (snprintf(c->path, sizeof c->path, "%s", path) >= (int)sizeof c->path) return FAIL_WHY(diag, ERR_BAD_INPUT, "%.64s...: the path is too long", path);
    Err e = open_hidden(path, c->temporary, &c->fd);
    bool wrong_path = e.code == ENOENT || e.code == ENOTDIR || e.code == EACCES;
    if (e.code) return FAIL_WHY(diag, wrong_path ? ERR_BAD_INPUT : e.code, "%s: can't be written: %s", path, err_text(e.code));
    c->batch = malloc(CONTAINER_BATCH_BYTES);
    if (!c->batch) return FAIL(ENOMEM);
    header_write(&c->name, c->batch);
    c->batch_size = HEADER_BYTES;
    return OK;
}

Err container_open(const char *path, const DatasetName *name, Container *ret_container, Diag *diag)
{
    *ret_container = (Container){.fd = -1, .spool_fd = -1, .name = *name, .entries = buffer_limited(ENTRIES_HELD_MAX)};
    crypto_hash_sha256_init(&ret_container->index_hash);
    Err e = begin(ret_container, path, diag);
    if (e.code) container_close(ret_container);
    return e;
}

void container_close(Container *c)
{
    if (c->temporary[0]) unlink(c->temporary);
    c->temporary[0] = '\0';
    fd_close(&c->fd);
    fd_close(&c->spool_fd);
    buffer_free(&c->entries);
    free(c->batch);
    c->batch = NULL;
}

static Err flush(Container *c)
{
    TRY(fd_write_all(c->fd, view_of(c->batch, c->batch_size)));
    c->written += c->batch_size;
    c->batch_size = 0;
    return OK;
}

Err container_room(Container *c, size_t size, uint8_t **ret_room)
{
    if (size > CONTAINER_BATCH_BYTES - c->batch_size) TRY(flush(c));
    *ret_room = c->batch + c->batch_size;
    return OK;
}

Err container_write(Container *c, View bytes)
{
    while (bytes.size > 0) {
        if (c->batch_size == CONTAINER_BATCH_BYTES) TRY(flush(c));
        size_t room = CONTAINER_BATCH_BYTES - c->batch_size, step = bytes.size < room ? bytes.size : room;
        memcpy(c->batch + c->batch_size, bytes.data, step);
        c->batch_size += step;
        bytes = view_of(bytes.data + step, bytes.size - step);
    }
    return OK;
}

static Err spool(Container *c)
{
    if (c->spool_fd < 0) {
        char name[PATH_BYTES_MAX];
        TRY(open_hidden(c->path, name, &c->spool_fd));
        unlink(name);
    }
    TRY(fd_pwrite_all(c->spool_fd, view_buffer(&c->entries), c->spooled));
    c->spooled += c->entries.size;
    c->entries.size = 0;
    return OK;
}

Err container_add(Container *c, const SealedSegment *segment)
{
    if (c->segments == SEALED_SEGMENTS_MAX) return FAIL(ERR_LIMIT);
    uint8_t entry[ENTRY_BYTES];
    entry_write(segment, entry);
    if (c->entries.size == ENTRIES_HELD_MAX) TRY(spool(c));
    TRY(buffer_append(&c->entries, view_of(entry, sizeof entry)));
    crypto_hash_sha256_update(&c->index_hash, entry, sizeof entry);
    c->segments++;
    c->plain_bytes += segment->plain_size;
    return OK;
}

void container_index_hash(Container *c, Sha256 *ret_hash)
{
    crypto_hash_sha256_state copy = c->index_hash;
    crypto_hash_sha256_final(&copy, ret_hash->bytes);
}

static Err write_index(Container *c)
{
    for (uint64_t at = 0; at < c->spooled;) {
        uint8_t *room;
        size_t size = c->spooled - at < ENTRIES_HELD_MAX ? (size_t)(c->spooled - at) : ENTRIES_HELD_MAX;
        TRY(container_room(c, size, &room));
        TRY(fd_pread_all(c->spool_fd, room, size, at));
        c->batch_size += size;
        at += size;
    }
    return container_write(c, view_buffer(&c->entries));
}

Err container_finish(Container *c, View footer)
{
    uint8_t bytes[END_BYTES];
    SealedEnd end = {.index_offset = container_offset(c), .footer_size = footer.size};
    TRY(write_index(c));
    end.footer_offset = container_offset(c);
    TRY(container_write(c, footer));
    end_write(&end, bytes);
    TRY(container_write(c, view_of(bytes, sizeof bytes)));
    TRY(flush(c));
    TRY(fd_sync(c->fd));
    TRY(file_rename(c->temporary, c->path));
    c->temporary[0] = '\0';
    return OK;
}
