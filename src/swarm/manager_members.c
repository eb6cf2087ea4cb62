/* Nodes as the manager sees them: joining, opening the stage at them, refusals, going away. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/message_subject.h"
#include "swarm/manager_parts.h"
#include "sys/clock.h"

/* The place in the table is part of the number, so that answers find their member at once. */
enum { SLOT_BITS = 10, SLOT_MASK = (1 << SLOT_BITS) - 1 };
_Static_assert(MANAGER_MEMBERS_MAX == 1 << SLOT_BITS, "a place fits");

Member *member_by_number(Manager *m, uint32_t number)
{
    uint32_t slot = number & SLOT_MASK;
    return number && slot < m->member_count && m->members[slot].number == number ? &m->members[slot] : NULL;
}

Member *member_of(Manager *m, const TaskId *id, uint32_t stage, uint32_t number, const char *speaker)
{
    if (stage != m->stage || memcmp(id, &m->ids.id, sizeof *id) != 0) return NULL;
    Member *member = member_by_number(m, number);
    return member && member->state != MEMBER_FREE && strcmp(member->node_id, speaker) == 0 ? member : NULL;
}

void member_set_room(Manager *m, Member *member, uint32_t room)
{
    m->room += room;
    m->room -= member->room;
    member->room = room;
}

/* The whole window is for micro-jobs so short that it is run in a moment: what waits at a node for longer had better be free to go to another. */
static uint64_t useful_window(const Manager *m, const Member *member)
{
    const WindowJob *last = m->window.next ? window_at(&m->window, m->window.next - 1) : NULL;
    uint64_t bytes_most = last && last->size ? MEMBER_AHEAD_BYTES / last->size : UINT64_MAX;
    double soon = member->one_s > 0 ? MEMBER_AHEAD_S * member->cores / member->one_s : 0;
    uint64_t most = soon < (double)bytes_most ? (uint64_t)soon : bytes_most, least = MEMBER_WINDOW_CORE * (uint64_t)member->cores;
    if (most < least) most = least;
    return most < member->window ? most : member->window;
}

/* A node elsewhere may claim any number of cores and any window. It is believed what it does: to begin with it gets as many as it has cores (no node
 * has more than ZYGOTES_MAX), or a few, and with each answer two more. */
static uint32_t believed_window(const Manager *m, const Member *member)
{
    if (!m->request.remote) return member->window;
    uint32_t first = member->cores < ZYGOTES_MAX ? member->cores : ZYGOTES_MAX;
    uint64_t earned = (first > MEMBER_WINDOW_FIRST ? first : MEMBER_WINDOW_FIRST) + 2 * member->answers;
    uint64_t window = useful_window(m, member);
    return (uint32_t)(earned < window ? earned : window);
}

/* A node is sent to when it has room for a good batch, or for a quarter of its window: neither many small messages nor a node that runs dry. */
void member_look(Manager *m, Member *member)
{
    uint32_t window = believed_window(m, member);
    uint32_t room = window > member->outstanding ? window - member->outstanding : 0, quarter = (window + 3) / 4;
    bool worth = member->state == MEMBER_READY && !member->draining && room >= (member->batch < quarter ? member->batch : quarter);
    member_set_room(m, member, worth ? room : 0);
    if (member->placed) placement_set_room(m->placement, member->ref, member->room);
}

static Err put_strings(Buffer *b, char *const *strings, size_t count)
{
    for (size_t i = 0; i < count; i++) TRY(buffer_append(b, view_of(strings[i], strlen(strings[i]) + 1)));
    return OK;
}

