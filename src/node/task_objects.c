/*
 * A task's image and segments that are objects: at hand, in the store, or asked for. A micro-job waits for its object outside the queue while
 * others run. One whose object cannot be had is given back unrun, with the reason.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/sha256.h"
#include "node/task.h"
#include "sys/fd.h"

enum { FETCHED_AGAIN_MAX = 3 }; /* an object that is damaged in the store each time: the disk is not to be trusted */

/* Of each place in the job table. */
struct JobWant {
    ObjectWant want;
    Task *task;
    uint8_t again;
    bool pinned;
};

/* --- the image --- */

static Err open_stored_image(Task *t)
{
    return store_open_checked(t->node->store, &t->open.image_object, t->open.image_size, &t->image_fd);
}

static void on_image(ObjectWant *want, Err result, const char *why)
{
    Task *t = (Task *)(void *)((char *)want - offsetof(Task, image_want));
    if (!result.code) result = open_stored_image(t);
    if (!result.code) loop_defer(t->node->work);
    else task_doom(t, result.code, "the image could not be fetched: %s", why[0] ? why : err_text(result.code));
}

Err task_want_image(Task *t, Diag *diag)
{
    Node *n = t->node;
    if (!n->objects) return FAIL_WHY(diag, ERR_NO_ENTRY, "this node keeps no images: it was started without a folder for them");
    if (store_has(n->store, &t->open.image_object, t->open.image_size) && open_stored_image(t).code == 0) return OK;
    t->image_want.from = t->open.manager;
    t->image_want.done = on_image;
    TRY_WHY(diag, objects_want(n->objects, &t->open.image_object, t->open.image_size, &t->image_want), "%s: cannot keep an image of %llu bytes",
            store_folder(n->store), (unsigned long long)t->open.image_size);
    return OK;
}

/* --- segments --- */

static ObjectId id_of(const JobItem *item)
{
    ObjectId id;
    memcpy(id.bytes, item->object.data, sizeof id.bytes);
    return id;
}

static bool is_whole(const JobItem *item) { return item->offset == 0 && item->size == item->object_size; }

/* The micro-job may run as far as its segment is concerned. */
static void ready(Task *t, uint32_t job)
{
    if (t->wraps) wraps_add(t->wraps, job);
    else jobs_queue(&t->jobs, job);
    loop_defer(t->node->work);
}

static void give_back(Task *t, uint32_t job, const char *why)
{
    char text[PATH_BYTES_MAX + 256];
    snprintf(text, sizeof text, "%s\n", why);
    if (task_answer_unrun(t, job, OUTCOME_NONE, view_text(text)).code) task_doom(t, ENOMEM, "no memory for answers");
}

static void pin(Task *t, uint32_t job, const ObjectId *id)
{
    store_pin(t->node->store, id);
    t->job_wants[job].pinned = true;
}

static void unpin(Task *t, uint32_t job)
{
    if (!t->job_wants || !t->job_wants[job].pinned) return;
    const ObjectId id = id_of(&jobs_get(&t->jobs, job)->item);
    store_unpin(t->node->store, &id);
    t->job_wants[job].pinned = false;
}

static void on_segment(ObjectWant *want, Err result, const char *why)
{
    struct JobWant *w = (struct JobWant *)(void *)want; /* its first member */
    Task *t = w->task;
    uint32_t job = (uint32_t)(w - t->job_wants);
    if (result.code) {
        give_back(t, job, why);
        return;
    }
    const ObjectId id = id_of(&jobs_get(&t->jobs, job)->item);
    pin(t, job, &id);
    ready(t, job);
}

static Err want_segment(Task *t, uint32_t job)
{
    const JobItem *item = &jobs_get(&t->jobs, job)->item;
    const ObjectId id = id_of(item);
    Node *n = t->node;
    if (store_has(n->store, &id, item->object_size)) {
        pin(t, job, &id);
        ready(t, job);
        return OK;
    }
    struct JobWant *w = &t->job_wants[job];
    w->task = t;
    w->want.from = t->open.manager;
    w->want.done = on_segment;
    Err e = objects_want(n->objects, &id, item->object_size, &w->want);
    if (e.code == ERR_LIMIT) give_back(t, job, "a segment is larger than all that this node may keep (covey node --cache-max)");
    return e.code == ERR_LIMIT ? OK : e;
}

