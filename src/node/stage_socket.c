/* The stage's socket. The peer may send anything, half of it, too much of it, or nothing: it costs the node a bounded number of calls a turn. */
#include "node/stage_socket.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/fd.h"

typedef struct {
    StageSocket *owner;
    int fd;                       /* -1: this place is free */
    LoopSource *source;
    uint64_t missed;
} Peer;

struct StageSocket {
    Stage *stage;
    Loop *loop;
    uid_t uid;
    struct sockaddr_un address;
    int fd;
    LoopSource *source, *timer;
    Peer peers[STAGE_PEERS_MAX];
    StageSocketStats stats;
};

/* --- peers --- */

static void close_peer(Peer *p)
{
    loop_remove(&p->source);
    fd_close(&p->fd);
    p->owner->stats.peers--;
    Err ignored = loop_set_events(p->owner->source, EPOLLIN); /* a place is free; when that fails the timer tries again */
    (void)ignored;
}

/* Nobody is let in for a while: reconnecting must cost who breaks the rules more than it costs the node. */
static void cut_off(Peer *p)
{
    StageSocket *s = p->owner;
    close_peer(p);
    s->stats.cut_off++;
    Err ignored = loop_set_events(s->source, 0);
    (void)ignored;
    loop_set_timer(s->timer, clock_monotonic_ns() + STAGE_PENALTY_MS * NS_PER_MS);
}

static void tell(Peer *p, const StageOutcome *outcome)
{
    StageOutcome own = *outcome;
    own.missed = p->missed;
    if (socket_send(p->fd, view_of(&own, sizeof own), NULL, 0).code == 0) return;
    p->missed++;
    p->owner->stats.missed++;
}

static void on_outcome(void *context, const StageEvent *event)
{
    StageSocket *s = context;
    StageOutcome o = {.type = STAGE_OUTCOME, .code = event->code, .bytes_held = stage_stats(s->stage).bytes_held, .elapsed_ns = event->elapsed_ns};
    if (event->resource) {
        o.sequence = event->resource->sequence;
        o.pto = event->resource->pto;
        o.size = event->resource->size;
        memcpy(o.name, event->resource->name, sizeof o.name);
    }
    for (uint32_t i = 0; i < STAGE_PEERS_MAX; i++)
        if (s->peers[i].fd >= 0) tell(&s->peers[i], &o);
}

static void take_evict(Peer *p, const StageEvict *evict)
{
    StageOutcomeCode code;
    stage_evict(p->owner->stage, &evict->pto, evict->sequence, &code);
    const StageOutcome o = {.type = STAGE_OUTCOME, .code = code, .sequence = evict->sequence, .pto = evict->pto,
                            .bytes_held = stage_stats(p->owner->stage).bytes_held};
    if (code == STAGE_NOT_HERE) tell(p, &o); /* otherwise everybody has heard it */
}

static bool take_packet(Peer *p, View packet, int *fd)
{
    StageRequest r;
    uint64_t offer;
    if (stage_get_request(packet, *fd >= 0, &r).code) return false;
    if (r.type == STAGE_OFFER) stage_offer(p->owner->stage, r.statement, fd_take(fd), &offer);
    else take_evict(p, &r.evict);
    return true;
}

static Err on_peer(void *context, uint32_t events)
{
    (void)events;
    Peer *p = context;
    uint8_t packet[STAGE_PACKET_MAX];
    for (int i = 0; i < STAGE_PACKETS_PER_TURN; i++) {
        AUTO_FD fd = -1;
        size_t size = 0, fd_count = 1;
        Err e = socket_receive(p->fd, packet, sizeof packet, &size, &fd, &fd_count);
        if (e.code == ERR_BUSY) return OK;
        if (e.code == ERR_CLOSED) {
            close_peer(p);
            return OK;
        }
        if (e.code || !take_packet(p, view_of(packet, size), &fd)) {
            cut_off(p);
            return OK;
        }
    }
    return OK;
}

/* --- who may come --- */

static bool is_allowed(const StageSocket *s, int fd)
{
    struct ucred who = {.uid = (uid_t)-1};
    socklen_t size = sizeof who;
    return FAULTABLE("getsockopt", getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size)) == 0 && who.uid == s->uid;
}

static Err greet(Peer *p)
{
    const StageStats n = stage_stats(p->owner->stage);
    const StageHello hello = {.type = STAGE_HELLO, .version = STAGE_WIRE_VERSION, .stage = *stage_id(p->owner->stage), .bytes_max = n.bytes_max,
                              .bytes_held = n.bytes_held};
    TRY(socket_send(p->fd, view_of(&hello, sizeof hello), NULL, 0));
    return loop_add_fd(p->owner->loop, p->fd, EPOLLIN, on_peer, p, &p->source);
}

