/*
 * Error against epsilon: the same aggregation code that runs in SEEs, over real records, released many times at each epsilon. The median is one
 * that a module of any kind would give: each of k blocks says its own, in text, and only their mean with noise is seen.
 */
#include "bench/runner/privacy_error.h"

#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "privacy/aggregate.h"
#include "privacy/plot.h"

enum { RECORDS_MAX = 20000, RELEASES = 400, EPSILONS = 9, BLOCKS_MAX = 4096, MEMORY = 1 << 16,
       ONE = 6, PHASES = 7, FIELDS = 14, PHASE = 6, SPEED = 13 };
static const char *const EPSILON_TEXTS[EPSILONS] = {"0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5"};
static const View PHASE_KEYS[PHASES] = {{(const uint8_t *)"Approach", 8}, {(const uint8_t *)"Climb", 5}, {(const uint8_t *)"Descent", 7},
    {(const uint8_t *)"Landing Roll", 12}, {(const uint8_t *)"Parked", 6}, {(const uint8_t *)"Take-off run", 12}, {(const uint8_t *)"Taxi", 4}};

typedef struct { char phase[32], speed[16]; } Record;
typedef struct { Record *records; uint32_t count; } Table;
typedef struct { const char *name; QueryKind kind; double answers[PHASES], scale; } Analysis;

static Err fill(void *context, void *bytes, size_t size)
{
    (void)context;
    randombytes_buf(bytes, size);
    return OK;
}

/** Fields 7 and 14 of a line without quotes; the file has none in what is read. */
static bool read_record(char *line, Record *ret)
{
    char *rest = line, *fields[FIELDS] = {NULL};
    for (int i = 0; i < FIELDS; i++) fields[i] = strsep(&rest, ",\r\n");
    if (!fields[SPEED] || !fields[PHASE]) return false;
    snprintf(ret->phase, sizeof ret->phase, "%s", fields[PHASE]);
    snprintf(ret->speed, sizeof ret->speed, "%s", fields[SPEED]);
    return ret->speed[0] != '\0'; /* records without a speed are left out, by everybody */
}

static Err read_table(const char *path, Table *ret)
{
    FILE *in = fopen(path, "re");
    if (!in) return FAIL(errno);
    char line[1024];
    Table t = {.records = calloc(RECORDS_MAX, sizeof *t.records)};
    bool header = t.records && fgets(line, sizeof line, in);
    while (header && t.count < RECORDS_MAX && fgets(line, sizeof line, in)) t.count += read_record(line, &t.records[t.count]);
    fclose(in);
    if (t.count == 0) {
        const int code = t.records ? ERR_BAD_INPUT : ENOMEM;
        free(t.records);
        return FAIL(code);
    }
    *ret = t;
    return OK;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** The median of every k-th record from the first one on: of all with k = 1. */
static double median(const Table *t, uint32_t first, uint32_t k)
{
    static double values[RECORDS_MAX];
    uint32_t count = 0;
    for (uint32_t i = first; i < t->count; i += k) values[count++] = strtod(t->records[i].speed, NULL);
    qsort(values, count, sizeof *values, by_value);
    return count ? values[count / 2] : 0;
}

static Query query_of(const Analysis *a, const char *epsilon, const Table *t)
{
    Query q = {.kind = a->kind, .spend = {RATIONAL_ZERO, RATIONAL_ZERO, RATIONAL_ZERO}, .confidence = RATIONAL_ZERO, .truncate = true};
    (void)!rational_parse(view_text(epsilon), &q.spend.epsilon);
    q.bounds = (Bounds){.step = {1, 1}, .lower = 0, .upper = 400};
    if (a->kind == QUERY_HISTOGRAM) q.keys = PHASE_KEYS, q.key_count = PHASES;
    if (a->kind != QUERY_BLOCKS) return q;
    q.outputs = 1;
    q.block_count = blocks_of_least_error(t->count, sqrt(2) * (double)q.spend.epsilon.den / (double)q.spend.epsilon.num, NULL, 0);
    if (q.block_count > BLOCKS_MAX) q.block_count = BLOCKS_MAX;
    return q;
}

/** The raw sums, once for each epsilon: what is released many times. */
static Err gather(const Query *q, const Plan *plan, const Table *t, uint8_t *memory, Buffer *partial)
{
    Aggregate *a;
    TRY(aggregate_start(q, plan, 0, memory, MEMORY, &a));
    for (uint32_t i = 0; i < (q->kind == QUERY_BLOCKS ? q->block_count : t->count); i++) {
        char text[32];
        const int size = snprintf(text, sizeof text, "%.0f\n", q->kind == QUERY_BLOCKS ? median(t, i, (uint32_t)q->block_count) : 0);
        if (q->kind == QUERY_BLOCKS) aggregate_block(a, view_of(text, (size_t)size));
        else TRY(aggregate_record(a, view_text(t->records[i].phase), view_text(t->records[i].speed), true));
    }
    return aggregate_save(a, partial);
}

typedef struct { const Analysis *analysis; double square; int numbers; } Sum;

static Err add_error(void *context, const Released *n)
{
    Sum *s = context;
    const double value = (n->negative ? -1.0 : 1.0) * (double)n->value.num / (double)n->value.den;
    const double off = value - s->analysis->answers[s->numbers++ % PHASES * (s->analysis->kind == QUERY_HISTOGRAM)];
    s->square += off * off;
    return OK;
}

static Err measure_point(const Analysis *a, const char *epsilon, const Table *t, PlotPoint *ret)
{
    static uint8_t memory[MEMORY] __attribute__((aligned(16)));
    const Query q = query_of(a, epsilon, t);
    AUTO_BUFFER partial = buffer_limited(MEMORY);
    Plan plan;
    NoiseSource source = {.fill = fill};
    Sum sum = {.analysis = a};
    TRY(query_plan(&q, &plan, NULL));
    TRY(gather(&q, &plan, t, memory, &partial));
    for (int i = 0; i < RELEASES; i++) {
        Aggregate *state;
        TRY(aggregate_start(&q, &plan, 0, memory, sizeof memory, &state));
        TRY(aggregate_merge(state, view_buffer(&partial)));
        TRY(aggregate_release(state, &source, add_error, &sum));
    }
    *ret = (PlotPoint){(double)q.spend.epsilon.num / (double)q.spend.epsilon.den, sqrt(sum.square / sum.numbers) / a->scale,
        plan_error(&q, &plan, t->count) / a->scale};
    return OK;
}

static void answer(const Table *t, Analysis *a)
{
    double total = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        total += strtod(t->records[i].speed, NULL);
        for (int k = 0; k < PHASES && a->kind == QUERY_HISTOGRAM; k++)
            a->answers[k] += view_equal(view_text(t->records[i].phase), PHASE_KEYS[k]);
    }
    if (a->kind == QUERY_COUNT) a->answers[0] = t->count;
    if (a->kind == QUERY_MEAN) a->answers[0] = total / t->count;
    if (a->kind == QUERY_BLOCKS) a->answers[0] = median(t, 0, 1);
    a->scale = a->kind == QUERY_HISTOGRAM ? (double)t->count / PHASES : a->answers[0];
}

