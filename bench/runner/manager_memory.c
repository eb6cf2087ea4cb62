/* Figure manager-memory: the largest resident set of the process that runs manager and agent, over a million micro-jobs. */
#include <stdio.h>

#include "base/limits.h"
#include "bench/runner/program.h"
#include "bench/runner/task.h"

enum { SMALL_JOBS = 10000, JOBS = 1000000, LIMIT_MIB = 256 };

/* The program waits for no child but the warden, which is smaller, so the peak that wait4 reports is its own. */
static Err measure(const Bench *b, uint64_t jobs, Samples *s, double *ret_seconds, Diag *diag)
{
    char task[PATH_BYTES_MAX];
    TRY(task_write(b, "shared", jobs, task, sizeof task, diag));
    ProgramRun run;
    TRY(program_must_run((const char *const[]){b->covey, "run", task, "--quiet", NULL}, &run, NULL, diag));
    samples_add(s, (double)run.memory_peak / (double)MIB);
    *ret_seconds = run.seconds;
    return OK;
}

Err measure_manager_memory(const Bench *b, Figure *f, Diag *diag)
{
    Samples small = {.count = 0}, large = {.count = 0};
    double seconds;
    TRY(measure(b, SMALL_JOBS, &small, &seconds, diag));
    TRY(measure(b, JOBS, &large, &seconds, diag));
    double peak = samples_spread(&large).median;
    row_at_most(figure_add(f, "covey run, 1,000,000 micro-jobs", "MiB", samples_spread(&large), 0), peak, LIMIT_MIB, "MiB");
    figure_add(f, "covey run, 10,000 micro-jobs", "MiB", samples_spread(&small), samples_ratio(&large, &small));
    f->peer = 1;
    figure_note(f, "Largest resident set of manager and agent together (one process), level shared, no input; the million took %.1f s.", seconds);
    return OK;
}
