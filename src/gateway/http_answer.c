/* Answers: output as bytes, everything else as JSON. Errors say what, where and what to do. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/http_parts.h"

static struct MHD_Response *of_json(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text) return NULL;
    struct MHD_Response *r = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (!r) free(text);
    else MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    return r;
}

struct MHD_Response *answer_error(unsigned status, const char *what, const char *where, const char *remedy, uint32_t retry_after_s)
{
    struct MHD_Response *r = of_json(json_pack("{s:{s:i, s:s, s:s, s:s}}", "error", "status", (int)status, "what", what, "where", where ? where : "",
                                               "remedy", remedy ? remedy : ""));
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%u", retry_after_s);
    if (r && retry_after_s) MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    return r;
}

struct MHD_Response *answer_problem(const HttpProblem *p)
{
    struct MHD_Response *r = answer_error(p->status, p->text, p->where, p->remedy, 0);
    if (r && p->status == 401) MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (r && p->status == 405) MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, strcmp(p->remedy, "POST") == 0 ? "POST" : "GET, HEAD");
    return r;
}

/* --- long outputs --- */

typedef struct { HttpConnection *peer; size_t size; uint8_t bytes[]; } LongOutput;

/* libmicrohttpd asks for a piece when the peer has taken the one before. */
static ssize_t next_piece(void *context, uint64_t at, char *ret_bytes, size_t room)
{
    const LongOutput *o = context;
    size_t size = o->size - at < room ? o->size - at : room;
    memcpy(ret_bytes, o->bytes + at, size);
    if (o->peer) http_await_taking(o->peer);
    return (ssize_t)size;
}

static struct MHD_Response *of_long_output(View output, HttpConnection *peer)
{
    LongOutput *o = malloc(sizeof *o + output.size);
    if (!o) return NULL;
    *o = (LongOutput){.peer = peer, .size = output.size};
    memcpy(o->bytes, output.data, output.size);
    struct MHD_Response *r = MHD_create_response_from_callback(output.size, HTTP_PIECE_BYTES, next_piece, o, free);
    if (!r) free(o);
    return r;
}

static struct MHD_Response *of_output(View output, HttpConnection *peer)
{
    if (output.size > HTTP_PIECE_BYTES) return of_long_output(output, peer);
    return MHD_create_response_from_buffer(output.size, (void *)(uintptr_t)output.data, MHD_RESPMEM_MUST_COPY);
}

struct MHD_Response *answer_gateway(const GatewayAnswer *a, HttpConnection *peer)
{
    if (a->status != 200) return answer_error(a->status, a->text, a->where, a->remedy, a->retry_after_s);
    struct MHD_Response *r = of_output(a->body, peer);
    if (!r) return NULL;
    char text[32];
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
    MHD_add_response_header(r, "Covey-Start", event_start_name(a->event->start));
    snprintf(text, sizeof text, "%.6f", (double)a->event->latency_ns / 1e9);
    MHD_add_response_header(r, "Covey-Seconds", text);
    snprintf(text, sizeof text, "%.6f", (double)a->event->waited_ns / 1e9);
    MHD_add_response_header(r, "Covey-Waited", text);
    return r;
}

struct MHD_Response *answer_health(const Http *h)
{
    GatewayStats s = gateway_stats(h->gateway);
    return of_json(json_pack("{s:s, s:i, s:i}", "status", "ok", "running", (int)s.running, "waiting", (int)s.waiting));
}

static json_t *of_task(const Http *h, uint32_t task)
{
    const ServiceTask *t = &h->service->tasks[task];
    json_t *next = json_array(), *data = json_array();
    for (size_t i = 0; i < t->next_count; i++) json_array_append_new(next, json_string(h->service->tasks[t->next[i]].name));
    for (size_t i = 0; i < t->data_count; i++) json_array_append_new(data, json_string(t->data[i]));
    const StreamPlace p = gateway_place(h->gateway, task);
    json_t *seconds = json_pack("{s:f, s:f, s:f, s:f}", "fetch", (double)p.fetch_ns / 1e9, "verify", (double)p.verify_ns / 1e9, "start",
                                (double)p.start_ns / 1e9, "attest", (double)p.attest_ns / 1e9);
    return json_pack("{s:s, s:b, s:o, s:o, s:o}", "task", t->name, "warm", gateway_task_is_warm(h->gateway, task), "data", data, "next", next,
                     "seconds", seconds);
}

static json_t *of_stats(const GatewayStats *s)
{
    json_t *starts = json_object();
    for (uint32_t i = 0; i < START_COUNT; i++) json_object_set_new(starts, event_start_name(i), json_integer((json_int_t)s->starts[i]));
    json_t *staged = json_pack("{s:I, s:I, s:I, s:I, s:I}", "tasks", (json_int_t)s->staged, "refused", (json_int_t)s->staged_refused, "used",
                               (json_int_t)s->staged_used, "bytes", (json_int_t)s->staged_bytes, "wasted_bytes", (json_int_t)s->wasted_bytes);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "requests", (json_int_t)s->requests, "failed", (json_int_t)s->failed,
                     "running", (json_int_t)s->running, "waiting", (json_int_t)s->waiting, "warm", (json_int_t)s->warm,
                     "warm_bytes", (json_int_t)s->warm_bytes, "evicted", (json_int_t)s->evicted, "fetched_bytes", (json_int_t)s->fetched_bytes,
                     "orchestrators", (json_int_t)s->orchestrators, "starts", starts, "staged", staged);
}

struct MHD_Response *answer_services(const Http *h, const Route *r)
{
    const Service *s = h->service;
    json_t *tasks = json_array();
    for (uint32_t i = 0; i < s->task_count; i++) json_array_append_new(tasks, of_task(h, i));
    GatewayStats stats = gateway_stats(h->gateway);
    json_t *service = json_pack("{s:s, s:s, s:b, s:o, s:o}", "service", s->name, "level", level_name(s->level), "store_delay_is_simulated",
                                s->store.delay_ns || s->store.bandwidth || s->store.recorded, "statistics", of_stats(&stats), "tasks", tasks);
    return of_json(r->kind == ROUTE_SERVICES ? json_pack("{s:[o]}", "services", service) : service);
}
