/* Registered objects, by content, and the requests of members in the order in which they came. */
#include "swarm/object_server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/limits.h"
#include "bus/message_subject.h"
#include "crypto/sha256.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { BUCKETS_FIRST = 64, BUS_BUSY_PAUSE_MS = 10 };

typedef struct Object {
    struct Object *next;
    ObjectId id;
    uint64_t offset, size;
    uint32_t references;
    char *path;               /* NULL: `bytes` */
    uint8_t bytes[];
} Object;

typedef struct { char node_id[NODE_NAME_MAX + 1]; ObjectGet get; } Request;

struct ObjectServer {
    ObjectServerConfig config;
    BusSubscription *subscription;
    LoopSource *work, *later;     /* deferred; a timer, while the bus is full */
    Object **buckets;
    uint32_t bucket_count, object_count;
    Request *requests;            /* ring */
    uint32_t first, count;
    char *open_path;              /* of the file read last: neighbours share it */
    int open_fd;
    ObjectServerStats stats;
};

/* --- what is registered --- */

static uint32_t hash_of(const ObjectId *id)
{
    uint32_t hash;
    memcpy(&hash, id->bytes, sizeof hash);
    return hash;
}

static Object **place_of(const ObjectServer *s, const ObjectId *id)
{
    Object **at = &s->buckets[hash_of(id) % s->bucket_count];
    while (*at && memcmp(&(*at)->id, id, sizeof *id) != 0) at = &(*at)->next;
    return at;
}

/* Keeps chains short; that it cannot grow only makes it slower. */
static void grow(ObjectServer *s)
{
    uint32_t count = 4 * s->bucket_count;
    Object **buckets = calloc(count, sizeof *buckets);
    if (!buckets) return;
    for (uint32_t i = 0; i < s->bucket_count; i++) {
        for (Object *o = s->buckets[i], *next; o; o = next) {
            next = o->next;
            o->next = buckets[hash_of(&o->id) % count];
            buckets[hash_of(&o->id) % count] = o;
        }
    }
    free(s->buckets);
    s->buckets = buckets;
    s->bucket_count = count;
}

/* `path` or `bytes`. */
static Err add(ObjectServer *s, const ObjectId *id, const char *path, uint64_t offset, uint64_t size, View bytes)
{
    Object **at = place_of(s, id);
    if (*at) {
        (*at)->references++;
        return OK;
    }
    if (s->object_count == OBJECTS_REGISTERED_MAX) return FAIL(ERR_LIMIT);
    Object *o = malloc(sizeof *o + bytes.size);
    if (!o) return FAIL(ENOMEM);
    *o = (Object){.id = *id, .offset = offset, .size = size, .references = 1, .path = path ? strdup(path) : NULL};
    if (path && !o->path) {
        free(o);
        return FAIL(ENOMEM);
    }
    if (bytes.size) memcpy(o->bytes, bytes.data, bytes.size);
    *at = o;
    if (++s->object_count > 2 * s->bucket_count) grow(s);
    return OK;
}

static void object_free(Object *o)
{
    free(o->path);
    free(o);
}

void object_server_drop(ObjectServer *s, const ObjectId *id)
{
    Object **at = place_of(s, id), *o = *at;
    if (!o || --o->references) return;
    *at = o->next;
    s->object_count--;
    object_free(o);
}

static ObjectId id_of(const Sha256 *hash)
{
    ObjectId id;
    memcpy(id.bytes, hash->bytes, sizeof id.bytes);
    return id;
}

/* The descriptor is kept until another file is read. */
static Err open_file(ObjectServer *s, const char *path, int *ret_fd)
{
    if (s->open_fd < 0 || strcmp(s->open_path, path) != 0) {
        char *copy = strdup(path);
        if (!copy) return FAIL(ENOMEM);
        int fd = -1;
        Err e = fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, &fd);
        if (e.code) {
            free(copy);
            return e;
        }
        fd_close(&s->open_fd);
        free(s->open_path);
        s->open_path = copy;
        s->open_fd = fd;
    }
    *ret_fd = s->open_fd;
    return OK;
}

