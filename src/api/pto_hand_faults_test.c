/*
 * Every system call fails once, in turn, while an orchestrator hands a task's data and image over: is nothing left open, does nothing wait for ever,
 * and is the data staged in the end?
 */
#include <errno.h>

#include "api/pto_hand.h"
#include "node/stage_fixture.h"
#include "node/stage_socket.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/test.h"

enum { CALLS_MAX = 500, CALLS_MIN = 20, PATIENCE_MS = 3000 };

static StageWorld w;
static Service service;
static StageSocket *listener;
static Handing *handing;
static char image_path[128];
static uint32_t handed;

static void on_handed(void *context, uint32_t task)
{
    (void)context;
    ck_assert_uint_eq(task, 0);
    handed++;
}

static void begin(void)
{
    char yaml[256], path[128];
    Diag diag = {{0}};
    fixture_begin(&w, NULL);
    w.stage->config.audit = NULL; /* its own faults are audit/'s to test */
    snprintf(yaml, sizeof yaml, "service: s\nstore: {path: %s}\ntasks:\n  - {task: score, image: i, data: [model]}\n", w.folder);
    ck_assert_ok(service_parse(view_text(yaml), "s.yaml", NULL, &service, &diag));
    snprintf(path, sizeof path, "%s/model", w.folder);
    ck_assert_ok(file_replace(AT_FDCWD, path, VIEW("weights\n"), 0600));
    snprintf(image_path, sizeof image_path, "%s/image", w.folder);
    ck_assert_ok(file_replace(AT_FDCWD, image_path, VIEW("no image: it is refused, which is an answer too"), 0600));
    snprintf(path, sizeof path, "%s/stage.sock", w.folder);
    ck_assert_ok(stage_socket_open(w.stage, w.loop, path, getuid(), &listener, NULL));
    handed = 0;
}

static void end(void)
{
    stage_socket_close(&listener);
    service_free(&service);
    fixture_end(&w);
}

/* The task is handed over as soon as there is a connection; false when the loop itself fails, or when it takes too long. */
static bool hand_over(void)
{
    bool began = false;
    for (uint64_t limit = clock_monotonic_ns() + PATIENCE_MS * NS_PER_MS; clock_monotonic_ns() < limit;) {
        Err e = loop_turn(w.loop, 10);
        if (e.code) return false;
        began = began || handing_task(handing, 0, 1);
        if (began && handed && fixture_count(&w, STAGE_STAGED)) return true;
        if (began && handed) began = false, handed = 0; /* refused, or the connection has gone: once more */
    }
    return false;
}

static bool live(void)
{
    char path[128];
    const HandingImage image = {.path = image_path};
    snprintf(path, sizeof path, "%s/stage.sock", w.folder);
    const HandingConfig config = {.loop = w.loop, .service = &service, .images = &image, .stage_path = path, .secret = &w.pto.secret,
                                  .public_key = w.pto.public_key, .patience_ms = 200, .handed = on_handed};
    if (handing_new(&config, &handing).code) return false;
    bool good = hand_over();
    if (!good) {
        ck_assert_msg(fault_struck(), "it failed without a fault");
        good = hand_over(); /* there was one fault, and it is over */
        ck_assert_msg(good, "after call %s had failed nothing was handed over any more", fault_last());
    }
    handing_free(&handing);
    return good;
}

START_TEST(whatever_call_fails_while_a_task_is_handed_over_it_is_handed_over_in_the_end_and_nothing_is_left_open)
{
    uint32_t done = 0;
    uint64_t nth = 1;
    for (bool struck = true; struck; nth++) {
        ck_assert_uint_lt(nth, CALLS_MAX);
        const int before = test_open_descriptors();
        begin();
        fault_arm(nth, EIO);
        bool good = live();
        struck = fault_struck();
        fault_arm(0, 0);
        done += good;
        ck_assert_msg(good || struck, "it failed without a fault");
        end();
        ck_assert_msg(test_open_descriptors() == before, "call %d: descriptors leak", (int)nth);
    }
    ck_assert_uint_gt(done, nth / 2);
    ck_assert_uint_gt(nth, CALLS_MIN);
}
END_TEST

TEST_MAIN("api/pto_hand_faults", whatever_call_fails_while_a_task_is_handed_over_it_is_handed_over_in_the_end_and_nothing_is_left_open)
