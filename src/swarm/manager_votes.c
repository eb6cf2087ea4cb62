/*
 * Copies that must agree. What is compared: of a plain result its keyed digest, which was checked; of a sealed one the digest that its SEE put behind
 * it; of a failure what failed. The answer that decides is one of those that agree, so that nothing but votes need be kept until then.
 */
#include "see/sealed_result.h"
#include "swarm/manager_parts.h"

Err votes_begin(Manager *m, uint64_t index, const Member *first)
{
    const RedundancySpec *r = &m->request.task->redundancy;
    if (!has_redundancy(m) || (r->adaptive && reputation_single(m->reputation, first->who.node))) return OK;
    if (r->agree > 1) {
        QuorumRule rule = quorum_rule(r->copies, r->agree);
        TRY(copies_vote(window_at(&m->window, index), &rule));
        m->undecided++;
    }
    for (uint32_t i = 1; i < r->copies; i++) TRY(window_want(&m->window, index, COPY_COMPARED));
    return OK;
}

bool votes_more(const WindowJob *job, uint32_t *ret_more)
{
    QuorumAnswer answer = quorum_state(&job->more->quorum, copies_out(job) + job->wanted);
    *ret_more = answer.state == QUORUM_MORE ? answer.more : 0;
    return answer.state != QUORUM_HOPELESS;
}

static QuorumVote vote_of(const Manager *m, const Member *member, const ResultItem *r)
{
    QuorumVote vote = {.node = member->who.node, .owner = member->who.owner};
    _Static_assert(sizeof vote.digest == sizeof r->digest, "a digest is a vote");
    if (r->outcome != OUTCOME_OK) {
        const uint32_t failure[2] = {r->outcome, r->exit_code};
        ResultDigest digest;
        result_digest(m->ids.digest_key, view_of(failure, sizeof failure), &digest);
        memcpy(vote.digest, &digest, sizeof digest);
    } else if (is_sealed(m)) {
        memcpy(vote.digest, r->output.data + r->output.size - sizeof(SealedResultEnd), sizeof vote.digest);
    } else {
        memcpy(vote.digest, &r->digest, sizeof vote.digest);
    }
    return vote;
}

static Err judge(Manager *m, uint64_t node, bool right)
{
    if (!right && reputation_of(m->reputation, node).wrong == 0) m->progress.nodes_lying++;
    return reputation_report(m->reputation, node, right);
}

static Err judge_all(Manager *m, const Quorum *q)
{
    bool disagreed = false;
    for (uint32_t i = 0; i < q->vote_count; i++) {
        bool right = quorum_judge(q, &q->votes[i]) == QUORUM_RIGHT;
        disagreed |= !right;
        TRY(judge(m, q->votes[i].node, right));
    }
    m->progress.disagreements += disagreed;
    return OK;
}

Err votes_hear(Manager *m, WindowJob *job, const Member *member, const ResultItem *r)
{
    Quorum *q = &job->more->quorum;
    QuorumVote vote = vote_of(m, member, r);
    bool counted;
    QuorumAnswer answer = quorum_vote(q, &vote, copies_out(job) + job->wanted, &counted);
    if (!counted) m->progress.dropped++;
    switch (answer.state) {
    case QUORUM_WAIT: return OK;
    case QUORUM_MORE:
        for (uint32_t i = 0; i < answer.more; i++) TRY(window_want(&m->window, r->job, COPY_COMPARED));
        return OK;
    case QUORUM_AGREED:
        TRY(judge_all(m, q));
        return result_decided(m, job, r);
    case QUORUM_HOPELESS: break;
    }
    m->progress.disagreements++;
    return result_decided(m, job, &(ResultItem){.job = r->job, .attempt = r->attempt, .outcome = OUTCOME_DISAGREED});
}

void votes_judge_late(Manager *m, const LateJob *late, const Member *member, const ResultItem *r)
{
    if (!late->agreed || outcome_may_retry(r->outcome)) return; /* what the world did to it is no lie */
    QuorumVote vote = vote_of(m, member, r);
    Err e = judge(m, vote.node, memcmp(vote.digest, late->digest, sizeof vote.digest) == 0);
    if (e.code) manager_fail(m, e, "judging an answer");
}
