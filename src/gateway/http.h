/**
 * HTTP/1.1 for the gateway, over libmicrohttpd without a thread of its own: its epoll descriptor is a source of the loop. Whoever connects is
 * hostile: heads, bodies, connections and the time for a request to arrive are bounded.
 */
#pragma once
#include "gateway/gateway.h"
#include "gateway/route.h"

enum {
    HTTP_CONNECTIONS_MAX = 1024,
    HTTP_CLIENT_CONNECTIONS_MAX = 128, /* of one client, unless the service file says otherwise; this machine's may have all */
    HTTP_HEAD_BYTES_MAX = 32 << 10,  /* memory of one connection: a larger head is answered 431 */
    HTTP_TOKEN_MIN = 16, HTTP_TOKEN_MAX = 512,
    HTTP_SWEEP_MS = 100,
};

typedef struct {
    const char *listen;              /* "ADDRESS:PORT", "[ADDRESS]:PORT"; port 0: any */
    const char *token_file;          /* NULL: none; its first line, of HTTP_TOKEN_MIN to HTTP_TOKEN_MAX characters, must come with each request */
    const char *tls_cert, *tls_key;  /* PEM files; NULL: plain HTTP */
    const char *tls_client_ca;       /* PEM file: clients must show a certificate that these signed */
} HttpConfig;

typedef struct Http Http;
/** Not loopback, and neither token nor client certificates: refused. errors: ERR_USAGE (address), ERR_DENIED, ERR_BAD_INPUT (files), errno */
MUST_USE Err http_new(Loop *loop, Gateway *gateway, const Service *service, const HttpConfig *config, Http **ret_http, Diag *diag);
void http_free(Http **http);
/** "http://127.0.0.1:8080", with the port that was given. */
const char *http_url(const Http *h);
/** Takes no more connections; those that are here are answered. */
void http_quiesce(Http *h);
/** Answers are on their way to clients still. */
bool http_busy(const Http *h);
