/* The manager's first half: micro-jobs wait in line, and are given to the nodes that the policy chooses, in as many copies as their rule asks. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "sim/world.h"

enum { MISSES_MAX = 256 }; /* micro-jobs that wait for another node than there is, before the rest of their task waits for the next event */

uint32_t node_room(const Node *n) { return n->known && !n->draining && n->outstanding < n->window ? n->window - n->outstanding : 0; }

JobNeed manager_need(const World *w, uint32_t job) { return (JobNeed){job_content(w, job), task_of_job(w, job)->segment_bytes}; }

size_t manager_avoid(const World *w, uint32_t job, PlacementWho ret_avoid[PLACEMENT_AVOID_MAX])
{
    size_t count = 0;
    const Job *j = &w->jobs[job];
    for (uint32_t a = j->attempts; a != SIM_NONE && count < PLACEMENT_AVOID_MAX; a = w->attempts[a].next_of_job) {
        const Node *n = &w->nodes[w->attempts[a].node];
        ret_avoid[count++] = (PlacementWho){n->hash, n->owner};
    }
    const Quorum *q = j->vote == SIM_NONE ? NULL : &w->votes[j->vote];
    for (uint8_t v = 0; q && v < q->vote_count && count < PLACEMENT_AVOID_MAX; v++)
        ret_avoid[count++] = (PlacementWho){q->votes[v].node, q->votes[v].owner};
    return count;
}

/* The line of a task: new micro-jobs in order, before them those that wait anew, in a ring. */

static Err ring_grow(TaskState *t)
{
    uint32_t room = t->again_room ? 2 * t->again_room : 64;
    uint32_t *again = calloc(room, sizeof *again);
    if (!again) return FAIL(ENOMEM);
    assert(t->again_count <= t->again_room);
    for (uint32_t i = 0; i < t->again_count; i++) again[i] = t->again[(t->again_first + i) % t->again_room];
    free(t->again);
    t->again = again;
    t->again_first = 0;
    t->again_room = room;
    return OK;
}

static Err line_put(World *w, uint32_t job, bool in_front)
{
    TaskState *t = &w->tasks[w->jobs[job].task];
    if (w->jobs[job].waiting) return OK;
    if (t->again_count == t->again_room) TRY(ring_grow(t));
    if (in_front) t->again_first = (t->again_first + t->again_room - 1) % t->again_room;
    t->again[(t->again_first + (in_front ? 0 : t->again_count)) % t->again_room] = job;
    t->again_count++;
    w->jobs[job].waiting = true;
    return OK;
}

/* The next that still wants a copy; SIM_NONE: none waits. */
static uint32_t line_take(World *w, TaskState *t)
{
    while (t->again_count) {
        uint32_t job = t->again[t->again_first];
        t->again_first = (t->again_first + 1) % t->again_room;
        t->again_count--;
        w->jobs[job].waiting = false;
        if (w->jobs[job].wanted && w->jobs[job].state <= JOB_OUT) return job;
    }
    return t->next < t->first + t->count ? t->next++ : SIM_NONE;
}

Err manager_wait(World *w, uint32_t job, uint32_t copies)
{
    Job *j = &w->jobs[job];
    j->wanted = (uint8_t)(j->wanted + copies);
    w->tasks[j->task].copies_waiting += copies;
    w->room_made = true;
    return line_put(w, job, false);
}

Err manager_arrives(World *w, uint32_t task)
{
    TaskState *t = &w->tasks[task];
    const SimTask *spec = &w->scenario->tasks[task];
    t->arrived = true;
    t->copies_waiting = (uint64_t)t->count * (spec->adaptive ? 1 : spec->copies);
    for (uint32_t j = t->first; spec->adaptive && j < t->first + t->count; j++) w->jobs[j].wanted = 1;
    w->room_made = true;
    return w->policy->task_arrives ? w->policy->task_arrives(w, task) : OK;
}

uint32_t policy_next_in_turn(World *w, uint64_t blocked)
{
    uint32_t count = (uint32_t)w->scenario->task_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t t = (w->turn + i) % count;
        if (!w->tasks[t].arrived || w->tasks[t].copies_waiting == 0 || (blocked >> t & 1)) continue;
        w->turn = t + 1;
        return t;
    }
    return SIM_NONE;
}

/* Votes */

