/**
 * Voting on one micro-job: its copies' results, compared by a keyed digest of 16 bytes, so that sealed results can be compared without being
 * opened (who computes the digest and under which key is swarm's and see's affair; votes are only compared for equality).
 *
 * Pure and small: no allocation, a Quorum may be copied and kept in an array. A node has one vote, and an owner has one where nodes name owners:
 * the first counts. Disagreement asks for more copies up to copies_max instead of failing.
 *
 * What gets through. With independent voters that lie with probability p, two copies agreeing of three asked: a wrong result passes only when the
 * liars tell the same lie. When lies differ, never. When all liars collude on one lie, with probability 3p^2(1-p) + p^3 (p = 0.2: 0.104) when
 * all three votes are awaited; copies that are only raised on disagreement ask the same three. See docs/ARCHITECTURE.md#redundancy, SECURITY.md.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUORUM_DIGEST_SIZE = 16, QUORUM_COPIES_MAX = 15 };

typedef struct {
    uint8_t copies;      /* asked for at first */
    uint8_t agree;       /* equal digests that make a result; 1 <= agree <= copies */
    uint8_t copies_max;  /* copies <= copies_max <= QUORUM_COPIES_MAX; as many votes are ever asked for */
} QuorumRule;

/** The rule that a task's `copies` and `agree` stand for: disagreement may raise the copies to one more than twice as many. */
QuorumRule quorum_rule(uint32_t copies, uint32_t agree);
/** Whether the rule is one. */
bool quorum_rule_valid(const QuorumRule *rule);

typedef enum {
    QUORUM_WAIT,      /* copies that are out may still decide it */
    QUORUM_MORE,      /* send `more` further copies, to nodes and owners that have no vote here */
    QUORUM_AGREED,    /* ret_digest is the result; later votes change nothing */
    QUORUM_HOPELESS,  /* copies_max votes and still none agreed */
} QuorumState;

typedef struct {
    uint64_t node, owner;                     /* placement.h's PlacementWho; owner 0: not said */
    uint8_t digest[QUORUM_DIGEST_SIZE];
} QuorumVote;

typedef struct {
    QuorumRule rule;
    uint8_t vote_count;
    uint8_t winner;                           /* index of a vote with the agreed digest, or QUORUM_COPIES_MAX */
    QuorumVote votes[QUORUM_COPIES_MAX];
} Quorum;

typedef struct { QuorumState state; uint8_t more; } QuorumAnswer;

/** rule: valid (quorum_rule_valid). */
void quorum_start(Quorum *q, const QuorumRule *rule);
/**
 * A result arrived. A vote of a node or owner that already voted is not counted, nor one after the decision.
 * outstanding  copies that are out and may still vote, without this one
 * ret_counted  whether the vote was counted (a later copy that agrees is still not counted; quorum_judge tells)
 */
QuorumAnswer quorum_vote(Quorum *q, const QuorumVote *vote, unsigned outstanding, bool *ret_counted);
/** The state without a new vote: after copies were lost. Asks for as many copies as are needed to decide it if all of them agree. */
QuorumAnswer quorum_state(const Quorum *q, unsigned outstanding);
/** The agreed digest, or NULL. */
const uint8_t *quorum_digest(const Quorum *q);

typedef enum { QUORUM_UNKNOWN, QUORUM_RIGHT, QUORUM_WRONG } QuorumVerdict;
/** After QUORUM_AGREED: whether this vote, counted or late, gave the agreed digest. Before: QUORUM_UNKNOWN. */
QuorumVerdict quorum_judge(const Quorum *q, const QuorumVote *vote);
