/* The serving side of the socket bus: a listening socket and its peers. */
#include "bus/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/link.h"
#include "bus/socket_address.h"
#include "bus/wire.h"
#include "sys/fault.h"
#include "sys/fd.h"

typedef struct Hub Hub;
typedef struct {
    Hub *hub;
    Wire *wire;  /* NULL: the place is free */
    uint32_t subject_count;
    char subjects[SOCKET_SUBJECTS_MAX][BUS_SUBJECT_MAX];
} Peer;

struct Hub {
    Loop *loop;
    Bus *bus;
    int fd;
    LoopSource *source;
    struct sockaddr_un address;
    dev_t device;
    ino_t inode; /* of the socket's file: another's is left alone at the end */
    Peer peers[SOCKET_PEERS_MAX];
};

/* --- peers --- */

static uint32_t find_subject(const Peer *p, const char *subject)
{
    uint32_t i = 0;
    while (i < p->subject_count && strcmp(p->subjects[i], subject) != 0) i++;
    return i;
}

static Err add_subject(Peer *p, const char *subject)
{
    if (find_subject(p, subject) < p->subject_count) return OK;
    if (p->subject_count == SOCKET_SUBJECTS_MAX) return FAIL(ERR_LIMIT);
    snprintf(p->subjects[p->subject_count++], BUS_SUBJECT_MAX, "%s", subject);
    return OK;
}

static void remove_subject(Peer *p, const char *subject)
{
    uint32_t i = find_subject(p, subject);
    if (i == p->subject_count) return;
    memmove(p->subjects[i], p->subjects[p->subject_count - 1], BUS_SUBJECT_MAX);
    p->subject_count--;
}

static Err deliver(Hub *h, const Frame *frame)
{
    AUTO_BUFFER message = buffer_limited(SOCKET_MESSAGE_BYTES_MAX);
    TRY(buffer_append(&message, frame->message));
    Err e = bus_publish_here(h->bus, frame->subject, &message);
    return e.code == ENOMEM ? e : OK; /* nobody listens to that, or too much at once: lost */
}

static Err on_frame(void *context, const Frame *frame)
{
    Peer *p = context;
    switch (frame->kind) {
    case FRAME_PUBLISH: return deliver(p->hub, frame);
    case FRAME_SUBSCRIBE: return add_subject(p, frame->subject);
    case FRAME_UNSUBSCRIBE: remove_subject(p, frame->subject); return OK;
    }
    return FAIL(ERR_PROTOCOL);
}

static void on_end(void *context)
{
    Peer *p = context;
    wire_free(&p->wire);
    p->subject_count = 0;
    Err e = loop_set_events(p->hub->source, EPOLLIN); /* there is room again */
    (void)e;                                          /* it never fails for a descriptor that is watched */
}

static Peer *free_place(Hub *h)
{
    for (int i = 0; i < SOCKET_PEERS_MAX; i++)
        if (!h->peers[i].wire) return &h->peers[i];
    return NULL;
}

/* Whatever keeps one from coming in, those who are there go on. With all places taken, others wait in the socket's own queue. */
static Err on_connect(void *context, uint32_t events)
{
    (void)events;
    Hub *h = context;
    Peer *p = free_place(h);
    if (!p) return loop_set_events(h->source, 0);
    AUTO_FD fd = FAULTABLE("accept4", accept4(h->fd, NULL, NULL, SOCK_CLOEXEC));
    if (fd < 0 || !wire_same_user(fd)) return OK;
    const WireEvents wire_events = {on_frame, on_end, p};
    p->hub = h;
    p->subject_count = 0;
    Err e = wire_new(h->loop, fd_take(&fd), &wire_events, &p->wire);
    return e.code == ENOMEM ? e : OK;
}

/* --- the link --- */