Err object_server_add_range(ObjectServer *s, const char *path, uint64_t offset, uint64_t size, ObjectId *ret_id)
{
    int fd;
    Sha256 hash;
    if (size == 0 || size > SEGMENT_BYTES_MAX) return FAIL(ERR_LIMIT);
    TRY(open_file(s, path, &fd));
    TRY(sha256_of_range(fd, offset, size, &hash));
    const ObjectId id = id_of(&hash);
    TRY(add(s, &id, path, offset, size, (View){0}));
    *ret_id = id;
    return OK;
}

Err object_server_add_file(ObjectServer *s, const char *path, ObjectId *ret_id, uint64_t *ret_size)
{
    int fd;
    uint64_t size;
    TRY(open_file(s, path, &fd));
    TRY(fd_stat_size(fd, &size));
    TRY(object_server_add_range(s, path, 0, size, ret_id));
    *ret_size = size;
    return OK;
}

Err object_server_add_bytes(ObjectServer *s, View bytes, ObjectId *ret_id)
{
    Sha256 hash;
    if (bytes.size == 0 || bytes.size > SEGMENT_BYTES_MAX) return FAIL(ERR_LIMIT);
    TRY(sha256_large(bytes, &hash));
    const ObjectId id = id_of(&hash);
    TRY(add(s, &id, NULL, 0, bytes.size, bytes));
    *ret_id = id;
    return OK;
}

/* --- answering --- */

static Err put_none(const ObjectGet *get, int code, Buffer *message)
{
    return message_put_object_none(message, &(ObjectNone){.id = get->id, .code = code});
}

static Err put_chunk(ObjectServer *s, const Object *o, const ObjectGet *get, Buffer *piece, Buffer *message)
{
    uint64_t left = o->size - get->offset;
    size_t size = left < get->size ? (size_t)left : get->size;
    ObjectChunk chunk = {.id = o->id, .offset = get->offset, .total = o->size, .bytes = view_of(o->bytes + (o->path ? 0 : get->offset), size)};
    if (o->path) {
        int fd;
        TRY(buffer_reserve(piece, size));
        TRY(open_file(s, o->path, &fd));
        TRY(fd_pread_all(fd, piece->data, size, o->offset + get->offset));
        chunk.bytes = view_of(piece->data, size);
    }
    return message_put_object_chunk(message, &chunk);
}

/* A chunk, or why there is none. That a file was changed behind us the node finds by its hash. */
static Err answer(ObjectServer *s, const Request *r)
{
    AUTO_BUFFER message = buffer_limited(OBJECT_CHUNK_BYTES_MAX + KIB), piece = buffer_limited(OBJECT_CHUNK_BYTES_MAX);
    const Object *o = *place_of(s, &r->get.id);
    Err e = !o || r->get.offset >= o->size ? FAIL(ERR_NO_ENTRY) : put_chunk(s, o, &r->get, &piece, &message);
    bool refused = e.code != 0;
    if (e.code == ENOMEM) return e;
    s->stats.refused += e.code == ERR_NO_ENTRY;
    s->stats.damaged += refused && e.code != ERR_NO_ENTRY;
    if (refused) TRY(put_none(&r->get, e.code, &message));
    size_t size = message.size;
    e = bus_publish(s->config.bus, subject_chunk(r->node_id).text, &message);
    if (e.code) return e;
    s->stats.chunks += !refused;
    s->stats.bytes_sent += refused ? 0 : size;
    return OK;
}

