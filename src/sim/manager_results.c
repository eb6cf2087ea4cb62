/* The manager's second half: results are compared, each micro-job is decided once, and what was lost is placed again. */
#include "sim/world.h"

/* What a node answers: 16 bytes that are equal when results are. */
static void digest_of(uint64_t seed, uint64_t a, uint64_t b, uint8_t ret_digest[QUORUM_DIGEST_SIZE])
{
    uint64_t words[2] = {draw_bits(seed, DRAW_LIE, a), b};
    _Static_assert(sizeof words == QUORUM_DIGEST_SIZE, "a digest is two words");
    memcpy(ret_digest, words, sizeof words);
}

static void right_digest(const World *w, uint32_t job, uint8_t ret_digest[QUORUM_DIGEST_SIZE]) { digest_of(w->seed, job, 0, ret_digest); }

static void answer(const World *w, const Attempt *a, uint8_t ret_digest[QUORUM_DIGEST_SIZE])
{
    const Node *n = &w->nodes[a->node];
    const SimFailures *f = &n->population->failures;
    uint64_t index = (uint64_t)a->job << 20 ^ a->node;
    right_digest(w, a->job, ret_digest);
    if (!n->liar || f->lies == LIE_LATE || draw_unit(w->seed, DRAW_LIE, index) >= f->lie_rate) return;
    const Quorum *q = w->jobs[a->job].vote == SIM_NONE ? NULL : &w->votes[w->jobs[a->job].vote];
    if (f->lies == LIE_COPIED && q && q->vote_count) memcpy(ret_digest, q->votes[0].digest, QUORUM_DIGEST_SIZE);
    else digest_of(w->seed, a->job, f->lies == LIE_INDEPENDENT ? index + 2 : 1, ret_digest); /* copiers with nothing to copy collude */
}

static PlacementEnd ending(const World *w, const Attempt *a) { return a->abandoned || !w->nodes[a->node].known ? PLACEMENT_BACK : PLACEMENT_DONE; }

/* The attempt is over for the manager too. */
static void leave(World *w, uint32_t attempt, PlacementEnd end, bool tell_policy)
{
    Attempt *a = &w->attempts[attempt];
    uint32_t node = a->node;
    Node *n = &w->nodes[node];
    if (tell_policy && w->policy->ended && n->known && a->epoch == n->epoch)
        w->policy->ended(w, a, end, end == PLACEMENT_DONE ? seconds(a->ends_ns - a->started_ns) : 0);
    if (!a->abandoned) w->jobs[a->job].out--;
    n->outstanding--;
    attempt_free(w, attempt);
    if (w->policy->room_changed) w->policy->room_changed(w, node);
    w->room_made = true;
}

Err manager_recall(World *w, uint32_t attempt, bool tell_policy)
{
    const Attempt *a = &w->attempts[attempt];
    uint32_t job = a->job;
    bool counted = !a->abandoned;
    TRY(node_drop(w, attempt));
    leave(w, attempt, PLACEMENT_BACK, tell_policy);
    if (!tell_policy || !counted || w->jobs[job].state > JOB_OUT) return OK;
    w->tally.replaced++;
    return manager_wait(w, job, 1);
}

/* Copies that are not needed any more. */
static Err call_off(World *w, uint32_t job)
{
    for (uint32_t i = w->jobs[job].attempts, next; i != SIM_NONE; i = next) {
        const Attempt *a = &w->attempts[i];
        next = a->next_of_job;
        if (a->abandoned || a->state == ATTEMPT_ENDED || a->state == ATTEMPT_LOST || w->nodes[a->node].cut) continue;
        TRY(manager_recall(w, i, true));
    }
    return OK;
}

static Err report_votes(World *w, const Quorum *q)
{
    if (q->rule.agree < 2) return OK;
    for (uint8_t v = 0; v < q->vote_count; v++)
        TRY(reputation_report(w->reputation, q->votes[v].node, quorum_judge(q, &q->votes[v]) == QUORUM_RIGHT));
    return OK;
}

