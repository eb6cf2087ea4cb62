/* The connecting side of the socket bus: one wire to the service, made again when it broke. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "bus/link.h"
#include "bus/socket.h"
#include "bus/socket_address.h"
#include "bus/wire.h"
#include "sys/fault.h"
#include "sys/fd.h"

typedef struct {
    Loop *loop;
    Bus *bus;
    Wire *wire;    /* NULL: not connected now */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
} Client;

Err bus_socket_path(const char *address, const char **ret_path, Diag *diag)
{
    static const char PREFIX[] = "unix:";
    if (strncmp(address, PREFIX, sizeof PREFIX - 1) != 0 || address[sizeof PREFIX - 1] == '\0')
        return FAIL_WHY(diag, ERR_USAGE, "%s: an address is unix:PATH, for a socket on this machine", address);
    *ret_path = address + sizeof PREFIX - 1;
    return OK;
}

Err socket_address(const char *path, struct sockaddr_un *ret_address, Diag *diag)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path)
        return FAIL_WHY(diag, ERR_LIMIT, "%s: the path of a socket has at most %zu bytes", path, sizeof a.sun_path - 1);
    memcpy(a.sun_path, path, strlen(path));
    *ret_address = a;
    return OK;
}

Err socket_connect(const char *path, int *ret_fd, Diag *diag)
{
    struct sockaddr_un address;
    TRY(socket_address(path, &address, diag));
    AUTO_FD fd = FAULTABLE("socket", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (fd < 0) return FAIL(errno);
    if (FAULTABLE("connect", connect(fd, (const struct sockaddr *)&address, sizeof address)) < 0) {
        bool nobody = errno == ENOENT || errno == ECONNREFUSED;
        return FAIL_WHY(diag, nobody ? ERR_NO_ENTRY : errno, "unix:%s: %s", path,
                        nobody ? "nobody serves there; start it first" : err_text(errno));
    }
    if (!wire_same_user(fd)) return FAIL_WHY(diag, ERR_DENIED, "unix:%s: is served by another user", path);
    *ret_fd = fd_take(&fd);
    return OK;
}

/* The service publishes; this side only listens to frames of that kind. */
static Err on_frame(void *context, const Frame *frame)
{
    Client *c = context;
    AUTO_BUFFER message = buffer_limited(SOCKET_MESSAGE_BYTES_MAX);
    if (frame->kind != FRAME_PUBLISH) return FAIL(ERR_PROTOCOL);
    TRY(buffer_append(&message, frame->message));
    Err e = bus_publish_here(c->bus, frame->subject, &message);
    return e.code == ENOMEM ? e : OK; /* nobody listens any more, or too slowly: lost */
}

static void on_end(void *context)
{
    Client *c = context;
    wire_free(&c->wire);
}

static void subscribe(void *context, const char *subject)
{
    Client *c = context;
    if (!c->wire) return; /* said when it is connected again */
    Err e = wire_send(c->wire, FRAME_SUBSCRIBE, subject, (View){0});
    if (e.code) wire_free(&c->wire);
}

static void unsubscribe(void *context, const char *subject)
{
    Client *c = context;
    if (!c->wire) return;
    Err e = wire_send(c->wire, FRAME_UNSUBSCRIBE, subject, (View){0});
    if (e.code) wire_free(&c->wire);
}

static Err connect_again(Client *c, Diag *diag)
{
    const WireEvents events = {on_frame, on_end, c};
    int fd;
    TRY(socket_connect(c->path, &fd, diag));
    TRY(wire_new(c->loop, fd, &events, &c->wire));
    bus_each_subject(c->bus, subscribe, c);
    return OK;
}

static Err publish(void *context, const char *subject, Buffer *message)
{
    Client *c = context;
    if (!c->wire) TRY(connect_again(c, NULL));
    if (!c->wire) return FAIL(ERR_NO_ENTRY);
    TRY(wire_send(c->wire, FRAME_PUBLISH, subject, view_buffer(message)));
    const size_t limit = message->limit;
    buffer_free(message);
    *message = buffer_limited(limit);
    return OK;
}

static void client_free(void *context)
{
    Client *c = context;
    wire_free(&c->wire);
    free(c);
}

static const BusLink LINK = {publish, subscribe, unsubscribe, client_free};

Err bus_socket_connect(Loop *loop, const char *path, Bus **ret_bus, Diag *diag)
{
    struct sockaddr_un address;
    TRY(socket_address(path, &address, diag));
    Client *c = calloc(1, sizeof *c);
    if (!c) return FAIL(ENOMEM);
    c->loop = loop;
    snprintf(c->path, sizeof c->path, "%s", path);
    Err e = bus_memory_new(loop, &c->bus);
    if (e.code) {
        free(c);
        return e;
    }
    bus_set_link(c->bus, &LINK, c);
    Bus *bus = c->bus;
    e = connect_again(c, diag);
    if (e.code) bus_free(&bus);
    else *ret_bus = bus;
    return e;
}
