/* Who wants which object, and which are fetched now: in order of arrival, a bounded number at once and from one manager. */
#include "node/objects_parts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "bus/message_subject.h"
#include "sys/clock.h"

enum { TICK_MS = 20 };

static ObjectFetch **place_of(Objects *o, const ObjectId *id, uint64_t size)
{
    uint32_t hash;
    memcpy(&hash, id->bytes, sizeof hash);
    ObjectFetch **at = &o->buckets[hash % OBJECTS_BUCKETS];
    while (*at && ((*at)->size != size || memcmp(&(*at)->id, id, sizeof *id) != 0)) at = &(*at)->next_here;
    return at;
}

static void fetch_free(Objects *o, ObjectFetch *f)
{
    fetch_stop(o, f);
    *place_of(o, &f->id, f->size) = f->next_here;
    *(f->before ? &f->before->after : &o->first) = f->after;
    *(f->after ? &f->after->before : &o->last) = f->before;
    free(f);
}

void fetch_end(Objects *o, ObjectFetch *f, Err result, const char *why)
{
    ObjectWant *wants = f->wants;
    fetch_free(o, f);
    for (ObjectWant *w = wants; w; w = w->next) w->fetch = NULL;
    while (wants) {
        ObjectWant *w = wants;
        wants = w->next;
        w->next = NULL;
        w->done(w, result, why);
    }
}

static uint32_t active_from(const Objects *o, const ManagerId *from)
{
    uint32_t count = 0;
    for (const ObjectFetch *f = o->first; f; f = f->after) count += f->active && strcmp(f->wants->from.text, from->text) == 0;
    return count;
}

static bool may_begin(const Objects *o, const ObjectFetch *f)
{
    return o->active_count < OBJECTS_ACTIVE_MAX && active_from(o, &f->wants->from) < OBJECTS_ACTIVE_EACH_MAX;
}

static Err turn(Objects *o, uint64_t now_ns)
{
    for (ObjectFetch *f = o->first, *after; f; f = after) {
        bool ended = false;
        after = f->after;
        if (!f->active && o->active_count >= OBJECTS_ACTIVE_MAX) continue;
        if (f->active || may_begin(o, f)) TRY(fetch_turn(o, f, now_ns, &ended));
    }
    loop_set_timer(o->timer, o->first ? now_ns + TICK_MS * NS_PER_MS : UINT64_MAX);
    return OK;
}

static Err on_tick(void *context, uint32_t events)
{
    (void)events;
    return turn(context, clock_monotonic_ns());
}

/* A piece belongs to a fetch by id and total; what nobody fetches is dropped. */
static Err on_message(void *context, const char *subject, View message)
{
    (void)subject;
    Objects *o = context;
    union { ObjectChunk chunk; ObjectNone none; } m;
    uint64_t now = clock_monotonic_ns();
    if (message_type(message) == MESSAGE_OBJECT_CHUNK && message_get_object_chunk(message, &m.chunk).code == 0) {
        ObjectFetch *f = *place_of(o, &m.chunk.id, m.chunk.total);
        return f && f->active ? fetch_take(o, f, &m.chunk, now) : OK;
    }
    if (message_type(message) != MESSAGE_OBJECT_NONE || message_get_object_none(message, &m.none).code) return OK;
    for (ObjectFetch *f = o->first, *after; f; f = after) {
        after = f->after;
        if (f->active && memcmp(&f->id, &m.none.id, sizeof f->id) == 0) {
            fetch_none(o, f, m.none.code, now);
            break;
        }
    }
    return OK;
}

Err objects_want(Objects *o, const ObjectId *id, uint64_t size, ObjectWant *want)
{
    if (size == 0 || size > SEGMENT_BYTES_MAX || size > store_bytes_max(o->config.store)) return FAIL(ERR_LIMIT);
    ObjectFetch **at = place_of(o, id, size);
    ObjectFetch *f = *at;
    if (!f) {
        f = calloc(1, sizeof *f);
        if (!f) return FAIL(ENOMEM);
        *f = (ObjectFetch){.id = *id, .size = size, .part.fd = -1, .before = o->last};
        *at = f;
        *(o->last ? &o->last->after : &o->first) = f;
        o->last = f;
    }
    ObjectWant **end = &f->wants;
    while (*end) end = &(*end)->next;
    want->next = NULL;
    want->fetch = f;
    *end = want;
    loop_set_timer(o->timer, 0);
    return OK;
}

void objects_unwant(Objects *o, ObjectWant *want)
{
    ObjectFetch *f = want->fetch;
    if (!f) return;
    ObjectWant **at = &f->wants;
    while (*at != want) at = &(*at)->next;
    *at = want->next;
    want->next = NULL;
    want->fetch = NULL;
    if (!f->wants) fetch_free(o, f);
}

ObjectsStats objects_stats(const Objects *o) { return o->stats; }

Err objects_new(const ObjectsConfig *config, Objects **ret_objects)
{
    Objects *o = calloc(1, sizeof *o);
    if (!o) return FAIL(ENOMEM);
    o->config = *config;
    if (!o->config.patience_ns) o->config.patience_ns = OBJECTS_PATIENCE_S * NS_PER_S;
    Err e = loop_add_timer(config->loop, UINT64_MAX, on_tick, o, &o->timer);
    if (!e.code) e = bus_subscribe(config->bus, subject_chunk(config->node_id).text, on_message, o, &o->subscription);
    if (e.code) {
        objects_free(&o);
        return e;
    }
    *ret_objects = o;
    return OK;
}

void objects_free(Objects **objects)
{
    Objects *o = *objects;
    if (!o) return;
    *objects = NULL;
    while (o->first) fetch_free(o, o->first);
    bus_unsubscribe(&o->subscription);
    loop_remove(&o->timer);
    free(o);
}
