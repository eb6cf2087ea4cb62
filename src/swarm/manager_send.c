/* JOBS: for each node a message that is filled while nodes are chosen, and sent when it is a good batch or nothing more comes. */
#include "bus/message_subject.h"
#include "swarm/manager_parts.h"

static Err begin(Manager *m, Member *member)
{
    BatchHead head = {.id = m->ids.id, .stage = m->stage, .node = member->number, .manager = m->id};
    member->message_path = NULL;
    member->message.limit = BUS_MESSAGE_BYTES_MAX;
    return message_begin_jobs(&member->message, &head);
}

static Err put_item(Manager *m, Member *member, uint64_t index, uint32_t attempt)
{
    WindowJob *job = window_at(&m->window, index);
    JobItem item = {.job = index, .attempt = attempt, .kind = job->kind, .with_header = job->with_header,
                    .offset = job->kind == SEGMENT_RANGE ? job->offset : 0, .size = job->size, .plain_size = job->plain_size};
    if (m->stage == 0) TRY(splitter_pieces(m->splitter, index, &m->pieces));
    if (m->stage == 0) item.pieces = view_buffer(&m->pieces);
    if (m->objects) {
        TRY(objects_put_segment(m, member, job, &item));
        return message_add_job(&member->message, &item);
    }
    if (job->kind == SEGMENT_INLINE) item.data = view_of(job->held.bytes, job->size);
    if (job->kind == SEGMENT_RANGE && job->held.path->text != member->message_path) {
        member->message_path = job->held.path->text;
        item.path = view_text(member->message_path);
    }
    return message_add_job(&member->message, &item);
}

Err send_add(Manager *m, Member *member, uint64_t index, uint32_t attempt)
{
    if (member->message_jobs == 0) TRY(begin(m, member));
    TRY(put_item(m, member, index, attempt));
    member->message_jobs++;
    bool full = member->message_jobs >= member->batch || member->message.size >= (m->request.remote ? JOBS_MESSAGE_REMOTE_BYTES : JOBS_MESSAGE_BYTES);
    return full ? send_to(m, member) : OK;
}

static void forget_message(Member *member)
{
    member->message.size = 0;
    member->message_jobs = 0;
}

/* The node's queue is full: its micro-jobs come back, and go out when it has answered some. */
static Err take_back(Manager *m, Member *member)
{
    BatchReader reader;
    JobItem item;
    bool more;
    TRY(message_open_batch(view_buffer(&member->message), MESSAGE_JOBS, &reader));
    for (;;) {
        TRY(message_next_job(&reader, &item, &more));
        if (!more) break;
        WindowJob *job = window_at(&m->window, item.job);
        const Copy copy = *copies_find(job, member->number, item.attempt);
        copies_remove(job, &copy);
        copy_ended(m, member, &copy, PLACEMENT_BACK, 0);
        TRY(window_want(&m->window, item.job, copy.why));
    }
    member_set_room(m, member, 0);
    placement_set_room(m->placement, member->ref, 0);
    return OK;
}

Err send_to(Manager *m, Member *member)
{
    if (member->message_jobs == 0) return OK;
    uint64_t size = member->message.size;
    Err e = bus_publish(m->bus, subject_node(member->node_id).text, &member->message), taken = OK;
    if (e.code == 0) m->progress.bytes_sent += size;
    else if (e.code == ERR_BUSY) taken = take_back(m, member);
    forget_message(member);
    if (e.code && e.code != ERR_BUSY) member_gone(m, member, "it cannot be reached"); /* nobody is there: its micro-jobs go to others */
    return taken;
}

Err send_all(Manager *m)
{
    for (uint32_t i = 0; i < m->member_count; i++) TRY(send_to(m, &m->members[i]));
    return OK;
}
