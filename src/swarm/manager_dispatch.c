/*
 * Which micro-jobs go to which node: first the copies that are wanted, then new micro-jobs, which are cut only while some node has room, so that
 * nothing piles up. Placement chooses for each; what goes to one node travels in batches (manager_send.c).
 */
#include "swarm/manager_parts.h"
#include "sys/clock.h"

enum { MISSES_MAX = 256 }; /* wanted copies that found no node before the rest wait for the next turn */

size_t dispatch_avoid(Manager *m, WindowJob *job, PlacementWho ret_avoid[PLACEMENT_AVOID_MAX])
{
    size_t count = 0;
    _Static_assert((int)COPIES_OUT_MAX + (int)QUORUM_COPIES_MAX <= (int)PLACEMENT_AVOID_MAX, "all of them can be named");
    for (uint32_t i = 0; i < copies_out(job); i++) {
        const Member *member = member_by_number(m, copies_at(job, i)->member);
        if (member) ret_avoid[count++] = member->who;
    }
    if (!copies_voting(job)) return count;
    const Quorum *q = &job->more->quorum;
    for (uint32_t i = 0; i < q->vote_count; i++) ret_avoid[count++] = (PlacementWho){q->votes[i].node, q->votes[i].owner};
    return count;
}

static void count_copy(Manager *m, CopyWhy why)
{
    m->progress.extra_copies += why == COPY_COMPARED;
    m->progress.speculative += why == COPY_SPECULATIVE;
    m->progress.replaced += why == COPY_REPLACED;
    m->progress.moved += why == COPY_MOVED;
}

Err dispatch_give(Manager *m, uint64_t index, CopyWhy why, const PlacementChoice *choice)
{
    WindowJob *job = window_at(&m->window, index);
    Member *member = m->by_ref[choice->node];
    bool first = job->attempts == 0;
    Copy copy = {.member = member->number, .attempt = (uint16_t)++job->attempts, .why = (uint8_t)why, .charge_s = choice->charge_s,
                 .sent_ms = (uint32_t)(manager_now_s(m) * 1000)};
    member->who = choice->who;
    if (member->outstanding == 0) member->busy_since_ns = clock_monotonic_ns();
    if (member->room) member_set_room(m, member, member->room - 1);
    TRY(copies_add(job, &copy));
    member->outstanding++;
    count_copy(m, why);
    if (first) TRY(votes_begin(m, index, member));
    return send_add(m, member, index, copy.attempt);
}

static Err place(Manager *m, uint64_t index, CopyWhy why, PlacementAnswer *ret_answer)
{
    WindowJob *job = window_at(&m->window, index);
    PlacementWho avoid[PLACEMENT_AVOID_MAX];
    PlacementChoice choice;
    size_t avoid_count = job->first.member || job->more ? dispatch_avoid(m, job, avoid) : 0;
    JobNeed need = facts_of_job(m, job);
    if (m->request.explain && index == m->request.explain_job && m->stage == 0) TRY(explain(m, index, &need, avoid, avoid_count));
    TRY(placement_choose_node(m->placement, m->task, &need, avoid, avoid_count, ret_answer, &choice));
    return *ret_answer == PLACEMENT_CHOSEN ? dispatch_give(m, index, why, &choice) : OK;
}

/* A copy for which there is no node, and nothing else of the micro-job is on its way: it may be that there never will be one. */
static void note_stuck(Manager *m, uint64_t index)
{
    if (m->stuck_since_ns == 0) m->stuck_since_ns = clock_monotonic_ns();
    m->stuck_job = index;
}

/* Those that found no node go to the end of the queue: others may find one. */
static Err place_wanted(Manager *m)
{
    uint32_t misses = 0;
    bool stuck = false;
    for (uint64_t count = m->window.wanted_count; count > 0 && misses < MISSES_MAX && !m->done; count--) {
        uint64_t index;
        uint8_t why;
        PlacementAnswer answer;
        if (!window_take_wanted(&m->window, &index, &why)) break;
        TRY(place(m, index, (CopyWhy)why, &answer));
        if (answer == PLACEMENT_CHOSEN) continue;
        misses++;
        TRY(window_want(&m->window, index, why));
        if (answer != PLACEMENT_IMPOSSIBLE || copies_out(window_at(&m->window, index)) > 0) continue;
        stuck = true;
        note_stuck(m, index);
    }
    if (!stuck && misses < MISSES_MAX) {
        m->stuck_since_ns = 0;
        m->told_stuck = false;
    }
    return OK;
}

/* Room in the window, for the bytes that inline segments hold until their micro-jobs end, and for votes. */
static bool may_cut(const Manager *m)
{
    return !m->cut && m->window.next - m->window.base < WINDOW_AHEAD_MAX && m->window.inline_bytes < MANAGER_INLINE_BYTES_MAX &&
           m->undecided < MANAGER_UNDECIDED_MAX && m->window.wanted_count < MANAGER_UNDECIDED_MAX;
}

/* The next new micro-job that is not there already from an earlier run. *ret_found false: there is none now. */
static Err next_new(Manager *m, uint32_t *budget, uint64_t *ret_index, bool *ret_found)
{
    uint32_t cost = m->stage == 0 ? 1 : COMBINE_FANIN_MAX; /* of one micro-job: looking for as many rows */
    *ret_found = false;
    while (may_cut(m) && *budget >= cost) {
        *budget -= cost;
        bool more;
        TRY(stage_cut(m, &more));
        if (!more) {
            m->cut = true;
            break;
        }
        *ret_index = m->window.next - 1;
        *ret_found = window_at(&m->window, *ret_index)->state == JOB_OPEN;
        if (*ret_found) break;
        TRY(results_take(m)); /* it was resumed: its result may be the next to combine */
    }
    return OK;
}

static Err place_new(Manager *m, uint32_t *budget)
{
    while (!m->done && m->room > 0) {
        uint64_t index;
        bool found;
        PlacementAnswer answer;
        TRY(next_new(m, budget, &index, &found));
        if (!found) break;
        TRY(place(m, index, COPY_FIRST, &answer));
        if (answer == PLACEMENT_CHOSEN) continue;
        TRY(window_want(&m->window, index, COPY_FIRST));
        break;
    }
    return OK;
}

Err dispatch(Manager *m)
{
    uint32_t budget = CUT_PER_TURN;
    placement_tick(m->placement, manager_now_s(m));
    placement_set_left(m->placement, m->task, m->window.wanted_count + stage_left(m));
    Err e = place_wanted(m);
    if (!e.code) e = place_new(m, &budget);
    TRY(send_all(m)); /* they are out, also when an error ended the choosing */
    if (budget < COMBINE_FANIN_MAX) loop_defer(m->work); /* much was cut, or resumed: the loop gets its turn */
    return e;
}
