/* Figures run-process and run-shared: 100,000 micro-jobs of 4 KiB through the whole command, beside doing the same jobs by other means. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "bench/runner/program.h"
#include "bench/runner/task.h"

enum { PROCESS_ROUNDS = 5, SHARED_ROUNDS = 7, XARGS_JOBS = 3000, PARALLEL_JOBS = 300, POOL_JOBS = 20000 };

typedef struct {
    char input[PATH_BYTES_MAX], task[PATH_BYTES_MAX], output[PATH_BYTES_MAX], expected[PATH_BYTES_MAX], jobs[PATH_BYTES_MAX];
    char segment[PATH_BYTES_MAX], pool[PATH_BYTES_MAX], cores[16];
} Place;

/* Jobs per second; and, where what a job is made of is worth saying, its processor time in microseconds. */
typedef struct { Samples covey, calls, forks, xargs, parallel, pool, covey_cost, forks_cost, calls_cost; } Rates;

/* A whole command. `ret_cost` may be NULL. */
static Err rate(const char *const *argv, double jobs, Samples *ret_rate, Samples *ret_cost, Diag *diag)
{
    ProgramRun run;
    TRY(program_must_run(argv, &run, NULL, diag));
    samples_add(ret_rate, jobs / run.seconds);
    if (ret_cost) samples_add(ret_cost, run.processor / jobs * 1e6);
    return OK;
}

/* Tools that start a program for each job are slow: fewer jobs, and the rate. `seq` feeds them through the shell. */
static Err rate_shell(const Place *p, const char *tool, int jobs, Samples *s, Diag *diag)
{
    AUTO_BUFFER command = buffer_limited(4 * PATH_BYTES_MAX);
    TRY(buffer_format(&command, "seq 0 %d | %s '%s' '%s' >/dev/null", jobs - 1, tool, p->segment, p->input));
    TRY(buffer_put_u8(&command, 0));
    return rate((const char *const[]){"sh", "-c", (const char *)command.data, NULL}, jobs, s, NULL, diag);
}

static Err rate_peers(const Bench *b, const Place *p, Rates *r, Diag *diag)
{
    char xargs[64], parallel[96], jobs[16];
    snprintf(xargs, sizeof xargs, "xargs -P%u -n1", b->cores);
    snprintf(parallel, sizeof parallel, "parallel --will-cite -j%u", b->cores);
    snprintf(jobs, sizeof jobs, "%d", POOL_JOBS);
    TRY(rate_shell(p, xargs, XARGS_JOBS, &r->xargs, diag));
    if (program_exists("parallel")) TRY(rate_shell(p, parallel, PARALLEL_JOBS, &r->parallel, diag));
    if (!program_exists("python3")) return OK;
    double per_second;
    TRY(program_number((const char *const[]){"python3", p->pool, p->input, jobs, p->cores, NULL}, &per_second, diag));
    samples_add(&r->pool, per_second);
    return OK;
}

static Err measure_round(const Bench *b, const Place *p, bool forks, Rates *r, Diag *diag)
{
    TRY(rate((const char *const[]){p->jobs, "calls", p->input, p->expected, p->cores, NULL}, TASK_JOBS, &r->calls, &r->calls_cost, diag));
    TRY(rate((const char *const[]){b->covey, "run", p->task, "--quiet", NULL}, TASK_JOBS, &r->covey, &r->covey_cost, diag));
    TRY(task_compare(p->output, p->expected, diag));
    if (!forks) return OK;
    char other[PATH_BYTES_MAX + 8];
    snprintf(other, sizeof other, "%s-forks", p->expected);
    TRY(rate((const char *const[]){p->jobs, "forks", p->input, other, p->cores, NULL}, TASK_JOBS, &r->forks, &r->forks_cost, diag));
    return task_compare(other, p->expected, diag);
}