/* argv[0] is the task's name, as main() expects one. The combine image gets nothing more: the task's arguments are for its own image. */
static Err put_open(const Manager *m, uint32_t number, Buffer *message)
{
    const TaskSpec *t = m->request.task;
    AUTO_BUFFER args = buffer_limited(TASK_ARG_BYTES_MAX), env = buffer_limited(TASK_ARG_BYTES_MAX);
    size_t arg_count = m->stage == 0 ? t->arg_count : 0;
    TRY(buffer_append(&args, view_of(t->name, strlen(t->name) + 1)));
    TRY(put_strings(&args, t->args, arg_count));
    TRY(put_strings(&env, t->env, t->env_count));
    TaskOpen open = {.id = m->ids.id, .stage = m->stage, .node = number, .manager = m->id, .image_path = view_text(stage_image(m)), .level = t->level,
                     .zygotes = m->request.zygotes, .lifetime_ns = t->lifetime_ns, .memory_max = t->memory_max, .output_max = t->output_max,
                     .real_random = t->real_random, .args = view_buffer(&args), .arg_count = (uint32_t)arg_count + 1, .env = view_buffer(&env),
                     .env_count = (uint32_t)t->env_count, .header = m->stage == 0 ? splitter_header(m->splitter) : (View){0}};
    if (is_sealed(m)) {
        open.sealed = m->stage == 0 ? SEALED_SEGMENTS : SEALED_RESULTS;
        open.footer = sealed_footer(splitter_sealed(m->splitter));
        if (t->privacy) open.privacy = view_of(t->privacy, sizeof *t->privacy);
    }
    if (m->objects) {
        open.image_path = (View){0};
        open.image_object = m->image;
        open.image_size = m->image_size;
    }
    memcpy(open.measurement, stage_measurement(m), sizeof open.measurement);
    memcpy(open.seed, m->ids.seed, sizeof open.seed);
    memcpy(open.digest_key, m->ids.digest_key, sizeof open.digest_key);
    return message_put_task_open(message, &open);
}

void member_open(Manager *m, Member *member)
{
    AUTO_BUFFER message = buffer_limited(BUS_MESSAGE_BYTES_MAX);
    Err e = put_open(m, member->number, &message);
    if (e.code) {
        manager_fail(m, e, "the task's image path, arguments or limits are more than a node takes");
        return;
    }
    member->state = MEMBER_OPENING;
    member->window = member->batch = member->outstanding = 0;
    member->answers = 0;
    member_look(m, member);
    member->heard_ns = member->answered_ns = clock_monotonic_ns();
    m->progress.bytes_sent += message.size;
    e = bus_publish(m->bus, subject_node(member->node_id).text, &message);
    if (e.code) member_gone(m, member, "it cannot be reached"); /* it announces itself again when it is back */
}

Member *member_named(Manager *m, const char *node_id)
{
    for (uint32_t i = 0; i < m->member_count; i++)
        if (m->members[i].state != MEMBER_FREE && strcmp(m->members[i].node_id, node_id) == 0) return &m->members[i];
    return NULL;
}

static Member *member_new(Manager *m, const NodeMessage *n)
{
    uint32_t slot = 0;
    while (slot < m->member_count && m->members[slot].state != MEMBER_FREE) slot++;
    if (slot == MANAGER_MEMBERS_MAX) return NULL;
    if (slot == m->member_count) m->member_count++;
    Member *member = &m->members[slot];
    *member = (Member){.incarnation = n->incarnation, .number = ++m->next_number << SLOT_BITS | slot,
                       .record = buffer_limited(BUS_MESSAGE_BYTES_MAX), .message = buffer_limited(BUS_MESSAGE_BYTES_MAX)};
    memcpy(member->node_id, n->node_id, sizeof member->node_id);
    member->who = (PlacementWho){fact_hash(n->node_id), n->owner[0] ? fact_hash(n->owner) : 0};
    m->progress.nodes_joined++;
    return member;
}

/* It gets nothing new, and what it has gets one more copy elsewhere at once: the first right answer counts. */
static Err drain(Manager *m, Member *member)
{
    member->draining = true;
    m->progress.nodes_drained++;
    manager_notice(m, "node %s is about to go; of its micro-jobs, %u go to others", member->node_id, member->outstanding);
    if (member->placed) placement_drain_node(m->placement, member->ref);
    member_look(m, member);
    for (uint64_t i = m->window.base; member->outstanding > 0 && i < m->window.next; i++) {
        WindowJob *job = window_at(&m->window, i);
        if (job->state != JOB_OPEN || job->wanted > 0 || !copies_at_member(job, member->number)) continue;
        TRY(window_want(&m->window, i, COPY_REPLACED));
    }
    loop_defer(m->work);
    return OK;
}

