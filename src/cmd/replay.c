/* covey replay: a recorded log on a running service, what each mode of prefetching makes of it. */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/progress.h"
#include "cmd/session.h"

typedef struct {
    json_t *json, *modes;    /* NULL: a table */
    Progress progress;
    const char *log;
    double speedup;
    struct timespec begin;
    bool head;
} Show;

static void on_signal(int number)
{
    (void)number;
    covey_replay_interrupt(); /* NOLINT(bugprone-signal-handler): it sets a flag */
}

static void begun(void *context, const covey_replay_part *p)
{
    Show *s = context;
    clock_gettime(CLOCK_MONOTONIC, &s->begin);
    if (s->json) {
        json_object_set_new(s->json, "log", json_string(s->log));
        json_object_set_new(s->json, "part", json_pack("{s:I, s:I, s:s, s:s}", "after", (json_int_t)p->before, "requests", (json_int_t)p->requests, "from",
                                                      p->first_time, "to", p->last_time));
        json_object_set_new(s->json, "speedup", json_real(s->speedup));
        json_object_set_new(s->json, "seconds", json_real(p->seconds));
        json_object_set_new(s->json, "store_delay_is_simulated", json_boolean(p->store_is_simulated));
        return;
    }
    printf("%s: %zu requests after the first %zu, %s to %s, %g times as fast: %.0f s for each mode\n", s->log, p->requests, p->before, p->first_time,
           p->last_time, s->speedup, p->seconds);
    if (p->store_is_simulated) printf("SEEs are real; the delay of the resource store is SIMULATED\n");
}

static void progress(void *context, const char *mode, size_t ended, size_t requests)
{
    Show *s = context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    s->progress.task = mode;
    double wall = (double)(now.tv_sec - s->begin.tv_sec);
    progress_show(&s->progress, &(covey_progress){.micro_jobs = requests, .succeeded = ended, .wall_seconds = wall});
}

static void result_json(Show *s, const covey_replayed *f)
{
    json_t *latency = json_pack("{s:f, s:f, s:f}", "p50", f->p50_seconds, "p90", f->p90_seconds, "p99", f->p99_seconds);
    json_t *starts = json_pack("{s:I, s:I, s:I, s:I}", "cold", (json_int_t)f->cold, "warm", (json_int_t)f->warm, "staged", (json_int_t)f->staged, "late",
                               (json_int_t)f->late);
    json_t *staged = json_pack("{s:I, s:I, s:I, s:I, s:I}", "tasks", (json_int_t)f->staged_tasks, "used", (json_int_t)f->staged_used, "bytes",
                               (json_int_t)f->staged_bytes, "wasted_bytes", (json_int_t)f->wasted_bytes, "rate_max", (json_int_t)f->stage_rate);
    json_t *mode = json_pack("{s:s, s:I, s:I, s:o, s:f, s:f, s:o, s:o, s:f, s:f, s:f}", "mode", f->mode, "requests", (json_int_t)f->requests, "failed",
                             (json_int_t)f->failed, "latency_seconds", latency, "hit_rate", f->hit_rate, "waited_seconds", f->waited_seconds, "starts", starts,
                             "staged", staged, "held_bytes_mean", f->held_bytes_mean, "held_bytes_max", f->held_bytes_max, "wall_seconds", f->wall_seconds);
    if (f->saved_of_oracle >= 0 || f->saved_of_oracle < -1) json_object_set_new(mode, "saved_of_oracle", json_real(f->saved_of_oracle));
    json_array_append_new(s->modes, mode);
}

static void result(void *context, const covey_replayed *f)
{
    Show *s = context;
    progress_end(&s->progress);
    if (s->json) {
        result_json(s, f);
        return;
    }
    if (!s->head) printf("%-10s %8s %8s %8s %6s %6s %10s %8s %9s %9s %9s\n", "mode", "p50 ms", "p90 ms", "p99 ms", "hits", "late", "waited s", "saved",
                         "staged MB", "wasted MB", "held MB");
    s->head = true;
    char saved[16] = "-";
    if (f->saved_of_oracle != -1) snprintf(saved, sizeof saved, "%.0f %%", 100 * f->saved_of_oracle);
    printf("%-10s %8.2f %8.2f %8.2f %5.1f%% %5.1f%% %10.2f %8s %9.1f %9.1f %9.1f\n", f->mode, 1e3 * f->p50_seconds, 1e3 * f->p90_seconds, 1e3 * f->p99_seconds,
           100 * f->hit_rate, f->requests ? 100.0 * (double)f->late / (double)f->requests : 0, f->waited_seconds, saved,
           (double)f->staged_bytes / 1e6, (double)f->wasted_bytes / 1e6, f->held_bytes_mean / 1e6);
    if (f->stage_rate) printf("%-10s at most %llu bytes staged for each request\n", "", (unsigned long long)f->stage_rate);
    if (f->failed) printf("%-10s %llu requests failed\n", f->mode, (unsigned long long)f->failed);
}