static Err prepare(const Bench *b, const char *level, Place *p, Diag *diag)
{
    TRY(task_input(b, p->input, sizeof p->input, diag));
    TRY(task_write(b, level, 0, p->task, sizeof p->task, diag));
    snprintf(p->output, sizeof p->output, "%s/output-%s", b->work, level);
    snprintf(p->expected, sizeof p->expected, "%s/expected", b->work);
    snprintf(p->jobs, sizeof p->jobs, "%s/floors/jobs", b->folder);
    snprintf(p->segment, sizeof p->segment, "%s/floors/segment", b->folder);
    snprintf(p->pool, sizeof p->pool, "%s/peers/pool.py", b->folder);
    snprintf(p->cores, sizeof p->cores, "%u", b->cores);
    return OK;
}

static void add_peer(Figure *f, const char *who, const Samples *peer, const Samples *covey)
{
    if (peer->count == 0) {
        figure_note(f, "%s: not installed, skipped. ", who);
        return;
    }
    Spread spread = samples_spread(peer);
    figure_add(f, who, "jobs/s", spread, samples_spread(covey).median / spread.median);
}

static Err measure(const Bench *b, const char *level, bool process, Figure *f, Rates *r, Diag *diag)
{
    Place p;
    TRY(prepare(b, level, &p, diag));
    for (int round = 0; round < (process ? PROCESS_ROUNDS : SHARED_ROUNDS); round++) {
        TRY(measure_round(b, &p, process, r, diag));
        if (process && round == 0) TRY(rate_peers(b, &p, r, diag));
    }
    char who[72];
    snprintf(who, sizeof who, "covey run, %d micro-jobs of 4 KiB at %s", TASK_JOBS, level);
    figure_add(f, who, "jobs/s", samples_spread(&r->covey), 0);
    f->peer = 1;
    return OK;
}

Err measure_run_process(const Bench *b, Figure *f, Diag *diag)
{
    Rates r = {0};
    TRY(measure(b, "process", true, f, &r, diag));
    double ratio = samples_ratio(&r.covey, &r.forks);
    row_at_least(figure_add(f, "a bare fork per job, answer through a pipe", "jobs/s", samples_spread(&r.forks), ratio), ratio, 0.7, "of it");
    figure_add(f, "plain C calls", "jobs/s", samples_spread(&r.calls), samples_ratio(&r.covey, &r.calls));
    add_peer(f, "xargs", &r.xargs, &r.covey);
    add_peer(f, "GNU parallel", &r.parallel, &r.covey);
    add_peer(f, "Python ProcessPoolExecutor (processes kept)", &r.pool, &r.covey);
    figure_note(f, "Whole commands, input in the page cache, all on %u cores; xargs and parallel over %d and %d jobs, once. Covey's output must equal that of "
                   "the plain calls. Processor time of a micro-job, everything included: Covey %.0f us, bare forks %.0f us.", b->cores, XARGS_JOBS,
                PARALLEL_JOBS, samples_spread(&r.covey_cost).median, samples_spread(&r.forks_cost).median);
    return OK;
}

Err measure_run_shared(const Bench *b, Figure *f, Diag *diag)
{
    Rates r = {0};
    TRY(measure(b, "shared", false, f, &r, diag));
    double ratio = samples_ratio(&r.covey, &r.calls), rate_median = f->rows[0].spread.median;
    Row *calls = figure_add(f, "plain C calls", "jobs/s", samples_spread(&r.calls), ratio);
    if (rate_median >= 150000) row_at_least(&f->rows[0], rate_median, 150000, "jobs/s");
    else row_at_least(calls, ratio, 0.4, "of it (or 150000 jobs/s)");
    figure_note(f, "Whole commands, input in the page cache, all on %u cores. Covey's output must equal that of the plain calls. "
                   "Processor time of a micro-job, everything included: Covey %.1f us, plain calls %.1f us.", b->cores,
                samples_spread(&r.covey_cost).median, samples_spread(&r.calls_cost).median);
    return OK;
}
