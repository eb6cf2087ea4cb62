/* The path by its parts, the query by its pairs; percent-decoding happens after taking apart, so that an encoded slash is no slash. */
#include "gateway/route.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/quoted.h"

typedef struct { const char *at, *end; } Span;

static bool problem(HttpProblem *p, unsigned status, const char *where, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static bool problem(HttpProblem *p, unsigned status, const char *where, const char *remedy, const char *format, ...)
{
    *p = (HttpProblem){.status = status, .where = where, .remedy = remedy};
    va_list args;
    va_start(args, format);
    vsnprintf(p->text, sizeof p->text, format, args);
    va_end(args);
    return false;
}

static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

/* Decodes into at most max characters of printable ASCII. '+' is a blank in queries only. */
static bool decode(Span s, bool query, char *ret_text, size_t max)
{
    size_t size = 0;
    for (const char *c = s.at; c < s.end; c++) {
        int byte = (unsigned char)*c;
        if (*c == '%') {
            if (s.end - c < 3 || hex(c[1]) < 0 || hex(c[2]) < 0) return false;
            byte = hex(c[1]) << 4 | hex(c[2]);
            c += 2;
        } else if (*c == '+' && query) {
            byte = ' ';
        }
        if (byte < 0x20 || byte > 0x7e || size == max) return false;
        ret_text[size++] = (char)byte;
    }
    ret_text[size] = '\0';
    return true;
}

static bool is(Span s, const char *text) { return (size_t)(s.end - s.at) == strlen(text) && memcmp(s.at, text, strlen(text)) == 0; }

/* The next part of the path, without its slash; false at its end. */
static bool next_part(Span *path, Span *ret_part)
{
    if (path->at == path->end || *path->at != '/') return false;
    const char *begin = path->at + 1, *slash = memchr(begin, '/', (size_t)(path->end - begin));
    *ret_part = (Span){begin, slash ? slash : path->end};
    path->at = ret_part->end;
    return true;
}

static bool parse_path(Span path, Route *r, HttpProblem *p)
{
    Span part[6] = {{0}};
    int count = 0;
    while (count < 6 && next_part(&path, &part[count])) count++;
    bool rest = path.at != path.end;
    if (!rest && count == 1 && is(part[0], "healthz")) {
        r->kind = ROUTE_HEALTH;
        return true;
    }
    bool services = count >= 2 && is(part[0], "v1") && is(part[1], "services");
    bool known = services && !rest && (count == 2 || count == 3 || (count == 5 && is(part[3], "tasks")));
    if (!known)
        return problem(p, 404, "path", "POST /v1/services/SERVICE/tasks/TASK, or GET /v1/services or /healthz", "there is nothing at this path");
    r->kind = count == 2 ? ROUTE_SERVICES : count == 3 ? ROUTE_SERVICE : ROUTE_TASK;
    if (count >= 3 && (!decode(part[2], false, r->service, SERVICE_NAME_MAX) || !service_name_legal(r->service)))
        return problem(p, 404, "path: service", "GET /v1/services lists the services", "no service can have this name");
    if (count == 5 && (!decode(part[4], false, r->task, SERVICE_NAME_MAX) || !service_name_legal(r->task)))
        return problem(p, 404, "path: task", "GET /v1/services lists the tasks", "no task can have this name");
    return true;
}

typedef struct { char name[33], value[65]; } Pair;

static bool name_legal(const char *name)
{
    return name[0] && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

static bool take_pair(Span pair, Route *r, Pair *pairs, int *count, HttpProblem *p)
{
    static const char WHERE[] = "query";
    const char *equals = memchr(pair.at, '=', (size_t)(pair.end - pair.at));
    Pair found;
    if (!equals || !decode((Span){pair.at, equals}, true, found.name, sizeof found.name - 1) || !name_legal(found.name))
        return problem(p, 400, WHERE, "write session=ID, and attributes as name=value with names of a-z, 0-9, '_' and '-'",
                       "the query is not a list of name=value");
    if (!decode((Span){equals + 1, pair.end}, true, found.value, sizeof found.value - 1) || strpbrk(found.value, "&="))
        return problem(p, 400, WHERE, "at most 64 printable ASCII characters, without & and =", "the value of '%s' is not legal", found.name);
    if (strcmp(found.name, "session") == 0) {
        if (r->session[0]) return problem(p, 400, WHERE, "give it once", "there are two sessions");
        if (!found.value[0]) return problem(p, 400, WHERE, "name a session, or leave it out", "the session is empty");
        memcpy(r->session, found.value, sizeof found.value);
        return true;
    }
    for (int i = 0; i < *count; i++)
        if (strcmp(pairs[i].name, found.name) == 0) return problem(p, 400, WHERE, "give it once", "attribute '%s' is there twice", found.name);
    if (*count == ROUTE_ATTRIBUTES_MAX) return problem(p, 400, WHERE, "give at most 4", "too many attributes");
    pairs[(*count)++] = found;
    return true;
}

static int by_name(const void *a, const void *b) { return strcmp(((const Pair *)a)->name, ((const Pair *)b)->name); }

static bool parse_query(Span query, Route *r, HttpProblem *p)
{
    Pair pairs[ROUTE_ATTRIBUTES_MAX];
    int count = 0;
    while (query.at < query.end) {
        const char *and = memchr(query.at, '&', (size_t)(query.end - query.at));
        Span pair = {query.at, and ? and : query.end};
        if (!take_pair(pair, r, pairs, &count, p)) return false;
        query.at = and ? and + 1 : query.end;
        if (and && query.at == query.end) return problem(p, 400, "query", "leave the last & out", "the query ends in &");
    }
    qsort(pairs, (size_t)count, sizeof pairs[0], by_name);
    size_t used = 0;
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(r->attributes + used, sizeof r->attributes - used, "%s%s=%s", i ? "&" : "", pairs[i].name, pairs[i].value);
    return true;
}
_Static_assert(ROUTE_ATTRIBUTES_MAX * (sizeof(Pair) + 2) <= EVENT_ATTRIBUTES_MAX, "attributes fit into an event");
_Static_assert(EVENT_SESSION_MAX == 64, "a session is a value");

bool route_parse(const char *method, const char *uri, Route *ret_route, HttpProblem *ret_problem)
{
    size_t size = strlen(uri);
    if (size > ROUTE_URI_MAX) return problem(ret_problem, 414, "request line", "at most 2048 characters", "the path and query are too long");
    const char *question = memchr(uri, '?', size);
    Route r = {0};
    if (!parse_path((Span){uri, question ? question : uri + size}, &r, ret_problem)) return false;
    bool post = strcmp(method, "POST") == 0, get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (r.kind == ROUTE_TASK ? !post : !get)
        return problem(ret_problem, 405, "method", r.kind == ROUTE_TASK ? "POST" : "GET", "'%s' is not for this path", quoted(view_text(method)).text);
    if (r.kind != ROUTE_TASK && question) return problem(ret_problem, 400, "query", "leave it out", "this path takes no query");
    if (question && !parse_query((Span){question + 1, uri + size}, &r, ret_problem)) return false;
    *ret_route = r;
    return true;
}
