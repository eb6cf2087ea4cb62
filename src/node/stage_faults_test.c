/*
 * Every system call of the stage fails once, in turn: is what is staged right or not there, and is nothing left behind? A failure here is never
 * one of a task: at worst nothing is staged.
 */
#include <errno.h>

#include "node/stage_fixture.h"
#include "node/stage_socket.h"
#include "sys/fault.h"
#include "sys/test.h"

enum { CALLS_MAX = 500 };

static StageWorld w;

/* What an orchestrator and two tasks do with a stage: false when a call failed that the caller is told of. */
static bool live(void)
{
    static const uint8_t IMAGE[32] = {1};
    StageSocket *listener = NULL;
    Shelf *shelf = NULL;
    char path[128];
    Resource r = fixture_next(&w, "score/model", VIEW("weights\n"));
    snprintf(path, sizeof path, "%s/stage.sock", w.folder);
    bool good = stage_socket_open(w.stage, w.loop, path, getuid(), &listener, NULL).code == 0;
    AUTO_BUFFER statement = buffer_limited(RESOURCE_BYTES_MAX);
    StageLink link = {.socket = -1};
    int fd = -1;
    uint64_t offer;
    StageOutcomeCode code;
    good &= resource_encode(&r, &w.pto.secret, &statement).code == 0;
    good &= stage_memfd_new(8, &fd).code == 0 && fd_pwrite_all(fd, VIEW("weights\n"), 0).code == 0 && stage_memfd_seal(fd).code == 0;
    good &= stage_link_open(path, &link).code == 0;
    for (int i = 0; i < 4; i++) good &= loop_turn(w.loop, 0).code == 0;
    stage_link_close(&link);
    if (fd >= 0) stage_offer(w.stage, view_buffer(&statement), fd, &offer);
    for (int i = 0; i < 8; i++) good &= loop_turn(w.loop, 0).code == 0;
    good &= stage_shelf_open(w.stage, VIEW("score"), IMAGE, &shelf).code == 0;
    if (shelf) stage_shelf_look(w.stage, shelf, NULL);
    good &= fixture_last(&w) == STAGE_STAGED && shelf && shelf_has(shelf, 0);
    stage_evict(w.stage, &w.pto.public_key, 1, &code);
    stage_shelf_close(w.stage, &shelf);
    stage_socket_close(&listener);
    return good;
}

START_TEST(whatever_call_fails_nothing_wrong_is_staged_and_nothing_is_left_behind)
{
    uint32_t done = 0;
    uint64_t nth = 1;
    for (bool struck = true; struck; nth++) {
        ck_assert_uint_lt(nth, CALLS_MAX);
        fixture_begin(&w, NULL);
        w.stage->config.audit = NULL; /* its own faults are audit/'s to test */
        const int before = test_open_descriptors();
        fault_arm(nth, EIO);
        bool good = live();
        struck = fault_struck();
        fault_arm(0, 0);
        done += good;
        ck_assert_msg(good || struck, "it failed without a fault");
        ck_assert_msg(stage_stats(w.stage).bytes_held == 0 && w.stage->verifying == 0, "call %d: bytes are left", (int)nth);
        ck_assert_msg(test_open_descriptors() == before, "call %d: descriptors leak", (int)nth);
        fixture_end(&w);
    }
    ck_assert_uint_gt(done, 0);
    ck_assert_uint_gt(nth, 30);
}
END_TEST

TEST_MAIN("node/stage_faults", whatever_call_fails_nothing_wrong_is_staged_and_nothing_is_left_behind)
