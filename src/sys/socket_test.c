/* Do packets and descriptors arrive whole, and does nothing stay open when they do not? */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "sys/fd.h"
#include "sys/test.h"

typedef struct { int ends[2]; } Pair;

static Pair pair(void)
{
    Pair p;
    ck_assert_ok(socket_pair(p.ends));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(fcntl(p.ends[i], F_GETFD), FD_CLOEXEC);
        ck_assert_ok(fd_set_nonblocking(p.ends[i], 1));
    }
    return p;
}

static void pair_close(Pair *p)
{
    fd_close(&p->ends[0]);
    fd_close(&p->ends[1]);
}

START_TEST(packets_keep_their_borders)
{
    Pair p = pair();
    ck_assert_ok(socket_send(p.ends[0], VIEW("one"), NULL, 0));
    ck_assert_ok(socket_send(p.ends[0], VIEW("second"), NULL, 0));
    char data[32];
    size_t size, fds = 0;
    ck_assert_ok(socket_receive(p.ends[1], data, sizeof data, &size, NULL, &fds));
    ck_assert(view_equal(view_of(data, size), VIEW("one")));
    ck_assert_ok(socket_receive(p.ends[1], data, sizeof data, &size, NULL, &fds));
    ck_assert(view_equal(view_of(data, size), VIEW("second")));
    ck_assert_err(socket_receive(p.ends[1], data, sizeof data, &size, NULL, &fds), ERR_BUSY);
    pair_close(&p);
}
END_TEST

START_TEST(descriptors_travel_in_order_and_are_closed_on_exec)
{
    Pair p = pair();
    int pipe_ends[2];
    ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
    ck_assert_ok(socket_send(p.ends[0], VIEW("x"), pipe_ends, 2));
    char data[4];
    int fds[4] = {-1, -1, -1, -1};
    size_t size, count = 4;
    ck_assert_ok(socket_receive(p.ends[1], data, sizeof data, &size, fds, &count));
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(fds[2], -1);
    ck_assert_int_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    ck_assert_ok(fd_write_all(fds[1], VIEW("hi")));
    ck_assert_ok(fd_read(fds[0], data, sizeof data, &size));
    ck_assert(view_equal(view_of(data, size), VIEW("hi")));
    for (int i = 0; i < 2; i++) close(fds[i]), close(pipe_ends[i]);
    pair_close(&p);
}
END_TEST

START_TEST(as_many_descriptors_as_the_limit_says_and_no_more)
{
    Pair p = pair();
    int fds[SOCKET_FDS_MAX + 1], received[SOCKET_FDS_MAX];
    for (int i = 0; i <= SOCKET_FDS_MAX; i++) fds[i] = p.ends[0];
    ck_assert_err(socket_send(p.ends[0], VIEW("x"), fds, SOCKET_FDS_MAX + 1), ERR_LIMIT);
    ck_assert_ok(socket_send(p.ends[0], VIEW("x"), fds, SOCKET_FDS_MAX));
    char data[4];
    size_t size, count = SOCKET_FDS_MAX;
    ck_assert_ok(socket_receive(p.ends[1], data, sizeof data, &size, received, &count));
    ck_assert_uint_eq(count, SOCKET_FDS_MAX);
    for (size_t i = 0; i < count; i++) fd_close(&received[i]);
    pair_close(&p);
}
END_TEST

START_TEST(descriptors_that_nobody_asked_for_are_refused_and_closed)
{
    Pair p = pair();
    int before = test_open_descriptors();
    int fds[3] = {p.ends[0], p.ends[0], p.ends[0]}, received[2] = {-1, -1};
    char data[4];
    for (size_t room = 0; room < 3; room++) {
        size_t size = 77, count = room;
        ck_assert_ok(socket_send(p.ends[0], VIEW("x"), fds, 3));
        ck_assert_err(socket_receive(p.ends[1], data, sizeof data, &size, received, &count), ERR_PROTOCOL);
        ck_assert_uint_eq(size, 77);
        ck_assert_uint_eq(count, room);
        ck_assert_int_eq(received[0], -1);
        ck_assert_int_eq(test_open_descriptors(), before);
    }
    pair_close(&p);
}
END_TEST

