/**
 * What the files of the HTTP side share:
 *
 *   http.c         the daemon in the loop, connections and their patience
 *   http_ask.c     a request: its head, its body, who may ask, and handing it to the gateway
 *   http_answer.c  answers as JSON or bytes
 *   http_access.c  addresses, tokens, certificates
 */
#pragma once
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdint.h>

#include "crypto/sign.h"
#include "gateway/http.h"

typedef struct HttpConnection HttpConnection;
typedef struct HttpExchange HttpExchange;

struct HttpConnection {
    Http *http;
    HttpConnection *next, *previous;
    uint64_t client;                 /* who it is: access_client */
    int fd;                          /* borrowed: libmicrohttpd's */
    uint64_t waiting_since_ns;       /* for the rest of a request, or for the peer to take more of an answer; 0: for the gateway */
    bool first;                      /* nothing was answered yet */
    bool answering;
    int unsent;                      /* answering: bytes that the system held for the peer at that time */
};

struct HttpExchange {
    Http *http;
    struct MHD_Connection *connection;
    HttpConnection *peer;
    char *uri;
    bool too_long;                   /* the URI */
    bool begun;                      /* the head was looked at */
    Route route;
    uint32_t task;
    Buffer body;
    GatewayRequest *request;         /* NULL: none is under way */
    bool asked, suspended, answered;
    HttpExchange *next, *previous;   /* of those whose connections rest */
    struct MHD_Response *response;   /* when the answer is there before the connection may be told */
    unsigned status;
};

struct Http {
    Loop *loop;
    Gateway *gateway;
    const Service *service;
    struct MHD_Daemon *daemon;
    LoopSource *ready, *timer, *work, *sweep;
    bool has_token, is_tls, wants_certificate;
    Sha256 token;                    /* of the token: compared in constant time, whatever its length */
    uint8_t hash_key[16];
    char *key_pem, *cert_pem, *ca_pem;
    char url[128];
    HttpConnection *connections;
    HttpExchange *resting;
    uint32_t busy;
};

typedef union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; } HttpAddress;

/** http.c: the patience for the peer to take HTTP_PIECE_BYTES of an answer begins. */
enum { HTTP_PIECE_BYTES = 64 << 10 };
void http_await_taking(HttpConnection *peer);

/** http_access.c */
MUST_USE Err access_open(Http *h, const HttpConfig *config, HttpAddress *ret_address, Diag *diag);
void access_close(Http *h);
/** false: *ret_problem says why (401 or 403). */
bool access_allows(const Http *h, struct MHD_Connection *c, HttpProblem *ret_problem);
/** Keyed hashes of the peer's address (its network, with IPv6; 0: this machine), and of a text under it. */
uint64_t access_client(const Http *h, struct MHD_Connection *c);
uint64_t access_hash(const Http *h, View text, uint64_t under);

/** http_answer.c; NULL without memory */
struct MHD_Response *answer_error(unsigned status, const char *what, const char *where, const char *remedy, uint32_t retry_after_s);
struct MHD_Response *answer_problem(const HttpProblem *p);
/** peer: whose patience begins anew with each piece of a long answer that is taken; NULL: none */
struct MHD_Response *answer_gateway(const GatewayAnswer *a, HttpConnection *peer);
struct MHD_Response *answer_health(const Http *h);
struct MHD_Response *answer_services(const Http *h, const Route *r);

/** http_ask.c: libmicrohttpd's callbacks, and the end */
void ask_wake_all(Http *h);
void *ask_uri(void *context, const char *uri, struct MHD_Connection *c);
enum MHD_Result ask_request(void *context, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *data,
                            size_t *data_size, void **exchange);
void ask_completed(void *context, struct MHD_Connection *c, void **exchange, enum MHD_RequestTerminationCode how);
