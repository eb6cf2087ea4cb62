/* With a real server: does the bus over NATS carry what it is given, at least once, whole, through deaths of receivers and of the server? */
#include "bus/nats.h"

#include "bus/nats_test_server.h"

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

TEST_MAIN("bus/nats", messages_go_both_ways_and_say_who_speaks, a_manager_that_starts_later_hears_of_all_living_nodes)
