/* The spool file and the ring of what was appended to it last. */
#include "swarm/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/limits.h"
#include "sys/fd.h"

static Err spool_init(int *fd, uint64_t end, Spool *ret_spool)
{
    uint8_t *ring = malloc(SPOOL_RING_BYTES);
    if (!ring) return FAIL(ENOMEM);
    *ret_spool = (Spool){.fd = fd_take(fd), .end = end, .written = end, .ring_from = end, .ring = ring, .scratch = buffer_limited(SEE_OUTPUT_MAX)};
    return OK;
}

Err spool_open(int dir_fd, const char *name, Spool *ret_spool)
{
    AUTO_FD fd = -1;
    uint64_t size;
    TRY(fd_open(dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &fd));
    TRY(fd_stat_size(fd, &size));
    return spool_init(&fd, size, ret_spool);
}

Err spool_open_temporary(Spool *ret_spool)
{
    const char *const FOLDERS[] = {getenv("TMPDIR"), "/var/tmp", "/tmp"};
    Err e = FAIL(ENOENT);
    for (size_t i = 0; i < sizeof FOLDERS / sizeof FOLDERS[0]; i++) {
        if (!FOLDERS[i] || !FOLDERS[i][0]) continue;
        AUTO_FD fd = -1;
        e = fd_open(AT_FDCWD, FOLDERS[i], O_RDWR | O_TMPFILE | O_EXCL, 0600, &fd);
        if (!e.code) return spool_init(&fd, 0, ret_spool);
    }
    return e;
}

void spool_close(Spool *s)
{
    if (!s->ring) return;
    fd_close(&s->fd);
    free(s->ring);
    buffer_free(&s->scratch);
    *s = (Spool){.fd = -1};
}

/* How much of a range that begins at this offset lies in one piece in the ring. */
static size_t piece_in_ring(uint64_t offset, uint64_t size)
{
    uint64_t room = SPOOL_RING_BYTES - offset % SPOOL_RING_BYTES;
    return (size_t)(size < room ? size : room);
}

Err spool_flush(Spool *s)
{
    while (s->written < s->end) {
        size_t piece = piece_in_ring(s->written, s->end - s->written);
        TRY(fd_pwrite_all(s->fd, view_of(s->ring + s->written % SPOOL_RING_BYTES, piece), s->written));
        s->written += piece;
    }
    return OK;
}

Err spool_append(Spool *s, View bytes, uint64_t *ret_offset)
{
    /* Before the copy, so that a failed append leaves nothing behind. */
    if (s->end - s->written + bytes.size > SPOOL_WRITE_BYTES) TRY(spool_flush(s));
    uint64_t offset = s->end;
    if (bytes.size > SPOOL_WRITE_BYTES) {
        TRY(fd_pwrite_all(s->fd, bytes, offset));
        s->end = s->written = s->ring_from = offset + bytes.size;
    } else if (bytes.size) {
        size_t first = piece_in_ring(offset, bytes.size);
        memcpy(s->ring + offset % SPOOL_RING_BYTES, bytes.data, first);
        memcpy(s->ring, bytes.data + first, bytes.size - first);
        s->end += bytes.size;
    }
    *ret_offset = offset;
    return OK;
}

static bool in_ring(const Spool *s, uint64_t offset) { return offset >= s->ring_from && s->end - offset <= SPOOL_RING_BYTES; }

Err spool_read(Spool *s, uint64_t offset, uint64_t size, View *ret_bytes)
{
    if (size == 0) {
        *ret_bytes = (View){0};
        return OK;
    }
    if (size > s->end || offset > s->end - size) return FAIL(ERR_CORRUPT);
    bool ring = in_ring(s, offset);
    if (ring && piece_in_ring(offset, size) == size) {
        *ret_bytes = view_of(s->ring + offset % SPOOL_RING_BYTES, size);
        return OK;
    }
    if (s->scratch.capacity > SPOOL_RING_BYTES) buffer_free(&s->scratch); /* one huge result must not stay in memory */
    s->scratch.size = 0;
    TRY(buffer_reserve(&s->scratch, size));
    if (ring) {
        size_t first = piece_in_ring(offset, size);
        memcpy(s->scratch.data, s->ring + offset % SPOOL_RING_BYTES, first);
        memcpy(s->scratch.data + first, s->ring, size - first);
    } else {
        TRY(fd_pread_all(s->fd, s->scratch.data, size, offset));
    }
    *ret_bytes = view_of(s->scratch.data, size);
    return OK;
}

Err spool_reset(Spool *s)
{
    if (s->written) TRY(fd_truncate(s->fd, 0));
    s->end = s->written = s->ring_from = 0;
    return OK;
}
