/* Figure run-bus: micro-jobs of 4 KiB through a NATS server to a node on this machine, beside the same without; and what a lost node costs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "bench/runner/program.h"
#include "bench/runner/task.h"
#include "sys/fd.h"

enum { BUS_ROUNDS = 5, LOST_ROUNDS = 3 };
#define LEASE_S 2.0         /* as in peers/fleet */

typedef struct {
    char fleet[PATH_BYTES_MAX], folder[PATH_BYTES_MAX], task[PATH_BYTES_MAX], output[PATH_BYTES_MAX];
    char kept[PATH_BYTES_MAX + 8], url[128];
} Place;
typedef struct { Samples plain, bus; } Rates;

static Err rate(const char *const *argv, Samples *ret_rate, Diag *diag)
{
    ProgramRun run;
    TRY(program_must_run(argv, &run, NULL, diag));
    samples_add(ret_rate, TASK_JOBS / run.seconds);
    return OK;
}

static Err measure_round(const Bench *b, const Place *p, Rates *r, Diag *diag)
{
    TRY(rate((const char *const[]){b->covey, "run", p->task, "--quiet", NULL}, &r->plain, diag));
    if (rename(p->output, p->kept) < 0) return FAIL_WHY(diag, errno, "%s: %s", p->output, err_text(errno));
    TRY(rate((const char *const[]){b->covey, "run", p->task, "--bus", p->url, "--quiet", NULL}, &r->bus, diag));
    return task_compare(p->output, p->kept, diag);
}

static Err start_fleet(const Bench *b, Place *p, Diag *diag)
{
    AUTO_BUFFER url = buffer_limited(sizeof p->url - 1);
    char cores[16];
    ProgramRun run;
    snprintf(cores, sizeof cores, "%u", b->cores);
    TRY(program_must_run((const char *const[]){p->fleet, "start", b->covey, p->folder, cores, "1", NULL}, &run, &url, diag));
    snprintf(p->url, sizeof p->url, "%.*s", (int)url.size, (const char *)url.data);
    return OK;
}

static Err read_share(const Place *p, Samples *ret_share, Diag *diag)
{
    char path[PATH_BYTES_MAX + 8];
    AUTO_BUFFER text = buffer_limited(64);
    snprintf(path, sizeof path, "%s/share", p->folder);
    TRY_WHY(diag, file_read(AT_FDCWD, path, &text), "%s", path);
    TRY(buffer_put_u8(&text, 0));
    samples_add(ret_share, strtod((const char *)text.data, NULL));
    return OK;
}

static Err measure_lost(const Bench *b, const Place *p, Figure *f, Diag *diag)
{
    Samples took = {0}, share = {0};
    for (int round = 0; round < LOST_ROUNDS; round++) {
        double seconds;
        TRY(program_number((const char *const[]){p->fleet, "lost", b->covey, p->folder, p->task, NULL}, &seconds, diag));
        TRY(read_share(p, &share, diag));
        samples_add(&took, seconds);
    }
    const Spread until = samples_spread(&took), part = samples_spread(&share);
    Row *row = figure_add(f, "one of two nodes killed: until the other has its micro-jobs", "s", until, 0);
    row_at_most(row, until.median, LEASE_S, "s, its lease");
    row_at_least(figure_add(f, "how long the other takes alone, of how long it took then", "x", part, 0), part.median, 0.9, "of it");
    return OK;
}

static Err measure(const Bench *b, Place *p, Rates *r, Diag *diag)
{
    TRY(start_fleet(b, p, diag));
    Err e = OK;
    for (int round = 0; !e.code && round < BUS_ROUNDS; round++) e = measure_round(b, p, r, diag);
    ProgramRun run;
    Err stopped = program_must_run((const char *const[]){p->fleet, "stop", p->folder, NULL}, &run, NULL, diag);
    return e.code ? e : stopped;
}

Err measure_run_bus(const Bench *b, Figure *f, Diag *diag)
{
    Place p;
    Rates r = {0};
    char input[PATH_BYTES_MAX], who[72];
    if (!program_exists("nats-server")) return FAIL_WHY(diag, ERR_NO_ENTRY, "nats-server is not installed (Debian: nats-server)");
    TRY(task_input(b, input, sizeof input, diag));
    TRY(task_write(b, "process", 0, p.task, sizeof p.task, diag));
    snprintf(p.output, sizeof p.output, "%s/output-process", b->work);
    snprintf(p.kept, sizeof p.kept, "%s-here", p.output);
    snprintf(p.fleet, sizeof p.fleet, "%s/peers/fleet", b->folder);
    snprintf(p.folder, sizeof p.folder, "%s/fleet", b->work);
    TRY(measure(b, &p, &r, diag));
    snprintf(who, sizeof who, "covey run --bus, %d micro-jobs of 4 KiB at process", TASK_JOBS);
    figure_add(f, who, "jobs/s", samples_spread(&r.bus), 0);
    f->peer = 1;
    const double ratio = samples_ratio(&r.bus, &r.plain);
    row_at_least(figure_add(f, "covey run, the same without a bus", "jobs/s", samples_spread(&r.plain), ratio), ratio, 0.7, "of it");
    TRY(measure_lost(b, &p, f, diag));
    figure_note(f, "Whole commands; server, manager and one node on %u cores, segments in messages, streams in files, "
                   "GOGC=400 as docs/cluster.md says. Outputs must be equal. A lost node: two nodes of "
                   "one core, kill -9 as soon as both work, lease 2 s.", b->cores);
    return OK;
}
