/*
 * One exchange. libmicrohttpd calls ask_request when the head is here, for each piece of the body, and when the body is whole; the connection
 * rests while the gateway works.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/http_parts.h"
#include "sys/clock.h"

void *ask_uri(void *context, const char *uri, struct MHD_Connection *c)
{
    HttpExchange *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    size_t size = strlen(uri);
    *x = (HttpExchange){.http = context, .connection = c, .task = UINT32_MAX, .too_long = size > ROUTE_URI_MAX};
    x->uri = strndup(uri, ROUTE_URI_MAX + 1);
    x->body = buffer_limited(x->http->service->body_max);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    x->peer = info ? info->socket_context : NULL;
    return x;
}

void ask_completed(void *context, struct MHD_Connection *c, void **exchange, enum MHD_RequestTerminationCode how)
{
    (void)context, (void)c, (void)how;
    HttpExchange *x = *exchange;
    if (!x) return;
    if (x->request) gateway_abandon(x->request);
    if (x->asked) x->http->busy--;
    if (x->response) MHD_destroy_response(x->response);
    if (x->peer) {
        x->peer->waiting_since_ns = clock_monotonic_ns();
        x->peer->first = x->peer->answering = false;
    }
    buffer_free(&x->body);
    free(x->uri);
    free(x);
    *exchange = NULL;
}

/* Takes the response. From now on the peer is waited for to take it. */
static enum MHD_Result send_response(HttpExchange *x, unsigned status, struct MHD_Response *response)
{
    if (!response) return MHD_NO; /* no memory: the connection is closed */
    if (x->peer) {
        x->peer->answering = true;
        http_await_taking(x->peer);
    }
    x->answered = true;
    enum MHD_Result result = MHD_queue_response(x->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* Before the body is here; the rest of it is not wanted. */
static enum MHD_Result refuse(HttpExchange *x, unsigned status, struct MHD_Response *response)
{
    if (response) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return send_response(x, status, response);
}

static enum MHD_Result refuse_problem(HttpExchange *x, const HttpProblem *p) { return refuse(x, p->status, answer_problem(p)); }

static bool find_task(HttpExchange *x, HttpProblem *ret_problem)
{
    const Service *s = x->http->service;
    if (x->route.kind != ROUTE_TASK && x->route.kind != ROUTE_SERVICE) return true;
    if (strcmp(x->route.service, s->name) != 0) {
        *ret_problem = (HttpProblem){404, "path: service", "GET /v1/services lists the services", "there is no such service"};
        return false;
    }
    if (x->route.kind == ROUTE_SERVICE) return true;
    x->task = service_find(s, view_text(x->route.task));
    if (x->task != UINT32_MAX) return true;
    *ret_problem = (HttpProblem){404, "path: task", "GET /v1/services lists the tasks", "the service has no such task"};
    return false;
}

static bool check_length(const HttpExchange *x, HttpProblem *ret_problem)
{
    const char *length = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const char *coding = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    if (!length && !coding) {
        *ret_problem = (HttpProblem){411, "Content-Length", "send Content-Length, 0 for an empty body", "a POST must say how long its body is"};
        return false;
    }
    if (length && strtoull(length, NULL, 10) > x->http->service->body_max) {
        *ret_problem = (HttpProblem){413, "limits: body", "send less, or raise 'body' in the service file", "the body is larger than this service takes"};
        return false;
    }
    return true;
}

static enum MHD_Result take_head(HttpExchange *x, const char *method)
{
    HttpProblem p;
    x->begun = true;
    if (!x->uri) return MHD_NO;
    if (!route_parse(method, x->uri, &x->route, &p)) return refuse_problem(x, &p);
    if (x->route.kind != ROUTE_HEALTH && !access_allows(x->http, x->connection, &p)) return refuse_problem(x, &p);
    if (!find_task(x, &p)) return refuse_problem(x, &p);
    if (x->route.kind == ROUTE_TASK && !check_length(x, &p)) return refuse_problem(x, &p);
    return MHD_YES;
}

static enum MHD_Result take_piece(HttpExchange *x, const char *data, size_t *size)
{
    View piece = view_of(data, *size);
    *size = 0;
    if (x->answered) return MHD_YES; /* too late; the connection closes behind the answer */
    if (x->route.kind != ROUTE_TASK) return MHD_YES;
    Err e = buffer_append(&x->body, piece);
    if (e.code == 0) return MHD_YES;
    if (e.code != ERR_LIMIT) return MHD_NO;
    x->answered = true; /* libmicrohttpd takes no answer before the end of the body: the rest is dropped, and then it is said */
    x->status = 413;
    return MHD_YES;
}

/* libmicrohttpd must not end with connections that rest: they are kept in a list. */
static void rest(HttpExchange *x)
{
    Http *h = x->http;
    x->suspended = true;
    x->next = h->resting;
    x->previous = NULL;
    if (h->resting) h->resting->previous = x;
    h->resting = x;
    MHD_suspend_connection(x->connection);
}

static void wake(HttpExchange *x)
{
    *(x->previous ? &x->previous->next : &x->http->resting) = x->next;
    if (x->next) x->next->previous = x->previous;
    x->suspended = false;
    MHD_resume_connection(x->connection);
}

void ask_wake_all(Http *h)
{
    while (h->resting) {
        HttpExchange *x = h->resting;
        if (x->request) gateway_abandon(x->request);
        x->request = NULL;
        x->status = 503;
        wake(x);
    }
}

static void on_answered(void *context, const GatewayAnswer *a)
{
    HttpExchange *x = context;
    x->request = NULL;
    x->status = a->status;
    x->response = answer_gateway(a, x->peer);
    if (!x->suspended) return; /* at once: ask_request goes on with it */
    wake(x);
    loop_defer(x->http->work);
}

static enum MHD_Result ask(HttpExchange *x)
{
    const char *session = x->route.session;
    Http *h = x->http;
    uint64_t client = access_client(h, x->connection);
    GatewayAsk a = {.task = x->task, .session = session, .attributes = x->route.attributes, .client = client,
                    .session_key = access_hash(h, view_text(session), client), .body = &x->body, .answered = on_answered, .context = x};
    char own[EVENT_SESSION_MAX + 1];
    if (!session[0]) {
        snprintf(own, sizeof own, "client-%016llx", (unsigned long long)client);
        a.session = own;
    }
    x->asked = true;
    h->busy++;
    if (x->peer) x->peer->waiting_since_ns = 0;
    if (gateway_ask(h->gateway, &a, &x->request).code) return MHD_NO;
    if (!x->response && !x->status) {
        rest(x);
        return MHD_YES;
    }
    struct MHD_Response *response = x->response;
    x->response = NULL;
    return send_response(x, x->status, response);
}

static enum MHD_Result say_answer(HttpExchange *x)
{
    struct MHD_Response *response = x->response;
    x->response = NULL;
    return send_response(x, x->status, response);
}

static enum MHD_Result finish(HttpExchange *x)
{
    if (x->status == 413)
        return refuse(x, 413, answer_error(413, "the body is larger than this service takes", "limits: body", "send less, or raise 'body' in the service file", 0));
    if (x->asked) return say_answer(x); /* without a response it closes the connection */
    switch (x->route.kind) {
    case ROUTE_HEALTH: return send_response(x, 200, answer_health(x->http));
    case ROUTE_SERVICES:
    case ROUTE_SERVICE: return send_response(x, 200, answer_services(x->http, &x->route));
    case ROUTE_TASK: return ask(x);
    }
    return MHD_NO;
}

enum MHD_Result ask_request(void *context, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *data,
                            size_t *data_size, void **exchange)
{
    (void)context, (void)c, (void)url, (void)version;
    HttpExchange *x = *exchange;
    if (!x) return MHD_NO;
    if (!x->begun) return take_head(x, method);
    if (*data_size) return take_piece(x, data, data_size);
    return finish(x);
}