/* A hostile sender is not bound by socket_send's limit: the kernel lets 253 through. */
START_TEST(more_descriptors_than_our_limit_are_refused_and_closed)
{
    enum { MANY = 200 };
    Pair p = pair();
    int before = test_open_descriptors();
    union { struct cmsghdr head; char space[CMSG_SPACE(MANY * sizeof(int))]; } control = {0};
    struct iovec part = {.iov_base = (char[]){"x"}, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    *rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(MANY * sizeof(int))};
    for (int i = 0; i < MANY; i++) memcpy(CMSG_DATA(rights) + i * sizeof(int), &p.ends[0], sizeof(int));
    ck_assert_int_eq(sendmsg(p.ends[0], &message, 0), 1);

    char data[4];
    int received[SOCKET_FDS_MAX];
    size_t size, count = SOCKET_FDS_MAX;
    ck_assert_err(socket_receive(p.ends[1], data, sizeof data, &size, received, &count), ERR_PROTOCOL);
    ck_assert_int_eq(test_open_descriptors(), before);
    pair_close(&p);
}
END_TEST

START_TEST(a_packet_longer_than_the_room_is_refused_with_its_descriptors)
{
    Pair p = pair();
    int before = test_open_descriptors();
    ck_assert_ok(socket_send(p.ends[0], VIEW("12345"), p.ends, 1));
    char data[4];
    int received[1];
    size_t size, count = 1;
    ck_assert_err(socket_receive(p.ends[1], data, sizeof data, &size, received, &count), ERR_PROTOCOL);
    ck_assert_int_eq(test_open_descriptors(), before);
    pair_close(&p);
}
END_TEST

START_TEST(an_empty_packet_counts_as_the_end_and_its_descriptors_are_closed)
{
    Pair p = pair();
    int before = test_open_descriptors();
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } control = {0};
    struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    *rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(rights), &p.ends[0], sizeof(int));
    ck_assert_int_eq(sendmsg(p.ends[0], &message, 0), 0);
    char data[4];
    int received[1];
    size_t size, count = 1;
    ck_assert_err(socket_receive(p.ends[1], data, sizeof data, &size, received, &count), ERR_CLOSED);
    ck_assert_int_eq(test_open_descriptors(), before);
    pair_close(&p);
}
END_TEST

START_TEST(the_other_sides_end_is_noticed_by_both_calls_without_a_signal)
{
    Pair p = pair();
    fd_close(&p.ends[0]);
    char data[4];
    size_t size, count = 0;
    ck_assert_err(socket_receive(p.ends[1], data, sizeof data, &size, NULL, &count), ERR_CLOSED);
    ck_assert_err(socket_send(p.ends[1], VIEW("x"), NULL, 0), ERR_CLOSED);
    pair_close(&p);
}
END_TEST

START_TEST(a_full_socket_is_busy_and_recovers)
{
    Pair p = pair();
    Err e = OK;
    int sent = 0;
    while (!(e = socket_send(p.ends[0], VIEW("0123456789"), NULL, 0)).code && sent < 1000000) sent++;
    ck_assert_int_eq(e.code, ERR_BUSY);
    char data[32];
    for (int i = 0; i < sent; i++) {
        size_t size, count = 0;
        ck_assert_ok(socket_receive(p.ends[1], data, sizeof data, &size, NULL, &count));
    }
    ck_assert_ok(socket_send(p.ends[0], VIEW("x"), NULL, 0));
    pair_close(&p);
}
END_TEST

TEST_MAIN("sys/socket", packets_keep_their_borders, descriptors_travel_in_order_and_are_closed_on_exec,
          as_many_descriptors_as_the_limit_says_and_no_more, descriptors_that_nobody_asked_for_are_refused_and_closed,
          more_descriptors_than_our_limit_are_refused_and_closed, a_packet_longer_than_the_room_is_refused_with_its_descriptors,
          an_empty_packet_counts_as_the_end_and_its_descriptors_are_closed,
          the_other_sides_end_is_noticed_by_both_calls_without_a_signal, a_full_socket_is_busy_and_recovers)
