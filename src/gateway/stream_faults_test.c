/*
 * Every system call of the stream's two ends fails once, in turn: is nothing left behind, does the service go on, and is the next orchestrator let in
 * and heard?
 */
#include <errno.h>
#include <fcntl.h>

#include "gateway/stream.h"
#include "sys/fault.h"
#include "sys/fd.h"
#include "sys/test.h"

enum { CALLS_MAX = 300, CALLS_MIN = 12, TURNS = 4 };

static TestFolder folder;
static Service service;
static Depot depot;
static Sha256 measurement;
static Loop *loop;
static Bus *bus;
static Gateway *gateway;
static GatewayStream *stream;

static void begin(void)
{
    Diag diag = {{0}};
    folder = test_folder();
    const char *image = test_path(&folder, "image");
    ck_assert_ok(file_replace(AT_FDCWD, image, VIEW("an image"), 0600));
    ck_assert_ok(service_parse(VIEW("service: s\ntasks:\n  - {task: a, image: i}\n"), "s.yaml", NULL, &service, &diag));
    ck_assert_ok(depot_open(&service, "s.yaml", (const char *const[]){image}, &depot, &diag));
    ck_assert_ok(loop_new(&loop));
    ck_assert_ok(bus_memory_new(loop, &bus));
    const GatewayConfig config = {.service = &service, .depot = &depot, .measurements = &measurement, .node_id = "nobody"};
    ck_assert_ok(gateway_new(loop, bus, &config, &gateway, &diag));
}

static void end(void)
{
    gateway_free(&gateway);
    bus_free(&bus);
    loop_free(&loop);
    depot_close(&depot);
    service_free(&service);
    test_folder_remove(&folder);
}

static bool turn(void)
{
    bool good = true;
    for (int i = 0; i < TURNS; i++) good &= loop_turn(loop, 0).code == 0;
    return good;
}

/* What an orchestrator does: false when a call failed that it is told of, or was not heard. */
static bool talk(void)
{
    StreamLink link;
    StreamMessage m;
    const uint64_t staged = gateway_stats(gateway).staged, refused = gateway_stats(gateway).staged_refused;
    if (stream_link_open(test_path(&folder, "stream"), &link, NULL).code) return false;
    bool good = turn();
    good &= stream_link_receive(&link, &m).code == 0 && m.type == STREAM_HELLO;
    good &= stream_link_send(&link, &(StreamMessage){.type = STREAM_WANT, .task = 0}).code == 0;
    good &= turn();
    good &= gateway_stats(gateway).staged + gateway_stats(gateway).staged_refused == staged + refused + 1;
    gateway_drop(gateway, 0, true);
    stream_link_close(&link);
    return good & turn();
}

static bool live(void)
{
    Err e = gateway_stream_open(loop, gateway, &service, test_path(&folder, "stream"), getuid(), &stream, NULL);
    ck_assert((e.code == 0) == (stream != NULL));
    return e.code == 0 && talk();
}

START_TEST(whatever_call_of_the_stream_fails_nothing_is_left_and_the_next_orchestrator_is_heard)
{
    uint32_t done = 0, heard_later = 0;
    uint64_t nth = 1;
    for (bool struck = true; struck; nth++) {
        ck_assert_uint_lt(nth, CALLS_MAX);
        begin();
        const int before = test_open_descriptors();
        fault_arm(nth, EIO);
        bool good = live();
        struck = fault_struck();
        fault_arm(0, 0);
        done += good;
        ck_assert_msg(good || struck, "it failed without a fault");
        if (stream) ck_assert(turn()); /* the one before is seen to have gone */
        if (stream && !good) ck_assert_msg(talk(), "call %d: nobody is let in any more", (int)nth);
        heard_later += stream && !good;
        gateway_stream_close(&stream);
        ck_assert_msg(test_open_descriptors() == before, "call %d: descriptors leak", (int)nth);
        end();
    }
    ck_assert_uint_gt(done, 0);
    ck_assert_uint_gt(heard_later, 0);
    ck_assert_uint_gt(nth, CALLS_MIN);
}
END_TEST

TEST_MAIN("gateway/stream_faults", whatever_call_of_the_stream_fails_nothing_is_left_and_the_next_orchestrator_is_heard)