static Peer *free_place(StageSocket *s)
{
    for (uint32_t i = 0; i < STAGE_PEERS_MAX; i++)
        if (s->peers[i].fd < 0) return &s->peers[i];
    return NULL;
}

static Err on_connection(void *context, uint32_t events)
{
    (void)events;
    StageSocket *s = context;
    Peer *p = free_place(s);
    if (!p) return loop_set_events(s->source, 0); /* until one of them goes */
    AUTO_FD fd = FAULTABLE("accept4", accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd < 0) return OK;
    if (!is_allowed(s, fd)) {
        s->stats.strangers++;
        return OK;
    }
    *p = (Peer){.owner = s, .fd = fd_take(&fd)};
    s->stats.peers++;
    s->stats.accepted++;
    if (greet(p).code) close_peer(p);
    return OK;
}

static Err on_timer(void *context, uint32_t events)
{
    (void)events;
    StageSocket *s = context;
    return loop_set_events(s->source, EPOLLIN);
}

/* --- birth and death --- */

/* A socket that a dead process left behind is in the way; one on which somebody listens is not ours to remove. */
static Err clear_path(const struct sockaddr_un *address)
{
    AUTO_FD fd = FAULTABLE("socket", socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (fd < 0) return FAIL(errno);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0) return FAIL(ERR_BUSY);
    struct stat st;
    if (lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode)) unlink(address->sun_path);
    return OK;
}

static Err listen_at(StageSocket *s)
{
    s->fd = FAULTABLE("socket", socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (s->fd < 0) return FAIL(errno);
    mode_t before = umask(0117);
    int bound = FAULTABLE("bind", bind(s->fd, (const struct sockaddr *)&s->address, sizeof s->address));
    int error = errno;
    umask(before);
    if (bound < 0) return FAIL(error);
    bool given = s->uid == geteuid() || FAULTABLE("chown", chown(s->address.sun_path, s->uid, (gid_t)-1)) == 0;
    (void)given; /* who is not root cannot give it away: then the orchestrators' user must be in the socket's group */
    if (FAULTABLE("listen", listen(s->fd, STAGE_PEERS_MAX)) < 0) return FAIL(errno);
    TRY(loop_add_fd(s->loop, s->fd, EPOLLIN, on_connection, s, &s->source));
    TRY(loop_add_timer(s->loop, UINT64_MAX, on_timer, s, &s->timer));
    return stage_listen(s->stage, on_outcome, s);
}

Err stage_socket_open(Stage *stage, Loop *loop, const char *path, uid_t uid, StageSocket **ret_socket, Diag *diag)
{
    assert(stage && loop && path && ret_socket);

    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path) return FAIL_WHY(diag, ERR_LIMIT, "%s: too long for a socket's path", path);
    StageSocket *s = calloc(1, sizeof *s);
    if (!s) return FAIL_WHY(diag, ENOMEM, "no memory for the stage's socket");
    *s = (StageSocket){.stage = stage, .loop = loop, .uid = uid, .address.sun_family = AF_UNIX, .fd = -1};
    for (uint32_t i = 0; i < STAGE_PEERS_MAX; i++) s->peers[i] = (Peer){.owner = s, .fd = -1};
    memcpy(s->address.sun_path, path, strlen(path) + 1);
    Err e = clear_path(&s->address);
    if (e.code) s->address.sun_path[0] = '\0'; /* not ours to remove */
    if (!e.code) e = listen_at(s);
    if (e.code) {
        stage_socket_close(&s);
        return FAIL_WHY(diag, e.code, "%s: cannot listen for orchestrators: %s", path, e.code == ERR_BUSY ? "another node does" : err_text(e.code));
    }
    *ret_socket = s;
    return OK;
}

void stage_socket_close(StageSocket **socket)
{
    StageSocket *s = *socket;
    if (!s) return;
    stage_unlisten(s->stage, on_outcome, s);
    for (uint32_t i = 0; i < STAGE_PEERS_MAX; i++) {
        loop_remove(&s->peers[i].source);
        fd_close(&s->peers[i].fd);
    }
    loop_remove(&s->source);
    loop_remove(&s->timer);
    if (s->fd >= 0 && s->address.sun_path[0]) unlink(s->address.sun_path);
    fd_close(&s->fd);
    free(s);
    *socket = NULL;
}

StageSocketStats stage_socket_stats(const StageSocket *socket) { return socket->stats; }
