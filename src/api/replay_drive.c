/* Asking: each request at its time, however the earlier ones fare; answers are counted as a client sees them. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/replay.h"
#include "sys/clock.h"

enum { LATE_MAX_S = 30, PROGRESS_MS = 100 };

typedef struct Drive Drive;
typedef struct { Drive *drive; HttpAsk *ask; } Asked; /* ask NULL: this place is free */

struct Drive {
    Replay *replay;
    const char *mode;
    size_t next, ended;
    uint32_t in_flight;
    uint64_t begun_ns;
    float *latency;               /* seconds, of good answers */
    size_t good;
    LoopSource *timer, *sample;
    Asked asked[REPLAY_IN_FLIGHT_MAX];
    HttpAsk *sampling;            /* NULL: nobody is asked how much is held */
    covey_replayed figures;
    double held_sum;
    uint64_t held_count;
    Err failed;
};

static const char *const KINDS[] = {"cold", "warm", "staged", "late"};

static void on_answer(void *context, const HttpAnswered *a)
{
    Asked *place = context;
    Drive *d = place->drive;
    covey_replayed *f = &d->figures;
    place->ask = NULL;
    uint64_t *const counts[] = {&f->cold, &f->warm, &f->staged, &f->late};
    d->in_flight--;
    d->ended++;
    if (!a->ok || a->status != 200) {
        f->failed++;
        return;
    }
    d->latency[d->good++] = (float)((double)(a->ended_ns - a->begun_ns) / 1e9);
    if (a->waited >= 0) f->waited_seconds += a->waited;
    for (int i = 0; i < 4; i++)
        if (strcmp(a->start, KINDS[i]) == 0) ++*counts[i];
}

/* Session names are written so that any text is legal in a query. */
static void put_query(char *out, size_t room, const char *session)
{
    size_t used = 0, taken = 0;
    for (const char *c = session; *c && used + 4 < room && taken < EVENT_SESSION_MAX; c++, taken++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' || *c == '.';
        used += (size_t)snprintf(out + used, room - used, plain ? "%c" : "%%%02x", (unsigned char)*c);
    }
}

static void ask_next(Drive *d)
{
    Replay *r = d->replay;
    const ReplayRequest *q = &r->requests[d->next++];
    char session[4 * EVENT_SESSION_MAX] = "", path[512];
    Asked *place = d->asked;
    while (place->ask) place++; /* there is one: d->in_flight is below their number */
    place->drive = d;
    put_query(session, sizeof session, r->sessions[q->session]);
    snprintf(path, sizeof path, "/tasks/%s?session=%s", r->service.tasks[q->task].name, session);
    Err e = http_ask(r->loop, &r->target, "POST", path, r->token[0] ? r->token : NULL, view_buffer(&r->body), on_answer, place, &place->ask);
    if (e.code) d->failed = e;
    else d->in_flight++;
}

static Err on_time(void *context, uint32_t events)
{
    (void)events;
    Drive *d = context;
    Replay *r = d->replay;
    uint64_t now = clock_monotonic_ns() - d->begun_ns;
    while (d->next < r->count && r->requests[d->next].at_ns <= now && d->in_flight < REPLAY_IN_FLIGHT_MAX && !d->failed.code) ask_next(d);
    uint64_t at = d->next < r->count ? r->requests[d->next].at_ns : UINT64_MAX - d->begun_ns;
    bool full = d->in_flight >= REPLAY_IN_FLIGHT_MAX;
    loop_set_timer(d->timer, d->next == r->count ? UINT64_MAX : d->begun_ns + (full ? now + NS_PER_MS : at));
    return OK;
}

static void on_sampled(void *context, const HttpAnswered *a)
{
    Drive *d = context;
    d->sampling = NULL;
    json_t *root = a->ok ? json_loadb((const char *)a->body.data, a->body.size, 0, NULL) : NULL;
    double held = (double)json_integer_value(json_object_get(json_object_get(root, "statistics"), "warm_bytes"));
    if (root) {
        d->held_sum += held;
        d->held_count++;
        if (held > d->figures.held_bytes_max) d->figures.held_bytes_max = held;
    }
    json_decref(root);
}

