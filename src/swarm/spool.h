/**
 * The spool: results, appended one after another to a file, and read back by place. Appends gather in memory and go out in large writes;
 * what was appended last is read back from memory, so that a combiner that keeps up never touches the file.
 */
#pragma once
#include "base/bytes.h"

enum { SPOOL_RING_BYTES = 4 << 20, SPOOL_WRITE_BYTES = 1 << 20 };

typedef struct {
    int fd;
    uint64_t end;        /* bytes appended */
    uint64_t written;    /* bytes of them in the file */
    uint64_t ring_from;  /* the ring holds [max(ring_from, end - SPOOL_RING_BYTES), end) */
    uint8_t *ring;       /* byte at offset o is ring[o % SPOOL_RING_BYTES] */
    Buffer scratch;      /* what spool_read returns when the ring does not hold it in one piece */
} Spool;

/** Opens `name` in a folder, made with mode 0600; appends go behind what is there. */
MUST_USE Err spool_open(int dir_fd, const char *name, Spool *ret_spool);
/** A file without a name, in $TMPDIR or /var/tmp or /tmp: gone when it is closed, whatever kills the process. */
MUST_USE Err spool_open_temporary(Spool *ret_spool);
/** What was not flushed is lost. */
void spool_close(Spool *s);
/** errors: ENOSPC and the like: nothing was appended, and the call may be made again */
MUST_USE Err spool_append(Spool *s, View bytes, uint64_t *ret_offset);
/** Everything appended so far is in the file: it survives the process, though not a power loss. */
MUST_USE Err spool_flush(Spool *s);
/** Borrowed until the next call on this spool. errors: ERR_CORRUPT when the spool ends before the range does */
MUST_USE Err spool_read(Spool *s, uint64_t offset, uint64_t size, View *ret_bytes);
/** Forgets everything and gives the space back. */
MUST_USE Err spool_reset(Spool *s);
