/* Does the bus between processes carry messages whole, keep peers apart, and live through hostile ones and through a service
 * that goes and comes back? */
#include "bus/socket.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "bus/socket_address.h"
#include "bus/wire.h"
#include "sys/fd.h"
#include "sys/test.h"

static TestFolder folder;
static char path[100];
static Loop *loop;
static Bus *hub, *client, *other;

typedef struct { char log[500]; size_t size, bytes; } Listener;
static Listener at_hub, at_client, at_other;
static BusSubscription *hub_subscription;

static Err listen_to(void *context, const char *subject, View message)
{
    Listener *l = context;
    l->bytes += message.size;
    l->size += (size_t)snprintf(l->log + l->size, sizeof l->log - l->size, "%s=%.*s ", subject,
                                (int)(message.size < 20 ? message.size : 20), (const char *)message.data);
    return OK;
}

static void listen_here(void)
{
    Diag why = {{0}};
    Err e = bus_socket_listen(loop, path, &hub, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
    ck_assert_ok(bus_subscribe(hub, "service", listen_to, &at_hub, &hub_subscription));
}

static Bus *connect_here(Listener *l, const char *subject)
{
    Bus *b;
    BusSubscription *s;
    Diag why = {{0}};
    Err e = bus_socket_connect(loop, path, &b, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
    ck_assert_ok(bus_subscribe(b, subject, listen_to, l, &s));
    return b;
}

static void turns(void)
{
    for (int i = 0; i < 300; i++) ck_assert_ok(loop_turn(loop, 0));
}

static void begin(void)
{
    folder = test_folder();
    snprintf(path, sizeof path, "%.80s/bus", folder.path);
    ck_assert_ok(loop_new(&loop));
    listen_here();
    client = connect_here(&at_client, "me");
    turns();
}

static void end(void)
{
    bus_free(&other);
    bus_free(&client);
    bus_free(&hub);
    loop_free(&loop);
    test_folder_remove(&folder);
}

static Err publish(Bus *b, const char *subject, View text)
{
    AUTO_BUFFER message = buffer_limited(SOCKET_MESSAGE_BYTES_MAX + KIB);
    TRY(buffer_append(&message, text));
    Err e = bus_publish(b, subject, &message);
    ck_assert_uint_eq(message.size, e.code ? text.size : 0); /* taken, or left as it was */
    return e;
}

START_TEST(messages_go_to_the_service_and_back_in_order)
{
    begin();
    ck_assert_ok(publish(client, "service", VIEW("1")));
    ck_assert_ok(publish(client, "service", VIEW("2")));
    ck_assert_ok(publish(client, "service", VIEW("")));
    turns();
    ck_assert_str_eq(at_hub.log, "service=1 service=2 service= ");
    ck_assert_ok(publish(hub, "me", VIEW("a")));
    ck_assert_ok(publish(hub, "me", VIEW("b")));
    turns();
    ck_assert_str_eq(at_client.log, "me=a me=b ");
    end();
}
END_TEST

START_TEST(the_largest_message_comes_whole_and_a_larger_one_is_refused)
{
    static uint8_t large[SOCKET_MESSAGE_BYTES_MAX + 1];
    begin();
    ck_assert_ok(publish(client, "service", view_of(large, SOCKET_MESSAGE_BYTES_MAX)));
    turns();
    ck_assert_uint_eq(at_hub.bytes, SOCKET_MESSAGE_BYTES_MAX);
    ck_assert_err(publish(client, "service", view_of(large, sizeof large)), ERR_LIMIT);
    ck_assert_ok(publish(hub, "me", view_of(large, SOCKET_MESSAGE_BYTES_MAX)));
    turns();
    ck_assert_uint_eq(at_client.bytes, SOCKET_MESSAGE_BYTES_MAX);
    end();
}
END_TEST

START_TEST(peers_cannot_reach_or_hear_each_other)
{
    begin();
    other = connect_here(&at_other, "service"); /* tries to hear what is meant for the service */
    turns();
    ck_assert_ok(publish(client, "service", VIEW("secret")));
    ck_assert_ok(publish(other, "me", VIEW("forged")));
    turns();
    ck_assert_str_eq(at_hub.log, "service=secret ");
    ck_assert_str_eq(at_other.log, "");
    ck_assert_str_eq(at_client.log, "");
    end();
}
END_TEST

START_TEST(two_who_listen_to_one_subject_both_get_it_until_they_leave)
{
    begin();
    other = connect_here(&at_other, "me");
    turns();
    ck_assert_ok(publish(hub, "me", VIEW("x")));
    turns();
    ck_assert_str_eq(at_client.log, "me=x ");
    ck_assert_str_eq(at_other.log, "me=x ");
    bus_free(&other);
    bus_free(&client);
    turns();
    ck_assert_err(publish(hub, "me", VIEW("y")), ERR_NO_ENTRY);
    end();
}
END_TEST

START_TEST(a_subscription_that_ended_is_ended_at_the_service_too)
{
    begin();
    BusSubscription *s;
    ck_assert_ok(bus_subscribe(client, "more", listen_to, &at_client, &s));
    turns();
    ck_assert_ok(publish(hub, "more", VIEW("1")));
    turns();
    bus_unsubscribe(&s);
    turns();
    ck_assert_err(publish(hub, "more", VIEW("2")), ERR_NO_ENTRY);
    ck_assert_str_eq(at_client.log, "more=1 ");
    end();
}
END_TEST

START_TEST(a_service_that_comes_back_is_found_again)
{
    begin();
    bus_free(&hub);
    turns();
    ck_assert_err(publish(client, "service", VIEW("lost")), ERR_NO_ENTRY);
    listen_here();
    ck_assert_ok(publish(client, "service", VIEW("found")));
    turns();
    ck_assert_str_eq(at_hub.log, "service=found ");
    ck_assert_ok(publish(hub, "me", VIEW("still here")));
    turns();
    ck_assert_str_eq(at_client.log, "me=still here ");
    end();
}
END_TEST

START_TEST(the_socket_is_the_users_own_and_goes_with_the_bus)
{
    struct stat st;
    begin();
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert(S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600);
    bus_free(&hub);
    ck_assert_int_ne(lstat(path, &st), 0);
    end();
}
END_TEST

START_TEST(a_socket_in_use_is_left_alone_and_a_dead_one_is_replaced)
{
    Bus *second = NULL;
    Diag why;
    char kept[120];
    begin();
    ck_assert_err(bus_socket_listen(loop, path, &second, &why), ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(why.text, "is served by another process"));
    snprintf(kept, sizeof kept, "%s.kept", path);
    ck_assert_int_eq(rename(path, kept), 0); /* as after kill -9: the file stays, nobody serves it */
    bus_free(&hub);
    ck_assert_int_eq(rename(kept, path), 0);
    listen_here();
    ck_assert_ok(publish(client, "service", VIEW("1")));
    turns();
    ck_assert_ok(publish(client, "service", VIEW("2")));
    turns();
    ck_assert_ptr_nonnull(strstr(at_hub.log, "service=2"));
    end();
}
END_TEST

START_TEST(what_is_no_socket_is_left_alone)
{
    Bus *b = NULL;
    Diag why;
    folder = test_folder();
    ck_assert_ok(loop_new(&loop));
    snprintf(path, sizeof path, "%.80s/file", folder.path);
    FILE *f = fopen(path, "w");
    fclose(f);
    ck_assert_err(bus_socket_listen(loop, path, &b, &why), ERR_USAGE);
    ck_assert_err(bus_socket_connect(loop, path, &b, &why), ERR_NO_ENTRY);
    ck_assert_int_eq(remove(path), 0);
    ck_assert_err(bus_socket_connect(loop, path, &b, &why), ERR_NO_ENTRY);
    ck_assert_ptr_nonnull(strstr(why.text, "nobody serves there"));
    char longer[300];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ck_assert_err(bus_socket_listen(loop, longer, &b, &why), ERR_LIMIT);
    ck_assert_ptr_null(b);
    end();
}
END_TEST

START_TEST(an_address_is_unix_and_a_path)
{
    const char *at = NULL;
    Diag why;
    ck_assert_ok(bus_socket_path("unix:/run/x", &at, &why));
    ck_assert_str_eq(at, "/run/x");
    ck_assert_err(bus_socket_path("unix:", &at, &why), ERR_USAGE);
    ck_assert_err(bus_socket_path("nats://x", &at, &why), ERR_USAGE);
}
END_TEST

/* --- hostile peers --- */

static void raw(int fd, const void *bytes, size_t size) { ck_assert_int_eq(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size); }

static bool cut_off(int fd)
{
    char c;
    turns();
    return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

START_TEST(a_peer_that_breaks_a_rule_is_cut_off_and_others_go_on)
{
    static const struct { const char *bytes; size_t size; } BAD[] = {
        {"\xff\xff\xff\xff", 4},             /* far too large */
        {"\x01\0\0\0\x01", 5},               /* too small */
        {"\x03\0\0\0\x01\x05" "a", 7},       /* a subject longer than the frame */
        {"\x03\0\0\0\x04\x01" "a", 7},       /* an unknown kind */
        {"\x02\0\0\0\x01\0", 6},             /* no subject */
        {"\x03\0\0\0\x01\x01*", 7},          /* a wildcard */
        {"\x04\0\0\0\x02\x01" "ab", 8},      /* a subscription with a message */
    };
    begin();
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        AUTO_FD fd = -1;
        ck_assert_ok(socket_connect(path, &fd, NULL));
        raw(fd, BAD[i].bytes, BAD[i].size);
        ck_assert_msg(cut_off(fd), "case %zu", i);
    }
    ck_assert_ok(publish(client, "service", VIEW("fine")));
    turns();
    ck_assert_str_eq(at_hub.log, "service=fine ");
    end();
}
END_TEST

START_TEST(a_frame_may_come_byte_by_byte)
{
    static const uint8_t FRAME[] = "\x0b\0\0\0\x01\x07servicehi";
    begin();
    AUTO_FD fd = -1;
    ck_assert_ok(socket_connect(path, &fd, NULL));
    for (size_t i = 0; i < sizeof FRAME - 1; i++) {
        raw(fd, FRAME + i, 1);
        for (int k = 0; k < 3; k++) ck_assert_ok(loop_turn(loop, 0));
    }
    turns();
    ck_assert_str_eq(at_hub.log, "service=hi ");
    end();
}
END_TEST

START_TEST(more_subjects_than_a_peer_may_have_cut_it_off)
{
    begin();
    AUTO_FD fd = -1;
    ck_assert_ok(socket_connect(path, &fd, NULL));
    for (int i = 0; i <= SOCKET_SUBJECTS_MAX; i++) {
        char subject[20];
        AUTO_BUFFER b = buffer_limited(100);
        snprintf(subject, sizeof subject, "s%d", i);
        ck_assert_ok(frame_write(&b, FRAME_SUBSCRIBE, subject, (View){0}));
        raw(fd, b.data, b.size);
    }
    ck_assert(cut_off(fd));
    end();
}
END_TEST

START_TEST(more_peers_than_there_are_places_wait_and_come_in_when_one_leaves)
{
    int fds[SOCKET_PEERS_MAX + 3];
    begin();
    for (int i = 0; i < SOCKET_PEERS_MAX - 1; i++)
        ck_assert_ok(socket_connect(path, &fds[i], NULL)); /* the client has one place */
    turns();
    other = connect_here(&at_other, "late");
    ck_assert_ok(publish(other, "service", VIEW("late")));
    turns();
    ck_assert_str_eq(at_hub.log, "");
    close(fds[0]);
    turns();
    ck_assert_str_eq(at_hub.log, "service=late ");
    for (int i = 1; i < SOCKET_PEERS_MAX - 1; i++) close(fds[i]);
    end();
}
END_TEST

START_TEST(a_peer_that_does_not_read_loses_messages_and_costs_bounded_memory)
{
    static uint8_t large[SOCKET_MESSAGE_BYTES_MAX];
    begin();
    AUTO_FD fd = -1;
    ck_assert_ok(socket_connect(path, &fd, NULL));
    AUTO_BUFFER b = buffer_limited(100);
    ck_assert_ok(frame_write(&b, FRAME_SUBSCRIBE, "slow", (View){0}));
    raw(fd, b.data, b.size);
    turns();
    for (int i = 0; i < 20; i++) ck_assert_ok(publish(hub, "slow", view_of(large, sizeof large)));
    turns();
    ck_assert_ok(publish(client, "service", VIEW("fine")));
    turns();
    ck_assert_str_eq(at_hub.log, "service=fine ");
    size_t got = 0; /* what was queued, and no more */
    static char sink[1 << 20];
    for (ssize_t n = 1; n > 0;) {
        n = recv(fd, sink, sizeof sink, MSG_DONTWAIT);
        if (n > 0) got += (size_t)n;
        ck_assert_ok(loop_turn(loop, 0));
    }
    ck_assert_uint_gt(got, SOCKET_QUEUE_BYTES_MAX);
    ck_assert_uint_lt(got, SOCKET_QUEUE_BYTES_MAX + 2 * SOCKET_MESSAGE_BYTES_MAX);
    end();
}
END_TEST

TEST_MAIN("bus/socket", messages_go_to_the_service_and_back_in_order, the_largest_message_comes_whole_and_a_larger_one_is_refused,
          peers_cannot_reach_or_hear_each_other, two_who_listen_to_one_subject_both_get_it_until_they_leave,
          a_subscription_that_ended_is_ended_at_the_service_too, a_service_that_comes_back_is_found_again,
          the_socket_is_the_users_own_and_goes_with_the_bus, a_socket_in_use_is_left_alone_and_a_dead_one_is_replaced,
          what_is_no_socket_is_left_alone, an_address_is_unix_and_a_path, a_peer_that_breaks_a_rule_is_cut_off_and_others_go_on,
          a_frame_may_come_byte_by_byte, more_subjects_than_a_peer_may_have_cut_it_off,
          more_peers_than_there_are_places_wait_and_come_in_when_one_leaves,
          a_peer_that_does_not_read_loses_messages_and_costs_bounded_memory)
