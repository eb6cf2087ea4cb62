/*
 * Whether a resource is what its statement says. The seals first: only what nobody can change any more is worth reading. Then its size, and its
 * hash over a read-only mapping, a step at a time, so that a large resource does not keep the node from its tasks. Nothing is copied.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "image/image.h"
#include "node/stage_parts.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/fd.h"

/* F_SEAL_WRITE is refused by the kernel while anybody has the file mapped for writing, and F_SEAL_FUTURE_WRITE is not: only the former counts. */
StageOutcomeCode stage_check_fd(const Resource *r, int fd)
{
    const int wanted = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    int seals = FAULTABLE("fcntl", fcntl(fd, F_GET_SEALS));
    if (seals < 0 || (seals & wanted) != wanted) return STAGE_UNSEALED;
    uint64_t size = 0;
    return fd_stat_size(fd, &size).code || size != r->size ? STAGE_WRONG_SIZE : STAGE_STAGED;
}

Err stage_verify_begin(Stage *s, Entry *e)
{
    void *map = FAULTABLE("mmap", mmap(NULL, e->r.size, PROT_READ, MAP_SHARED, e->fd, 0));
    if (map == MAP_FAILED) return FAIL(errno);
    e->map = map;
    TRY(sha256_run_new(&e->hash));
    s->verifying++;
    loop_defer(s->verify);
    return OK;
}

void stage_verify_end(Entry *e)
{
    sha256_run_free(&e->hash);
    if (e->map) fd_unmap(e->map, e->r.size);
    e->map = NULL;
}

/* The image's own signature: nobody's word for it, an orchestrator's neither, makes an image run here. */
static bool check_image(const Stage *s, Entry *e)
{
    ImageInfo info;
    if (!s->config.trusted || image_verify(view_of(e->map, e->r.size), s->config.trusted, &info, NULL).code) return false;
    memcpy(e->measurement, info.measurement.bytes, sizeof e->measurement);
    return true;
}

static StageOutcomeCode finish(const Stage *s, Entry *e)
{
    Sha256 hash;
    if (sha256_run_end(e->hash, &hash).code || memcmp(hash.bytes, e->r.hash.bytes, sizeof hash.bytes) != 0) return STAGE_WRONG_HASH;
    return e->r.kind == RESOURCE_IMAGE && !check_image(s, e) ? STAGE_BAD_IMAGE : STAGE_STAGED;
}

static void verified(Stage *s, Entry *e)
{
    StageOutcomeCode code = finish(s, e);
    s->verifying--;
    stage_verify_end(e);
    e->state = ENTRY_WAITING;
    if (code != STAGE_STAGED) stage_remove(s, e, code);
    else if (e->r.kind == RESOURCE_DATA) stage_shelve(s, e);
    else if (s->agent) loop_defer(s->agent);
    else stage_announce(s, e);
}

static Entry *first_unverified(const Stage *s)
{
    Entry *first = NULL;
    for (uint32_t i = 0; i < s->entry_count; i++)
        if (s->entries[i]->state == ENTRY_VERIFYING && (!first || s->entries[i]->offer < first->offer)) first = s->entries[i];
    return first;
}

Err stage_on_verify(void *context, uint32_t events)
{
    (void)events;
    Stage *s = context;
    Entry *e = first_unverified(s);
    if (!e) return OK;
    const uint64_t begin = clock_monotonic_ns(), left = e->r.size - e->hashed, step = left < STAGE_STEP_BYTES ? left : STAGE_STEP_BYTES;
    Err hashed = sha256_run_add(e->hash, view_of((const uint8_t *)e->map + e->hashed, step));
    e->hashed += step;
    if (hashed.code) e->hashed = e->r.size; /* and what is finished now has no right hash */
    if (e->hashed == e->r.size) verified(s, e);
    s->stats.verify_ns += clock_monotonic_ns() - begin;
    loop_defer(s->verify);
    return OK;
}