static Err on_work(void *context, uint32_t events)
{
    (void)events;
    ObjectServer *s = context;
    for (int i = 0; i < OBJECT_CHUNKS_PER_TURN && s->count; i++) {
        Err e = answer(s, &s->requests[s->first]);
        if (e.code == ERR_BUSY) { /* the bus is full: this one again, later */
            loop_set_timer(s->later, clock_monotonic_ns() + BUS_BUSY_PAUSE_MS * NS_PER_MS);
            return OK;
        }
        if (e.code && e.code != ERR_NO_ENTRY) return e; /* no entry: nobody is there any more */
        s->first = (s->first + 1) % OBJECT_REQUESTS_MAX;
        s->count--;
    }
    if (s->count) loop_defer(s->work);
    return OK;
}

static Err on_later(void *context, uint32_t events)
{
    (void)events;
    loop_defer(((ObjectServer *)context)->work);
    return OK;
}

static uint32_t waiting_of(const ObjectServer *s, const char *node_id)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->count; i++) count += strcmp(s->requests[(s->first + i) % OBJECT_REQUESTS_MAX].node_id, node_id) == 0;
    return count;
}

static Err refuse_now(ObjectServer *s, const Request *r, int code)
{
    AUTO_BUFFER message = buffer_limited(KIB);
    TRY(put_none(&r->get, code, &message));
    Err e = bus_publish(s->config.bus, subject_chunk(r->node_id).text, &message);
    return e.code == ENOMEM ? e : OK;
}

static Err on_message(void *context, const char *subject, View message)
{
    ObjectServer *s = context;
    Request r;
    const char *speaker = subject_speaker(subject);
    if (strlen(speaker) > NODE_NAME_MAX || message_get_object_get(message, &r.get).code || !s->config.is_member(s->config.context, speaker)) {
        s->stats.refused++;
        return OK;
    }
    memset(r.node_id, 0, sizeof r.node_id);
    memcpy(r.node_id, speaker, strlen(speaker));
    if (s->count == OBJECT_REQUESTS_MAX || waiting_of(s, speaker) >= OBJECT_REQUESTS_EACH_MAX) {
        s->stats.busy++;
        return refuse_now(s, &r, ERR_BUSY);
    }
    s->requests[(s->first + s->count++) % OBJECT_REQUESTS_MAX] = r;
    loop_defer(s->work);
    return OK;
}

ObjectServerStats object_server_stats(const ObjectServer *s) { return s->stats; }

/* --- birth and death --- */

static Err set_up(ObjectServer *s)
{
    s->buckets = calloc(BUCKETS_FIRST, sizeof *s->buckets);
    s->requests = calloc(OBJECT_REQUESTS_MAX, sizeof *s->requests);
    if (!s->buckets || !s->requests) return FAIL(ENOMEM);
    s->bucket_count = BUCKETS_FIRST;
    TRY(loop_add_deferred(s->config.loop, on_work, s, &s->work));
    TRY(loop_add_timer(s->config.loop, UINT64_MAX, on_later, s, &s->later));
    return bus_subscribe(s->config.bus, subject_object(&s->config.manager, "*").text, on_message, s, &s->subscription);
}

Err object_server_new(const ObjectServerConfig *config, ObjectServer **ret_server)
{
    assert(config && config->is_member && ret_server);

    ObjectServer *s = calloc(1, sizeof *s);
    if (!s) return FAIL(ENOMEM);
    s->config = *config;
    s->open_fd = -1;
    Err e = set_up(s);
    if (e.code) {
        object_server_free(&s);
        return e;
    }
    *ret_server = s;
    return OK;
}

void object_server_free(ObjectServer **server)
{
    ObjectServer *s = *server;
    if (!s) return;
    *server = NULL;
    bus_unsubscribe(&s->subscription);
    loop_remove(&s->work);
    loop_remove(&s->later);
    for (uint32_t i = 0; i < s->bucket_count; i++) {
        for (Object *o = s->buckets[i], *next; o; o = next) {
            next = o->next;
            object_free(o);
        }
    }
    free(s->buckets);
    free(s->requests);
    fd_close(&s->open_fd);
    free(s->open_path);
    free(s);
}