static Err end_job(World *w, uint32_t job, JobState state)
{
    Job *j = &w->jobs[job];
    TaskState *t = &w->tasks[j->task];
    t->copies_waiting -= j->wanted;
    j->wanted = 0;
    j->state = (uint8_t)state;
    w->left--;
    if (state == JOB_DONE) w->tally.done++;
    else w->tally.failed++;
    if (j->vote != SIM_NONE) {
        memcpy(&w->votes[j->vote], &w->vote_free, sizeof w->vote_free);
        w->vote_free = j->vote;
        j->vote = SIM_NONE;
    }
    return call_off(w, job);
}

static Err accept(World *w, uint32_t job, const uint8_t *digest, double work_s)
{
    uint8_t right[QUORUM_DIGEST_SIZE];
    right_digest(w, job, right);
    w->tally.counted_twice += w->jobs[job].state == JOB_DONE;
    w->tally.wrong += memcmp(digest, right, sizeof right) != 0;
    w->tally.work_s += work_s;
    w->tally.makespan_s = seconds(w->now_ns);
    return end_job(w, job, JOB_DONE);
}

/* More copies than are out or wait already. */
static Err ask_more(World *w, uint32_t job, uint8_t more) { return more ? manager_wait(w, job, more) : OK; }

static Err act_on(World *w, uint32_t job, QuorumAnswer a, double work_s)
{
    uint8_t digest[QUORUM_DIGEST_SIZE];
    Quorum *q = &w->votes[w->jobs[job].vote];
    switch (a.state) {
    case QUORUM_WAIT: return OK;
    case QUORUM_MORE: return ask_more(w, job, a.more);
    case QUORUM_AGREED:
        TRY(report_votes(w, q));
        memcpy(digest, quorum_digest(q), sizeof digest);
        return accept(w, job, digest, work_s);
    case QUORUM_HOPELESS: return end_job(w, job, JOB_FAILED);
    }
    return OK;
}

static unsigned outstanding(const Job *j) { return (unsigned)j->out + j->wanted; }

Err manager_result(World *w, uint32_t attempt)
{
    Attempt a = w->attempts[attempt];
    Job *j = &w->jobs[a.job];
    const Node *n = &w->nodes[a.node];
    QuorumVote vote = {.node = n->hash, .owner = n->owner};
    double work_s = seconds(a.ends_ns - a.started_ns);
    answer(w, &a, vote.digest);
    leave(w, attempt, ending(w, &a), true);
    if (n->known && n->images != n->images_told) TRY(w->policy->node_changed(w, a.node)); /* a warm image is told of with the first result */
    if (j->state > JOB_OUT) {
        w->tally.duplicates++;
        return OK;
    }
    if (j->vote == SIM_NONE) return accept(w, a.job, vote.digest, work_s);
    bool counted;
    return act_on(w, a.job, quorum_vote(&w->votes[j->vote], &vote, outstanding(j), &counted), work_s);
}

static Err replace(World *w, uint32_t job)
{
    Job *j = &w->jobs[job];
    if (j->state > JOB_OUT) return OK;
    if (j->vote != SIM_NONE) {
        QuorumAnswer a = quorum_state(&w->votes[j->vote], outstanding(j));
        w->tally.replaced += a.state == QUORUM_MORE ? a.more : 0;
        return act_on(w, job, a, 0);
    }
    if (outstanding(j)) return OK; /* a copy of a straggler is still out */
    w->tally.replaced++;
    return manager_wait(w, job, 1);
}

Err manager_lost(World *w, uint32_t attempt)
{
    uint32_t job = w->attempts[attempt].job;
    bool counted = !w->attempts[attempt].abandoned;
    leave(w, attempt, PLACEMENT_BACK, true);
    return counted ? replace(w, job) : OK;
}

Err manager_abandon(World *w, uint32_t attempt)
{
    Attempt *a = &w->attempts[attempt];
    if (a->abandoned || a->state == ATTEMPT_ENDED) return OK;
    a->abandoned = true;
    w->jobs[a->job].out--;
    return replace(w, a->job);
}

Err manager_copy(World *w, uint32_t attempt)
{
    Attempt *a = &w->attempts[attempt];
    Job *j = &w->jobs[a->job];
    if (a->abandoned || j->wanted || j->state > JOB_OUT) return OK;
    a->abandoned = true;
    j->out--;
    w->tally.replaced++;
    return manager_wait(w, a->job, 1);
}
