/* The daemon in the loop. All of it runs in one thread: libmicrohttpd is called when its descriptor is ready, when it asks for time, and after a
 * connection was resumed. */
#include "gateway/http.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "gateway/http_parts.h"
#include "sys/clock.h"
#include "sys/fd.h"

static void arm(Http *h)
{
    MHD_UNSIGNED_LONG_LONG ms;
    bool wanted = MHD_get_timeout(h->daemon, &ms) == MHD_YES;
    loop_set_timer(h->timer, wanted ? clock_monotonic_ns() + ms * NS_PER_MS : UINT64_MAX);
}

static Err on_work(void *context, uint32_t events)
{
    (void)events;
    Http *h = context;
    MHD_run(h->daemon);
    arm(h);
    return OK;
}

/* --- connections --- */

/* One client's must not be all there are. Those of this machine are told apart by nothing, and count only against a limit that was named. */
static bool is_one_too_many(const Http *h, uint64_t client)
{
    const uint32_t named = h->service->connections_max;
    uint32_t most = named ? named : client ? HTTP_CLIENT_CONNECTIONS_MAX : HTTP_CONNECTIONS_MAX, count = 0;
    for (const HttpConnection *peer = h->connections; peer; peer = peer->next) count += peer->client == client;
    return count >= most;
}

static void turn_away(Http *h, HttpConnection *peer)
{
    static const char TOO_MANY[] =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 154\r\n\r\n"
        "{\"error\":{\"status\":503,\"what\":\"this client has too many connections open\",\"where\":\"limits: connections\","
        "\"remedy\":\"close some, or ask over fewer at once\"}}";
    if (!h->is_tls) {
        ssize_t n = send(peer->fd, TOO_MANY, sizeof TOO_MANY - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)n; /* who holds so many may not read either */
    }
    shutdown(peer->fd, SHUT_RDWR);
    peer->waiting_since_ns = 0;
}

static void on_connection(void *context, struct MHD_Connection *c, void **socket_context, enum MHD_ConnectionNotificationCode what)
{
    Http *h = context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        HttpConnection *peer = calloc(1, sizeof *peer);
        *socket_context = peer;
        if (!peer) return; /* it lives without our patience, under libmicrohttpd's own */
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
        *peer = (HttpConnection){.http = h, .next = h->connections, .client = access_client(h, c), .fd = info ? (int)info->connect_fd : -1,
                                 .waiting_since_ns = clock_monotonic_ns(), .first = true};
        if (is_one_too_many(h, peer->client)) turn_away(h, peer);
        if (h->connections) h->connections->previous = peer;
        h->connections = peer;
        return;
    }
    HttpConnection *peer = *socket_context;
    if (!peer) return;
    *(peer->previous ? &peer->previous->next : &h->connections) = peer->next;
    if (peer->next) peer->next->previous = peer->previous;
    free(peer);
    *socket_context = NULL;
}

