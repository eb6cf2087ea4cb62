/* Reads the line that a NATS server says first (INFO and an object of JSON): libnats keeps the server's version to itself. */
#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/nats_internal.h"
#include "sys/fd.h"

enum { INFO_BYTES_MAX = 64 << 10, HOST_MAX = 256, PORT_MAX = 6 };

static void split(const char *url, char ret_host[HOST_MAX], char ret_port[PORT_MAX])
{
    const char *at = strstr(url, "://");
    at = at ? at + 3 : url;
    const bool bracketed = *at == '[';
    at += bracketed;
    const size_t length = strcspn(at, bracketed ? "]" : ":/,");
    snprintf(ret_host, HOST_MAX, "%.*s", (int)length, at);
    at += length + (bracketed && at[length] == ']');
    snprintf(ret_port, PORT_MAX, "%.*s", *at == ':' ? (int)strcspn(at + 1, "/,") : 4, *at == ':' ? at + 1 : "4222");
}

static Err wait_for(int fd, short what, uint32_t patience_ms)
{
    struct pollfd p = {.fd = fd, .events = what};
    const int n = poll(&p, 1, (int)patience_ms);
    return n == 1 ? OK : FAIL(ERR_CLOSED);
}

static Err connect_to(const struct addrinfo *to, uint32_t patience_ms, int *ret_fd)
{
    AUTO_FD fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->ai_protocol);
    if (fd < 0) return FAIL(errno);
    int problem = 0;
    socklen_t size = sizeof problem;
    if (connect(fd, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS) return FAIL(ERR_CLOSED);
    TRY(wait_for(fd, POLLOUT, patience_ms));
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0 || problem) return FAIL(ERR_CLOSED);
    *ret_fd = fd_take(&fd);
    return OK;
}

static Err connect_any(const char *url, uint32_t patience_ms, int *ret_fd)
{
    char host[HOST_MAX], port[PORT_MAX];
    struct addrinfo *found = NULL;
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    split(url, host, port);
    if (getaddrinfo(host, port, &wanted, &found) != 0) return FAIL(ERR_CLOSED);
    Err e = FAIL(ERR_CLOSED);
    for (const struct addrinfo *a = found; a && e.code; a = a->ai_next) e = connect_to(a, patience_ms, ret_fd);
    freeaddrinfo(found);
    return e;
}

static Err read_line(int fd, uint32_t patience_ms, Buffer *line)
{
    while (!line->size || !memchr(line->data, '\n', line->size)) {
        uint8_t bytes[4096];
        size_t size = 0;
        TRY(wait_for(fd, POLLIN, patience_ms));
        TRY(fd_read(fd, bytes, sizeof bytes, &size));
        if (size == 0) return FAIL(ERR_CLOSED);
        if (buffer_append(line, view_of(bytes, size)).code) return FAIL(ERR_PROTOCOL);
    }
    return OK;
}

static Err parse(View line, NatsServerInfo *ret_info)
{
    if (line.size < 5 || memcmp(line.data, "INFO ", 5) != 0) return FAIL(ERR_PROTOCOL);
    json_t *info = json_loadb((const char *)line.data + 5, line.size - 5, JSON_DISABLE_EOF_CHECK, NULL);
    if (!info) return FAIL(ERR_PROTOCOL);
    const char *version = json_string_value(json_object_get(info, "version"));
    const json_int_t max_payload = json_integer_value(json_object_get(info, "max_payload"));
    snprintf(ret_info->version, sizeof ret_info->version, "%s", version ? version : "");
    ret_info->jetstream = json_is_true(json_object_get(info, "jetstream"));
    ret_info->max_payload = max_payload > 0 ? (uint64_t)max_payload : 0;
    json_decref(info);
    return OK;
}

Err nats_probe(const char *url, uint32_t patience_ms, NatsServerInfo *ret_info)
{
    AUTO_FD fd = -1;
    AUTO_BUFFER line = buffer_limited(INFO_BYTES_MAX);
    TRY(connect_any(url, patience_ms, &fd));
    TRY(read_line(fd, patience_ms, &line));
    return parse(view_buffer(&line), ret_info);
}

bool nats_version_at_least(const char *version, unsigned major, unsigned minor)
{
    unsigned a = 0, b = 0;
    return sscanf(version, "%u.%u", &a, &b) == 2 && (a > major || (a == major && b >= minor));
}
