/* Nodes as the manager sees them: joining, opening the stage at them, refusals, going away. */
#include <errno.h>
#include <stdio.h>

#include "bus/message_subject.h"
#include "swarm/manager_parts.h"
#include "sys/clock.h"

Member *member_of(Manager *m, const TaskId *id, uint32_t stage, uint32_t number, const char *speaker)
{
    if (stage != m->stage || memcmp(id, &m->ids.id, sizeof *id) != 0) return NULL;
    for (uint32_t i = 0; i < m->member_count; i++)
        if (m->members[i].number == number && m->members[i].state != MEMBER_FREE)
            return strcmp(m->members[i].node_id, speaker) == 0 ? &m->members[i] : NULL;
    return NULL;
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
    }
    memcpy(open.measurement, stage_measurement(m), sizeof open.measurement);
    memcpy(open.seed, m->ids.seed, sizeof open.seed);
    memcpy(open.digest_key, m->ids.digest_key, sizeof open.digest_key);
    return message_put_task_open(message, &open);
}

static void open_at(Manager *m, Member *member)
{
    AUTO_BUFFER message = buffer_limited(BUS_MESSAGE_BYTES_MAX);
    Err e = put_open(m, member->number, &message);
    if (e.code) {
        manager_fail(m, e, "the task's image path, arguments or limits are more than a node takes");
        return;
    }
    member->state = MEMBER_OPENING;
    member->window = member->batch = member->outstanding = 0;
    member->heard_ns = clock_monotonic_ns();
    e = bus_publish(m->bus, subject_node(member->node_id).text, &message);
    if (e.code) member_gone(m, member); /* it announces itself again when it is back */
}

static Member *member_new(Manager *m, const NodeMessage *n)
{
    Member *member = NULL;
    for (uint32_t i = 0; i < m->member_count && !member; i++)
        if (m->members[i].state == MEMBER_FREE) member = &m->members[i];
    if (!member && m->member_count < MANAGER_MEMBERS_MAX) member = &m->members[m->member_count++];
    if (!member) return NULL;
    *member = (Member){.incarnation = n->incarnation, .number = ++m->next_number, .level_mask = n->level_mask, .memory_free = n->memory_free};
    memcpy(member->node_id, n->node_id, sizeof member->node_id);
    return member;
}

/* The same incarnation again is a heartbeat, another one a node that was started anew. */
void members_hear_node(Manager *m, const NodeMessage *n)
{
    for (uint32_t i = 0; i < m->member_count; i++) {
        Member *member = &m->members[i];
        if (member->state == MEMBER_FREE || strcmp(member->node_id, n->node_id) != 0) continue;
        if (member->incarnation == n->incarnation) return;
        member_gone(m, member);
    }
    Member *member = member_new(m, n);
    if (member) open_at(m, member); /* one more than MANAGER_MEMBERS_MAX is left out */
}

void member_gone(Manager *m, Member *member)
{
    uint32_t number = member->number;
    bool owed = member->outstanding > 0;
    *member = (Member){0};
    for (uint64_t i = m->window.base; owed && i < m->window.next; i++) {
        const WindowJob *job = window_at(&m->window, i);
        if (job->state == JOB_OUTSTANDING && job->member == number) result_returned(m, i);
    }
    m->no_member_since_ns = clock_monotonic_ns();
    loop_defer(m->work);
}

static PlacementNode placement_of(const Member *member)
{
    return (PlacementNode){.level_mask = member->level_mask, .memory_free = member->memory_free};
}

/* When everybody has refused there is nobody to wait for: the reason of the first is the reason of the task. */
static void end_when_all_refused(Manager *m)
{
    const Member *first = NULL;
    for (uint32_t i = 0; i < m->member_count; i++) {
        const Member *member = &m->members[i];
        if (member->state == MEMBER_OPENING || member->state == MEMBER_READY) return;
        if (member->state == MEMBER_REFUSED && !first) first = member;
    }
    if (first) manager_end(m, FAIL_WHY(&m->diag, first->refused_code, "%s", first->refused_text));
}

static void refuse(Manager *m, Member *member, int code, const char *text)
{
    member->state = MEMBER_REFUSED;
    member->refused_code = code;
    snprintf(member->refused_text, sizeof member->refused_text, "%s", text);
    end_when_all_refused(m);
}

void members_hear_ready(Manager *m, const TaskReady *r, const char *speaker)
{
    Member *member = member_of(m, &r->id, r->stage, r->node, speaker);
    if (!member || member->state != MEMBER_OPENING) {
        m->progress.dropped++;
        return;
    }
    const TaskSpec *t = m->request.task;
    PlacementNeed need = {.level = t->level, .memory_max = t->memory_max};
    PlacementNode node = placement_of(member);
    if (!placement_possible(&node, 1, &need)) {
        char text[REFUSED_TEXT_MAX];
        bool level = member->level_mask >> t->level & 1;
        snprintf(text, sizeof text, level ? "node %s has less memory free than the %llu MiB of one micro-job at level %s; lower security: memory"
                                          : "node %s cannot give %llu MiB at level %s; `covey doctor` says which levels it can give, and why not",
                 member->node_id, (unsigned long long)(t->memory_max / MIB), level_name(t->level));
        refuse(m, member, level ? ENOMEM : ERR_LEVEL, text);
        return;
    }
    member->state = MEMBER_READY;
    member->window = r->window;
    member->batch = r->batch;
    member->heard_ns = clock_monotonic_ns();
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
        member_gone(m, member);
        return;
    }
    refuse(m, member, r->code, size ? text : err_text(r->code));
}

void members_open_stage(Manager *m)
{
    m->no_member_since_ns = clock_monotonic_ns();
    for (uint32_t i = 0; i < m->member_count && !m->done; i++)
        if (m->members[i].state != MEMBER_FREE) open_at(m, &m->members[i]);
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

/* A live node answers something within the lifetime of what it runs; the grace is for the way there and for starting SEEs. */
static bool owes_too_long(const Manager *m, const Member *member, uint64_t now_ns)
{
    uint64_t patience = manager_grace_ns(m) + (member->state == MEMBER_READY ? m->request.task->lifetime_ns : 0);
    bool owes = member->state == MEMBER_OPENING || (member->state == MEMBER_READY && member->outstanding > 0);
    return owes && now_ns > member->heard_ns && now_ns - member->heard_ns > patience;
}

void members_watch(Manager *m, uint64_t now_ns)
{
    bool anybody = false;
    for (uint32_t i = 0; i < m->member_count; i++) {
        if (owes_too_long(m, &m->members[i], now_ns)) member_gone(m, &m->members[i]);
        anybody |= m->members[i].state == MEMBER_OPENING || m->members[i].state == MEMBER_READY;
    }
    if (anybody || m->done || now_ns < m->no_member_since_ns || now_ns - m->no_member_since_ns <= manager_grace_ns(m)) return;
    manager_end(m, FAIL_WHY(&m->diag, ERR_CLOSED, "no node has offered itself for %llu s; start one, then run again with --resume",
                            (unsigned long long)(manager_grace_ns(m) / NS_PER_S)));
}
