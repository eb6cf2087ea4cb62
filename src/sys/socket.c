/* Packets with descriptors (SCM_RIGHTS) over SOCK_SEQPACKET. */
#include "sys/fd.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "sys/fault.h"

typedef union {
    struct cmsghdr head; /* for its alignment */
    char space[CMSG_SPACE(SOCKET_FDS_MAX * sizeof(int))];
} Control;

static Err socket_error(int code)
{
    switch (code) {
    case EAGAIN: return FAIL(ERR_BUSY);
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN: return FAIL(ERR_CLOSED);
    default: return FAIL(code);
    }
}

Err socket_pair(int ret_fds[2])
{
    int fds[2];
    if (FAULTABLE("socketpair", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds)) < 0) return FAIL(errno);
    ret_fds[0] = fds[0];
    ret_fds[1] = fds[1];
    return OK;
}

Err socket_send(int fd, View packet, const int *fds, size_t fd_count)
{
    assert(packet.size > 0 && (fds || fd_count == 0)); /* an empty packet looks like the end to the receiver */

    if (fd_count > SOCKET_FDS_MAX) return FAIL(ERR_LIMIT);
    Control control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)packet.data, .iov_len = packet.size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        *rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(fd_count * sizeof(int))};
        memcpy(CMSG_DATA(rights), fds, fd_count * sizeof(int));
    }
    ssize_t n;
    do n = FAULTABLE("sendmsg", sendmsg(fd, &message, MSG_NOSIGNAL));
    while (n < 0 && errno == EINTR);
    return n < 0 ? socket_error(errno) : OK;
}

/* Collects the descriptors that came; every one of them is open here already. */
static size_t take_descriptors(struct msghdr *message, int fds[SOCKET_FDS_MAX])
{
    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds + count, CMSG_DATA(c), here * sizeof(int));
        count += here;
    }
    return count;
}

Err socket_receive(int fd, void *data, size_t room, size_t *ret_size, int *ret_fds, size_t *ret_fd_count)
{
    assert(data && ret_size && ret_fd_count && (ret_fds || *ret_fd_count == 0));

    size_t fd_room = *ret_fd_count < SOCKET_FDS_MAX ? *ret_fd_count : SOCKET_FDS_MAX;
    Control control;
    struct iovec part = {.iov_base = data, .iov_len = room};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t n;
    do n = FAULTABLE("recvmsg", recvmsg(fd, &message, MSG_CMSG_CLOEXEC));
    while (n < 0 && errno == EINTR);
    if (n < 0) return socket_error(errno);

    int fds[SOCKET_FDS_MAX];
    size_t count = take_descriptors(&message, fds);
    bool whole = !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && count <= fd_room;
    if (n == 0 || !whole) {
        for (size_t i = 0; i < count; i++) fd_close(&fds[i]);
        return n == 0 ? FAIL(ERR_CLOSED) : FAIL(ERR_PROTOCOL);
    }
    if (count > 0) memcpy(ret_fds, fds, count * sizeof(int));
    *ret_fd_count = count;
    *ret_size = (size_t)n;
    return OK;
}
