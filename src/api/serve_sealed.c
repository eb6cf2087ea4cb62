/* Sealed data of a service: found at the start, and for each request the footer of its result. */
#include "api/serve_sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/own_broker.h"
#include "bus/socket.h"
#include "dataset/sealed.h"
#include "node/broker_link.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/fd.h"

enum { WATCH_MS = 200, CLAIMS_MESSAGE_MAX = 4096, FINISHING_MAX = 4096 /* as many requests as may run */ };

/* A result whose footer is asked for. */
typedef struct Finishing {
    struct Finishing *next;
    ServeSealed *sealed;
    uint32_t task;
    uint64_t request;
    SealedWriter *writer;
    BrokerAsk ask;
    char path[PATH_BYTES_MAX];
} Finishing;

struct ServeSealed {
    Loop *loop;
    Gateway *gateway;
    const Service *service;
    SealedFile **files;           /* [task]; NULL: not sealed */
    GatewaySealed *tasks;
    OwnBroker *own;
    Bus *afar;
    BrokerLink link;
    LoopSource *watch;
    char folder[PATH_BYTES_MAX];
    uint64_t last;
    Finishing *finishing;
};

/* --- what is sealed --- */

static Err look_at(ServeSealed *s, uint32_t task, const char *service_path, const char *path, Diag *diag)
{
    const ServiceTask *t = &s->service->tasks[task];
    SealedFacts facts;
    SealedSegment segment;
    Policy policy = {0};
    TRY_WHY(diag, sealed_open(path, NULL, &s->files[task], diag), "%s:%u: %s", service_path, t->line, path);
    sealed_facts(s->files[task], &facts);
    TRY_WHY(diag, policy_decode(facts.policy_cbor, &policy, diag), "%s: its policy", path);
    const bool budget = policy.budget.is_set;
    policy_free(&policy);
    const char *wrong = facts.is_result        ? "is a sealed result, not a dataset"
                        : t->data_count > 1    ? "is sealed, and the task has other data; sealed data are a task's only data"
                        : t->data_in_input     ? "is sealed: its SEE reads it as its input; remove 'fallback'"
                        : budget               ? "has a privacy budget; ask for it with covey run and 'privacy:'"
                        : facts.segments != 1  ? "has more than one segment, and a request is one micro-job; seal it as one (covey seal --target)"
                                               : NULL;
    if (wrong) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s:%u: task '%s': %s %s", service_path, t->line, t->name, path, wrong);
    TRY_WHY(diag, sealed_segment(s->files[task], 0, &segment), "%s: its segment", path);
    s->tasks[task] = (GatewaySealed){.is_sealed = true, .footer = sealed_footer(s->files[task]), .offset = segment.offset,
                                     .size = segment.sealed_size, .plain_size = segment.plain_size};
    return OK;
}

static Err look(ServeSealed *s, const char *service_path, const Depot *depot, uint32_t *ret_count, Diag *diag)
{
    for (uint32_t task = 0; task < s->service->task_count; task++)
        for (uint32_t i = depot->first[task] + 1; i < depot->first[task + 1]; i++) {
            const char *path = depot->items[depot->of[i]].path;
            bool sealed;
            TRY_WHY(diag, sealed_recognise(path, &sealed), "%s", path);
            if (!sealed) continue;
            if (s->files[task]) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s:%u: more than one sealed dataset", service_path, s->service->tasks[task].line);
            TRY(look_at(s, task, service_path, path, diag));
            ++*ret_count;
        }
    return OK;
}

/* --- results --- */

static void drop(Finishing *f)
{
    Finishing **at = &f->sealed->finishing;
    while (*at != f) at = &(*at)->next;
    *at = f->next;
    broker_ask_end(&f->ask);
    sealed_writer_free(&f->writer);
    unlink(f->path);
    free(f);
}

static void give_back(Finishing *f, View file, const char *error)
{
    gateway_sealed_answer(f->sealed->gateway, f->task, f->request, file, error);
    drop(f);
}

static void complete(Finishing *f, View footer)
{
    Diag why = {{0}};
    AUTO_BUFFER file = buffer_limited(SEE_OUTPUT_MAX);
    Err e = result_writer_finish(f->writer, footer, &why);
    if (!e.code) e = file_read(AT_FDCWD, f->path, &file);
    give_back(f, view_buffer(&file), e.code ? why.text[0] ? why.text : err_text(e.code) : NULL);
}

static Err on_answer(void *context, const char *subject, View message)
{
    (void)subject;
    ServeSealed *s = context;
    BrokerAnswer a;
    char text[BROKER_TEXT_MAX + 1];
    if (broker_get_answer(message, &a).code) return OK;
    Finishing *f = s->finishing;
    while (f && f->ask.token != a.token) f = f->next;
    if (!f) return OK;
    if (a.type == BROKER_FOOTER) complete(f, a.is.footer.footer);
    if (a.type != BROKER_REFUSED || a.is.refused.code == ERR_BUSY) return OK; /* busy: it is asked again after a while */
    snprintf(text, sizeof text, "%.*s", (int)a.is.refused.text.size, (const char *)a.is.refused.text.data);
    give_back(f, (View){0}, text);
    return OK;
}

