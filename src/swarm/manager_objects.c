/*
 * How images and segments reach nodes of other machines: small segments within JOBS, larger ones and images as objects, by content, which a node
 * asks for when it does not keep them already; and ranges of an input that a node has at hand, which do not travel at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "swarm/manager_parts.h"
#include "sys/fd.h"

enum { HASH_STEP_BYTES = 32 << 20 /* about 20 ms, then the loop gets its turn */, HASH_PIECE_BYTES = 1 << 20 };

/* The input while it is hashed, because some node has a file of the same size at hand. */
struct InputHash { Sha256Run *run; int fd; uint64_t done; };

static bool is_member(void *context, const char *node_id)
{
    const Manager *m = context;
    for (uint32_t i = 0; i < m->member_count; i++) {
        const Member *member = &m->members[i];
        bool believed = member->state == MEMBER_OPENING || member->state == MEMBER_READY;
        if (believed && strcmp(member->node_id, node_id) == 0) return true;
    }
    return false;
}

static bool is_one_file(const TaskSpec *t)
{
    return t->split.by != SPLIT_FILE && t->split.by != SPLIT_COUNT && t->input_path && strcmp(t->input_path, "-") != 0;
}

static Err look_at_input(Manager *m)
{
    const TaskSpec *t = m->request.task;
    AUTO_FD fd = -1;
    if (!is_one_file(t)) return OK;
    TRY(fd_open(AT_FDCWD, t->input_path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, &fd));
    if (fd_stat_size(fd, &m->input_size).code) return OK; /* a pipe with a name */
    if (!t->by_content) return OK;
    memcpy(m->input_id.bytes, t->content, sizeof m->input_id.bytes);
    m->input_known = true;
    return OK;
}

Err objects_begin(Manager *m)
{
    if (!m->request.remote) return OK;
    m->piece = buffer_limited(MANAGER_INLINE_EACH_MAX);
    const ObjectServerConfig config = {.loop = m->loop, .bus = m->bus, .manager = m->id, .context = m, .is_member = is_member};
    TRY(object_server_new(&config, &m->objects));
    return look_at_input(m);
}

static void forget_piece(Manager *m)
{
    fd_close(&m->piece_fd);
    segment_path_drop(&m->piece_path);
}

static void hash_end(Manager *m)
{
    struct InputHash *h = m->input_hash;
    if (!h) return;
    sha256_run_free(&h->run);
    fd_close(&h->fd);
    free(h);
    m->input_hash = NULL;
}

void objects_end(Manager *m)
{
    hash_end(m);
    object_server_free(&m->objects);
    forget_piece(m);
    buffer_free(&m->piece);
}

Err objects_open_stage(Manager *m)
{
    if (!m->objects) return OK;
    if (m->image_size) object_server_drop(m->objects, &m->image);
    m->image_size = 0;
    return object_server_add_file(m->objects, stage_image(m), &m->image, &m->image_size);
}

/* --- data at hand --- */

/* By id once it is known; until then a file of the same size is worth finding out. */
static bool has_input(const Manager *m, const NodeMessage *n)
{
    for (uint32_t i = 0; i < node_dataset_count(n); i++) {
        const NodeDataset d = node_dataset_at(n, i);
        if (d.size == m->input_size && (!m->input_known || memcmp(&d.id, &m->input_id, sizeof d.id) == 0)) return true;
    }
    return false;
}

static Err hash_begin(Manager *m)
{
    struct InputHash *h = calloc(1, sizeof *h);
    if (!h) return FAIL(ENOMEM);
    h->fd = -1;
    m->input_hash = h;
    TRY(sha256_run_new(&h->run));
    return fd_open(AT_FDCWD, m->request.task->input_path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, &h->fd);
}

Err objects_look(Manager *m, Member *member, const NodeMessage *n)
{
    member->has_input = false;
    if (!m->objects || m->input_size == 0 || !has_input(m, n)) return OK;
    member->has_input = m->input_known;
    if (m->input_known || m->input_hash || m->input_unfit) return OK;
    Err e = hash_begin(m);
    if (!e.code) loop_defer(m->work);
    return e;
}

static Err look_again(Manager *m)
{
    for (uint32_t i = 0; i < m->member_count; i++) {
        Member *member = &m->members[i];
        NodeMessage n;
        if (member->state == MEMBER_FREE) continue;
        TRY(message_get_node(view_buffer(&member->record), &n));
        TRY(objects_look(m, member, &n));
        if (member->placed) TRY(facts_put_member(m, member));
    }
    return OK;
}

