/* Figure see-shared: one micro-job at level `shared`, restore included, in one process that runs ten million of them. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "bench/runner/figure.h"
#include "bench/runner/zygote.h"
#include "see/slot.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/memfd.h"

enum { SLOTS = 4, ROUNDS = 20, JOBS_PER_ROUND = 500000, FLOOR_CALLS = 200000 };

static uint64_t processor_ns(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* The least that a slot costs when the SEE does not map it: read the ask, write the answer. */
static Err measure_floor(Samples *s)
{
    AUTO_FD fd = -1;
    TRY(memfd_fixed("bench", SLOT_DATA, &fd));
    SlotJob job = {0};
    uint64_t start = processor_ns();
    for (int i = 0; i < FLOOR_CALLS; i++) {
        if (pread(fd, &job.ask, sizeof job.ask, SLOT_JOB_OFFSET(0)) != sizeof job.ask) return FAIL(errno);
        if (pwrite(fd, &job.answer, sizeof job.answer, SLOT_JOB_OFFSET(0) + sizeof job.ask) != sizeof job.answer) return FAIL(errno);
    }
    samples_add(s, (double)(processor_ns() - start) / FLOOR_CALLS / 1e3);
    return OK;
}

typedef struct { Samples wall, processor, floor; } Times;

static Err measure_rounds(BenchZygote *z, Times *t, Diag *diag)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = clock_monotonic_ns(), processor = bench_zygote_child_cpu_ns(z);
        TRY(bench_zygote_run(z, JOBS_PER_ROUND, diag));
        samples_add(&t->wall, (double)(clock_monotonic_ns() - start) / JOBS_PER_ROUND / 1e3);
        samples_add(&t->processor, (double)(bench_zygote_child_cpu_ns(z) - processor) / JOBS_PER_ROUND / 1e3);
        TRY(measure_floor(&t->floor));
    }
    return OK;
}

/* Covey over the floor in a fifth of the rounds: what else the machine does moves both. */
static double part_ratio(const Times *t, int first)
{
    Samples job = {.count = 0}, floor = {.count = 0};
    for (int i = first; i < first + ROUNDS / 5; i++) {
        samples_add(&job, t->processor.values[i]);
        samples_add(&floor, t->floor.values[i]);
    }
    return samples_ratio(&job, &floor);
}

Err measure_see_shared(const Bench *b, Figure *f, Diag *diag)
{
    char image[PATH_BYTES_MAX];
    snprintf(image, sizeof image, "%s/noop.see", b->folder);
    BenchZygote z;
    TRY(bench_zygote_open(&z, b->covey, image, LEVEL_SHARED, SLOTS, diag));
    Times t = {0};
    Err e = bench_zygote_run(&z, 10000, diag);
    if (e.code == 0) e = measure_rounds(&z, &t, diag);
    bench_zygote_close(&z);
    if (e.code) return e;

    Spread inside = samples_spread(&t.processor);
    double first = part_ratio(&t, 0), last = part_ratio(&t, ROUNDS - ROUNDS / 5);
    row_at_most(figure_add(f, "micro-job at shared, no-op module, inside the SEE process", "us", inside, 0), inside.median, 2, "us");
    figure_add(f, "pread of the ask and pwrite of the answer, alone", "us", samples_spread(&t.floor), samples_ratio(&t.processor, &t.floor));
    f->peer = 1;
    figure_add(f, "the same as seen by who sends it: wall time, channel included", "us", samples_spread(&t.wall), 0);
    figure_add(f, "first 2 of 10 million in that process", "x floor", (Spread){first, first, first}, 0);
    row_at_most(figure_add(f, "last 2 of 10 million", "x floor", (Spread){last, last, last}, 0), last / first, 1.1, "times the first");
    figure_note(f, "Restore included. One process, %d slots of %d micro-jobs, %d million in all; the caller checks every answer on the other core. "
                   "Inside: processor time of that process; its waiting for the caller is in the wall time.", SLOTS,
                (int)SLOT_JOBS_MAX, ROUNDS * JOBS_PER_ROUND / 1000000);
    return OK;
}
