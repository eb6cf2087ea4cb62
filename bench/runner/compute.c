/* Figure compute: the kernels inside a SEE, beside gcc -O2 of the same source and node's V8 on the same module. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/runner/figure.h"
#include "bench/runner/program.h"
#include "bench/runner/zygote.h"
#include "sys/clock.h"

enum { ROUNDS = 5 };

static const char *const KERNELS[] = {
    "matmul", "nbody", "spectral_norm", "mandelbrot", "sha256", "sort", "csv_parse", "json_parse", "pointer_chase", "lz_compress",
    "edit_distance", "hash_table", "interpreter",
};
enum { KERNEL_COUNT = sizeof KERNELS / sizeof KERNELS[0] };

typedef struct { char native[PATH_BYTES_MAX], module[PATH_BYTES_MAX], image[PATH_BYTES_MAX], script[PATH_BYTES_MAX]; } Files;
typedef struct { Samples native, see, node; } Times;

static Err expect_same(const Buffer *got, const Buffer *want, const char *who, const char *kernel, Diag *diag)
{
    if (view_equal(view_buffer(got), view_buffer(want))) return OK;
    return FAIL_WHY(diag, ERR_CORRUPT, "kernel %s: %s gives another result than the native program", kernel, who);
}

static Err run_native(const Files *files, Samples *s, Buffer *output, Diag *diag)
{
    ProgramRun run;
    TRY(program_must_run((const char *const[]){files->native, NULL}, &run, output, diag));
    samples_add(s, run.seconds * 1e3);
    return OK;
}

static Err run_see(BenchZygote *z, Samples *s, Buffer *output, Diag *diag)
{
    uint64_t left = 1, done = 0, start = clock_monotonic_ns();
    TRY(bench_zygote_send(z, &left));
    TRY(bench_zygote_receive(z, &done, output, diag));
    samples_add(s, (double)(clock_monotonic_ns() - start) / 1e6);
    return OK;
}

/* Prints nanoseconds, a newline, and what the kernel printed. */
static Err run_node(const Files *files, Samples *s, Buffer *output, Diag *diag)
{
    AUTO_BUFFER all = buffer_limited(4096);
    ProgramRun run;
    TRY(program_must_run((const char *const[]){"node", files->script, files->module, NULL}, &run, &all, diag));
    const uint8_t *newline = memchr(all.data, '\n', all.size);
    if (!newline) return FAIL_WHY(diag, ERR_TOOL, "node printed no time");
    samples_add(s, strtod((const char *)all.data, NULL) / 1e6);
    return buffer_append(output, view_of(newline + 1, all.size - (size_t)(newline + 1 - all.data)));
}

static Err run_round(const Files *files, const char *kernel, BenchZygote *z, bool has_node, Times *t, Diag *diag)
{
    AUTO_BUFFER native = buffer_limited(4096), see = buffer_limited(4096), node = buffer_limited(4096);
    TRY(run_native(files, &t->native, &native, diag));
    TRY(run_see(z, &t->see, &see, diag));
    TRY(expect_same(&see, &native, "the SEE", kernel, diag));
    if (!has_node) return OK;
    TRY(run_node(files, &t->node, &node, diag));
    return expect_same(&node, &native, "node", kernel, diag);
}

static Err measure_kernel(const Bench *b, const char *kernel, bool has_node, Times *ret_times, Diag *diag)
{
    Files files;
    snprintf(files.native, sizeof files.native, "%s/kernels/%s", b->folder, kernel);
    snprintf(files.module, sizeof files.module, "%s/kernels/%s.wasm", b->folder, kernel);
    snprintf(files.image, sizeof files.image, "%s/kernels/%s.see", b->folder, kernel);
    snprintf(files.script, sizeof files.script, "%s/peers/kernel.mjs", b->folder);
    BenchZygote z;
    TRY(bench_zygote_open(&z, b->covey, files.image, LEVEL_PROCESS, 1, diag));
    Times times = {0};
    Err e = OK;
    for (int round = 0; round < ROUNDS && e.code == 0; round++) e = run_round(&files, kernel, &z, has_node, &times, diag);
    bench_zygote_close(&z);
    if (e.code == 0) *ret_times = times;
    return e;
}

/* e to the mean of logarithms: no kernel counts more for taking longer. */
static void add_mean(Figure *f, const double *see, const double *node, bool has_node)
{
    double see_sum = 0, node_sum = 0;
    for (int i = 0; i < KERNEL_COUNT; i++) {
        see_sum += log(see[i]);
        if (has_node) node_sum += log(node[i]);
    }
    Row *own = &f->rows[0];
    double mean = exp(see_sum / KERNEL_COUNT), other = exp(node_sum / KERNEL_COUNT);
    own->spread.median = mean;
    row_at_most(own, mean, 1.10, "times native");
    if (has_node) figure_add(f, "node's V8 on the same modules, geometric mean", "x native", (Spread){other, other, other}, mean / other);
}

Err measure_compute(const Bench *b, Figure *f, Diag *diag)
{
    bool has_node = program_exists("node");
    double see[KERNEL_COUNT], node[KERNEL_COUNT], low = INFINITY, high = 0;
    figure_add(f, "kernels inside a SEE, geometric mean", "x native", (Spread){0}, 0);
    figure_add(f, "native gcc -O2", "x native", (Spread){1, 1, 1}, 0);
    f->peer = 1;
    for (int i = 0; i < KERNEL_COUNT; i++) {
        Times t;
        TRY(measure_kernel(b, KERNELS[i], has_node, &t, diag));
        see[i] = samples_ratio(&t.see, &t.native);
        node[i] = has_node ? samples_ratio(&t.node, &t.native) : 0;
        low = fmin(low, see[i]);
        high = fmax(high, see[i]);
        char who[72];
        snprintf(who, sizeof who, "%s: SEE %.2f x native%s%.2f", KERNELS[i], see[i], has_node ? ", V8 " : "; no V8 ", node[i]);
        figure_add(f, who, "ms", samples_spread(&t.see), see[i]);
    }
    f->rows[0].spread = (Spread){0, low, high};
    add_mean(f, see, node, has_node);
    f->rows[1].ratio = f->rows[0].spread.median;
    figure_note(f, "Same C source: gcc -O2; clang -O2 for wasm32-wasi, then covey image build; the same module in V8. Results must be equal. Native and SEE "
                   "are timed from start to reaped, V8 is the second run in one process and without node's start. The spread of the first row is over "
                   "kernels, of the others over %d rounds. pointer_chase gains from 32-bit pointers.%s", ROUNDS, has_node ? "" : " node is not installed: skipped.");
    return OK;
}