static Err hash_step(Manager *m)
{
    struct InputHash *h = m->input_hash;
    static uint8_t piece[HASH_PIECE_BYTES];
    for (uint64_t step = 0; step < HASH_STEP_BYTES && h->done < m->input_size;) {
        uint64_t left = m->input_size - h->done;
        size_t size = left < sizeof piece ? (size_t)left : sizeof piece;
        TRY(fd_pread_all(h->fd, piece, size, h->done));
        TRY(sha256_run_add(h->run, view_of(piece, size)));
        h->done += size;
        step += size;
    }
    return OK;
}

Err objects_hash_input(Manager *m)
{
    struct InputHash *h = m->input_hash;
    if (!h) return OK;
    Err e = hash_step(m);
    if (e.code == ENOMEM) return e;
    if (!e.code && h->done < m->input_size) {
        loop_defer(m->work);
        return OK;
    }
    Sha256 hash;
    if (!e.code) TRY(sha256_run_end(h->run, &hash));
    hash_end(m);
    m->input_unfit = e.code != 0; /* it cannot be read as a whole; whoever reads its parts says so */
    if (e.code) return OK;
    memcpy(m->input_id.bytes, hash.bytes, sizeof m->input_id.bytes);
    m->input_known = true;
    return look_again(m);
}

uint64_t objects_content(const ObjectId *id)
{
    uint64_t content;
    memcpy(&content, id->bytes, sizeof content);
    return content | 1; /* 0 is "not said" */
}

/* --- segments --- */

static Err read_piece(Manager *m, const WindowJob *job)
{
    const char *path = job->held.path->text;
    if (m->piece_path != job->held.path) {
        forget_piece(m);
        TRY(fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, &m->piece_fd));
        m->piece_path = job->held.path;
        m->piece_path->references++;
    }
    TRY(buffer_reserve(&m->piece, job->size + 1));
    m->piece.size = job->size;
    return fd_pread_all(m->piece_fd, m->piece.data, job->size, job->offset);
}

static Err add_object(Manager *m, WindowJob *job)
{
    ObjectId id;
    if (job->object) return OK;
    if (job->kind == SEGMENT_RANGE) TRY(object_server_add_range(m->objects, job->held.path->text, job->offset, job->size, &id));
    else TRY(object_server_add_bytes(m->objects, view_of(job->held.bytes, job->size), &id));
    job->object = malloc(sizeof id.bytes);
    if (!job->object) {
        object_server_drop(m->objects, &id);
        return FAIL(ENOMEM);
    }
    memcpy(job->object, &id, sizeof id);
    return OK;
}

void objects_job_ended(Manager *m, WindowJob *job)
{
    if (!job->object) return;
    ObjectId id;
    memcpy(&id, job->object, sizeof id);
    object_server_drop(m->objects, &id);
}

static void whole(const uint8_t *id, uint64_t size, JobItem *item)
{
    item->kind = SEGMENT_OBJECT;
    item->object = view_of(id, sizeof(ObjectId));
    item->object_size = size;
}

Err objects_put_segment(Manager *m, const Member *member, WindowJob *job, JobItem *item)
{
    if (job->kind == SEGMENT_NONE || job->size == 0) return OK;
    if (job->kind == SEGMENT_RANGE && m->stage == 0 && member->has_input) {
        whole(m->input_id.bytes, m->input_size, item);
        return OK;
    }
    item->offset = 0;
    item->path = item->data = (View){0};
    Err e = OK;
    if (job->size > MANAGER_INLINE_EACH_MAX) {
        e = add_object(m, job);
        if (!e.code) whole(job->object, job->size, item);
    } else {
        item->kind = SEGMENT_INLINE;
        if (job->kind == SEGMENT_RANGE) e = read_piece(m, job);
        if (!e.code) item->data = job->kind == SEGMENT_RANGE ? view_buffer(&m->piece) : view_of(job->held.bytes, job->size);
    }
    if (!e.code || job->kind != SEGMENT_RANGE) return e;
    return FAIL_WHY(&m->diag, e.code, "%s: cannot read the %llu bytes at %llu: %s", job->held.path->text, (unsigned long long)job->size,
                    (unsigned long long)job->offset, err_text(e.code));
}