static Err to_peers(Hub *h, const char *subject, View message, bool *ret_somebody)
{
    for (int i = 0; i < SOCKET_PEERS_MAX; i++) {
        Peer *p = &h->peers[i];
        if (!p->wire || find_subject(p, subject) == p->subject_count) continue;
        *ret_somebody = true;
        Err e = wire_send(p->wire, FRAME_PUBLISH, subject, message);
        if (e.code && e.code != ERR_BUSY) return e; /* a peer that does not read loses messages, nobody else */
    }
    return OK;
}

static Err publish(void *context, const char *subject, Buffer *message)
{
    Hub *h = context;
    bool somebody = false;
    TRY(to_peers(h, subject, view_buffer(message), &somebody));
    if (bus_listens_here(h->bus, subject)) return bus_publish_here(h->bus, subject, message);
    if (!somebody) return FAIL(ERR_NO_ENTRY);
    const size_t limit = message->limit;
    buffer_free(message);
    *message = buffer_limited(limit);
    return OK;
}

static void ignore(void *context, const char *subject) { (void)context, (void)subject; }

static void hub_free(void *context)
{
    Hub *h = context;
    struct stat st;
    for (int i = 0; i < SOCKET_PEERS_MAX; i++) wire_free(&h->peers[i].wire);
    loop_remove(&h->source);
    if (h->fd >= 0 && h->inode && lstat(h->address.sun_path, &st) == 0 && st.st_dev == h->device && st.st_ino == h->inode)
        unlink(h->address.sun_path);
    fd_close(&h->fd);
    free(h);
}

static const BusLink LINK = {publish, ignore, ignore, hub_free};

/* --- listening --- */

/* A socket that nobody serves any more is in the way; anything else is not ours to remove. */
static Err clear_path(const char *path, Diag *diag)
{
    struct stat st;
    int fd = -1;
    if (lstat(path, &st) < 0) return errno == ENOENT ? OK : FAIL_WHY(diag, errno, "%s: %s", path, err_text(errno));
    if (!S_ISSOCK(st.st_mode)) return FAIL_WHY(diag, ERR_USAGE, "%s: is there and is no socket; name another path", path);
    Err e = socket_connect(path, &fd, NULL);
    fd_close(&fd);
    if (e.code != ERR_NO_ENTRY) return FAIL_WHY(diag, ERR_BUSY, "unix:%s: is served by another process", path);
    if (FAULTABLE("unlink", unlink(path)) < 0 && errno != ENOENT) return FAIL_WHY(diag, errno, "%s: %s", path, err_text(errno));
    return OK;
}

/* Nobody can connect before listen(), and by then the mode is set. */
static Err listen_at(Hub *h, const char *path, Diag *diag)
{
    struct stat st;
    TRY(socket_address(path, &h->address, diag));
    TRY(clear_path(path, diag));
    h->fd = FAULTABLE("socket", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (h->fd < 0) return FAIL(errno);
    if (FAULTABLE("bind", bind(h->fd, (const struct sockaddr *)&h->address, sizeof h->address)) < 0)
        return FAIL_WHY(diag, errno, "unix:%s: %s", path, err_text(errno));
    if (FAULTABLE("chmod", chmod(path, 0600)) < 0 || FAULTABLE("lstat", lstat(path, &st)) < 0)
        return FAIL_WHY(diag, errno, "%s: %s", path, err_text(errno));
    h->device = st.st_dev;
    h->inode = st.st_ino;
    if (FAULTABLE("listen", listen(h->fd, SOMAXCONN)) < 0) return FAIL(errno);
    return loop_add_fd(h->loop, h->fd, EPOLLIN, on_connect, h, &h->source);
}

Err bus_socket_listen(Loop *loop, const char *path, Bus **ret_bus, Diag *diag)
{
    Hub *h = calloc(1, sizeof *h);
    if (!h) return FAIL(ENOMEM);
    h->loop = loop;
    h->fd = -1;
    Err e = bus_memory_new(loop, &h->bus);
    if (e.code) {
        free(h);
        return e;
    }
    bus_set_link(h->bus, &LINK, h);
    Bus *bus = h->bus;
    e = listen_at(h, path, diag);
    if (e.code) bus_free(&bus);
    else *ret_bus = bus;
    return e;
}