Err task_take_object(Task *t, uint32_t job)
{
    const JobItem *item = &jobs_get(&t->jobs, job)->item;
    const ObjectId id = id_of(item);
    Node *n = t->node;
    if (t->job_wants) t->job_wants[job].again = 0;
    if (item->size == 0 || task_has_staged(t, item, NULL) || (n->hand && data_at_hand_has(n->hand, &id, item->object_size))) {
        ready(t, job);
        return OK;
    }
    if (!is_whole(item) || !n->objects) {
        give_back(t, job, is_whole(item) ? "this node keeps no objects: it was started without a folder for them" : "this node does not have these data at hand");
        return OK;
    }
    if (!t->job_wants) t->job_wants = calloc(t->jobs.window, sizeof *t->job_wants);
    if (!t->job_wants) return FAIL(ENOMEM);
    return want_segment(t, job);
}

static Err read_stored(Task *t, const JobItem *item, const ObjectId *id, uint8_t *place)
{
    if (!is_whole(item) || !t->node->store) return FAIL(ERR_NO_ENTRY);
    AUTO_FD fd = -1;
    TRY(store_open(t->node->store, id, item->object_size, &fd));
    Err e = fd_pread_all(fd, place, item->size, 0);
    Sha256 hash;
    if (!e.code) e = sha256_large(view_of(place, item->size), &hash);
    if (!e.code && memcmp(hash.bytes, id->bytes, sizeof hash.bytes) != 0) e = FAIL(ERR_CORRUPT);
    if (e.code == ERR_CORRUPT || e.code == EIO) store_evict(t->node->store, id);
    return e;
}

Err task_read_object(Task *t, uint32_t job, uint8_t *place)
{
    const JobItem *item = &jobs_get(&t->jobs, job)->item;
    const ObjectId id = id_of(item);
    if (item->size == 0) return OK;
    Node *n = t->node;
    if (n->hand && data_at_hand_has(n->hand, &id, item->object_size))
        return data_at_hand_read(n->hand, &id, item->object_size, item->offset, place, item->size);
    TRY(read_stored(t, item, &id, place));
    unpin(t, job);
    return OK;
}

/* Gone or damaged in the store: it is fetched again. Data at hand that changed: the manager hears that they are not what it thought. */
Err task_object_failed(Task *t, uint32_t job, Err why)
{
    const JobItem *item = &jobs_get(&t->jobs, job)->item;
    bool lost = why.code == ERR_CORRUPT || why.code == ERR_NO_ENTRY || why.code == EIO;
    unpin(t, job);
    bool may_fetch = is_whole(item) && t->node->objects;
    if (may_fetch && !t->job_wants) { /* it was at hand */
        give_back(t, job, "the data at hand changed");
        return OK;
    }
    if (lost && may_fetch && t->job_wants[job].again++ < FETCHED_AGAIN_MAX) return want_segment(t, job);
    char text[128];
    snprintf(text, sizeof text, "the segment cannot be read on this node: %s", lost && !is_whole(item) ? "the data at hand changed" : err_text(why.code));
    give_back(t, job, text);
    return OK;
}

Err task_give_back_waiting(Task *t)
{
    for (uint32_t job = 0; t->job_wants && job < t->jobs.window; job++) {
        if (!t->job_wants[job].want.fetch) continue;
        objects_unwant(t->node->objects, &t->job_wants[job].want);
        TRY(task_answer_unrun(t, job, OUTCOME_NONE, (View){0}));
    }
    return OK;
}

void task_release_object(Task *t, uint32_t job) { unpin(t, job); }

void task_close_objects(Task *t)
{
    if (t->node->objects) objects_unwant(t->node->objects, &t->image_want);
    for (uint32_t job = 0; t->job_wants && job < t->jobs.window; job++) {
        objects_unwant(t->node->objects, &t->job_wants[job].want);
        if (t->job_wants[job].pinned) unpin(t, job);
    }
    free(t->job_wants);
    t->job_wants = NULL;
}
