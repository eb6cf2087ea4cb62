/**
 * For tests of the manager: the bus side of a node without SEEs. Does what a test's function says with each segment, and lies, loses,
 * repeats, delays and dies as often as it is told to; everything follows from its seed.
 */
#pragma once
#include "bus/bus.h"
#include "bus/message.h"

/** How often in a thousand. */
typedef struct {
    uint32_t drop;           /* an answer is never sent */
    uint32_t repeat;         /* an answer is sent twice */
    uint32_t delay;          /* an answer waits for a later turn: out of order, too */
    uint32_t wrong_attempt;  /* an answer for another attempt is sent before the right one */
    uint32_t wrong_digest;
    uint32_t copied_digest;  /* the digest of what `work` gave, and other bytes */
    uint32_t return_unrun;   /* OUTCOME_NONE */
    uint32_t crash;          /* OUTCOME_CRASHED */
    uint32_t garbage;        /* a message: broken bytes are sent before it */
    uint32_t die;            /* a message: instead of taking it the node dies, and announces itself again later */
} FakeFaults;

typedef struct { uint32_t outcome, exit_code; Buffer output, log; } FakeAnswer;
/** `answer` comes as OUTCOME_OK with empty buffers. */
typedef void (*FakeWork)(void *context, uint32_t stage, const JobItem *item, View segment, FakeAnswer *answer);

typedef struct {
    const char *id;
    uint32_t level_mask;     /* 0: all */
    uint64_t memory_free;    /* 0: plenty */
    uint32_t cores;          /* 0: 2 */
    const char *owner;       /* NULL: nobody's */
    uint32_t window, batch;
    int refuse_code;         /* not 0: refuses every task with this code and text */
    const char *refuse_text;
    bool silent;             /* takes micro-jobs and never answers */
    bool no_reading;         /* RANGE segments are given to `work` empty: for benchmarks */
    uint64_t hold_job;       /* with hold: this job's answer is kept back until nothing else is there to answer */
    bool hold;
    uint64_t seed;
    FakeFaults faults;
    FakeWork work;
    void *context;
} FakeNodeConfig;

typedef struct { uint64_t jobs, answers, deaths, opens, closes; uint32_t outstanding_max; } FakeCounts;

typedef struct FakeNode FakeNode;
MUST_USE Err fake_node_new(Loop *loop, Bus *bus, const FakeNodeConfig *config, FakeNode **ret_node);
void fake_node_free(FakeNode **node);
/** (Re)announces the node; what it was given before is forgotten. */
MUST_USE Err fake_node_announce(FakeNode *n);
/** Stops listening and forgets everything, without a word. */
void fake_node_die(FakeNode *n);
FakeCounts fake_node_counts(const FakeNode *n);
