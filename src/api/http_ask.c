/* Connects, writes, reads to the end, and hands over what came. */
#include "api/http_ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/fd.h"

struct HttpAsk {
    Loop *loop;
    int fd;
    LoopSource *source;
    Buffer out, in;
    size_t written;
    HttpAskDone done;
    void *context;
    uint64_t begun_ns;
};

Err http_target(const char *url, HttpTarget *ret_target, Diag *diag)
{
    HttpTarget t = {0};
    static const char SCHEME[] = "http://";
    const char *host = url + strlen(SCHEME), *slash = strncmp(url, SCHEME, strlen(SCHEME)) == 0 ? strchr(host, '/') : NULL, *colon = slash;
    while (colon && colon > host && *colon != ':') colon--;
    t.is_v6 = colon && host[0] == '[';
    size_t size = colon ? (size_t)(colon - host) : 0;
    bool legal = slash && colon > host && size < sizeof t.host && strlen(slash) < sizeof t.path;
    if (legal && t.is_v6) legal = host[size - 1] == ']' && size > 2;
    if (!legal) return FAIL_WHY(diag, ERR_USAGE, "%s: no address such as http://127.0.0.1:8080/v1/services/NAME", url);
    memcpy(t.host, host + t.is_v6, size - 2 * (size_t)t.is_v6);
    snprintf(t.path, sizeof t.path, "%s", slash);
    unsigned long port = strtoul(colon + 1, NULL, 10);
    t.port = (uint16_t)port;
    struct in6_addr address;
    if (port == 0 || port > UINT16_MAX || inet_pton(t.is_v6 ? AF_INET6 : AF_INET, t.host, &address) != 1)
        return FAIL_WHY(diag, ERR_USAGE, "%s: an address and a port are needed, in numbers", url);
    *ret_target = t;
    return OK;
}

static void free_ask(HttpAsk *a)
{
    loop_remove(&a->source);
    fd_close(&a->fd);
    buffer_free(&a->out);
    buffer_free(&a->in);
    free(a);
}
void http_ask_cancel(HttpAsk *a) { free_ask(a); }

/* The value of a header, up to room - 1 characters; the head ends with a NUL. */
static bool header(const char *head, const char *name, char *ret_value, size_t room)
{
    size_t size = strlen(name);
    for (const char *line = strchr(head, '\n'); line; line = strchr(line + 1, '\n')) {
        if (strncasecmp(line + 1, name, size) != 0 || line[1 + size] != ':') continue;
        const char *value = line + 2 + size;
        value += strspn(value, " ");
        snprintf(ret_value, room, "%.*s", (int)strcspn(value, "\r\n"), value);
        return true;
    }
    return false;
}

static void understand(HttpAsk *a, HttpAnswered *ret_answer)
{
    char value[64];
    if (buffer_put_u8(&a->in, 0).code) return;
    char *head = (char *)a->in.data, *end = strstr(head, "\r\n\r\n");
    if (!end || sscanf(head, "HTTP/1.1 %u", &ret_answer->status) != 1) return;
    end[2] = '\0';
    size_t begin = (size_t)(end + 4 - head);
    ret_answer->body = view_of(a->in.data + begin, a->in.size - 1 - begin);
    ret_answer->ok = !header(head, "Content-Length", value, sizeof value) || strtoull(value, NULL, 10) == ret_answer->body.size;
    header(head, "Covey-Start", ret_answer->start, sizeof ret_answer->start);
    if (header(head, "Covey-Seconds", value, sizeof value)) ret_answer->seconds = strtod(value, NULL);
    if (header(head, "Covey-Waited", value, sizeof value)) ret_answer->waited = strtod(value, NULL);
}

static void finish(HttpAsk *a, bool came)
{
    HttpAnswered answer = {.seconds = -1, .waited = -1, .begun_ns = a->begun_ns, .ended_ns = clock_monotonic_ns()};
    if (came) understand(a, &answer);
    a->done(a->context, &answer);
    free_ask(a);
}

static Err on_ready(void *context, uint32_t events)
{
    HttpAsk *a = context;
    if ((events & EPOLLOUT) && a->written < a->out.size) {
        ssize_t n = send(a->fd, a->out.data + a->written, a->out.size - a->written, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) return finish(a, a->in.size > 0), OK; /* an early refusal may lie there */
        if (n > 0) a->written += (size_t)n;
        if (a->written == a->out.size) TRY(loop_set_events(a->source, EPOLLIN));
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return OK;
    if (buffer_reserve(&a->in, 64 * KIB).code) return finish(a, false), OK;
    ssize_t n = recv(a->fd, a->in.data + a->in.size, 64 * KIB, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return OK;
    if (n > 0) a->in.size += (size_t)n;
    else finish(a, n == 0);
    return OK;
}

static Err connect_to(HttpAsk *a, const HttpTarget *t)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(t->port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(t->port)};
    inet_pton(t->is_v6 ? AF_INET6 : AF_INET, t->host, t->is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr);
    const struct sockaddr *address = t->is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    a->fd = FAULTABLE("socket", socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (a->fd < 0) return FAIL(errno);
    const int on = 1;
    setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* refused: a little slower */
    int rc = FAULTABLE("connect", connect(a->fd, address, t->is_v6 ? sizeof v6 : sizeof v4));
    return rc < 0 && errno != EINPROGRESS ? FAIL(errno) : OK;
}

static Err compose(HttpAsk *a, const HttpTarget *t, const char *method, const char *path, const char *token, View body)
{
    TRY(buffer_format(&a->out, "%s %s%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %zu\r\n", method, t->path, path, t->host, body.size));
    if (token) TRY(buffer_format(&a->out, "Authorization: Bearer %s\r\n", token));
    TRY(buffer_append(&a->out, VIEW("\r\n")));
    return buffer_append(&a->out, body);
}

Err http_ask(Loop *loop, const HttpTarget *target, const char *method, const char *path, const char *token, View body, HttpAskDone done,
             void *context, HttpAsk **ret_ask)
{
    HttpAsk *a = calloc(1, sizeof *a);
    if (!a) return FAIL(ENOMEM);
    *a = (HttpAsk){.loop = loop, .fd = -1, .out = buffer_limited(HTTP_ASK_BYTES_MAX), .in = buffer_limited(HTTP_ASK_BYTES_MAX), .done = done,
                   .context = context, .begun_ns = clock_monotonic_ns()};
    Err e = compose(a, target, method, path, token, body);
    if (!e.code) e = connect_to(a, target);
    if (!e.code) e = loop_add_fd(loop, a->fd, EPOLLIN | EPOLLOUT, on_ready, a, &a->source);
    if (e.code) free_ask(a);
    else *ret_ask = a;
    return e;
}
