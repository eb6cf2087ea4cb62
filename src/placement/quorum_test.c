/* Does voting let through what it should, ask for what it needs, and never count anything twice? */
#include "placement/quorum.h"

#include <math.h>
#include <string.h>

#include "placement/fixture.h"

static const QuorumRule THREE_AGREE_TWO = {3, 2, 7};

static QuorumVote vote_of(uint64_t node, uint64_t owner, uint8_t digest)
{
    QuorumVote v = {.node = node, .owner = owner};
    memset(v.digest, digest, sizeof v.digest);
    return v;
}

/* Votes 'a', 'b' ... of different nodes in turn, and after each what the quorum says: W wait, A agreed, H hopeless, or how many more.
 * Copies that it asks for are sent. */
static void expect(QuorumRule rule, const char *votes, const char *answers)
{
    Quorum q;
    quorum_start(&q, &rule);
    unsigned outstanding = rule.copies;
    for (size_t i = 0; votes[i]; i++) {
        const QuorumVote v = vote_of(i + 1, 0, (uint8_t)votes[i]);
        bool counted;
        const QuorumAnswer a = quorum_vote(&q, &v, --outstanding, &counted);
        const char said = a.state == QUORUM_MORE ? (char)('0' + a.more) : "W.AH"[a.state];
        ck_assert_msg(said == answers[i], "%s, vote %zu: %c, not %c", votes, i + 1, said, answers[i]);
        outstanding += a.more;
    }
}

START_TEST(the_truth_table)
{
    expect((QuorumRule){1, 1, 1}, "a", "A");
    expect((QuorumRule){2, 2, 2}, "aa", "WA");
    expect((QuorumRule){2, 2, 2}, "ab", "WH");
    expect((QuorumRule){2, 2, 3}, "aba", "W1A");
    expect((QuorumRule){2, 2, 3}, "abc", "W1H");
    expect((QuorumRule){3, 2, 3}, "aa", "WA");
    expect((QuorumRule){3, 2, 3}, "aab", "WAA");
    expect((QuorumRule){3, 2, 3}, "abb", "WWA");
    expect((QuorumRule){3, 2, 3}, "abc", "WWH");
    expect((QuorumRule){3, 2, 5}, "abcd", "WW11");
    expect((QuorumRule){3, 2, 5}, "abcdd", "WW11A");
    expect((QuorumRule){3, 2, 5}, "abcde", "WW11H");
    expect((QuorumRule){3, 3, 5}, "aab", "WW1");
    expect((QuorumRule){3, 3, 5}, "ab", "W1"); /* four are needed by now, whatever the third says */
    expect((QuorumRule){3, 3, 5}, "abcaa", "W11WA");
    expect((QuorumRule){3, 3, 5}, "abcd", "W11H");
    expect((QuorumRule){5, 3, 5}, "abab", "WWWW");
    expect((QuorumRule){5, 3, 5}, "ababb", "WWWWA");
    expect((QuorumRule){3, 1, 3}, "a", "A");
}
END_TEST

