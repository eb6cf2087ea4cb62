/* Frames over a non-blocking stream socket. */
#include "bus/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/socket.h"
#include "sys/fault.h"
#include "sys/fd.h"

enum { READ_BYTES = 64 << 10, FRAME_BYTES_MAX = FRAME_HEAD_BYTES + BUS_SUBJECT_MAX + SOCKET_MESSAGE_BYTES_MAX };

/* --- frames --- */

static bool subject_valid(View subject)
{
    for (size_t i = 0; i < subject.size; i++) {
        uint8_t c = subject.data[i];
        bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter_or_digit && c != '-' && c != '_' && c != '.') return false;
    }
    return subject.size > 0 && subject.size < BUS_SUBJECT_MAX;
}

Err frame_read(View bytes, Frame *ret_frame, size_t *ret_size)
{
    Reader r = reader_of(bytes);
    const uint32_t size = read_u32(&r);
    if (!r.bad && (size < 2 || size > FRAME_BYTES_MAX - 4)) return FAIL(ERR_PROTOCOL);
    if (r.bad || r.rest.size < size) {
        *ret_size = 0;
        return OK;
    }
    r = reader_of(view_of(r.rest.data, size));
    const uint8_t kind = read_u8(&r), subject_size = read_u8(&r);
    const View subject = read_raw(&r, subject_size);
    if (r.bad || kind < FRAME_PUBLISH || kind > FRAME_UNSUBSCRIBE || !subject_valid(subject)) return FAIL(ERR_PROTOCOL);
    if (r.rest.size > (kind == FRAME_PUBLISH ? SOCKET_MESSAGE_BYTES_MAX : 0)) return FAIL(ERR_PROTOCOL);
    *ret_frame = (Frame){.kind = (FrameKind)kind, .message = r.rest};
    memcpy(ret_frame->subject, subject.data, subject.size);
    *ret_size = 4 + (size_t)size;
    return OK;
}

Err frame_write(Buffer *b, FrameKind kind, const char *subject, View message)
{
    const View name = view_text(subject);
    if (!subject_valid(name) || message.size > SOCKET_MESSAGE_BYTES_MAX) return FAIL(ERR_LIMIT);
    TRY(buffer_reserve(b, FRAME_HEAD_BYTES + name.size + message.size)); /* so that none of these fails halfway */
    TRY(buffer_put_u32(b, (uint32_t)(2 + name.size + message.size)));
    TRY(buffer_put_u8(b, (uint8_t)kind));
    TRY(buffer_put_u8(b, (uint8_t)name.size));
    TRY(buffer_append(b, name));
    return buffer_append(b, message);
}

/* --- the connection --- */

struct Wire {
    int fd;
    LoopSource *source;
    WireEvents events;
    Buffer in, out;
    size_t sent;            /* of `out` */
    bool handling, freed;   /* on_frame runs; wire_free was called meanwhile */
};

static void release(Wire *w)
{
    loop_remove(&w->source);
    fd_close(&w->fd);
    buffer_free(&w->in);
    buffer_free(&w->out);
    free(w);
}

void wire_free(Wire **wire)
{
    Wire *w = *wire;
    if (!w) return;
    *wire = NULL;
    w->freed = true;
    if (!w->handling) release(w);
}

static void drop_front(Buffer *b, size_t size)
{
    memmove(b->data, b->data + size, b->size - size);
    b->size -= size;
}

/* Everything that is complete. */
static Err take_frames(Wire *w)
{
    size_t at = 0, size = 0;
    do {
        Frame frame;
        TRY(frame_read(view_of(w->in.data + at, w->in.size - at), &frame, &size));
        if (size == 0) break;
        TRY(w->events.on_frame(w->events.context, &frame));
        at += size;
    } while (!w->freed);
    drop_front(&w->in, at);
    if (w->in.size == 0) buffer_free(&w->in);
    w->in.limit = FRAME_BYTES_MAX + READ_BYTES;
    return OK;
}

static Err read_some(Wire *w)
{
    TRY(buffer_reserve(&w->in, READ_BYTES));
    ssize_t n;
    do n = FAULTABLE("recv", recv(w->fd, w->in.data + w->in.size, READ_BYTES, 0));
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) return OK;
    if (n <= 0) return FAIL(ERR_CLOSED);
    w->in.size += (size_t)n;
    return take_frames(w);
}

static Err write_some(Wire *w)
{
    while (w->sent < w->out.size) {
        ssize_t n;
        do n = FAULTABLE("send", send(w->fd, w->out.data + w->sent, w->out.size - w->sent, MSG_NOSIGNAL));
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN) return loop_set_events(w->source, EPOLLIN | EPOLLOUT);
        if (n < 0) return FAIL(ERR_CLOSED);
        w->sent += (size_t)n;
    }
    const size_t limit = w->out.limit;
    buffer_free(&w->out);
    w->out = buffer_limited(limit);
    w->sent = 0;
    return loop_set_events(w->source, EPOLLIN);
}

static Err on_event(void *context, uint32_t events)
{
    Wire *w = context;
    w->handling = true;
    Err e = events & EPOLLOUT ? write_some(w) : OK;
    if (!e.code && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) e = read_some(w);
    w->handling = false;
    if (w->freed) release(w);
    else if (e.code) w->events.on_end(w->events.context);
    return OK;
}

Err wire_new(Loop *loop, int fd, const WireEvents *events, Wire **ret_wire)
{
    AUTO_FD own = fd;
    Wire *w = calloc(1, sizeof *w);
    if (!w) return FAIL(ENOMEM);
    *w = (Wire){.fd = fd,
                .events = *events,
                .in = buffer_limited(FRAME_BYTES_MAX + READ_BYTES),
                .out = buffer_limited(SOCKET_QUEUE_BYTES_MAX + FRAME_BYTES_MAX)};
    Err e = fd_set_nonblocking(fd, true);
    if (!e.code) e = loop_add_fd(loop, fd, EPOLLIN, on_event, w, &w->source);
    if (e.code) {
        free(w);
        return e;
    }
    fd_take(&own);
    *ret_wire = w;
    return OK;
}

Err wire_send(Wire *w, FrameKind kind, const char *subject, View message)
{
    if (w->out.size - w->sent > SOCKET_QUEUE_BYTES_MAX) return FAIL(ERR_BUSY);
    if (w->sent > 0) {
        drop_front(&w->out, w->sent);
        w->sent = 0;
    }
    const bool waiting = w->out.size > 0;
    TRY(frame_write(&w->out, kind, subject, message));
    if (waiting) return OK;
    Err e = write_some(w);
    return e.code == ERR_CLOSED ? OK : e; /* the loop sees the end as well, and says so there */
}

bool wire_same_user(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (FAULTABLE("getsockopt", getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size)) < 0) return false;
    return peer.uid == geteuid() || peer.uid == 0;
}
