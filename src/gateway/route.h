/**
 * From the request line to what is asked for. Pure and strict: what a client writes is taken apart here and nowhere else, and whatever is not
 * exactly one of the forms is refused with the status, the place and the remedy.
 *
 *   GET  /healthz
 *   GET  /v1/services
 *   GET  /v1/services/S
 *   POST /v1/services/S/tasks/T?session=ID&NAME=VALUE...     further names are attributes of the request
 */
#pragma once
#include "base/error.h"
#include "pto/event.h"
#include "pto/service.h"

typedef enum { ROUTE_HEALTH, ROUTE_SERVICES, ROUTE_SERVICE, ROUTE_TASK } RouteKind;

typedef struct {
    RouteKind kind;
    char service[SERVICE_NAME_MAX + 1], task[SERVICE_NAME_MAX + 1];
    char session[EVENT_SESSION_MAX + 1];          /* empty: none was given */
    char attributes[EVENT_ATTRIBUTES_MAX + 1];    /* "name=value&name=value" in the order of names, decoded characters are printable and not '&' */
} Route;

enum { ROUTE_URI_MAX = 2048, ROUTE_ATTRIBUTES_MAX = 4 };

/** What is wrong with a request, for its answer. Texts are of static life, or in `text`. */
typedef struct { unsigned status; const char *where, *remedy; char text[256]; } HttpProblem;

/** true: *ret_route is what is asked for; false: *ret_problem says why not (400, 404, 405 or 414). */
bool route_parse(const char *method, const char *uri, Route *ret_route, HttpProblem *ret_problem);
