/*
 * Every system call that the agent makes fails once, in turn: is every micro-job still answered rightly, or the task refused, or is there
 * one clean error; and is no descriptor and no process left behind?
 */
#include <errno.h>
#include <sys/wait.h>

#include "node/fake_warden.h"
#include "node/test_world.h"
#include "sys/fault.h"
#include "sys/test.h"

enum { JOBS = 40, CALLS_MAX = 3000 };

typedef struct { uint32_t done, refused, failed; } Tally;

/* A whole life of an agent: start, a task with files to read, the end. Every call made by this process counts. */
static Err live(World *w, Diag *diag)
{
    TRY(world_join(w, diag));
    return world_try(w, JOBS);
}

static void judge(World *w, Err e, const Diag *diag, uint64_t nth, Tally *tally)
{
    if (e.code) {
        ck_assert_msg(e.code == EIO || w->agent, "call %d: %s at %s: %s", (int)nth, err_text(e.code), e.at, diag->text);
        tally->failed++;
        return;
    }
    if (w->refused) {
        ck_assert_msg(w->refused_text[0] != '\0', "call %d: refused without a word", (int)nth);
        tally->refused++;
        return;
    }
    for (uint32_t i = 0; i < JOBS; i++) {
        ck_assert_msg(w->jobs[i].answers == 1, "call %d: micro-job %u has %u answers", (int)nth, i, w->jobs[i].answers);
        ck_assert_msg(world_right(w, i) || w->jobs[i].outcome == OUTCOME_INPUT_ERROR, "call %d: micro-job %u: %s", (int)nth, i,
                      outcome_text(w->jobs[i].outcome));
    }
    tally->done++;
}

static bool run_with_fault(SecurityLevel level, bool sealed, uint64_t nth, Tally *tally)
{
    World *w = world_without_agent(NULL, false, level);
    w->open.zygotes = 1;
    if (sealed) world_seal(w, SEALED_SEGMENTS, NULL);
    int before = test_open_descriptors();
    Diag diag = {0};
    fault_arm(nth, EIO);
    Err e = live(w, &diag);
    judge(w, e, &diag, nth, tally);
    agent_free(&w->agent);
    bool struck = fault_struck() || e.code; /* in a child between fork and exec only the error is seen */
    fault_arm(0, 0);
    ck_assert_msg(test_open_descriptors() == before, "call %d: descriptors leak", (int)nth);
    ck_assert_msg(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "call %d: the warden is left", (int)nth);
    world_free(w);
    return struck;
}

static void sweep(SecurityLevel level, bool sealed)
{
    Tally tally = {0};
    uint64_t nth = 1;
    while (nth < CALLS_MAX && run_with_fault(level, sealed, nth, &tally)) nth++;
    ck_assert_uint_lt(nth, CALLS_MAX);
    ck_assert_uint_gt(tally.done, nth / 4); /* most failures cost a retry, not the task */
}

START_TEST(at_process_every_call_fails_in_turn) { sweep(LEVEL_PROCESS, false); }
END_TEST
START_TEST(at_shared_every_call_fails_in_turn) { sweep(LEVEL_SHARED, false); }
END_TEST
START_TEST(with_sealed_data_every_call_fails_in_turn) { sweep(LEVEL_PROCESS, true); }
END_TEST

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "warden") == 0) fake_warden_run();
    const TTest *const tests[] = {at_process_every_call_fails_in_turn, at_shared_every_call_fails_in_turn, with_sealed_data_every_call_fails_in_turn};
    return test_run("node/agent_faults", tests, sizeof tests / sizeof tests[0]);
}
