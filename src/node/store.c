/* The folder of objects: a hash table over its files, and a list from the least to the most recently used. */
#include "node/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/sha256.h"
#include "node/store_parts.h"
#include "sys/entropy.h"
#include "sys/fault.h"
#include "sys/fd.h"

static StoreEntry **place_of(Store *s, const ObjectId *id)
{
    uint32_t hash;
    memcpy(&hash, id->bytes, sizeof hash); /* it is a hash already */
    StoreEntry **at = &s->buckets[hash % STORE_BUCKETS];
    while (*at && memcmp(&(*at)->id, id, sizeof *id) != 0) at = &(*at)->next_here;
    return at;
}

static void unlink_from_order(Store *s, StoreEntry *e)
{
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    e->older = e->newer = NULL;
}

static void make_newest(Store *s, StoreEntry *e)
{
    e->older = s->newest;
    e->newer = NULL;
    *(s->newest ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
}

Err store_add_entry(Store *s, const ObjectId *id, uint64_t size)
{
    StoreEntry **at = place_of(s, id);
    if (*at) return OK;
    StoreEntry *e = calloc(1, sizeof *e);
    if (!e) return FAIL(ENOMEM);
    e->id = *id;
    e->size = size;
    *at = e;
    make_newest(s, e);
    s->count++;
    s->bytes += size;
    return OK;
}

static void forget(Store *s, StoreEntry **at)
{
    StoreEntry *e = *at;
    *at = e->next_here;
    unlink_from_order(s, e);
    s->count--;
    s->bytes -= e->size;
    free(e);
}

void store_name(const ObjectId *id, char ret_name[65])
{
    Sha256 hash;
    memcpy(hash.bytes, id->bytes, sizeof hash.bytes);
    sha256_hex(&hash, ret_name);
}

void store_evict(Store *s, const ObjectId *id)
{
    StoreEntry **at = place_of(s, id);
    if (!*at) return;
    char name[65];
    store_name(id, name);
    unlinkat(s->dir_fd, name, 0); /* one that cannot be removed is overwritten when it comes again */
    if ((*at)->pins == 0) {
        forget(s, at);
        return;
    }
    s->bytes -= (*at)->size; /* somebody waits for it: the pins stay, the file is fetched again */
    (*at)->size = 0;
    (*at)->missing = true;
}

void store_pin(Store *s, const ObjectId *id)
{
    StoreEntry **at = place_of(s, id);
    if (*at) (*at)->pins++;
}

void store_unpin(Store *s, const ObjectId *id)
{
    StoreEntry **at = place_of(s, id);
    if (!*at || (*at)->pins == 0) return;
    if (--(*at)->pins == 0 && (*at)->missing) forget(s, at);
}

bool store_has(Store *s, const ObjectId *id, uint64_t size)
{
    const StoreEntry *e = *place_of(s, id);
    return e && !e->missing && e->size == size;
}

Err store_open(Store *s, const ObjectId *id, uint64_t size, int *ret_fd)
{
    StoreEntry *e = *place_of(s, id);
    if (!e || e->missing || e->size != size) return FAIL(ERR_NO_ENTRY);
    char name[65];
    store_name(id, name);
    AUTO_FD fd = -1;
    uint64_t found = 0;
    Err opened = fd_open(s->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, &fd);
    if (!opened.code) opened = fd_stat_size(fd, &found);
    if (opened.code == ENOENT || (!opened.code && found != size)) {
        store_evict(s, id);
        return FAIL(ERR_NO_ENTRY);
    }
    TRY(opened);
    unlink_from_order(s, e);
    make_newest(s, e);
    (void)futimens(fd, NULL); /* so that the order is known in the next life; without it the object is only older than it could be */
    *ret_fd = fd_take(&fd);
    return OK;
}

Err store_open_checked(Store *s, const ObjectId *id, uint64_t size, int *ret_fd)
{
    AUTO_FD fd = -1;
    TRY(store_open(s, id, size, &fd));
    Sha256 hash;
    Err e = sha256_of_range(fd, 0, size, &hash);
    if (!e.code && memcmp(hash.bytes, id->bytes, sizeof hash.bytes) != 0) e = FAIL(ERR_CORRUPT);
    if (e.code == ERR_CORRUPT || e.code == EIO) store_evict(s, id);
    TRY(e);
    *ret_fd = fd_take(&fd);
    return OK;
}

/* --- what comes --- */

static StoreEntry *oldest_unpinned(const Store *s)
{
    StoreEntry *e = s->oldest;
    while (e && e->pins) e = e->newer;
    return e;
}

static Err make_room(Store *s, uint64_t size)
{
    if (size > s->bytes_max) return FAIL(ERR_LIMIT);
    while (s->bytes + s->coming > s->bytes_max - size || s->count >= STORE_OBJECTS_MAX) {
        const StoreEntry *e = oldest_unpinned(s);
        if (!e) return FAIL(ERR_BUSY);
        const ObjectId id = e->id;
        store_evict(s, &id);
    }
    return OK;
}

Err store_begin(Store *s, const ObjectId *id, uint64_t size, StorePart *ret_part)
{
    TRY(make_room(s, size));
    StorePart part = {.fd = -1, .id = *id, .size = size};
    uint64_t mark;
    TRY(random_bytes(&mark, sizeof mark));
    snprintf(part.name, sizeof part.name, STORE_PART_PREFIX "%016llx", (unsigned long long)mark);
    TRY(fd_open(s->dir_fd, part.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &part.fd));
    s->coming += size;
    *ret_part = part;
    return OK;
}

void store_give_up(Store *s, StorePart *part)
{
    if (part->fd < 0) return;
    unlinkat(s->dir_fd, part->name, 0);
    fd_close(&part->fd);
    s->coming -= part->size;
}

static Err check_part(const StorePart *part)
{
    Sha256 hash;
    TRY(sha256_of_range(part->fd, 0, part->size, &hash));
    return memcmp(hash.bytes, part->id.bytes, sizeof hash.bytes) == 0 ? OK : FAIL(ERR_CORRUPT);
}

static Err finish(Store *s, const StorePart *part)
{
    char name[65];
    TRY(check_part(part));
    store_name(&part->id, name);
    if (FAULTABLE("renameat", renameat(s->dir_fd, part->name, s->dir_fd, name)) < 0) return FAIL(errno);
    StoreEntry *e = *place_of(s, &part->id);
    if (!e) return store_add_entry(s, &part->id, part->size);
    s->bytes += part->size - e->size; /* it was missing */
    e->size = part->size;
    e->missing = false;
    return OK;
}

Err store_finish(Store *s, StorePart *part)
{
    Err e = finish(s, part);
    if (e.code) {
        store_give_up(s, part);
        return e;
    }
    fd_close(&part->fd);
    s->coming -= part->size;
    return OK;
}

void store_shrink(Store *s, bool *ret_some)
{
    *ret_some = false;
    for (const StoreEntry *e; (e = oldest_unpinned(s));) {
        const ObjectId id = e->id;
        store_evict(s, &id);
        *ret_some = true;
    }
}

const char *store_folder(const Store *s) { return s->folder; }
uint64_t store_bytes_max(const Store *s) { return s->bytes_max; }

void store_free(Store **store)
{
    Store *s = *store;
    if (!s) return;
    *store = NULL;
    while (s->oldest) forget(s, place_of(s, &s->oldest->id));
    fd_close(&s->dir_fd);
    free(s->folder);
    free(s);
}
