/* Counting votes: equal digests, one vote a node and owner, more copies while the votes disagree. */
#include "placement/quorum.h"

#include <assert.h>
#include <string.h>

QuorumRule quorum_rule(uint32_t copies, uint32_t agree)
{
    assert(agree >= 1 && agree <= copies && copies <= QUORUM_COPIES_MAX);
    const uint32_t most = 2 * copies + 1;
    return (QuorumRule){(uint8_t)copies, (uint8_t)agree, (uint8_t)(most < QUORUM_COPIES_MAX ? most : QUORUM_COPIES_MAX)};
}

bool quorum_rule_valid(const QuorumRule *rule)
{
    return rule->agree >= 1 && rule->agree <= rule->copies && rule->copies <= rule->copies_max && rule->copies_max <= QUORUM_COPIES_MAX;
}

void quorum_start(Quorum *q, const QuorumRule *rule)
{
    assert(quorum_rule_valid(rule));
    *q = (Quorum){.rule = *rule, .winner = QUORUM_COPIES_MAX};
}

static bool same(const uint8_t *a, const uint8_t *b) { return memcmp(a, b, QUORUM_DIGEST_SIZE) == 0; }

static bool has_voted(const Quorum *q, const QuorumVote *vote)
{
    for (unsigned i = 0; i < q->vote_count; i++) {
        if (q->votes[i].node == vote->node) return true;
        if (vote->owner && q->votes[i].owner == vote->owner) return true;
    }
    return false;
}

static unsigned votes_for(const Quorum *q, const uint8_t *digest)
{
    unsigned count = 0;
    for (unsigned i = 0; i < q->vote_count; i++) count += same(q->votes[i].digest, digest);
    return count;
}

static unsigned most_votes(const Quorum *q)
{
    unsigned most = 0;
    for (unsigned i = 0; i < q->vote_count; i++) {
        const unsigned count = votes_for(q, q->votes[i].digest);
        if (count > most) most = count;
    }
    return most;
}

QuorumAnswer quorum_state(const Quorum *q, unsigned outstanding)
{
    if (q->winner < QUORUM_COPIES_MAX) return (QuorumAnswer){QUORUM_AGREED, 0};
    const unsigned votes = q->vote_count, missing = q->rule.agree - most_votes(q), left = q->rule.copies_max - votes;
    if (missing > left) return (QuorumAnswer){QUORUM_HOPELESS, 0};
    /* the copies first asked for are all sent; after that as many as decide it if they agree with the largest party */
    unsigned wanted = votes < q->rule.copies ? q->rule.copies - votes : 0;
    if (wanted < missing) wanted = missing;
    if (outstanding >= wanted) return (QuorumAnswer){QUORUM_WAIT, 0};
    return (QuorumAnswer){QUORUM_MORE, (uint8_t)(wanted - outstanding)};
}

QuorumAnswer quorum_vote(Quorum *q, const QuorumVote *vote, unsigned outstanding, bool *ret_counted)
{
    *ret_counted = q->winner == QUORUM_COPIES_MAX && q->vote_count < q->rule.copies_max && !has_voted(q, vote);
    if (*ret_counted) {
        q->votes[q->vote_count] = *vote;
        if (votes_for(q, vote->digest) + 1 >= q->rule.agree) q->winner = q->vote_count;
        q->vote_count++;
    }
    return quorum_state(q, outstanding);
}

const uint8_t *quorum_digest(const Quorum *q) { return q->winner < QUORUM_COPIES_MAX ? q->votes[q->winner].digest : NULL; }

QuorumVerdict quorum_judge(const Quorum *q, const QuorumVote *vote)
{
    const uint8_t *digest = quorum_digest(q);
    if (!digest) return QUORUM_UNKNOWN;
    return same(digest, vote->digest) ? QUORUM_RIGHT : QUORUM_WRONG;
}
