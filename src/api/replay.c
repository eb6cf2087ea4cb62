/*
 * Replaying a recorded log on a running service, once for each mode: everything that is kept is closed first, an orchestrator of that mode is started
 * as a process of its own (it has learned from the log before the part that is replayed), then each request is asked at its time.
 */
#include "api/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/process.h"

enum { SETTLE_MS = 10000, ARGUMENTS_MAX = 32 };
static const char *const MODES[] = {"off", "histogram", "lookahead", "learned", "oracle"};
enum { MODE_COUNT = sizeof MODES / sizeof MODES[0] };

typedef struct { pid_t pid; int pid_fd; } Child;

/* What is kept from before is closed through the stream: each mode begins cold. */
static Err close_all(Replay *r, Diag *diag)
{
    StreamLink link;
    TRY(stream_link_open(r->options->stream, &link, diag));
    Err e = OK;
    for (uint32_t i = 0; i < r->service.task_count && !e.code; i++) {
        do e = stream_link_send(&link, &(StreamMessage){.type = STREAM_DROP, .task = i, .value = STREAM_DROP_WARM});
        while (e.code == ERR_BUSY && loop_turn(r->loop, 1).code == 0);
    }
    ReplayStatistics s = {.warm = 1};
    uint64_t until = clock_monotonic_ns() + SETTLE_MS * NS_PER_MS;
    while (!e.code && s.warm_bytes + s.warm > 0 && clock_monotonic_ns() < until) {
        e = loop_turn(r->loop, 20);
        if (!e.code) e = replay_statistics(r, &s, diag);
    }
    stream_link_close(&link);
    if (!e.code && s.warm) return FAIL_WHY(diag, ERR_BUSY, "%s: tasks are in use by others", r->options->url);
    return e;
}

static Err start_orchestrator(Replay *r, const char *mode, const char *program, const char *folder, Child *ret_child, Diag *diag)
{
    const covey_replay_options *o = r->options;
    char future[PATH_BYTES_MAX], state[PATH_BYTES_MAX], bin[32], before[32], speedup[32], rate[32], burst[32];
    TRY(path_format(future, "%s/future", folder));
    TRY(path_format(state, "%s/pto-%s", folder, mode));
    snprintf(bin, sizeof bin, "%lluus", (unsigned long long)(60e6 / o->speedup) + 1);
    snprintf(before, sizeof before, "%zu", r->before);
    snprintf(speedup, sizeof speedup, "%.3f", o->speedup);
    const char *argv[ARGUMENTS_MAX] = {program, "pto", "run", o->service_file, "--stream", o->stream, "--mode", mode, "--no-history", "--state", state,
                                       "--bin", bin, "--learn", o->log, "--learn-events", before, "--speedup", speedup};
    int n = 19;
    const struct { const char *name, *value; } MORE[] = {{"--session-column", o->session_column}, {"--task-column", o->task_column},
        {"--time-column", o->time_column}, {"--memory", o->memory}, {"--model", o->checkpoint}};
    for (size_t i = 0; i < sizeof MORE / sizeof MORE[0]; i++)
        if (MORE[i].value) argv[n++] = MORE[i].name, argv[n++] = MORE[i].value;
    snprintf(rate, sizeof rate, "%llu", (unsigned long long)r->stage_rate);
    snprintf(burst, sizeof burst, "%llu", (unsigned long long)r->stage_burst);
    if (r->stage_burst) argv[n++] = "--stage-burst", argv[n++] = burst;
    if (r->stage_rate) argv[n++] = "--stage-rate", argv[n++] = rate;
    if (strcmp(mode, "oracle") == 0) {
        TRY(replay_write_future(r, future, diag));
        argv[n++] = "--future";
        argv[n++] = future;
    }
    AUTO_FD null = -1;
    TRY(fd_open(AT_FDCWD, "/dev/null", O_RDWR, 0, &null));
    Err e = process_spawn(program, argv, null, &ret_child->pid, &ret_child->pid_fd);
    return e.code ? FAIL_WHY(diag, e.code, "%s: cannot be started", program) : OK;
}

/* It has learned and hears: then the service tells it so in its statistics. */
static Err wait_for_orchestrator(Replay *r, Diag *diag)
{
    for (uint64_t until = clock_monotonic_ns() + 6 * SETTLE_MS * NS_PER_MS; clock_monotonic_ns() < until;) {
        ReplayStatistics s;
        TRY(replay_statistics(r, &s, diag));
        if (s.orchestrators) return OK;
        TRY(loop_turn(r->loop, 20));
        if (atomic_load(r->interrupted)) return FAIL(ERR_INTERRUPTED);
    }
    return FAIL_WHY(diag, ERR_BUSY, "the orchestrator did not connect to %s", r->options->stream);
}

static void stop_orchestrator(Child *c)
{
    int status;
    if (c->pid_fd < 0) return;
    kill(c->pid, SIGTERM);
    Err e = process_wait(c->pid_fd, &status);
    (void)e;
    fd_close(&c->pid_fd);
}

static Err run_mode(Replay *r, const char *mode, const char *program, const char *folder, covey_replayed *ret_figures, Diag *diag)
{
    Child child = {.pid_fd = -1};
    ReplayStatistics before, after;
    TRY(close_all(r, diag));
    TRY(replay_statistics(r, &before, diag));
    Err e = strcmp(mode, "off") == 0 ? OK : start_orchestrator(r, mode, program, folder, &child, diag);
    if (!e.code && child.pid_fd >= 0) e = wait_for_orchestrator(r, diag);
    if (!e.code) e = replay_drive(r, mode, ret_figures, diag);
    if (!e.code) e = replay_statistics(r, &after, diag);
    stop_orchestrator(&child);
    if (e.code) return e;
    ret_figures->stage_rate = strcmp(mode, "off") == 0 ? 0 : r->stage_rate;
    ret_figures->staged_tasks = after.staged - before.staged;
    ret_figures->staged_used = after.used - before.used;
    ret_figures->staged_bytes = after.bytes - before.bytes;
    ret_figures->wasted_bytes = after.wasted_bytes - before.wasted_bytes;
    return OK;
}

