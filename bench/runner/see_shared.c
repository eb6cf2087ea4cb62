/* Figure see-shared: one micro-job at level `shared`, restore included, in one process that runs ten million of them. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "bench/runner/figure.h"
#include "bench/runner/zygote.h"
#include "see/slot.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/memfd.h"

enum { SLOTS = 4, ROUNDS = 20, JOBS_PER_ROUND = 500000, FLOOR_CALLS = 200000 };

/* The least that a slot costs when the SEE does not map it: read the ask, write the answer. */
static Err measure_floor(Samples *s)
{
    AUTO_FD fd = -1;
    TRY(memfd_fixed("bench", SLOT_DATA, &fd));
    SlotJob job = {0};
    uint64_t start = clock_monotonic_ns();
    for (int i = 0; i < FLOOR_CALLS; i++) {
        if (pread(fd, &job.ask, sizeof job.ask, SLOT_JOB_OFFSET(0)) != sizeof job.ask) return FAIL(errno);
        if (pwrite(fd, &job.answer, sizeof job.answer, SLOT_JOB_OFFSET(0) + sizeof job.ask) != sizeof job.answer) return FAIL(errno);
    }
    samples_add(s, (double)(clock_monotonic_ns() - start) / FLOOR_CALLS / 1e3);
    return OK;
}

static Err measure_rounds(BenchZygote *z, Samples *jobs, Samples *floors, Diag *diag)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = clock_monotonic_ns();
        TRY(bench_zygote_run(z, JOBS_PER_ROUND, diag));
        samples_add(jobs, (double)(clock_monotonic_ns() - start) / JOBS_PER_ROUND / 1e3);
        TRY(measure_floor(floors));
    }
    return OK;
}

static Spread part(const Samples *s, int first)
{
    Samples some = {.count = 0};
    for (int i = 0; i < ROUNDS / 5; i++) samples_add(&some, s->values[first + i]);
    return samples_spread(&some);
}

Err measure_see_shared(const Bench *b, Figure *f, Diag *diag)
{
    char image[PATH_BYTES_MAX];
    snprintf(image, sizeof image, "%s/noop.see", b->folder);
    BenchZygote z;
    TRY(bench_zygote_open(&z, b->covey, image, LEVEL_SHARED, SLOTS, diag));
    Samples jobs = {.count = 0}, floors = {.count = 0};
    Err e = bench_zygote_run(&z, 10000, diag);
    if (e.code == 0) e = measure_rounds(&z, &jobs, &floors, diag);
    bench_zygote_close(&z);
    if (e.code) return e;

    Spread all = samples_spread(&jobs), first = part(&jobs, 0), last = part(&jobs, ROUNDS - ROUNDS / 5);
    row_at_most(figure_add(f, "micro-job at shared, no-op module, restore included", "us", all, 0), all.median, 2, "us");
    figure_add(f, "pread of the ask and pwrite of the answer, alone", "us", samples_spread(&floors), samples_ratio(&jobs, &floors));
    f->peer = 1;
    figure_add(f, "the first 2 of 10 million in that process", "us", first, 0);
    row_at_most(figure_add(f, "the last 2 of 10 million", "us", last, 0), last.median / first.median, 1.1, "times the first");
    figure_note(f, "One process, %d slots of %d micro-jobs, %d million in all; the caller checks every answer on the other core.", SLOTS,
                (int)SLOT_JOBS_MAX, ROUNDS * JOBS_PER_ROUND / 1000000);
    return OK;
}