static Err update(Manager *m, Member *member, View message, const NodeMessage *n)
{
    member->heard_ns = clock_monotonic_ns();
    member->level_mask = n->level_mask;
    member->memory_free = n->memory_free;
    member->cores = n->cores ? n->cores : 1;
    member->price = (double)n->price_micro / 1e6;
    bool same = view_equal(view_buffer(&member->record), message);
    if (same) return OK;
    member->record.size = 0;
    TRY(buffer_append(&member->record, message));
    TRY(objects_look(m, member, n));
    bool drains = n->draining && !member->draining;
    if (!n->draining) member->draining = false;
    if (member->state == MEMBER_READY) {
        TRY(facts_put_member(m, member));
        member_look(m, member);
    }
    return drains ? drain(m, member) : OK;
}

static Err give_back_all(Manager *m, uint32_t number)
{
    for (uint64_t i = m->window.base; i < m->window.next; i++) {
        WindowJob *job = window_at(&m->window, i);
        const Copy *copy = job->state == JOB_OPEN ? copies_at_member(job, number) : NULL;
        if (!copy) continue;
        copies_remove(job, copy);
        m->progress.replaced++;
        TRY(result_returned(m, i));
    }
    return OK;
}

/* Its copies are looked for only when it owes some; the place in the table is free before anything else happens. */
static void forget(Manager *m, Member *member)
{
    uint32_t number = member->number;
    bool owed = member->outstanding > 0;
    member_set_room(m, member, 0);
    if (member->placed) placement_remove_node(m->placement, member->ref);
    buffer_free(&member->record);
    buffer_free(&member->message);
    *member = (Member){0};
    m->no_member_since_ns = clock_monotonic_ns();
    late_forget(&m->late, number);
    Err e = owed && !m->done ? give_back_all(m, number) : OK;
    if (e.code) manager_fail(m, e, "a node was lost");
    loop_defer(m->work);
}

void member_gone(Manager *m, Member *member, const char *why)
{
    if (m->request.remote) manager_notice(m, "node %s is lost (%s); of its micro-jobs, %u go to others", member->node_id, why, member->outstanding);
    m->progress.nodes_lost++;
    forget(m, member);
}

/* The same incarnation again is a heartbeat, another one a node that was started anew. */
void members_hear_node(Manager *m, View message, const NodeMessage *n)
{
    Member *member = member_named(m, n->node_id);
    bool anew = member && member->incarnation != n->incarnation;
    if (member && n->leaving) forget(m, member); /* it has said so: it is not lost */
    else if (anew) member_gone(m, member, "it was started anew");
    if (n->leaving || m->done) return;
    if (anew) member = NULL;
    bool joins = !member;
    if (joins) member = member_new(m, n);
    if (!member) return; /* one more than MANAGER_MEMBERS_MAX is left out */
    Err e = update(m, member, message, n);
    if (e.code) manager_fail(m, e, "a node's record");
    else if (joins && m->trust) members_ask_who(m, member);
    else if (joins) member_open(m, member);
}

void members_end_when_all_refused(Manager *m)
{
    const Member *first = NULL;
    for (uint32_t i = 0; i < m->member_count; i++) {
        const Member *member = &m->members[i];
        if (member->state == MEMBER_ASKED || member->state == MEMBER_OPENING || member->state == MEMBER_READY) return;
        if (member->state == MEMBER_REFUSED && !first) first = member;
    }
    if (first) manager_end(m, FAIL_WHY(&m->diag, first->refused_code, "%s", first->refused_text));
}

