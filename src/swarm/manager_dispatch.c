/* JOBS: which micro-jobs go to which node. Cuts new ones only when a node has room, so that nothing piles up. */
#include "bus/message_subject.h"
#include "swarm/manager_parts.h"

/* A node is sent to when it has room for a good batch, or for a quarter of its window: neither many small messages nor a node that runs dry. */
static bool worth_a_message(const Member *m)
{
    uint32_t room = m->window - m->outstanding, quarter = (m->window + 3) / 4;
    return m->state == MEMBER_READY && room >= (m->batch < quarter ? m->batch : quarter);
}

static Member *choose(Manager *m)
{
    PlacementNode nodes[MANAGER_MEMBERS_MAX];
    const TaskSpec *t = m->request.task;
    PlacementNeed need = {.level = t->level, .memory_max = t->memory_max};
    for (uint32_t i = 0; i < m->member_count; i++) {
        const Member *member = &m->members[i];
        nodes[i] = (PlacementNode){.level_mask = member->level_mask, .memory_free = member->memory_free,
                                   .window = worth_a_message(member) ? member->window : 0, .outstanding = member->outstanding};
    }
    size_t best = placement_choose(nodes, m->member_count, &need);
    return best == PLACEMENT_NONE ? NULL : &m->members[best];
}

/* Room in the window, and for the bytes that inline segments hold until their micro-jobs end. */
static bool may_cut(const Manager *m)
{
    return !m->cut && m->window.next - m->window.base < WINDOW_AHEAD_MAX && m->window.inline_bytes < MANAGER_INLINE_BYTES_MAX;
}

/* The next micro-job to send: one that came back, else a new one. *ret_found false: there is none now. */
static Err next_job(Manager *m, uint32_t *budget, uint64_t *ret_index, bool *ret_found)
{
    if (window_take_waiting(&m->window, ret_index)) {
        *ret_found = true;
        return OK;
    }
    uint32_t cost = m->stage == 0 ? 1 : COMBINE_FANIN_MAX; /* of one micro-job: looking for as many rows */
    while (may_cut(m) && *budget >= cost) {
        *budget -= cost;
        bool more;
        TRY(stage_cut(m, &more));
        if (!more) {
            m->cut = true;
            break;
        }
        if (window_at(&m->window, m->window.next - 1)->state == JOB_WAITING) {
            *ret_index = m->window.next - 1;
            *ret_found = true;
            return OK;
        }
        TRY(results_take(m)); /* it was resumed: its result may be the next to combine */
    }
    *ret_found = false;
    return OK;
}

static Err add_job(Manager *m, const Member *member, uint64_t index, const char **path, Buffer *message)
{
    WindowJob *job = window_at(&m->window, index);
    JobItem item = {.job = index, .attempt = job->attempt + 1u, .kind = job->kind, .with_header = job->with_header,
                    .offset = job->kind == SEGMENT_RANGE ? job->offset : 0, .size = job->size, .plain_size = job->plain_size};
    if (job->kind == SEGMENT_INLINE) item.data = view_of(job->held.bytes, job->size);
    if (job->kind == SEGMENT_RANGE && job->held.path->text != *path) {
        *path = job->held.path->text;
        item.path = view_text(*path);
    }
    TRY(message_add_job(message, &item));
    job->attempt++;
    job->member = member->number;
    job->state = JOB_OUTSTANDING;
    return OK;
}

/* Fills one message for a node. Micro-jobs in it are outstanding from here on, also when an error ends the filling. */
static Err fill(Manager *m, Member *member, uint32_t *budget, Buffer *message)
{
    BatchHead head = {.id = m->ids.id, .stage = m->stage, .node = member->number, .manager = m->id};
    TRY(message_begin_jobs(message, &head));
    uint32_t room = member->window - member->outstanding;
    uint32_t batch = room < member->batch ? room : member->batch;
    const char *path = NULL;
    for (uint32_t added = 0; added < batch && message->size < JOBS_MESSAGE_BYTES; added++) {
        uint64_t index;
        bool found;
        TRY(next_job(m, budget, &index, &found));
        if (!found) break;
        TRY(add_job(m, member, index, &path, message));
        member->outstanding++;
    }
    return OK;
}

/* The node's queue is full: its micro-jobs come back, and go out when it has answered some. */
static Err take_back(Manager *m, Member *member, View message)
{
    BatchReader reader;
    JobItem item;
    bool more;
    TRY(message_open_batch(message, MESSAGE_JOBS, &reader));
    for (;;) {
        TRY(message_next_job(&reader, &item, &more));
        if (!more) return OK;
        window_at(&m->window, item.job)->attempt--;
        window_send_again(&m->window, item.job);
        member->outstanding--;
    }
}

static Err send(Manager *m, Member *member, Buffer *message, bool *ret_full)
{
    Err e = bus_publish(m->bus, subject_node(member->node_id).text, message);
    *ret_full = e.code == ERR_BUSY;
    if (e.code == ERR_BUSY) return take_back(m, member, view_buffer(message));
    if (e.code) member_gone(m, member); /* nobody is there: its micro-jobs go to others */
    return OK;
}

Err dispatch(Manager *m)
{
    uint32_t budget = CUT_PER_TURN;
    Member *member;
    while (!m->done && (member = choose(m))) {
        AUTO_BUFFER message = buffer_limited(BUS_MESSAGE_BYTES_MAX);
        uint32_t before = member->outstanding;
        bool full = false;
        Err filled = fill(m, member, &budget, &message);
        bool some = member->outstanding > before;
        if (some) TRY(send(m, member, &message, &full));
        TRY(filled);
        if (budget < COMBINE_FANIN_MAX) loop_defer(m->work); /* much was cut, or resumed: the loop gets its turn */
        if (!some || full || budget < COMBINE_FANIN_MAX) break;
    }
    return OK;
}