static Err on_watch(void *context, uint32_t events)
{
    (void)events;
    ServeSealed *s = context;
    uint64_t now = clock_monotonic_ns();
    for (Finishing *f = s->finishing, *next; f; f = next) {
        bool lost;
        next = f->next;
        TRY(broker_link_watch(&s->link, &f->ask, now, &lost));
        if (lost) give_back(f, (View){0}, "the key broker does not answer");
    }
    loop_set_timer(s->watch, now + WATCH_MS * NS_PER_MS);
    return OK;
}

static Err ask_footer(Finishing *f, const TaskId *id)
{
    ResultClaims claims;
    AUTO_BUFFER bytes = buffer_limited(BROKER_CLAIMS_MAX), message = buffer_limited(CLAIMS_MESSAGE_MAX);
    result_writer_claims(f->writer, &claims);
    TRY(result_claims_encode(&claims, &bytes));
    BrokerResult request = {.head = broker_link_head(&f->sealed->link), .claims = view_buffer(&bytes)};
    memcpy(request.task_id, id->bytes, sizeof request.task_id);
    TRY(broker_put_result(&message, &request));
    return broker_link_ask(&f->sealed->link, &f->ask, request.head.token, &message, clock_monotonic_ns());
}

static Err begin(Finishing *f, const TaskId *id, View result)
{
    ServeSealed *s = f->sealed;
    TRY(path_format(f->path, "%s/answer-%" PRIu64, s->folder, ++s->last));
    TRY(result_writer_open(f->path, id->bytes, &f->writer, NULL));
    TRY(result_writer_add(f->writer, result));
    return ask_footer(f, id);
}

Err serve_sealed_result(ServeSealed *s, uint32_t task, const TaskId *id, uint64_t request, View result)
{
    Finishing *f = calloc(1, sizeof *f);
    if (!f) return FAIL(ENOMEM);
    *f = (Finishing){.next = s->finishing, .sealed = s, .task = task, .request = request};
    s->finishing = f;
    Err e = begin(f, id, result);
    if (e.code) drop(f);
    return e;
}

/* --- life --- */

static Err find_broker(const covey *c, ServeSealed *s, Bus *bus, const char *keybroker, Diag *diag)
{
    const char *path;
    if (!keybroker) return own_broker_open(c, false, s->loop, bus, &s->own, diag);
    TRY(bus_socket_path(keybroker, &path, diag));
    return bus_socket_connect(s->loop, path, &s->afar, diag);
}

static Err open_link(ServeSealed *s, Bus *bus, Diag *diag)
{
    uint64_t name;
    char subject[BUS_SUBJECT_MAX];
    TRY_WHY(diag, random_bytes(&name, sizeof name), "random numbers");
    snprintf(subject, sizeof subject, "covey.service.%016" PRIx64, name);
    TRY_WHY(diag, broker_link_open(&s->link, s->afar ? s->afar : bus, subject, 0, on_answer, s), "bus of the key broker");
    return loop_add_timer(s->loop, clock_monotonic_ns() + WATCH_MS * NS_PER_MS, on_watch, s, &s->watch);
}

static Err fill_in(const covey *c, ServeSealed *s, Bus *bus, const char *service_path, const Depot *depot, const char *folder, const char *keybroker,
                   uint32_t *ret_count, Diag *diag)
{
    s->files = calloc(s->service->task_count, sizeof *s->files);
    s->tasks = calloc(s->service->task_count, sizeof *s->tasks);
    if (!s->files || !s->tasks) return FAIL(ENOMEM);
    TRY(look(s, service_path, depot, ret_count, diag));
    if (*ret_count == 0) return OK;
    TRY_WHY(diag, path_format(s->folder, "%s", folder), "state folder");
    TRY_WHY(diag, dir_make_all(folder, 0700), "%s", folder);
    TRY(find_broker(c, s, bus, keybroker, diag));
    return open_link(s, bus, diag);
}

Err serve_sealed_open(const covey *c, Loop *loop, Bus *bus, const Service *service, const char *service_path, const Depot *depot, const char *folder,
                      const char *keybroker, ServeSealed **ret_sealed, Diag *diag)
{
    uint32_t count = 0;
    ServeSealed *s = calloc(1, sizeof *s);
    if (!s) return FAIL(ENOMEM);
    *s = (ServeSealed){.loop = loop, .service = service};
    Err e = fill_in(c, s, bus, service_path, depot, folder, keybroker, &count, diag);
    if (!e.code && count == 0 && keybroker)
        e = FAIL_WHY(diag, ERR_USAGE, "a key broker was named, and no task of %s has sealed data", service_path);
    if (e.code || count == 0) serve_sealed_close(&s);
    else *ret_sealed = s;
    return e;
}

const GatewaySealed *serve_sealed_tasks(const ServeSealed *s) { return s ? s->tasks : NULL; }
Bus *serve_sealed_broker_bus(const ServeSealed *s) { return s ? s->afar : NULL; }
void serve_sealed_use(ServeSealed *s, Gateway *gateway) { s->gateway = gateway; }

void serve_sealed_close(ServeSealed **sealed)
{
    ServeSealed *s = *sealed;
    if (!s) return;
    while (s->finishing) drop(s->finishing);
    loop_remove(&s->watch);
    broker_link_close(&s->link);
    own_broker_close(&s->own);
    bus_free(&s->afar);
    for (uint32_t i = 0; s->files && i < s->service->task_count; i++) sealed_close(&s->files[i]);
    free(s->files);
    free(s->tasks);
    free(s);
    *sealed = NULL;
}
