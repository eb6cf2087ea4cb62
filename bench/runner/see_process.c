/* Figure see-process: what one SEE costs at level `process`, from its start until it is reaped, with nothing to compute. */
#include <stdio.h>

#include "bench/runner/figure.h"
#include "bench/runner/program.h"
#include "bench/runner/zygote.h"
#include "sys/clock.h"

enum { ROUNDS = 9, SEES = 1000, FORKS = 1000, SPAWNS = 100, SANDBOXES = 20, SLOTS = 16 };

typedef struct { Samples see, fork, spawn, sandbox; char fork_path[PATH_BYTES_MAX], noop_path[PATH_BYTES_MAX]; bool has_sandbox; } Contest;

static Err measure_sees(BenchZygote *z, Samples *s, Diag *diag)
{
    uint64_t start = clock_monotonic_ns();
    TRY(bench_zygote_run(z, SEES, diag));
    samples_add(s, (double)(clock_monotonic_ns() - start) / SEES / 1e3);
    return OK;
}

static Err measure_forks(const Contest *c, uint64_t pages, Samples *s, Diag *diag)
{
    char count[16], size[24];
    snprintf(count, sizeof count, "%d", FORKS);
    snprintf(size, sizeof size, "%llu", (unsigned long long)pages);
    double ns;
    TRY(program_number((const char *const[]){c->fork_path, count, size, NULL}, &ns, diag));
    samples_add(s, ns / 1e3);
    return OK;
}

/* The mean of `count` runs, one after another. */
static Err measure_programs(const char *const *argv, int count, Samples *s, Diag *diag)
{
    double seconds = 0;
    for (int i = 0; i < count; i++) {
        ProgramRun run;
        TRY(program_must_run(argv, &run, NULL, diag));
        seconds += run.seconds;
    }
    samples_add(s, seconds / count * 1e6);
    return OK;
}

static Err measure_round(Contest *c, BenchZygote *z, Diag *diag)
{
    TRY(measure_sees(z, &c->see, diag));
    TRY(measure_forks(c, z->resident_pages, &c->fork, diag));
    TRY(measure_programs((const char *const[]){c->noop_path, NULL}, SPAWNS, &c->spawn, diag));
    if (!c->has_sandbox) return OK;
    const char *const bwrap[] = {"bwrap", "--unshare-all", "--ro-bind", c->noop_path, "/noop", "/noop", NULL};
    return measure_programs(bwrap, SANDBOXES, &c->sandbox, diag);
}

static void report(const Contest *c, uint64_t pages, Figure *f)
{
    figure_add(f, "SEE at process, no-op module, start to reaped", "us", samples_spread(&c->see), 0);
    double fork = samples_ratio(&c->see, &c->fork), spawn = samples_ratio(&c->see, &c->spawn);
    char who[72];
    snprintf(who, sizeof who, "fork, _exit, wait of a static process with %llu own pages", (unsigned long long)pages);
    row_at_most(figure_add(f, who, "us", samples_spread(&c->fork), fork), fork, 1.5, "times it");
    row_at_most(figure_add(f, "posix_spawn of a static no-op", "us", samples_spread(&c->spawn), spawn), spawn, 1.0 / 2, "of it");
    f->peer = 1;
    if (c->has_sandbox) {
        double sandbox = samples_ratio(&c->see, &c->sandbox);
        row_at_most(figure_add(f, "bwrap --unshare-all of it", "us", samples_spread(&c->sandbox), sandbox), sandbox, 1.0 / 15, "of it");
    } else {
        figure_note(f, "bwrap is not installed: skipped. ");
    }
    figure_note(f, "One zygote behind the warden's walls, %d slots, %d SEEs a round, one after another; the caller checks each answer and wipes each "
                   "slot on the other core meanwhile. The floor forks as many own pages as the zygote has.", SLOTS, SEES);
}

Err measure_see_process(const Bench *b, Figure *f, Diag *diag)
{
    Contest c = {.has_sandbox = program_exists("bwrap")};
    char image[PATH_BYTES_MAX];
    snprintf(image, sizeof image, "%s/noop.see", b->folder);
    snprintf(c.fork_path, sizeof c.fork_path, "%s/floors/fork", b->folder);
    snprintf(c.noop_path, sizeof c.noop_path, "%s/floors/noop", b->folder);

    BenchZygote z;
    TRY(bench_zygote_open(&z, b->covey, image, LEVEL_PROCESS, SLOTS, diag));
    Err e = bench_zygote_run(&z, SEES, diag);
    for (int round = 0; round < ROUNDS && e.code == 0; round++) e = measure_round(&c, &z, diag);
    bench_zygote_close(&z);
    if (e.code == 0) report(&c, z.resident_pages, f);
    return e;
}