static int unsent(const HttpConnection *peer)
{
    int bytes = 0;
    return ioctl(peer->fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

void http_await_taking(HttpConnection *peer)
{
    peer->waiting_since_ns = clock_monotonic_ns();
    peer->unsent = unsent(peer);
}

/* The system takes megabytes before a slow peer has taken them: what counts is what has gone out. */
static bool takes_more(const HttpConnection *peer) { return peer->answering && peer->unsent - unsent(peer) >= HTTP_PIECE_BYTES; }

/*
 * A request that does not arrive in time, or an answer that is not taken. libmicrohttpd takes no answer before the body is whole, so that of a late
 * request goes straight to the socket, which nobody else has written to for this request; then libmicrohttpd finds it closed. Over TLS, behind an
 * answer, and between requests, it is closed without a word.
 */
static void give_up(Http *h, HttpConnection *peer)
{
    static const char LATE[] =
        "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 145\r\n\r\n"
        "{\"error\":{\"status\":408,\"what\":\"the request did not arrive in time\",\"where\":\"limits: patience\","
        "\"remedy\":\"send head and body without long pauses\"}}";
    if (!h->is_tls && peer->first && !peer->answering) {
        ssize_t n = send(peer->fd, LATE, sizeof LATE - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)n; /* who does not send may not read either */
    }
    shutdown(peer->fd, SHUT_RDWR);
    peer->waiting_since_ns = 0;
}

/* When there were too many connections, libmicrohttpd does not look at the listening socket until it is called again after some have gone; and of
 * that nothing tells but this. */
static Err on_sweep(void *context, uint32_t events)
{
    (void)events;
    Http *h = context;
    uint64_t now = clock_monotonic_ns();
    for (HttpConnection *peer = h->connections; peer; peer = peer->next) {
        if (!peer->waiting_since_ns || now <= peer->waiting_since_ns + h->service->patience_ns) continue;
        if (takes_more(peer)) http_await_taking(peer);
        else give_up(h, peer);
    }
    loop_set_timer(h->sweep, now + HTTP_SWEEP_MS * NS_PER_MS);
    return on_work(h, 0);
}

/* --- birth and death --- */

static unsigned patience_s(const Service *s) { return (unsigned)((s->patience_ns + s->deadline_ns) / NS_PER_S) + 10; }

/* libmicrohttpd's own default has TLS 1.0 and 1.1 in it, which nobody should speak any more. */
static const char PRIORITIES[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

static Err start_daemon(Http *h, const HttpConfig *config, HttpAddress *address, Diag *diag)
{
    struct MHD_OptionItem tls[5] = {{MHD_OPTION_END, 0, NULL}};
    int count = 0;
    if (h->is_tls) {
        tls[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, h->key_pem};
        tls[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, h->cert_pem};
        tls[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)PRIORITIES};
        if (h->ca_pem) tls[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, h->ca_pem};
        tls[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    }
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (h->is_tls ? MHD_USE_TLS : 0);
    if (address->any.sa_family == AF_INET6) flags |= MHD_USE_IPv6;
    /* Without LISTENING_ADDRESS_REUSE, which is SO_REUSEPORT: a second service of the same user would take half of the requests unnoticed. */
    errno = 0;
    h->daemon = MHD_start_daemon(flags, 0, NULL, NULL, ask_request, h,
                                 MHD_OPTION_SOCK_ADDR, &address->any, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_BYTES_MAX,
                                 MHD_OPTION_CONNECTION_TIMEOUT, patience_s(h->service),
                                 MHD_OPTION_URI_LOG_CALLBACK, ask_uri, h, MHD_OPTION_NOTIFY_COMPLETED, ask_completed, h,
                                 MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                                 MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (h->daemon) return OK;
    if (errno == EADDRINUSE) return FAIL_WHY(diag, EADDRINUSE, "%s: somebody listens there already; name another port", config->listen);
    return FAIL_WHY(diag, errno ? errno : EINVAL, "%s: cannot listen there%s%s%s", config->listen, errno ? ": " : "", errno ? err_text(errno) : "",
                    h->is_tls ? "; are certificate and key a pair?" : "");
}

static void print_url(Http *h, const HttpConfig *config, const HttpAddress *address)
{
    const union MHD_DaemonInfo *port = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    int host = (int)(strrchr(config->listen, ':') - config->listen);
    unsigned number = port ? port->port : ntohs(address->v4.sin_port);
    snprintf(h->url, sizeof h->url, "http%s://%.*s:%u", h->is_tls ? "s" : "", host, config->listen, number);
}

static Err fill_in(Http *h, const HttpConfig *config, Diag *diag)
{
    HttpAddress address;
    TRY(access_open(h, config, &address, diag));
    TRY(start_daemon(h, config, &address, diag));
    print_url(h, config, &address);
    const union MHD_DaemonInfo *epoll = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!epoll) return FAIL(ENOSYS);
    TRY(loop_add_deferred(h->loop, on_work, h, &h->work));
    TRY(loop_add_timer(h->loop, clock_monotonic_ns(), on_work, h, &h->timer));
    TRY(loop_add_timer(h->loop, clock_monotonic_ns() + HTTP_SWEEP_MS * NS_PER_MS, on_sweep, h, &h->sweep));
    return loop_add_fd(h->loop, epoll->epoll_fd, EPOLLIN, on_work, h, &h->ready);
}

Err http_new(Loop *loop, Gateway *gateway, const Service *service, const HttpConfig *config, Http **ret_http, Diag *diag)
{
    assert(loop && gateway && service && config->listen && ret_http);

    Http *h = calloc(1, sizeof *h);
    if (!h) return FAIL(ENOMEM);
    *h = (Http){.loop = loop, .gateway = gateway, .service = service};
    Err e = fill_in(h, config, diag);
    if (e.code) http_free(&h);
    else *ret_http = h;
    return e;
}

void http_free(Http **http)
{
    Http *h = *http;
    if (!h) return;
    loop_remove(&h->ready);
    loop_remove(&h->timer);
    loop_remove(&h->sweep);
    ask_wake_all(h);
    if (h->daemon) MHD_stop_daemon(h->daemon);
    loop_remove(&h->work);
    access_close(h);
    free(h);
    *http = NULL;
}

const char *http_url(const Http *h) { return h->url; }

void http_quiesce(Http *h)
{
    int listening = MHD_quiesce_daemon(h->daemon); /* ours from now on */
    fd_close(&listening);
}

bool http_busy(const Http *h) { return h->busy > 0; }
