/**
 * The file around the segments while it is written: under a name of its own beside the target, gathered into large writes, the index in
 * memory until it is large and then in a file without a name, so that memory stays constant.
 */
#pragma once
#include <sodium.h>

#include "base/limits.h"
#include "dataset/layout.h"

enum { CONTAINER_BATCH_BYTES = BATCH_CHUNKS * SEALED_CHUNK_BYTES };

typedef struct {
    char path[PATH_BYTES_MAX], temporary[PATH_BYTES_MAX]; /* temporary empty: nothing to remove */
    int fd, spool_fd;
    DatasetName name;
    uint8_t *batch;          /* CONTAINER_BATCH_BYTES, not yet written */
    size_t batch_size;
    uint64_t written;        /* behind the batch: where the next byte goes is written + batch_size */
    Buffer entries;          /* the index's newest */
    uint64_t spooled;        /* bytes of the index before them */
    crypto_hash_sha256_state index_hash;
    uint64_t segments, plain_bytes;
} Container;

/** Makes the file and writes its header. */
MUST_USE Err container_open(const char *path, const DatasetName *name, Container *ret_container, Diag *diag);
/** Room for `size` bytes (at most CONTAINER_BATCH_BYTES) that the caller fills and then counts in batch_size. */
MUST_USE Err container_room(Container *c, size_t size, uint8_t **ret_room);
MUST_USE Err container_write(Container *c, View bytes);
static inline uint64_t container_offset(const Container *c) { return c->written + c->batch_size; }
/** Adds a segment to the index. errors: ERR_LIMIT */
MUST_USE Err container_add(Container *c, const SealedSegment *segment);
/** SHA-256 of the index; no segment may follow. */
void container_index_hash(Container *c, Sha256 *ret_hash);
/** Index, footer and end; syncs, and gives the file its name. */
MUST_USE Err container_finish(Container *c, View footer);
void container_close(Container *c);
