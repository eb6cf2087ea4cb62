/*
 * Figure run-sealed: a task over sealed data, attested, beside the same task over the same data in the open: the same segments,
 * the same program, results
 * that open to the same bytes. The broker is the one inside `covey run`.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "bench/runner/program.h"
#include "bench/runner/task.h"
#include "sys/fd.h"

enum { ROUNDS = 7, RECORD_BYTES = 65536 }; /* both sizes of segment are whole records */
typedef struct { const char *name, *target; double floor; Samples sealed, open, sealed_processor, open_processor; double bytes; } Size;
typedef struct { char input[PATH_BYTES_MAX], policy[PATH_BYTES_MAX], image[PATH_BYTES_MAX], opened[PATH_BYTES_MAX]; } Place;

/* The user's own key may have signed the image, and opens the results. */
static Err write_policy(const Bench *b, const char *path, Diag *diag)
{
    AUTO_BUFFER signing = buffer_limited(4096), sealing = buffer_limited(4096), text = buffer_limited(8192);
    ProgramRun run;
    TRY(program_must_run((const char *const[]){b->covey, "key", "show", NULL}, &run, &signing, diag));
    TRY(program_must_run((const char *const[]){b->covey, "key", "show", "--sealing", NULL}, &run, &sealing, diag));
    TRY(buffer_format(&text, "policy: bench\nsigners: [%.*s]\nrecipients: [%.*s]\nevidence: [node-key]\n", (int)signing.size - 1, (const char *)signing.data,
                      (int)sealing.size - 1, (const char *)sealing.data));
    TRY_WHY(diag, file_replace(AT_FDCWD, path, view_buffer(&text), 0600), "%s", path);
    return OK;
}

static Err write_task(const Bench *b, const Size *s, const char *input, const char *kind, const char *split, char *ret_path, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(TASK_FILE_BYTES_MAX);
    TRY(buffer_format(&text, "task: bench-%s-%s\nimage: %s/digest.see\ninput: {path: %s%s}\ncombine: concat\n", kind, s->name, b->folder, input, split));
    TRY(buffer_format(&text, "security: {level: process, lifetime: 60s, memory: 16MiB}\noutput: output-%s-%s\n", kind, s->name));
    snprintf(ret_path, PATH_BYTES_MAX, "%s/%s-%s.yaml", b->work, kind, s->name);
    TRY_WHY(diag, file_replace(AT_FDCWD, ret_path, view_buffer(&text), 0600), "%s", ret_path);
    return OK;
}

static Err rate(const Bench *b, const char *task, double bytes, Samples *s, Samples *processor, Diag *diag)
{
    ProgramRun run;
    TRY(program_must_run((const char *const[]){b->covey, "run", task, "--quiet", NULL}, &run, NULL, diag));
    samples_add(s, bytes / MIB / run.seconds);
    samples_add(processor, bytes / MIB / run.processor);
    return OK;
}

static Err compare(const Bench *b, const Size *s, const Place *p, Diag *diag)
{
    char sealed[PATH_BYTES_MAX + 64], open[PATH_BYTES_MAX + 64];
    ProgramRun run;
    snprintf(sealed, sizeof sealed, "%s/output-sealed-%s", b->work, s->name);
    snprintf(open, sizeof open, "%s/output-open-%s", b->work, s->name);
    TRY(program_must_run((const char *const[]){b->covey, "unseal", sealed, "-o", p->opened, NULL}, &run, NULL, diag));
    return task_compare(p->opened, open, diag);
}

static Err measure_size(const Bench *b, const Place *p, Size *s, Diag *diag)
{
    char by[32], split[96], sealed_file[PATH_BYTES_MAX + 64], name[64], sealed[PATH_BYTES_MAX], open[PATH_BYTES_MAX];
    ProgramRun run;
    snprintf(by, sizeof by, "fixed:%d", RECORD_BYTES);
    snprintf(name, sizeof name, "segments-%s.sealed", s->name);
    snprintf(split, sizeof split, ", split: {by: fixed, size: %d, target: %s}", RECORD_BYTES, s->target);
    snprintf(sealed_file, sizeof sealed_file, "%s/%s", b->work, name);
    TRY(program_must_run(
        (const char *const[]){b->covey, "seal", p->input, "-o", sealed_file, "-p", p->policy, "-b", by, "-t", s->target, NULL},
        &run, NULL, diag));
    TRY(write_task(b, s, name, "sealed", "", sealed, diag));
    TRY(write_task(b, s, "segments.bin", "open", split, open, diag));
    for (int round = 0; round < ROUNDS; round++) {
        TRY(rate(b, open, s->bytes, &s->open, &s->open_processor, diag));
        TRY(rate(b, sealed, s->bytes, &s->sealed, &s->sealed_processor, diag));
        TRY(compare(b, s, p, diag));
    }
    return OK;
}

static void report(const Size *s, Figure *f)
{
    char who[72];
    double ratio = samples_ratio(&s->sealed, &s->open);
    snprintf(who, sizeof who, "sealed and attested, segments of %s", s->target);
    figure_add(f, who, "MiB/s", samples_spread(&s->sealed), 0);
    snprintf(who, sizeof who, "the same in the open, segments of %s", s->target);
    row_at_least(figure_add(f, who, "MiB/s", samples_spread(&s->open), ratio), ratio, s->floor, "of it");
}

Err measure_run_sealed(const Bench *b, Figure *f, Diag *diag)
{
    Place p;
    const double bytes = (double)TASK_JOBS * 4096;
    Size sizes[] = {{.name = "64k", .target = "64KiB", .floor = 0.7, .bytes = bytes}, {.name = "1m", .target = "1MiB", .floor = 0.9, .bytes = bytes}};
    TRY(task_input(b, p.input, sizeof p.input, diag));
    snprintf(p.policy, sizeof p.policy, "%s/policy.yaml", b->work);
    snprintf(p.opened, sizeof p.opened, "%s/opened", b->work);
    TRY(write_policy(b, p.policy, diag));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        TRY(measure_size(b, &p, &sizes[i], diag));
        report(&sizes[i], f);
    }
    f->peer = 1;
    figure_note(f, "Whole commands over %.0f MiB (FNV-1a of each segment), start, attestation and the signed result file included, input in the page cache, all on %u "
                   "cores. By processor time, which other load on the machine moves less, the ratios are %.2f and %.2f.",
                bytes / MIB, b->cores, samples_ratio(&sizes[0].sealed_processor, &sizes[0].open_processor),
                samples_ratio(&sizes[1].sealed_processor, &sizes[1].open_processor));
    return OK;
}