/* Half of the bytes at once, half of them as requests come: never more together. The oracle shows what could be saved and has no limit. */
static void limit_to(Replay *r, uint64_t bytes)
{
    r->stage_burst = bytes > 1 ? bytes / 2 : 1;
    r->stage_rate = bytes / 2 / r->count ? bytes / 2 / r->count : 1;
}

static Err run_modes(Replay *r, const char *program, const char *folder, Diag *diag)
{
    const covey_replay_options *o = r->options;
    covey_replayed all[MODE_COUNT] = {{0}};
    const char *wish = o->mode ? o->mode : "all";
    bool every = strcmp(wish, "all") == 0;
    for (int i = 0; i < MODE_COUNT; i++) {
        if (!every && strcmp(wish, MODES[i]) != 0) continue;
        if (o->equal_bytes && strcmp(MODES[i], "oracle") == 0) r->stage_rate = r->stage_burst = 0;
        TRY(run_mode(r, MODES[i], program, folder, &all[i], diag));
        if (o->equal_bytes && strcmp(MODES[i], "histogram") == 0) limit_to(r, all[i].staged_bytes);
    }
    double most = all[0].waited_seconds - all[MODE_COUNT - 1].waited_seconds;
    for (int i = 0; i < MODE_COUNT; i++) {
        if (!all[i].mode) continue;
        all[i].saved_of_oracle = every && most > 0 ? (all[0].waited_seconds - all[i].waited_seconds) / most : -1;
        if (o->result) o->result(o->context, &all[i]);
    }
    return OK;
}

static Err read_token(Replay *r, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(sizeof r->token - 1);
    if (!r->options->token_file) return OK;
    Err e = file_read(AT_FDCWD, r->options->token_file, &text);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: %s", r->options->token_file, err_text(e.code));
    memcpy(r->token, text.data, text.size);
    r->token[strcspn(r->token, "\r\n")] = '\0';
    return OK;
}

/* Before anything is read or closed for it. */
static Err check_mode(const char *wish, Diag *diag)
{
    for (int i = 0; wish && i < MODE_COUNT; i++)
        if (strcmp(wish, MODES[i]) == 0) return OK;
    if (!wish || strcmp(wish, "all") == 0) return OK;
    return FAIL_WHY(diag, ERR_USAGE, "%s: no mode; there are off, histogram, lookahead, learned, oracle and all", wish);
}

static Err replay_open(Replay *r, Diag *diag)
{
    const covey_replay_options *o = r->options;
    if (!o->log || !o->url || !o->service_file || !o->stream) return FAIL_WHY(diag, ERR_USAGE, "a service file, a log, a URL and a stream socket are needed");
    if (!(o->speedup > 0 && o->speedup <= 1e9)) return FAIL_WHY(diag, ERR_USAGE, "the speed-up must be above 0 and at most 1000000000");
    TRY(check_mode(o->mode, diag));
    if (o->equal_bytes && o->mode && strcmp(o->mode, "all") != 0) return FAIL_WHY(diag, ERR_USAGE, "equal bytes are those of histogram: mode all is needed");
    if (o->stage_rate && (!size_parse(o->stage_rate, &r->stage_rate) || !r->stage_rate))
        return FAIL_WHY(diag, ERR_USAGE, "%s: no size above 0, such as 512KiB", o->stage_rate);
    TRY(service_load(o->service_file, &r->service, diag));
    char url[512];
    snprintf(url, sizeof url, "%s/v1/services/%s", o->url, r->service.name);
    TRY(http_target(url, &r->target, diag));
    TRY(read_token(r, diag));
    r->body = buffer_limited(MIB);
    TRY(buffer_append(&r->body, view_text(o->body ? o->body : "replay\n")));
    TRY(replay_read(r, diag));
    TRY_WHY(diag, loop_new(&r->loop), "event loop");
    ReplayStatistics s;
    TRY(replay_statistics(r, &s, diag));
    if (!o->begun) return OK;
    const covey_replay_part part = {.requests = r->count, .before = r->before, .first_time = r->first_time, .last_time = r->last_time,
                                    .seconds = (double)r->requests[r->count - 1].at_ns / 1e9, .store_is_simulated = s.simulated};
    o->begun(o->context, &part);
    return OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static atomic_bool interrupted;

void covey_replay_interrupt(void) { atomic_store(&interrupted, true); }

covey_code covey_replay(covey *c, const covey_replay_options *options, covey_error *error)
{
    Diag diag = {{0}};
    Replay r = {.options = options, .interrupted = &interrupted};
    char program[PATH_BYTES_MAX], folder[] = "/tmp/covey-replay-XXXXXX";
    atomic_store(&interrupted, false);
    Err e = program_find(c->program, program, &diag);
    if (!e.code) e = replay_open(&r, &diag);
    bool made = !e.code && mkdtemp(folder);
    if (!e.code && !made) e = FAIL(errno);
    if (!e.code) e = run_modes(&r, program, folder, &diag);
    if (made) nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    replay_free(&r);
    return api_result(e, &diag, error);
}
