/** For tests: a manager's side of the bus around one agent, with a window, retries, and a count of every answer. */
#pragma once
#include "base/test.h"
#include "bus/message.h"
#include "node/agent.h"
#include "node/fake_broker.h"

enum { WORLD_JOBS_MAX = 20000, WORLD_TEXT_MAX = 96, WORLD_ATTEMPTS = 3, WORLD_PATIENCE_MS = 20 };

typedef struct {
    uint32_t attempt, outcome;
    uint32_t answers;               /* final ones; must end as 1 */
    uint32_t output_size;
    char output[WORLD_TEXT_MAX], log[WORLD_TEXT_MAX];
} WorldJob;

typedef struct {
    Loop *loop;
    Bus *bus;
    Agent *agent;
    BusSubscription *records, *subscription;
    TaskOpen open;
    bool joined, ready, refused;
    bool no_retries;                /* what could be tried again counts as answered */
    TaskReady window;
    int refused_code;
    char refused_text[REFUSED_TEXT_MAX + 1];
    uint64_t sees_started;
    uint32_t outstanding, answered, retried, unrun;
    WorldJob *jobs;
    FakeBroker *broker;             /* with sealed data */
    Err (*decided)(void *context, const TaskId *task, const uint8_t measurement[32], Err verdict, const char *why); /* as AgentConfig has it */
    void *decided_context;
} World;

/** An agent whose warden is this test program; behaviour may be NULL; once: only the first chance to misbehave is taken. */
World *world_new(const char *behaviour, bool once, SecurityLevel level);
void world_free(World *w);
/** The task's data are sealed, and this is their key broker. Before world_open. */
void world_seal(World *w, ChannelSealed sealed, const char *broker_behaviour);
void world_open(World *w);
void world_send(World *w, Buffer *message);
/** Turns the loop until the condition holds; fails after 60 seconds. */
#define world_until(w, condition) \
    do { for (uint64_t end_ = clock_monotonic_ns() + 60 * NS_PER_S; !(condition);) { \
        ck_assert_msg(clock_monotonic_ns() < end_, "waited too long for: %s", #condition); \
        ck_assert_ok(loop_turn((w)->loop, 100)); } } while (0)
/** Opens the task, runs micro-jobs 0..count-1 whose segment is "segment J" (sealed: and a tag's worth of dots), retries what
 * may be retried; each is answered once. */
void world_run(World *w, uint32_t count);
/** The parts of that, for worlds in which calls fail: the task may also be refused, and errors of agent and loop come out. */
World *world_without_agent(const char *behaviour, bool once, SecurityLevel level);
MUST_USE Err world_join(World *w, Diag *diag);
MUST_USE Err world_try(World *w, uint32_t count);
/** A result that is right: OK, "J.A:segment J". */
bool world_right(const World *w, uint32_t job);
/** How many of micro-jobs 0..count-1 are right, or ended like this. */
uint32_t world_count_right(const World *w, uint32_t count);
uint32_t world_count_outcome(const World *w, uint32_t count, Outcome outcome);
