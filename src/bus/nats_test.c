/* With a real server: does the bus over NATS carry what it is given, at least once, whole, through deaths of receivers and of the server? */
#include "bus/nats.h"

#include "base/limits.h"
#include "bus/nats_test_server.h"
#include "sys/clock.h"

static TestFolder folder;
static TestServer server;
static Loop *loop;

static bool begin(void)
{
    if (!test_server_there()) return false;
    const int port = test_free_port();
    AUTO_BUFFER text = {0};
    folder = test_folder();
    test_server_config(&folder, port, &text);
    ck_assert_ok(buffer_put_u8(&text, 0));
    test_server_begin(&server, &folder, port, (const char *)text.data);
    ck_assert_ok(loop_new(&loop));
    return true;
}

static void end(void)
{
    loop_free(&loop);
    test_server_kill(&server);
    test_folder_remove(&folder);
}

static Bus *manager(void) { return test_connect(loop, &server, BUS_MANAGER, "m1", 10); }
static Bus *node(const char *id, uint8_t key) { return test_connect(loop, &server, BUS_NODE, id, key); }

START_TEST(messages_go_both_ways_and_say_who_speaks)
{
    if (!begin()) return;
    Bus *m = manager(), *a = node("a", 1);
    Heard at_m = {0}, at_a = {0};
    test_listen(m, "covey.manager.m1.*", &at_m);
    test_listen(a, "covey.node.a", &at_a);
    ck_assert_ok(test_say(m, "covey.node.a", "work"));
    ck_assert_ok(test_say(m, "covey.node.a", "more"));
    ck_assert(test_wait(loop, &at_a.count, 2, 5000));
    ck_assert_str_eq(at_a.log, "covey.node.a=work covey.node.a=more ");
    ck_assert_ok(test_say(a, "covey.manager.m1.a", "done"));
    ck_assert(test_wait(loop, &at_m.count, 1, 5000));
    ck_assert_str_eq(at_m.log, "covey.manager.m1.a=done ");
    bus_free(&a);
    bus_free(&m);
    end();
}
END_TEST

START_TEST(a_manager_that_starts_later_hears_of_all_living_nodes)
{
    if (!begin()) return;
    Bus *m = manager(), *a = node("a", 1), *b = node("b", 2);
    Heard first = {0}, second = {0};
    test_listen(m, "covey.nodes.*", &first);
    ck_assert_ok(test_say(a, "covey.nodes.a", "old"));
    ck_assert(test_wait(loop, &first.count, 1, 5000));
    ck_assert_ok(test_say(a, "covey.nodes.a", "A"));
    ck_assert_ok(test_say(b, "covey.nodes.b", "B"));
    ck_assert(test_wait(loop, &first.count, 3, 5000));
    Bus *later = test_connect(loop, &server, BUS_MANAGER, "m2", 11);
    test_listen(later, "covey.nodes.*", &second);
    ck_assert(test_wait(loop, &second.count, 2, 5000));
    ck_assert_ptr_nonnull(strstr(second.log, "covey.nodes.a=A "));
    ck_assert_ptr_nonnull(strstr(second.log, "covey.nodes.b=B "));
    bus_free(&later);
    bus_free(&b);
    bus_free(&a);
    bus_free(&m);
    end();
}
END_TEST

/* The receiver's process is gone before its handler returned: what a bus does that is freed with the message in hand. */
START_TEST(what_was_not_handled_is_delivered_to_the_next_one)
{
    if (!begin()) return;
    Bus *m = manager(), *a = node("a", 1);
    Heard dying = {.error = ERR_CLOSED}, next = {0};
    test_listen(a, "covey.node.a", &dying);
    ck_assert_ok(test_say(m, "covey.node.a", "once"));
    const uint64_t until = clock_monotonic_ns() + 5 * NS_PER_S;
    while (!dying.count && clock_monotonic_ns() < until) {
        Err e = loop_turn(loop, 10);
        ck_assert_int_eq(e.code, dying.count ? ERR_CLOSED : 0);
    }
    bus_free(&a);
    a = node("a", 1);
    test_listen(a, "covey.node.a", &next);
    ck_assert(test_wait(loop, &next.count, 1, 5000));
    ck_assert_str_eq(next.log, "covey.node.a=once ");
    BusNatsStatus status;
    bus_nats_status(a, &status);
    ck_assert_uint_eq(status.redelivered, 1);
    ck_assert(!test_wait(loop, &next.count, 2, 1000)); /* acknowledged now: ack_wait is 500 ms */
    bus_free(&a);
    bus_free(&m);
    end();
}
END_TEST

static void large(Buffer *message, size_t size)
{
    *message = buffer_limited(size);
    ck_assert_ok(buffer_reserve(message, size));
    for (size_t i = 0; i < size; i++) message->data[i] = (uint8_t)(i * 2654435761U >> 13);
    message->size = size;
}