static int run(const covey_replay_options *o, Show *s)
{
    covey *c = NULL;
    covey_error e;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    covey_code code = covey_open(NULL, &c, &e);
    progress_begin(&s->progress, "replay");
    if (!code) code = covey_replay(c, o, &e);
    progress_end(&s->progress);
    covey_close(c);
    if (!code && s->json) {
        json_dumpf(s->json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        putchar('\n');
    }
    json_decref(s->json);
    return code ? session_error(&e) : COVEY_OK;
}

int command_replay(int argc, char **argv)
{
    Show s = {0};
    unsigned from = 0, requests = 0;
    bool json = false;
    covey_replay_options o = {.speedup = 1, .context = &s, .begun = begun, .progress = progress, .result = result};
    const Option options[] = {
        {"log", 'l', OPTION_TEXT, &o.log, "FILE", "the recorded requests: an event log, CSV or XES, also gzip (needed)"},
        {"url", 0, OPTION_TEXT, &o.url, "URL", "where covey serve is; default http://127.0.0.1:8080"},
        {"stream", 's', OPTION_TEXT, &o.stream, "PATH", "its stream socket: covey serve --stream (needed)"},
        {"mode", 'm', OPTION_TEXT, &o.mode, "MODE", "off, histogram, lookahead, learned, oracle, or all (default)"},
        {"speedup", 0, OPTION_REAL, &o.speedup, "N", "so many times as fast as recorded; default 1"},
        {"from", 0, OPTION_NUMBER, &from, "N", "begin after N requests, from which orchestrators learn before"},
        {"requests", 'n', OPTION_NUMBER, &requests, "N", "replay so many; default: all"},
        {"model", 0, OPTION_TEXT, &o.checkpoint, "FILE", "a checkpoint of trained models, for learned"},
        {"memory", 0, OPTION_TEXT, &o.memory, "SIZE", "staging budget, if less than the service's"},
        {"stage-rate", 0, OPTION_TEXT, &o.stage_rate, "SIZE", "bytes staged for each request in the long run, at most"},
        {"equal-bytes", 0, OPTION_FLAG, &o.equal_bytes, NULL, "lookahead and learned may stage no more bytes than histogram did"},
        {"session-column", 0, OPTION_TEXT, &o.session_column, "NAME", "of a CSV log; default: by the usual names"},
        {"task-column", 0, OPTION_TEXT, &o.task_column, "NAME", "the same for the task"},
        {"time-column", 0, OPTION_TEXT, &o.time_column, "NAME", "the same for the time"},
        {"body", 0, OPTION_TEXT, &o.body, "TEXT", "the body of each request"},
        {"token-file", 0, OPTION_TEXT, &o.token_file, "FILE", "the service's token"},
        {"json", 0, OPTION_FLAG, &json, NULL, "one JSON object on standard output"},
    };
    const Usage usage = {
        .command = "replay", .usage = "covey replay SERVICE.yaml --log FILE --stream PATH [OPTION...]",
        .summary = "Asks a running service for what a log says, at its times, once for each mode of prefetching, and reports how long\n"
                   "clients waited, how much of what an oracle could save was saved, and what it cost: bytes staged and wasted.",
        .examples = "  covey serve service.yaml --stream s.sock &\n  covey replay service.yaml --stream s.sock --log log.csv --from 10000 --speedup 500\n",
        .options = options, .option_count = sizeof options / sizeof options[0], .positional_min = 1, .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    o.service_file = a.positional[0];
    if (!o.url) o.url = "http://127.0.0.1:8080";
    if (!o.log || !o.stream) {
        fprintf(stderr, "covey replay: %s is missing; see covey replay --help\n", o.log ? "--stream" : "--log");
        return COVEY_BAD_INPUT;
    }
    s.speedup = o.speedup;
    o.from = from;
    o.requests = requests;
    s.log = o.log;
    if (json) s.json = json_pack("{s:o}", "modes", s.modes = json_array());
    return run(&o, &s);
}