static Err on_sample(void *context, uint32_t events)
{
    (void)events;
    Drive *d = context;
    Replay *r = d->replay;
    const char *token = r->token[0] ? r->token : NULL;
    Err e = d->sampling ? OK : http_ask(r->loop, &r->target, "GET", "", token, (View){0}, on_sampled, d, &d->sampling);
    (void)e; /* one look less */
    if (r->options->progress) r->options->progress(r->options->context, d->mode, d->ended, r->count);
    loop_set_timer(d->sample, clock_monotonic_ns() + REPLAY_SAMPLE_MS * NS_PER_MS);
    return OK;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static double percentile(const Drive *d, double part)
{
    size_t at = (size_t)(part * (double)d->good);
    return d->good ? (double)d->latency[at < d->good ? at : d->good - 1] : 0;
}

static void sum_up(Drive *d)
{
    covey_replayed *f = &d->figures;
    qsort(d->latency, d->good, sizeof *d->latency, by_size);
    f->requests = d->ended;
    f->p50_seconds = percentile(d, 0.50);
    f->p90_seconds = percentile(d, 0.90);
    f->p99_seconds = percentile(d, 0.99);
    f->hit_rate = d->good ? (double)(f->warm + f->staged) / (double)d->good : 0;
    f->held_bytes_mean = d->held_count ? d->held_sum / (double)d->held_count : 0;
    f->wall_seconds = (double)(clock_monotonic_ns() - d->begun_ns) / 1e9;
}

static Err run(Drive *d, Diag *diag)
{
    Replay *r = d->replay;
    d->latency = calloc(r->count, sizeof *d->latency);
    if (!d->latency) return FAIL(ENOMEM);
    d->begun_ns = clock_monotonic_ns();
    TRY(loop_add_timer(r->loop, d->begun_ns, on_time, d, &d->timer));
    TRY(loop_add_timer(r->loop, d->begun_ns, on_sample, d, &d->sample));
    uint64_t last = r->requests[r->count - 1].at_ns + LATE_MAX_S * NS_PER_S;
    while (d->ended < r->count) {
        TRY_WHY(diag, loop_turn(r->loop, PROGRESS_MS), "replay");
        if (atomic_load(r->interrupted)) return FAIL(ERR_INTERRUPTED);
        if (d->failed.code) return FAIL_WHY(diag, d->failed.code, "asking: %s", err_text(d->failed.code));
        if (clock_monotonic_ns() - d->begun_ns > last + LATE_MAX_S * NS_PER_S) return FAIL_WHY(diag, ERR_BUSY, "the service answers no more");
    }
    return OK;
}

/* Nobody who was asked may answer to a drive that is over. */
static void drive_end(Drive *d)
{
    loop_remove(&d->timer);
    loop_remove(&d->sample);
    for (int i = 0; i < REPLAY_IN_FLIGHT_MAX; i++)
        if (d->asked[i].ask) http_ask_cancel(d->asked[i].ask);
    if (d->sampling) http_ask_cancel(d->sampling);
    free(d->latency);
}

Err replay_drive(Replay *r, const char *mode, covey_replayed *ret_figures, Diag *diag)
{
    Drive d = {.replay = r, .mode = mode, .figures = {.mode = mode}};
    Err e = run(&d, diag);
    if (!e.code) {
        sum_up(&d);
        if (r->options->progress) r->options->progress(r->options->context, mode, d.ended, r->count);
        *ret_figures = d.figures;
    }
    drive_end(&d);
    return e;
}

typedef struct { ReplayStatistics s; bool done, good; } Look;

static void on_statistics(void *context, const HttpAnswered *a)
{
    Look *l = context;
    json_t *root = a->ok && a->status == 200 ? json_loadb((const char *)a->body.data, a->body.size, 0, NULL) : NULL;
    json_t *all = json_object_get(root, "statistics"), *staged = json_object_get(all, "staged");
    l->done = true;
    l->good = staged != NULL;
    l->s = (ReplayStatistics){.staged = (uint64_t)json_integer_value(json_object_get(staged, "tasks")),
                              .used = (uint64_t)json_integer_value(json_object_get(staged, "used")),
                              .bytes = (uint64_t)json_integer_value(json_object_get(staged, "bytes")),
                              .wasted_bytes = (uint64_t)json_integer_value(json_object_get(staged, "wasted_bytes")),
                              .warm_bytes = (uint64_t)json_integer_value(json_object_get(all, "warm_bytes")),
                              .warm = (uint64_t)json_integer_value(json_object_get(all, "warm")),
                              .orchestrators = (uint64_t)json_integer_value(json_object_get(all, "orchestrators")),
                              .simulated = json_is_true(json_object_get(root, "store_delay_is_simulated"))};
    json_decref(root);
}

Err replay_statistics(Replay *r, ReplayStatistics *ret_statistics, Diag *diag)
{
    Look l = {.done = false};
    HttpAsk *ask;
    TRY_WHY(diag, http_ask(r->loop, &r->target, "GET", "", r->token[0] ? r->token : NULL, (View){0}, on_statistics, &l, &ask), "%s", r->options->url);
    for (int i = 0; i < 500 && !l.done; i++) TRY(loop_turn(r->loop, 10));
    if (!l.done) http_ask_cancel(ask);
    if (!l.good) return FAIL_WHY(diag, ERR_NO_ENTRY, "%s: no covey serve answers there as this service", r->options->url);
    *ret_statistics = l.s;
    return OK;
}