static Err write_file(const char *path, const Buffer *bytes)
{
    FILE *out = fopen(path, "we");
    if (!out) return FAIL(errno);
    const bool written = fwrite(bytes->data, 1, bytes->size, out) == bytes->size;
    return fclose(out) == 0 && written ? OK : FAIL(EIO);
}

static Err plot_all(const Table *t, const char *picture, Figure *f)
{
    static PlotSeries series[4];
    static char answers[4][32];
    Analysis analyses[4] = {{.name = "count of records", .kind = QUERY_COUNT}, {.name = "mean speed", .kind = QUERY_MEAN},
        {.name = "histogram of phases (mean bin)", .kind = QUERY_HISTOGRAM}, {.name = "median speed, untrusted", .kind = QUERY_BLOCKS}};
    for (int k = 0; k < 4; k++) {
        answer(t, &analyses[k]);
        snprintf(answers[k], sizeof answers[k], "%.1f", analyses[k].scale);
        series[k] = (PlotSeries){.name = analyses[k].name, .answer = answers[k]};
        PlotPoint point, *one = &series[k].points[ONE];
        for (int i = 0; i < EPSILONS; i++) {
            TRY(measure_point(&analyses[k], EPSILON_TEXTS[i], t, &point));
            if (point.error > 0) series[k].points[series[k].count++] = point; /* no error in so many releases has no place on the axis */
        }
        char who[72];
        snprintf(who, sizeof who, "relative error at epsilon 1: %s", analyses[k].name);
        figure_add(f, who, "%", (Spread){100 * one->error, 100 * one->promised, 100 * one->error}, 0);
    }
    AUTO_BUFFER svg = buffer_limited(1 << 20);
    TRY(plot_svg("Error against epsilon: birdstrikes, unit record", series, 4, &svg));
    return write_file(picture, &svg);
}

Err measure_privacy_error(const Bench *b, const char *picture, Figure *f, Diag *diag)
{
    char path[512];
    Table t = {.records = NULL};
    snprintf(path, sizeof path, "%s/birdstrikes.csv", b->folder);
    Err e = read_table(path, &t);
    if (e.code == ENOENT) {
        figure_note(f, "Left out: error against epsilon, since data/birdstrikes.csv is not on this machine (make deps fetches it).");
        return OK;
    }
    if (e.code) return FAIL_WHY(diag, e.code, "%s cannot be read", path);
    e = plot_all(&t, picture, f);
    free(t.records);
    if (e.code) return FAIL_WHY(diag, e.code, "error against epsilon: %s", err_text(e.code));
    figure_note(f, "Random bits by ChaCha20. Errors: root mean square over %d releases for each epsilon; 'low' is what the formula promises (of the untrusted median: "
                   "its noise alone). Speeds in knots clamped to [0, 400], %u records that have one. The picture: error-against-epsilon.svg in the work folder; docs/error-against-epsilon.svg is a copy.",
                   RELEASES, t.count);
    return OK;
}
