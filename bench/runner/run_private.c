/*
 * Figure run-private: a private task of a thousand micro-jobs beside the same task over the same sealed segments without privacy: the same module,
 * whose numbers are combined by the built-in image with noise, or by a module without. And a sum over records by the built-in image.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "bench/runner/program.h"
#include "bench/runner/task.h"
#include "sys/fd.h"

enum { ROUNDS = 7, SEGMENTS = 1000, PEOPLE = 5000, RECORDS = 400000 };
#define OVERHEAD_MAX 1.3

typedef struct { const char *name, *input, *work; Samples seconds; } Kind;

static Err write_file(const Bench *b, const char *name, View text, Diag *diag)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/%s", b->work, name);
    TRY_WHY(diag, file_replace(AT_FDCWD, path, text, 0600), "%s", path);
    return OK;
}

static Err write_input(const Bench *b, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(64 * MIB);
    TRY(buffer_append(&text, VIEW("id,amount\n")));
    for (int i = 0; i < RECORDS; i++) TRY(buffer_format(&text, "%d,%d\n", i % PEOPLE, i % 100));
    return write_file(b, "people.csv", view_buffer(&text), diag);
}

/* The user's own key may have signed the images, and opens the results. */
static Err write_policy(const Bench *b, const char *name, const char *budget, Diag *diag)
{
    AUTO_BUFFER signing = buffer_limited(4096), sealing = buffer_limited(4096), text = buffer_limited(8192);
    ProgramRun run;
    TRY(program_must_run((const char *const[]){b->covey, "key", "show", NULL}, &run, &signing, diag));
    TRY(program_must_run((const char *const[]){b->covey, "key", "show", "--sealing", NULL}, &run, &sealing, diag));
    TRY(buffer_format(&text, "policy: bench\nsigners: [%.*s]\nrecipients: [%.*s]\nevidence: [node-key]\n%s", (int)signing.size - 1,
                      (const char *)signing.data, (int)sealing.size - 1, (const char *)sealing.data, budget));
    return write_file(b, name, view_buffer(&text), diag);
}

static Err seal(const Bench *b, const char *policy, const char *output, Diag *diag)
{
    char in[PATH_BYTES_MAX], from[PATH_BYTES_MAX], to[PATH_BYTES_MAX];
    ProgramRun run;
    snprintf(in, sizeof in, "%s/people.csv", b->work);
    snprintf(from, sizeof from, "%s/%s", b->work, policy);
    snprintf(to, sizeof to, "%s/%s", b->work, output);
    const char *const command[] = {b->covey, "seal", in, "-o", to, "-p", from, "--group-by", "id", "--segments", "1000", NULL};
    return program_must_run(command, &run, NULL, diag);
}

static Err write_task(const Bench *b, const Kind *k, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(TASK_FILE_BYTES_MAX);
    char name[64];
    snprintf(name, sizeof name, "%s.yaml", k->name);
    TRY(buffer_format(&text, "task: bench-%s\ninput: %s\n%s\nsecurity: {level: process, lifetime: 60s, memory: 64MiB}\noutput: output-%s\n", k->name,
                      k->input, k->work, k->name));
    return write_file(b, name, view_buffer(&text), diag);
}

static Err run_once(const Bench *b, Kind *k, Diag *diag)
{
    char path[PATH_BYTES_MAX];
    ProgramRun run;
    snprintf(path, sizeof path, "%s/%s.yaml", b->work, k->name);
    TRY(program_must_run((const char *const[]){b->covey, "run", path, "--quiet", NULL}, &run, NULL, diag));
    samples_add(&k->seconds, run.seconds);
    return OK;
}

static Err prepare(const Bench *b, Kind *kinds, size_t count, Diag *diag)
{
    TRY(write_input(b, diag));
    TRY(write_policy(b, "plain-policy.yaml", "", diag));
    TRY(write_policy(b, "private-policy.yaml", "budget: {epsilon: 1000, person: id}\n", diag));
    TRY(seal(b, "plain-policy.yaml", "plain.sealed", diag));
    TRY(seal(b, "private-policy.yaml", "private.sealed", diag));
    for (size_t i = 0; i < count; i++) {
        TRY(write_task(b, &kinds[i], diag));
        TRY(run_once(b, &kinds[i], diag)); /* once without counting: images are read for the first time */
        kinds[i].seconds = (Samples){.count = 0};
    }
    return OK;
}

Err measure_run_private(const Bench *b, Figure *f, Diag *diag)
{
    char plain[2 * PATH_BYTES_MAX], values[2 * PATH_BYTES_MAX];
    snprintf(plain, sizeof plain, "image: %s/sum.see\ncombine: {image: %s/add.see}", b->folder, b->folder);
    snprintf(values, sizeof values, "image: %s/sum.see\nprivacy: {aggregate: sample-and-aggregate, range: [0, 50000], epsilon: 1, blocks: %d}", b->folder,
             SEGMENTS); /* each segment a block, so that all three have as many micro-jobs */
    const char *records_sum = "privacy: {aggregate: sum, column: amount, range: [0, 99], per_person: {records: 80}, epsilon: 1}";
    Kind kinds[] = {{"private-values", "private.sealed", values, {.count = 0}},
                    {"plain", "plain.sealed", plain, {.count = 0}},
                    {"private-records", "private.sealed", records_sum, {.count = 0}}};
    const size_t count = sizeof kinds / sizeof kinds[0];
    TRY(prepare(b, kinds, count, diag));
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < count; i++) TRY(run_once(b, &kinds[i], diag));
    const double ratio = samples_ratio(&kinds[0].seconds, &kinds[1].seconds), records = samples_ratio(&kinds[2].seconds, &kinds[1].seconds);
    figure_add(f, "a module's values, mean with noise", "s", samples_spread(&kinds[0].seconds), 0);
    Row *without = figure_add(f, "the same module, combined by a module without noise", "s", samples_spread(&kinds[1].seconds), ratio);
    row_at_most(without, ratio, OVERHEAD_MAX, "times it");
    Row *row = figure_add(f, "a sum of records with noise (its ratio to the one without)", "s", samples_spread(&kinds[2].seconds), records);
    row_at_most(row, records, OVERHEAD_MAX, "times it");
    f->peer = 1;
    figure_note(f, "Whole commands over %d sealed segments, %d records of %d people: attestation, charge, tree and sealed answer included, on %u cores.",
                SEGMENTS, RECORDS, PEOPLE, b->cores);
    return OK;
}