static Err vote_open(World *w, uint32_t job)
{
    const SimTask *t = task_of_job(w, job);
    QuorumRule rule = quorum_rule(t->copies, t->agree);
    uint32_t at = w->vote_free;
    if (at != SIM_NONE) {
        memcpy(&w->vote_free, &w->votes[at], sizeof w->vote_free);
    } else {
        if (w->vote_count == w->vote_room) {
            uint32_t room = w->vote_room ? 2 * w->vote_room : 256;
            Quorum *votes = reallocarray(w->votes, room, sizeof *votes);
            if (!votes) return FAIL(ENOMEM);
            w->votes = votes;
            w->vote_room = room;
        }
        at = w->vote_count++;
    }
    quorum_start(&w->votes[at], &rule);
    w->jobs[job].vote = at;
    return OK;
}

/* A task with one copy, or a node that has earned it, needs no vote. */
static Err rule_for(World *w, uint32_t job, uint64_t node)
{
    const SimTask *t = task_of_job(w, job);
    Job *j = &w->jobs[job];
    if (j->vote != SIM_NONE || t->copies == 1) return OK;
    if (t->adaptive && reputation_single(w->reputation, node)) return OK;
    TRY(vote_open(w, job));
    return t->adaptive ? manager_wait(w, job, t->copies - 1) : OK;
}

Err manager_give(World *w, uint32_t job, const PlacementChoice *choice)
{
    Job *j = &w->jobs[job];
    uint32_t attempt;
    TRY(attempt_new(w, job, choice->node, &attempt));
    Node *n = &w->nodes[choice->node];
    w->attempts[attempt].charge_s = choice->charge_s;
    w->attempts[attempt].epoch = n->epoch;
    n->outstanding++;
    if (w->policy->room_changed) w->policy->room_changed(w, choice->node);
    j->out++;
    j->state = JOB_OUT;
    w->tally.copies++;
    return node_receive(w, attempt);
}

static Err place_copy(World *w, uint32_t job, PlacementAnswer *ret_answer)
{
    PlacementWho avoid[PLACEMENT_AVOID_MAX];
    PlacementChoice choice;
    size_t avoid_count = manager_avoid(w, job, avoid);
    TRY(w->policy->choose(w, job, avoid, avoid_count, ret_answer, &choice));
    if (*ret_answer != PLACEMENT_CHOSEN) return OK;
    w->jobs[job].wanted--;
    w->tasks[w->jobs[job].task].copies_waiting--;
    TRY(rule_for(w, job, w->nodes[choice.node].hash));
    return manager_give(w, job, &choice);
}

static Err tick_later(World *w)
{
    if (w->ticking || !w->policy->tick) return OK;
    double shortest = 5;
    for (size_t t = 0; t < w->scenario->task_count; t++)
        if (w->tasks[t].arrived && w->scenario->tasks[t].run.mean < shortest) shortest = w->scenario->tasks[t].run.mean;
    w->ticking = true;
    return world_at(w, w->now_ns + later(from_seconds(shortest / 4), 20 * NS_PER_MS), EVENT_TICK, 0, 0);
}

/* The next micro-job of the task. One that waits for a better node lets others by, whose data may lie elsewhere. */
static Err serve(World *w, uint32_t task, uint32_t *misses, bool *ret_blocked)
{
    uint32_t job = line_take(w, &w->tasks[task]);
    PlacementAnswer answer = PLACEMENT_FULL;
    *ret_blocked = true;
    if (job == SIM_NONE) return OK;
    do TRY(place_copy(w, job, &answer));
    while (answer == PLACEMENT_CHOSEN && w->jobs[job].wanted);
    bool placed = w->jobs[job].wanted == 0, lets_by = answer == PLACEMENT_HOLD && w->tasks[task].dataset >= 0 && ++*misses < MISSES_MAX;
    *ret_blocked = !placed && !lets_by;
    if (placed) return OK;
    TRY(line_put(w, job, !lets_by));
    return answer == PLACEMENT_HOLD ? tick_later(w) : OK;
}

Err manager_dispatch(World *w)
{
    uint64_t blocked = 0;
    uint32_t task, misses = 0;
    if (!w->room_made) return OK;
    w->room_made = false;
    while ((task = w->policy->next_task(w, blocked)) != SIM_NONE) {
        bool is_blocked;
        TRY(serve(w, task, &misses, &is_blocked));
        if (is_blocked) blocked |= (uint64_t)1 << task;
    }
    for (size_t t = 0; t < w->scenario->task_count; t++)
        if (w->tasks[t].arrived && w->tasks[t].copies_waiting == 0 && w->left) return tick_later(w);
    return OK;
}
