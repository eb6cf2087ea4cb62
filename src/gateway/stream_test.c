/* Does the service's end of the stream count its orchestrators right, whenever they go? */
#include "gateway/stream.h"

#include <fcntl.h>
#include <stdio.h>

#include "sys/fd.h"
#include "sys/test.h"

enum { TASKS = 3 };

static TestFolder folder;
static Service service;
static Depot depot;
static Sha256 measurements[TASKS];
static Loop *loop;
static Bus *bus;
static Gateway *gateway;
static GatewayStream *stream;

static void on_event(void *context, const RequestEvent *e)
{
    (void)context;
    gateway_stream_event(stream, e);
}

static void on_place(void *context, const StreamPlace *p)
{
    (void)context;
    if (stream) gateway_stream_place(stream, p);
}

static void begin(void)
{
    static const char YAML[] = "service: s\nstaged: {tasks: 2}\ntasks:\n  - {task: a, image: i}\n  - {task: b, image: i}\n  - {task: c, image: i}\n";
    Diag diag = {{0}};
    folder = test_folder();
    const char *image = test_path(&folder, "image");
    ck_assert_ok(file_replace(AT_FDCWD, image, VIEW("an image"), 0600));
    ck_assert_ok(service_parse(view_text(YAML), "s.yaml", NULL, &service, &diag));
    ck_assert_ok(depot_open(&service, "s.yaml", (const char *const[]){image, image, image}, &depot, &diag));
    ck_assert_ok(loop_new(&loop));
    ck_assert_ok(bus_memory_new(loop, &bus));
    const GatewayConfig config = {.service = &service, .depot = &depot, .measurements = measurements, .node_id = "local", .event = on_event,
                                  .place = on_place};
    ck_assert_ok(gateway_new(loop, bus, &config, &gateway, &diag));
    ck_assert_ok(gateway_stream_open(loop, gateway, &service, test_path(&folder, "stream"), getuid(), &stream, &diag));
}

static void end(void)
{
    gateway_stream_close(&stream);
    gateway_free(&gateway);
    bus_free(&bus);
    loop_free(&loop);
    depot_close(&depot);
    service_free(&service);
    test_folder_remove(&folder);
}

static void turn_until_peers(uint32_t count)
{
    for (int i = 0; i < 1000 && gateway_stream_stats(stream).peers != count; i++) ck_assert_ok(loop_turn(loop, 10));
    ck_assert_uint_eq(gateway_stream_stats(stream).peers, count);
}

static StreamLink connected(void)
{
    StreamLink l;
    StreamMessage m;
    Diag diag = {{0}};
    ck_assert_ok(stream_link_open(test_path(&folder, "stream"), &l, &diag));
    for (;;) { /* HELLO and the places: what is unread when a socket is closed would be told to the other end instead of what was sent */
        Err e = stream_link_receive(&l, &m);
        if (e.code == ERR_BUSY && gateway_stream_stats(stream).peers) return l;
        ck_assert(e.code == 0 || e.code == ERR_BUSY);
        if (e.code) ck_assert_ok(loop_turn(loop, 10));
    }
}

START_TEST(an_orchestrator_that_dies_behind_its_wishes_is_gone_once)
{
    begin();
    for (uint32_t round = 0; round < 2; round++) {
        StreamLink l = connected();
        for (uint32_t task = 0; task < TASKS; task++) ck_assert_ok(stream_link_send(&l, &(StreamMessage){.type = STREAM_WANT, .task = task}));
        stream_link_close(&l); /* the answer to the first wish finds nobody */
        for (int i = 0; i < 10; i++) ck_assert_ok(loop_turn(loop, 1));
        turn_until_peers(0);
        ck_assert_uint_eq(gateway_stats(gateway).orchestrators, 0);
        ck_assert_uint_eq(gateway_stream_stats(stream).cut_off, 0); /* it broke no rule */
    }
    StreamLink l = connected();
    ck_assert_uint_eq(gateway_stream_stats(stream).peers, 1);
    stream_link_close(&l);
    end();
}
END_TEST

TEST_MAIN("gateway/stream", an_orchestrator_that_dies_behind_its_wishes_is_gone_once)
