/* The stream's packets, and the orchestrator's end of it. */
#include "pto/stream_wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sys/fault.h"
#include "sys/fd.h"

static Err put_hello(Buffer *b, const StreamHello *h)
{
    TRY(buffer_put_u32(b, h->task_count));
    TRY(buffer_put_u32(b, h->staged_max));
    TRY(buffer_put_u64(b, h->staged_bytes_max));
    return buffer_put_u64(b, h->identity);
}

static Err put_place(Buffer *b, const StreamPlace *p)
{
    TRY(buffer_put_u32(b, p->task));
    TRY(buffer_put_u32(b, p->state));
    TRY(buffer_put_u64(b, p->bytes));
    TRY(buffer_put_u64(b, p->fetch_ns));
    TRY(buffer_put_u64(b, p->verify_ns));
    TRY(buffer_put_u64(b, p->start_ns));
    TRY(buffer_put_u64(b, p->attest_ns));
    return buffer_put_u32(b, p->attest_waits);
}

Err stream_put(Buffer *b, const StreamMessage *m)
{
    TRY(buffer_put_u32(b, m->type));
    TRY(buffer_put_u32(b, STREAM_VERSION));
    switch (m->type) {
    case STREAM_HELLO: return put_hello(b, &m->hello);
    case STREAM_EVENT:
        TRY(buffer_put_u64(b, m->missed));
        return event_put(b, &m->event);
    case STREAM_PLACE: return put_place(b, &m->place);
    case STREAM_WANT:
    case STREAM_DROP:
        TRY(buffer_put_u32(b, m->task));
        return buffer_put_u64(b, m->value);
    }
    return FAIL(ERR_PROTOCOL);
}

static void get_hello(Reader *r, StreamHello *h)
{
    h->task_count = read_u32(r);
    h->staged_max = read_u32(r);
    h->staged_bytes_max = read_u64(r);
    h->identity = read_u64(r);
}

static void get_place(Reader *r, StreamPlace *p)
{
    p->task = read_u32(r);
    p->state = read_u32(r);
    p->bytes = read_u64(r);
    p->fetch_ns = read_u64(r);
    p->verify_ns = read_u64(r);
    p->start_ns = read_u64(r);
    p->attest_ns = read_u64(r);
    p->attest_waits = read_u32(r);
}

Err stream_get(View v, StreamMessage *ret_message)
{
    Reader r = reader_of(v);
    StreamMessage m = {.type = (StreamType)read_u32(&r)};
    if (read_u32(&r) != STREAM_VERSION) return FAIL(ERR_PROTOCOL);
    switch (m.type) {
    case STREAM_HELLO: get_hello(&r, &m.hello); break;
    case STREAM_EVENT:
        m.missed = read_u64(&r);
        if (r.bad) return FAIL(ERR_PROTOCOL);
        TRY(event_get(r.rest, &m.event));
        *ret_message = m;
        return OK;
    case STREAM_PLACE: get_place(&r, &m.place); break;
    case STREAM_WANT:
    case STREAM_DROP:
        m.task = read_u32(&r);
        m.value = read_u64(&r);
        break;
    default: return FAIL(ERR_PROTOCOL);
    }
    if (!reader_done(&r) || m.place.state >= PLACE_IS_COUNT || m.place.attest_waits > 1) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

Err stream_link_open(const char *path, StreamLink *ret_link, Diag *diag)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return FAIL_WHY(diag, ERR_LIMIT, "%s: a Unix socket's path has at most 107 bytes", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    AUTO_FD fd = FAULTABLE("socket", socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0) return FAIL(errno);
    if (FAULTABLE("connect", connect(fd, (const struct sockaddr *)&address, sizeof address)) < 0) {
        bool nobody = errno == ENOENT || errno == ECONNREFUSED;
        return FAIL_WHY(diag, nobody ? ERR_NO_ENTRY : errno == EACCES ? ERR_DENIED : errno, "%s: no service listens there", path);
    }
    *ret_link = (StreamLink){.socket = fd_take(&fd)};
    return OK;
}

void stream_link_close(StreamLink *l) { fd_close(&l->socket); }

Err stream_link_receive(StreamLink *l, StreamMessage *ret_message)
{
    uint8_t packet[STREAM_PACKET_MAX];
    size_t size = 0, fd_count = 0;
    TRY(socket_receive(l->socket, packet, sizeof packet, &size, NULL, &fd_count));
    return stream_get(view_of(packet, size), ret_message);
}

Err stream_link_send(StreamLink *l, const StreamMessage *m)
{
    AUTO_BUFFER b = buffer_limited(STREAM_PACKET_MAX);
    TRY(stream_put(&b, m));
    return socket_send(l->socket, view_buffer(&b), NULL, 0);
}