START_TEST(a_rule_that_cannot_be_kept_is_no_rule)
{
    const QuorumRule good[] = {{1, 1, 1}, {3, 2, 3}, {3, 2, QUORUM_COPIES_MAX}};
    const QuorumRule bad[] = {{0, 0, 0}, {1, 0, 1}, {1, 2, 2}, {3, 2, 2}, {3, 2, QUORUM_COPIES_MAX + 1}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) ck_assert(quorum_rule_valid(&good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_assert(!quorum_rule_valid(&bad[i]));
    for (uint32_t copies = 1; copies <= QUORUM_COPIES_MAX; copies++)
        for (uint32_t agree = 1; agree <= copies; agree++) {
            const QuorumRule rule = quorum_rule(copies, agree);
            ck_assert(quorum_rule_valid(&rule) && rule.copies == copies && rule.agree == agree);
        }
    ck_assert_uint_eq(quorum_rule(3, 2).copies_max, THREE_AGREE_TWO.copies_max);
}
END_TEST

START_TEST(a_node_and_an_owner_have_one_vote)
{
    Quorum q;
    bool counted;
    quorum_start(&q, &(QuorumRule){3, 2, 5});
    const QuorumVote first = vote_of(1, 9, 'a'), again = vote_of(1, 9, 'a'), sibling = vote_of(2, 9, 'a');
    const QuorumVote other = vote_of(3, 0, 'b'), nameless = vote_of(4, 0, 'a');
    ck_assert_int_eq(quorum_vote(&q, &first, 2, &counted).state, QUORUM_WAIT);
    ck_assert(counted);
    ck_assert_int_eq(quorum_vote(&q, &again, 2, &counted).state, QUORUM_WAIT);
    ck_assert(!counted);
    const QuorumAnswer a = quorum_vote(&q, &sibling, 1, &counted);
    ck_assert(!counted);
    ck_assert_int_eq(a.state, QUORUM_MORE); /* the owner's second copy is lost as a vote: another takes its place */
    ck_assert_uint_eq(a.more, 1);
    ck_assert_int_eq(quorum_vote(&q, &other, 1, &counted).state, QUORUM_WAIT);
    ck_assert(counted);
    ck_assert_int_eq(quorum_vote(&q, &nameless, 0, &counted).state, QUORUM_AGREED);
}
END_TEST

START_TEST(a_late_vote_changes_nothing_and_is_judged)
{
    Quorum q;
    bool counted;
    quorum_start(&q, &(QuorumRule){3, 2, 5});
    const QuorumVote a = vote_of(1, 0, 'a'), b = vote_of(2, 0, 'b'), c = vote_of(3, 0, 'a'), late = vote_of(4, 0, 'b');
    ck_assert_ptr_null(quorum_digest(&q));
    quorum_vote(&q, &a, 2, &counted);
    ck_assert_int_eq(quorum_judge(&q, &a), QUORUM_UNKNOWN);
    quorum_vote(&q, &b, 1, &counted);
    quorum_vote(&q, &c, 0, &counted);
    const QuorumAnswer answer = quorum_vote(&q, &late, 0, &counted);
    ck_assert_int_eq(answer.state, QUORUM_AGREED);
    ck_assert(!counted);
    ck_assert_mem_eq(quorum_digest(&q), a.digest, QUORUM_DIGEST_SIZE);
    ck_assert_int_eq(quorum_judge(&q, &a), QUORUM_RIGHT);
    ck_assert_int_eq(quorum_judge(&q, &b), QUORUM_WRONG);
    ck_assert_int_eq(quorum_judge(&q, &late), QUORUM_WRONG);
}
END_TEST

START_TEST(lost_copies_are_asked_for_again)
{
    Quorum q;
    bool counted;
    quorum_start(&q, &(QuorumRule){3, 2, 3});
    ck_assert_int_eq(quorum_state(&q, 3).state, QUORUM_WAIT);
    ck_assert_uint_eq(quorum_state(&q, 1).more, 2);
    const QuorumVote a = vote_of(1, 0, 'a');
    quorum_vote(&q, &a, 2, &counted);
    ck_assert_uint_eq(quorum_state(&q, 0).more, 2);
}
END_TEST

/* The naive way: all that arrived is kept, and everything is worked out anew from it. */
typedef struct { QuorumVote all[64]; unsigned count; } History;

static const uint8_t *oracle(const History *h, QuorumRule rule, unsigned *ret_counted)
{
    unsigned kept[64], count = 0;
    const uint8_t *winner = NULL;
    for (unsigned i = 0; i < h->count; i++) {
        bool is_new = !winner && count < rule.copies_max;
        for (unsigned j = 0; j < count && is_new; j++) {
            const QuorumVote *other = &h->all[kept[j]];
            is_new = other->node != h->all[i].node && !(other->owner && other->owner == h->all[i].owner);
        }
        if (!is_new) continue;
        kept[count++] = i;
        unsigned equal = 0;
        for (unsigned j = 0; j < count; j++) equal += memcmp(h->all[kept[j]].digest, h->all[i].digest, QUORUM_DIGEST_SIZE) == 0;
        if (equal >= rule.agree) winner = h->all[i].digest;
    }
    *ret_counted = count;
    return winner;
}

START_TEST(random_histories_agree_with_a_naive_oracle)
{
    uint64_t seed = 20261122;
    for (int round = 0; round < 10000; round++) {
        QuorumRule rule = {.copies_max = (uint8_t)(1 + random_below(&seed, 9))};
        rule.copies = (uint8_t)(1 + random_below(&seed, rule.copies_max));
        rule.agree = (uint8_t)(1 + random_below(&seed, rule.copies));
        Quorum q;
        quorum_start(&q, &rule);
        History h = {0};
        const unsigned votes = (unsigned)random_below(&seed, 24);
        for (unsigned i = 0; i < votes; i++) {
            const QuorumVote v = vote_of(1 + random_below(&seed, 12), random_below(&seed, 6), (uint8_t)random_below(&seed, 4));
            const unsigned outstanding = (unsigned)random_below(&seed, 4);
            h.all[h.count++] = v;
            bool counted;
            unsigned before = q.vote_count, expected;
            const QuorumAnswer a = quorum_vote(&q, &v, outstanding, &counted);
            const uint8_t *winner = oracle(&h, rule, &expected);
            ck_assert_uint_eq(q.vote_count, expected);
            ck_assert_uint_eq(counted, q.vote_count - before);
            ck_assert_int_eq(winner != NULL, a.state == QUORUM_AGREED);
            if (winner) ck_assert_mem_eq(winner, quorum_digest(&q), QUORUM_DIGEST_SIZE);
            if (a.state == QUORUM_MORE) ck_assert_uint_le(q.vote_count + outstanding + a.more, rule.copies_max);
            ck_assert_int_eq(a.state == QUORUM_MORE, a.more > 0);
        }
    }
}
END_TEST

enum { JOBS = 100000, RIGHT = 1, LIES_ALL_DIFFER = 0 };
static const double LIARS = 0.2;
typedef struct { unsigned right, wrong, hopeless, copies; } Outcome;

/* 100,000 micro-jobs; each copy lies with probability LIARS, with one of `lies` lies (LIES_ALL_DIFFER: never the same twice). */
static Outcome vote_on_many(unsigned lies, uint64_t seed)
{
    Outcome out = {0};
    for (unsigned job = 0; job < JOBS; job++) {
        Quorum q;
        quorum_start(&q, &THREE_AGREE_TWO);
        unsigned outstanding = THREE_AGREE_TWO.copies, node = 0;
        QuorumAnswer a = {QUORUM_WAIT, 0};
        while (outstanding && a.state != QUORUM_AGREED) {
            node++, out.copies++;
            QuorumVote v = vote_of(node, 0, RIGHT);
            if (random_unit(&seed) < LIARS) v = vote_of(node, 0, (uint8_t)(RIGHT + 1 + (lies ? random_below(&seed, lies) : node)));
            bool counted;
            a = quorum_vote(&q, &v, --outstanding, &counted);
            outstanding += a.more;
        }
        if (a.state == QUORUM_HOPELESS) out.hopeless++;
        else if (quorum_digest(&q)[0] == RIGHT) out.right++;
        else out.wrong++;
    }
    return out;
}

/* The probability that a wrong result gets two votes before the right one does, when `single` different lies and `right` right answers have one vote
 * each and `left` votes remain: each next vote is right (1 - p), one of the lies told already (p single / lies), or a new one. */
static double wrong_passes(double p, unsigned lies, unsigned single, unsigned right, unsigned left)
{
    if (left == 0) return 0;
    const double told = p * single / lies, fresh = p - told;
    double wrong = told;
    if (right == 0) wrong += (1 - p) * wrong_passes(p, lies, single, 1, left - 1);
    if (fresh > 0) wrong += fresh * wrong_passes(p, lies, single + 1, right, left - 1);
    return wrong;
}

static void within(unsigned count, double p) /* five standard deviations of the binomial: fails by chance once in 1.7 million */
{
    const double most = 5 * sqrt(JOBS * p * (1 - p)) + 1;
    ck_assert_msg(fabs(count - JOBS * p) <= most, "%u, not %.1f within %.1f", count, JOBS * p, most);
}

START_TEST(lies_that_differ_never_pass)
{
    const Outcome out = vote_on_many(LIES_ALL_DIFFER, 4);
    ck_assert_uint_eq(out.wrong, 0);
    /* hopeless: at most one right vote of seven */
    within(out.hopeless, pow(LIARS, 7) + 7 * (1 - LIARS) * pow(LIARS, 6));
    ck_assert_uint_eq(out.right + out.hopeless, JOBS);
}
END_TEST

START_TEST(colluding_liars_pass_as_often_as_two_of_three_lie)
{
    const double p = LIARS, two_of_three = 3 * p * p * (1 - p) + p * p * p;
    /* two parties: three votes decide, nothing is raised */
    ck_assert_double_eq_tol(wrong_passes(p, 1, 0, 0, THREE_AGREE_TWO.copies_max), two_of_three, 1e-12);
    const Outcome out = vote_on_many(1, 5);
    within(out.wrong, two_of_three);
    ck_assert_uint_eq(out.hopeless, 0);
}
END_TEST

START_TEST(raising_the_quorum_lets_through_what_the_recursion_says)
{
    for (unsigned lies = 2; lies <= 8; lies *= 4) {
        const Outcome out = vote_on_many(lies, 6 + lies);
        within(out.wrong, wrong_passes(LIARS, lies, 0, 0, THREE_AGREE_TWO.copies_max));
        ck_assert_uint_gt(out.wrong, 0);
        ck_assert_uint_lt(out.copies, 3 * JOBS);
    }
}
END_TEST

TEST_MAIN("placement/quorum", the_truth_table, a_rule_that_cannot_be_kept_is_no_rule, a_node_and_an_owner_have_one_vote,
          a_late_vote_changes_nothing_and_is_judged, lost_copies_are_asked_for_again, random_histories_agree_with_a_naive_oracle,
          lies_that_differ_never_pass, colluding_liars_pass_as_often_as_two_of_three_lie, raising_the_quorum_lets_through_what_the_recursion_says)
