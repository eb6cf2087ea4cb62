/* Peers of the stream: accepted by user, told everything, heard a little. */
#include "gateway/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/fd.h"

typedef struct {
    GatewayStream *stream;
    int socket;                   /* -1: this place is free */
    LoopSource *source;
    uint64_t missed;
} Peer;

struct GatewayStream {
    Loop *loop;
    Gateway *gateway;
    const Service *service;
    char path[PATH_BYTES_MAX];
    uid_t uid;
    int listening;
    LoopSource *source;
    Peer peers[STREAM_PEERS_MAX];
    GatewayStreamStats stats;
};

static void cut(Peer *p)
{
    loop_remove(&p->source);
    fd_close(&p->socket);
    gateway_set_orchestrators(p->stream->gateway, --p->stream->stats.peers);
}

static void tell(Peer *p, StreamMessage *m)
{
    AUTO_BUFFER b = buffer_limited(STREAM_PACKET_MAX);
    m->missed = p->missed;
    Err e = stream_put(&b, m);
    if (!e.code) e = socket_send(p->socket, view_buffer(&b), NULL, 0);
    if (e.code == 0) return;
    p->missed++;
    p->stream->stats.missed++;
    if (e.code == ERR_CLOSED) cut(p);
}

static void tell_all(GatewayStream *s, StreamMessage *m)
{
    for (int i = 0; i < STREAM_PEERS_MAX; i++)
        if (s->peers[i].socket >= 0) tell(&s->peers[i], m);
}

void gateway_stream_event(GatewayStream *s, const RequestEvent *e)
{
    if (s->stats.peers) tell_all(s, &(StreamMessage){.type = STREAM_EVENT, .event = *e});
}

void gateway_stream_place(GatewayStream *s, const StreamPlace *p)
{
    if (s->stats.peers) tell_all(s, &(StreamMessage){.type = STREAM_PLACE, .place = *p});
}

/* --- peers --- */

/* What is said to it in between may show that it has gone, and cut it. */
static Err on_packet(void *context, uint32_t events)
{
    (void)events;
    Peer *p = context;
    for (int i = 0; i < STREAM_PACKETS_PER_TURN && p->socket >= 0; i++) {
        uint8_t packet[STREAM_PACKET_MAX];
        size_t size = 0, fd_count = 0;
        StreamMessage m;
        Err e = socket_receive(p->socket, packet, sizeof packet, &size, NULL, &fd_count);
        if (e.code == ERR_BUSY) return OK;
        bool legal = !e.code && stream_get(view_of(packet, size), &m).code == 0 && (m.type == STREAM_WANT || m.type == STREAM_DROP)
                     && m.task < p->stream->service->task_count;
        if (!legal) {
            p->stream->stats.cut_off += e.code != ERR_CLOSED;
            cut(p);
            return OK;
        }
        if (m.type == STREAM_WANT) TRY(gateway_want(p->stream->gateway, m.task));
        else gateway_drop(p->stream->gateway, m.task, m.value == STREAM_DROP_WARM);
    }
    return OK;
}

static bool allowed(const GatewayStream *s, int socket)
{
    struct ucred who;
    socklen_t size = sizeof who;
    if (FAULTABLE("getsockopt", getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size)) < 0) return false;
    return who.uid == s->uid || who.uid == geteuid();
}

static void greet(GatewayStream *s, Peer *p)
{
    gateway_set_orchestrators(s->gateway, ++s->stats.peers);
    StreamMessage hello = {.type = STREAM_HELLO, .hello = gateway_hello(s->gateway)};
    tell(p, &hello);
    for (uint32_t i = 0; i < s->service->task_count && p->socket >= 0; i++) {
        StreamMessage m = {.type = STREAM_PLACE, .place = gateway_place(s->gateway, i)};
        if (m.place.state != PLACE_IS_ABSENT || m.place.bytes) tell(p, &m);
    }
}

static Err on_connect(void *context, uint32_t events)
{
    (void)events;
    GatewayStream *s = context;
    AUTO_FD socket = FAULTABLE("accept4", accept4(s->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket < 0) return OK;
    if (!allowed(s, socket)) {
        s->stats.strangers++;
        return OK;
    }
    for (int i = 0; i < STREAM_PEERS_MAX; i++) {
        Peer *p = &s->peers[i];
        if (p->socket >= 0) continue;
        *p = (Peer){.stream = s, .socket = -1};
        if (loop_add_fd(s->loop, socket, EPOLLIN, on_packet, p, &p->source).code) return OK; /* it comes again; requests go on without it */
        p->socket = fd_take(&socket);
        greet(s, p);
        return OK;
    }
    return OK; /* enough of them */
}

/* --- birth and death --- */

static Err listen_at(GatewayStream *s, const char *path, Diag *diag)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    StreamLink other;
    if (strlen(path) >= sizeof address.sun_path) return FAIL_WHY(diag, ERR_LIMIT, "%s: a Unix socket's path has at most 107 bytes", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (stream_link_open(path, &other, NULL).code == 0) {
        stream_link_close(&other);
        return FAIL_WHY(diag, ERR_BUSY, "%s: another service listens there", path);
    }
    unlink(path);
    s->listening = FAULTABLE("socket", socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (s->listening < 0) return FAIL(errno);
    mode_t mask = umask(0117); /* 0660: of the users that may reach it, SO_PEERCRED lets two in */
    int bound = FAULTABLE("bind", bind(s->listening, (const struct sockaddr *)&address, sizeof address));
    Err e = bound < 0 ? FAIL(errno) : OK;
    umask(mask);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: cannot listen there: %s", path, err_text(e.code));
    snprintf(s->path, sizeof s->path, "%s", path);
    bool given = s->uid == geteuid() || FAULTABLE("chown", chown(path, s->uid, (gid_t)-1)) == 0;
    if (!given) return FAIL_WHY(diag, errno, "%s: cannot be given to the orchestrator's user", path);
    return FAULTABLE("listen", listen(s->listening, STREAM_PEERS_MAX)) < 0 ? FAIL(errno) : OK;
}

Err gateway_stream_open(Loop *loop, Gateway *gateway, const Service *service, const char *path, uid_t uid, GatewayStream **ret_stream, Diag *diag)
{
    GatewayStream *s = calloc(1, sizeof *s);
    if (!s) return FAIL(ENOMEM);
    *s = (GatewayStream){.loop = loop, .gateway = gateway, .service = service, .uid = uid, .listening = -1};
    for (int i = 0; i < STREAM_PEERS_MAX; i++) s->peers[i] = (Peer){.stream = s, .socket = -1};
    Err e = listen_at(s, path, diag);
    if (!e.code) e = loop_add_fd(loop, s->listening, EPOLLIN, on_connect, s, &s->source);
    if (e.code) gateway_stream_close(&s);
    else *ret_stream = s;
    return e;
}

void gateway_stream_close(GatewayStream **stream)
{
    GatewayStream *s = *stream;
    if (!s) return;
    for (int i = 0; i < STREAM_PEERS_MAX; i++)
        if (s->peers[i].socket >= 0) cut(&s->peers[i]);
    loop_remove(&s->source);
    if (s->path[0]) unlink(s->path);
    fd_close(&s->listening);
    free(s);
    *stream = NULL;
}

GatewayStreamStats gateway_stream_stats(const GatewayStream *s) { return s->stats; }