typedef struct { uint64_t count; Sha256 hash; size_t size; } Whole;
static Err hear_whole(void *context, const char *subject, View message)
{
    (void)subject;
    Whole *w = context;
    w->count++;
    w->size = message.size;
    sha256_of(message, &w->hash);
    return OK;
}

START_TEST(a_message_beyond_the_servers_limit_arrives_whole)
{
    if (!begin()) return;
    Bus *m = manager(), *a = node("a", 1);
    Whole whole = {0};
    Sha256 sent;
    Buffer message;
    BusSubscription *s;
    ck_assert_ok(bus_subscribe(a, "covey.node.a", hear_whole, &whole, &s));
    const size_t sizes[] = {20 * MIB + 17, (1 << 20) - 1024, (1 << 20) - 1023, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        large(&message, sizes[i]);
        sha256_of(view_buffer(&message), &sent);
        ck_assert_ok(bus_publish(m, "covey.node.a", &message));
        ck_assert(test_wait(loop, &whole.count, i + 1, 20000));
        ck_assert_uint_eq(whole.size, sizes[i]);
        ck_assert_mem_eq(&whole.hash, &sent, sizeof sent);
        buffer_free(&message);
    }
    bus_free(&a);
    bus_free(&m);
    end();
}
END_TEST

START_TEST(a_server_that_is_killed_and_comes_back_loses_nothing)
{
    if (!begin()) return;
    Bus *m = manager(), *a = node("a", 1);
    Heard at_a = {0}, at_m = {0}, records = {0};
    test_listen(m, "covey.manager.m1.*", &at_m);
    test_listen(m, "covey.nodes.*", &records);
    ck_assert_ok(test_say(a, "covey.nodes.a", "here"));
    ck_assert_ok(test_say(m, "covey.node.a", "before")); /* nobody has taken it yet */
    ck_assert(test_wait(loop, &records.count, 1, 10000));
    BusNatsStatus status;
    bus_nats_status(m, &status);
    for (int i = 0; i < 100 && status.queued_bytes; i++) {
        ck_assert_ok(loop_turn(loop, 20));
        bus_nats_status(m, &status);
    }
    test_server_kill(&server);
    ck_assert_ok(test_say(m, "covey.node.a", "meanwhile"));
    ck_assert_ok(test_say(a, "covey.manager.m1.a", "answer"));
    test_server_start(&server);
    test_listen(a, "covey.node.a", &at_a);
    ck_assert(test_wait(loop, &at_a.count, 2, 10000));
    ck_assert_str_eq(at_a.log, "covey.node.a=before covey.node.a=meanwhile ");
    ck_assert(test_wait(loop, &at_m.count, 1, 10000));
    ck_assert(test_wait(loop, &records.count, 2, 10000)); /* once before, once again: the store of records is memory */
    ck_assert_ok(test_say(m, "covey.node.a", "after"));
    ck_assert(test_wait(loop, &at_a.count, 3, 10000));
    bus_nats_status(m, &status);
    ck_assert_uint_eq(status.reconnects, 1);
    bus_free(&a);
    bus_free(&m);
    end();
}
END_TEST

START_TEST(streams_that_are_gone_are_made_again)
{
    if (!begin()) return;
    char store[300];
    Bus *m = manager(), *a = node("a", 1);
    Heard at_a = {0};
    test_listen(a, "covey.node.a", &at_a);
    ck_assert_ok(test_say(m, "covey.node.a", "one"));
    ck_assert(test_wait(loop, &at_a.count, 1, 5000));
    test_server_kill(&server);
    snprintf(store, sizeof store, "%.200s/store-%d", folder.path, server.port);
    nftw(store, test_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    test_server_start(&server);
    ck_assert_ok(test_say(m, "covey.node.a", "two"));
    ck_assert(test_wait(loop, &at_a.count, 2, 15000));
    bus_free(&a);
    bus_free(&m);
    end();
}
END_TEST

START_TEST(a_manager_that_leaves_takes_its_queue_with_it)
{
    if (!begin()) return;
    Bus *m = manager(), *a = node("a", 1);
    Heard at_m = {0};
    test_listen(m, "covey.manager.m1.*", &at_m);
    ck_assert_ok(test_say(a, "covey.manager.m1.a", "heard"));
    ck_assert(test_wait(loop, &at_m.count, 1, 5000));
    ck_assert_ok(test_say(a, "covey.manager.m1.a", "too late"));
    bus_free(&a); /* which waits until the server has it */
    bus_free(&m);
    m = manager();
    Heard again = {0};
    test_listen(m, "covey.manager.m1.*", &again);
    ck_assert(!test_wait(loop, &again.count, 1, 700));
    bus_free(&m);
    end();
}
END_TEST

TEST_MAIN("bus/nats", messages_go_both_ways_and_say_who_speaks, a_manager_that_starts_later_hears_of_all_living_nodes,
          what_was_not_handled_is_delivered_to_the_next_one, a_message_beyond_the_servers_limit_arrives_whole,
          a_server_that_is_killed_and_comes_back_loses_nothing, streams_that_are_gone_are_made_again, a_manager_that_leaves_takes_its_queue_with_it)
