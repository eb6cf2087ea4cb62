/*
 * Parts are chains of sealed blocks: a block is written when it is full, and names the block that follows it, so that nothing but each part's
 * ends is remembered.
 */
#include "api/spill.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "crypto/aead.h"
#include "sys/entropy.h"
#include "sys/fd.h"

enum { BLOCK_MAX = 256 << 10, LINK_BYTES = 8 };
#define NO_BLOCK UINT64_MAX

/* Blocks: the first that was written, and the number that the one in memory will have. */
typedef struct { uint64_t first, current; size_t fill; } Part;

struct Spill {
    int fd;
    AeadKey key;         /* a block's number is its nonce: each is written once */
    size_t parts, block; /* bytes of data in a block */
    Part *part;
    uint8_t *memory;     /* one block for each part */
    uint8_t *plain, *sealed;
    uint64_t blocks;     /* numbers given out */
};

static Err open_unnamed(const char *folder, int *ret_fd)
{
    Err e = fd_open(AT_FDCWD, folder, O_TMPFILE | O_RDWR, 0600, ret_fd);
    if (e.code != EOPNOTSUPP && e.code != EISDIR && e.code != EINVAL) return e;
    char name[PATH_BYTES_MAX];
    if (snprintf(name, sizeof name, "%s/.covey-XXXXXX", folder) >= (int)sizeof name) return FAIL(ENAMETOOLONG);
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0) return FAIL(errno);
    unlink(name);
    *ret_fd = fd;
    return OK;
}

static Err prepare(Spill *s, const char *folder, size_t parts)
{
    s->parts = parts;
    s->block = SPILL_MEMORY / parts < BLOCK_MAX ? SPILL_MEMORY / parts : BLOCK_MAX;
    s->part = calloc(parts, sizeof *s->part);
    s->memory = malloc(parts * s->block);
    s->plain = malloc(LINK_BYTES + s->block);
    s->sealed = malloc(LINK_BYTES + s->block + AEAD_TAG_BYTES);
    if (!s->part || !s->memory || !s->plain || !s->sealed) return FAIL(ENOMEM);
    for (size_t i = 0; i < parts; i++) s->part[i] = (Part){.first = NO_BLOCK, .current = NO_BLOCK};
    TRY(random_bytes(s->key.bytes, sizeof s->key.bytes));
    return open_unnamed(folder, &s->fd);
}

Err spill_open(const char *folder, size_t parts, Spill **ret_spill)
{
    assert(folder && ret_spill && parts > 0);

    if (parts > SPILL_PARTS_MAX) return FAIL(ERR_LIMIT);
    Spill *s = calloc(1, sizeof *s);
    if (!s) return FAIL(ENOMEM);
    s->fd = -1;
    Err e = prepare(s, folder, parts);
    if (e.code) spill_free(&s);
    else *ret_spill = s;
    return e;
}

static void wipe(uint8_t *bytes, size_t size)
{
    if (bytes) sodium_memzero(bytes, size);
    free(bytes);
}

void spill_free(Spill **spill)
{
    Spill *s = *spill;
    if (!s) return;
    fd_close(&s->fd);
    wipe(s->memory, s->parts * s->block);
    wipe(s->plain, LINK_BYTES + s->block);
    free(s->sealed);
    free(s->part);
    sodium_memzero(s, sizeof *s);
    free(s);
    *spill = NULL;
}

static void nonce_of(uint64_t block, uint8_t ret_nonce[AEAD_NONCE_BYTES])
{
    memset(ret_nonce, 0, AEAD_NONCE_BYTES);
    memcpy(ret_nonce, &block, sizeof block);
}

static uint64_t place_of(const Spill *s, uint64_t block) { return block * (LINK_BYTES + s->block + AEAD_TAG_BYTES); }

/** Writes a part's block from memory, linked to the one that will follow. */
static Err write_block(Spill *s, size_t index)
{
    Part *p = &s->part[index];
    uint64_t block = p->current == NO_BLOCK ? s->blocks++ : p->current, next = s->blocks++;
    uint8_t nonce[AEAD_NONCE_BYTES];
    size_t size = LINK_BYTES + s->block;
    nonce_of(block, nonce);
    memcpy(s->plain, &next, LINK_BYTES);
    memcpy(s->plain + LINK_BYTES, s->memory + index * s->block, s->block);
    TRY(aead_seal(&s->key, nonce, (View){0}, view_of(s->plain, size), s->sealed, s->sealed + size));
    TRY(fd_pwrite_all(s->fd, view_of(s->sealed, size + AEAD_TAG_BYTES), place_of(s, block)));
    if (p->first == NO_BLOCK) p->first = block;
    p->current = next;
    p->fill = 0;
    return OK;
}

Err spill_add(Spill *s, size_t part, View bytes)
{
    assert(part < s->parts);

    Part *p = &s->part[part];
    while (bytes.size > 0) {
        if (p->fill == s->block) TRY(write_block(s, part));
        size_t room = s->block - p->fill, step = bytes.size < room ? bytes.size : room;
        memcpy(s->memory + part * s->block + p->fill, bytes.data, step);
        p->fill += step;
        bytes = view_of(bytes.data + step, bytes.size - step);
    }
    return OK;
}

static Err read_block(Spill *s, uint64_t block, uint64_t *ret_next)
{
    uint8_t nonce[AEAD_NONCE_BYTES];
    size_t size = LINK_BYTES + s->block;
    nonce_of(block, nonce);
    TRY(fd_pread_all(s->fd, s->sealed, size + AEAD_TAG_BYTES, place_of(s, block)));
    TRY(aead_open(&s->key, nonce, (View){0}, view_of(s->sealed, size), s->sealed + size, s->plain));
    memcpy(ret_next, s->plain, LINK_BYTES);
    return OK;
}

Err spill_read(Spill *s, size_t part, Err (*sink)(void *context, View bytes), void *context)
{
    assert(part < s->parts && sink);

    const Part *p = &s->part[part];
    for (uint64_t block = p->first; block != p->current;) {
        TRY(read_block(s, block, &block));
        TRY(sink(context, view_of(s->plain + LINK_BYTES, s->block)));
    }
    return p->fill ? sink(context, view_of(s->memory + part * s->block, p->fill)) : OK;
}