void member_refuse(Manager *m, Member *member, int code, const char *text)
{
    m->progress.nodes_refused += member->state != MEMBER_REFUSED;
    member->state = MEMBER_REFUSED;
    member->refused_code = code;
    snprintf(member->refused_text, sizeof member->refused_text, "%s", text);
    if (!m->request.remote) members_end_when_all_refused(m); /* otherwise others may come: manager_watch.c */
}

void members_hear_ready(Manager *m, const TaskReady *r, const char *speaker)
{
    Member *member = member_of(m, &r->id, r->stage, r->node, speaker);
    if (!member || member->state != MEMBER_OPENING) {
        m->progress.dropped++;
        return;
    }
    const TaskSpec *t = m->request.task;
    bool level = member->level_mask >> t->level & 1;
    if (!level || member->memory_free < t->memory_max) {
        char text[REFUSED_TEXT_MAX];
        snprintf(text, sizeof text, level ? "node %s has less memory free than the %llu MiB of one micro-job at level %s; lower security: memory"
                                          : "node %s cannot give %llu MiB at level %s; `covey doctor` says which levels it can give, and why not",
                 member->node_id, (unsigned long long)(t->memory_max / MIB), level_name(t->level));
        member_refuse(m, member, level ? ENOMEM : ERR_LEVEL, text);
        return;
    }
    member->state = MEMBER_READY;
    member->window = r->window;
    member->batch = r->batch;
    member->heard_ns = member->answered_ns = member->busy_since_ns = clock_monotonic_ns();
    Err e = facts_put_member(m, member);
    if (e.code == ERR_BAD_INPUT || e.code == ERR_LIMIT) { /* a record that nobody can place */
        member_refuse(m, member, e.code, "the node's record makes no sense");
        return;
    }
    if (e.code) manager_fail(m, e, "placing a node");
    member_look(m, member);
    loop_defer(m->work);
}

void members_hear_refused(Manager *m, const TaskRefused *r, const char *speaker)
{
    Member *member = member_of(m, &r->id, r->stage, r->node, speaker);
    if (!member || member->state == MEMBER_REFUSED) {
        m->progress.dropped++;
        return;
    }
    char text[REFUSED_TEXT_MAX + 1];
    size_t size = r->text.size < REFUSED_TEXT_MAX ? r->text.size : REFUSED_TEXT_MAX;
    memcpy(text, size ? (const char *)r->text.data : "", size);
    text[size] = '\0';
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) text[i] = ' '; /* it is printed on a terminal */
    if (member->outstanding) { /* it took micro-jobs and then changed its mind */
        member_gone(m, member, "it gave the task up");
        return;
    }
    member_refuse(m, member, r->code, size ? text : err_text(r->code));
}

void members_open_stage(Manager *m)
{
    m->no_member_since_ns = clock_monotonic_ns();
    for (uint32_t i = 0; i < m->member_count && !m->done; i++)
        if (m->members[i].state != MEMBER_FREE && (!m->trust || m->members[i].evidence.state == EVIDENCE_ACCEPTED)) member_open(m, &m->members[i]);
}

void members_close_stage(Manager *m)
{
    for (uint32_t i = 0; i < m->member_count; i++) {
        const Member *member = &m->members[i];
        if (member->state != MEMBER_OPENING && member->state != MEMBER_READY) continue;
        AUTO_BUFFER message = buffer_limited(BUS_MESSAGE_BYTES_MAX);
        TaskClose close = {.id = m->ids.id, .stage = m->stage, .node = member->number};
        Err e = message_put_task_close(&message, &close);
        if (!e.code) e = bus_publish(m->bus, subject_node(member->node_id).text, &message);
        (void)e; /* a node that does not hear it loses nothing: the next TASK_OPEN, or its own watch over the manager, ends the task there */
    }
}

void members_free(Manager *m)
{
    for (uint32_t i = 0; i < m->member_count; i++) {
        buffer_free(&m->members[i].record);
        buffer_free(&m->members[i].message);
    }
    free(m->members);
    m->members = NULL;
}
